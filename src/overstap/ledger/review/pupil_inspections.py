"""State of the inspection of each dossier of a primary school, and the grounds on which a school may record one."""

from dataclasses import dataclass
from datetime import datetime

from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class PupilInspection:
    """State of the inspection of one dossier.

    Args:
        ref: its current version.
        state: as in the state machine.
        is_open: whether the window is open, by the ledger's clock.
        is_late: whether the window has closed without a decision.
        closes_at: when its window closes; None when it is in no review.
        for_family: last decision that the school recorded for the family as a whole, `Ja` or `Nee`; None: none.
        open_requests: number of parents' requests that the school has not settled.
    """

    ref: VersionRef
    state: str
    is_open: bool
    is_late: bool
    closes_at: datetime | None
    for_family: str | None
    open_requests: int


def of_school(unit: UnitOfWork, round_id: str, primary_school: str) -> list[PupilInspection]:
    """Return the inspections of a school's dossiers that are not erased.

    Args:
        unit: the transaction.
        round_id: the round.
        primary_school: BRIN with branch.
    """
    return [
        PupilInspection(VersionRef(dossier, number), state, bool(is_open), bool(is_late), closes_at, agreed, requests)
        for dossier, number, state, is_open, is_late, closes_at, agreed, requests in unit.rows(
            "select d.dossier, d.version, d.state, "
            "coalesce(d.review_opens_at <= overstap.clock(), true) and d.review_closes_at > overstap.clock(), "
            "d.review_closes_at <= overstap.clock() and d.state = 'in_review', d.review_closes_at, "
            "(select r.agreed from overstap.review_decision r where r.dossier = d.dossier and r.number = d.version "
            "and r.person is null order by r.recorded_at desc limit 1), "
            "(select count(*) from overstap.review_request q where q.dossier = d.dossier and q.state = 'open') "
            "from overstap.dossier d "
            "where d.round_id = %(round)s and d.primary_school = %(school)s and d.erased_at is null",
            round=round_id,
            school=primary_school,
        )
    ]


def grounds(unit: UnitOfWork) -> dict[str, str]:
    """Return the grounds on which a school may record an inspection, each with its Dutch text."""
    return dict(unit.rows("select ground, dutch from overstap.review_ground"))
