"""What the steps of a round work with: settings, ledger, certificates, clock, and the agreement that holds."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import psycopg

from overstap.agreements import Agreement, Round, RoundId, RoundKind, School
from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import Ledger, open_ledger
from overstap.ledger.session import UnitOfWork
from overstap.pki import TrustStore
from overstap.settings import Settings


def no_database(connection: str) -> AbstractContextManager[psycopg.Connection[Any]]:
    """Refuse a named database connection: where no scheduler keeps connections, there is none.

    Raises:
        OverstapError: INTAKE-060, always.
    """
    raise OverstapError("INTAKE-060", connection=connection, kind="unknown")


def open_channel(school: School, **options: Any) -> AbstractContextManager[Any]:
    """Open the way that a school chose; see `delivery.channels.registry.way_of`."""
    from overstap.delivery.channels.registry import way_of  # SSH and HTTP: only where something is sent

    return way_of(school, **options)


@dataclass(frozen=True)
class Context:
    """What a step needs that is not about one round.

    Args:
        settings: where files and certificates are.
        ledger: the ledger.
        clock: the present moment; a rehearsal's own where the year is played.
        database: opens a database connection by the name that an agreement gives it.
        channel: opens the way to a school, as `delivery.channels.registry.way_of` does.
        run: the scheduler's run that the step is part of, which a coordinator may have narrowed to some schools.
    """

    settings: Settings
    ledger: Ledger
    clock: Callable[[], datetime] = now
    database: Callable[[str], AbstractContextManager[psycopg.Connection[Any]]] = no_database
    channel: Callable[..., AbstractContextManager[Any]] = open_channel
    run: str | None = None

    @cached_property
    def trust(self) -> TrustStore:
        """The certificates and keys of this deployment.

        Raises:
            OverstapError: SETTING-001 when it has none.
        """
        return TrustStore(self.settings.need_path("trust"), production=self.settings.production)

    def of_round(self, round_id: RoundId, agreement: Agreement) -> "RoundContext":
        """Return the context of one round.

        Args:
            round_id: the round.
            agreement: what holds for it.
        """
        return RoundContext(
            *(self.settings, self.ledger, self.clock, self.database, self.channel, self.run),
            round_id=round_id,
            agreement=agreement,
        )


@dataclass(frozen=True)
class RoundContext(Context):
    """What a step of one round needs.

    Args:
        round_id: the round.
        agreement: the agreement that holds for it at present.
    """

    round_id: RoundId = field(kw_only=True)
    agreement: Agreement = field(kw_only=True, repr=False)

    @property
    def region(self) -> str:
        """The region."""
        return self.round_id.region

    @property
    def kind(self) -> RoundKind:
        """Which of the year's rounds it is."""
        return self.round_id.kind

    @property
    def round(self) -> Round:
        """What was agreed about this round."""
        return self.agreement.round(self.kind)

    @property
    def review_closes_at(self) -> datetime:
        """When the review of what is released now closes: as agreed, and never too short for these parents."""
        return max(self.round.milestones.review_closes, self.clock() + self.round.review_minimum)

    def unit(self, actor: str) -> AbstractContextManager[UnitOfWork]:
        """Open a transaction of the region.

        Args:
            actor: who acts, for the evidence: a step, or an account.
        """
        return self.ledger.unit(self.region, actor)


@contextmanager
def opened(settings: Settings, **parts: Any) -> Iterator[Context]:
    """Open the ledger of some settings for the time of a step.

    Args:
        settings: of this deployment.
        parts: further arguments of `Context`.

    Raises:
        OverstapError: SETTING-001 when OVERSTAP_LEDGER or OVERSTAP_KEYS is not set.
    """
    ledger = open_ledger(settings)
    try:
        yield Context(settings, ledger, **parts)
    finally:
        ledger.close()
