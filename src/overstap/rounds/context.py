"""Context of the steps of a round: settings, ledger, certificates, clock, and the agreement in force."""

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
from overstap.storage import Place, local_place


def no_database(connection: str) -> AbstractContextManager[psycopg.Connection[Any]]:
    """Refuse a named database connection, for callers without Airflow, which has the connections.

    Raises:
        OverstapError: INTAKE-060, always.
    """
    raise OverstapError("INTAKE-060", connection=connection, kind="unknown")


def open_channel(school: School, **options: Any) -> AbstractContextManager[Any]:
    """Open the channel that the agreement names for a school; see `delivery.channels.registry.way_of`."""
    from overstap.delivery.channels.registry import way_of  # imports SSH and HTTP libraries

    return way_of(school, **options)


@dataclass(frozen=True)
class Context:
    """Context of a step for a whole deployment, without a round.

    Args:
        settings: paths of files and certificates.
        ledger: the ledger.
        clock: returns the present moment; in a rehearsal, the simulated moment.
        database: opens a database connection by its name in the agreement.
        channel: opens the channel to a school, as `delivery.channels.registry.way_of` does.
        run: id of the Airflow run, which a coordinator may have limited to some schools.
        storage: opens the place that a setting names, also in an object store.
    """

    settings: Settings
    ledger: Ledger
    clock: Callable[[], datetime] = now
    database: Callable[[str], AbstractContextManager[psycopg.Connection[Any]]] = no_database
    channel: Callable[..., AbstractContextManager[Any]] = open_channel
    run: str | None = None
    storage: Callable[[str], Place] = local_place

    @cached_property
    def trust(self) -> TrustStore:
        """The certificates and keys of this deployment.

        Raises:
            OverstapError: SETTING-001 when OVERSTAP_TRUST is not set.
        """
        return TrustStore(self.settings.need_path("trust"), production=self.settings.production)

    def place(self, name: str) -> Place | None:
        """Return the place of files that a setting names: "drop", "outbox", "reports" or "checkpoints".

        Args:
            name: name of the setting's field.

        Raises:
            OverstapError: SETTING-003 when it is in an object store that cannot be opened here.
        """
        location = getattr(self.settings, name)
        return None if location is None else self.storage(location)

    def need_place(self, name: str) -> Place:
        """Return the same, required.

        Raises:
            OverstapError: SETTING-001 when it is not set; SETTING-003.
        """
        return self.storage(self.settings.need(name))

    def of_round(self, round_id: RoundId, agreement: Agreement) -> "RoundContext":
        """Return the context of one round.

        Args:
            round_id: the round.
            agreement: the agreement in force for it.
        """
        return RoundContext(
            *(self.settings, self.ledger, self.clock, self.database, self.channel, self.run, self.storage),
            round_id=round_id,
            agreement=agreement,
        )


@dataclass(frozen=True)
class RoundContext(Context):
    """Context of a step of one round.

    Args:
        round_id: the round.
        agreement: the agreement in force.
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
        """When the review of dossiers released now closes: as agreed, or later to keep `review_minimum`."""
        return max(self.round.milestones.review_closes, self.clock() + self.round.review_minimum)

    def unit(self, actor: str) -> AbstractContextManager[UnitOfWork]:
        """Open a transaction of the region.

        Args:
            actor: step or account, recorded in audit lines.
        """
        return self.ledger.unit(self.region, actor)


@contextmanager
def opened(settings: Settings, **parts: Any) -> Iterator[Context]:
    """Open the ledger for the duration of a step.

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
