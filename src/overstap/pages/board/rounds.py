"""Rounds of a region for the board: those in the ledger, and those that are agreed and not yet open."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from overstap.agreements import Agreement, Milestones, RoundKind
from overstap.ledger.rounds import round_overview
from overstap.ledger.session import UnitOfWork
from overstap.pages.board.funnel import FunnelLayer, FunnelStep


class RoundPhase(StrEnum):
    """Phase of a round."""

    PLANNED = "planned"
    COLLECTING = "collecting"
    BEFORE_REVIEW = "before_review"
    REVIEW = "review"
    BEFORE_DELIVERY = "before_delivery"
    DELIVERING = "delivering"
    OVERDUE = "overdue"
    """The receipts are due, and the round is not closed."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class RoundView:
    """A round as the board shows it.

    Args:
        round_id: `<region>.<school year>.<kind>`.
        region: region id.
        region_name: its display name.
        school_year: such as "2026-2027".
        kind: kind of round.
        milestones: the agreed milestones, changes included.
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
    steps: tuple[FunnelStep, ...] = ()
    missing: int = 0
    """Number of expected pupils whose school supplied no dossier for them."""
    surplus: int = 0
    """Number of dossiers that schools supplied beyond the pupils expected of them."""
    released: int | None = None
    """Number of dossiers that were released for inspection or delivery; None where it was not counted."""

    @property
    def dag_id(self) -> str:
        """Id of the round's DAG (see dags/rounds.py)."""
        return f"round__{self.region}__{self.kind}"

    def phase(self, now: datetime) -> RoundPhase:
        """Return the phase: by the agreed milestones, but no further than what has happened.

        Without a release there is no phase of review, and without a sealed envelope none of delivery.
        """
        agreed = self.milestones
        if self.opened_at is None:
            return RoundPhase.PLANNED
        if self.closed_at is not None:
            return RoundPhase.CLOSED
        for phase, until in (
            (RoundPhase.COLLECTING, agreed.data_due),
            (RoundPhase.BEFORE_REVIEW, agreed.review_opens),
            (RoundPhase.REVIEW, agreed.review_closes),
            (RoundPhase.BEFORE_DELIVERY, agreed.delivers),
            (RoundPhase.DELIVERING, agreed.receipts_due),
        ):
            if now < until:
                return self._no_further(phase)
        return RoundPhase.OVERDUE

    def _no_further(self, phase: RoundPhase) -> RoundPhase:
        if self.released is None:
            return phase
        if not self.released and phase in (RoundPhase.REVIEW, RoundPhase.BEFORE_DELIVERY, RoundPhase.DELIVERING):
            return RoundPhase.BEFORE_REVIEW
        sealed = sum(step.count for step in self.steps if step.layer is FunnelLayer.DELIVERED)
        return RoundPhase.BEFORE_DELIVERY if phase is RoundPhase.DELIVERING and not sealed else phase

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
