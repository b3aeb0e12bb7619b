"""Rounds of a region: those in the ledger, and those agreed and not yet open."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from overstap.agreements import Agreement, Milestones, RoundKind
from overstap.ledger.rounds import round_overview
from overstap.ledger.session import UnitOfWork
from overstap.pages.board.funnel import Layer, Step


class Phase(StrEnum):
    """What a round is busy with."""

    PLANNED = "planned"
    COLLECTING = "collecting"
    BEFORE_REVIEW = "before_review"
    REVIEW = "review"
    BEFORE_DELIVERY = "before_delivery"
    DELIVERING = "delivering"
    OVERDUE = "overdue"
    """Receipts were due, and the round is not closed."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class RoundView:
    """A round as the board shows it.

    Args:
        round_id: `<region>.<school year>.<kind>`.
        region: region id.
        region_name: as people say it.
        school_year: such as "2026-2027".
        kind: which of the year's rounds.
        milestones: the agreed moments, as they hold now.
        opened_at: None when it has not opened.
        closed_at: None when it is not closed.
        steps: its funnel; empty when it has not opened.
    """

    round_id: str
    region: str
    region_name: str
    school_year: str
    kind: RoundKind
    milestones: Milestones = field(repr=False)
    opened_at: datetime | None
    closed_at: datetime | None
    steps: tuple[Step, ...] = ()
    missing: int = 0
    """Pupils that are expected and whose school supplied fewer dossiers than that."""
    surplus: int = 0
    """Dossiers that schools supplied beyond the pupils expected of them."""
    released: int | None = None
    """Dossiers that were released for inspection or delivery, or came further; None where it was not counted."""

    @property
    def dag_id(self) -> str:
        """The DAG of this round (see dags/rounds.py)."""
        return f"round__{self.region}__{self.kind}"

    def phase(self, now: datetime) -> Phase:
        """Return what the round is busy with: by the agreed moments, but no further than what has happened.

        A moment of review passes without a review while nothing was released, and nothing is being delivered while
        nothing was sealed.
        """
        agreed = self.milestones
        if self.opened_at is None:
            return Phase.PLANNED
        if self.closed_at is not None:
            return Phase.CLOSED
        for phase, until in (
            (Phase.COLLECTING, agreed.data_due),
            (Phase.BEFORE_REVIEW, agreed.review_opens),
            (Phase.REVIEW, agreed.review_closes),
            (Phase.BEFORE_DELIVERY, agreed.delivers),
            (Phase.DELIVERING, agreed.receipts_due),
        ):
            if now < until:
                return self._no_further(phase)
        return Phase.OVERDUE

    def _no_further(self, phase: Phase) -> Phase:
        if self.released is None:
            return phase
        if not self.released and phase in (Phase.REVIEW, Phase.BEFORE_DELIVERY, Phase.DELIVERING):
            return Phase.BEFORE_REVIEW
        sealed = sum(step.count for step in self.steps if step.layer is Layer.DELIVERED)
        return Phase.BEFORE_DELIVERY if phase is Phase.DELIVERING and not sealed else phase

    def next_milestone(self, now: datetime) -> tuple[str, datetime] | None:
        """Return the milestone that comes next, with its moment; None when all have passed."""
        for name in self.kind.milestones:
            moment: datetime = getattr(self.milestones, name)
            if moment > now:
                return name, moment
        return None


def opened_rounds(unit: UnitOfWork) -> list[RoundView]:
    """Return the rounds of the region that the ledger knows, the newest first, without their funnels."""
    return [
        RoundView(
            one.round_id,
            unit.region,
            one.region_name,
            one.round_id.school_year,
            one.round_id.kind,
            one.milestones,
            one.opened_at,
            one.closed_at,
        )
        for one in round_overview.opened(unit)
    ]


def planned_rounds(agreements: Iterable[Agreement], opened: Iterable[RoundView], now: datetime) -> list[RoundView]:
    """Return the agreed rounds that the ledger does not know, and that are not long over.

    Args:
        agreements: of one region.
        opened: its rounds that the ledger knows.
        now: the present moment, aware.
    """
    known = {one.round_id for one in opened}
    return [
        RoundView(
            agreement.round_id(kind),
            agreement.region,
            agreement.name,
            agreement.school_year,
            kind,
            agreed.milestones,
            None,
            None,
        )
        for agreement in agreements
        for kind, agreed in agreement.rounds.items()
        if agreement.round_id(kind) not in known and agreed.milestones.receipts_due > now
    ]
