"""Open matters of a round's dossiers: no receiver, uncollected, reported undelivered, requests of parents.

Counts and moments only, so no key is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class WithoutReceiverCount:
    """Dossiers of a primary school without a receiver, by owner.

    Args:
        primary_school: BRIN with branch.
        owner: account or name of the owner; None: no owner yet.
        count: number of dossiers.
        since: since when the first of them waits.
    """

    primary_school: str
    owner: str | None
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class ReportedUndelivered:
    """Deliveries of a pair of schools that were reported undelivered when receipts were due.

    Args:
        primary_school: BRIN with branch.
        secondary_school: BRIN with branch.
        state: present state: sealed (still open), confirmed or refused.
        problem: error code of the last attempt then; empty when none was made.
        count: number of deliveries.
        reported_at: when they were reported.
    """

    primary_school: str
    secondary_school: str
    state: str
    problem: str
    count: int
    reported_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether they have not arrived since."""
        return self.state == "sealed"


@dataclass(frozen=True, slots=True)
class ParentRequestStatus:
    """State of a question or correction of parents, without its text.

    Args:
        dossier: the dossier that it is about.
        kind: question or correction.
        state: open, answered, mended or refused.
        asked_at: when it was asked.
        due_at: when the school must have answered.
        settled_at: when the school settled it; None while it has not.
        is_overdue: whether it is open after `due_at`.
        number: the version that it is about.
    """

    dossier: UUID
    kind: str
    state: str
    asked_at: datetime
    due_at: datetime
    settled_at: datetime | None
    is_overdue: bool
    number: int


def without_receiver(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[WithoutReceiverCount]:
    """Return dossiers without a receiver per school and owner: without owner first, then the longest waiting.

    Args:
        unit: the transaction.
        round_id: the round.
        school: only this primary school's dossiers.
    """
    return [
        WithoutReceiverCount(*row)
        for row in unit.rows(
            """
            select d.primary_school, o.owner, count(*), coalesce(min(e.at), overstap.clock())
              from overstap.dossier d
              left join lateral (select max(at) as at from overstap.dossier_event e
                                  where e.dossier = d.dossier and e.to_state = 'no_receiver') e on true
              left join overstap.without_receiver o on o.dossier = d.dossier
             where d.round_id = %(round)s and d.state = 'no_receiver'
               and (%(school)s::text is null or d.primary_school = %(school)s)
             group by 1, 2 order by o.owner is not null, 4, 1, 2
            """,
            round=round_id,
            school=school,
        )
    ]


def not_collected(unit: UnitOfWork, round_id: str, school: str | None = None) -> dict[str, Mapping[str, int]]:
    """Return the number of uncollected dossiers per pair of schools; arguments as of `without_receiver`."""
    found: dict[str, dict[str, int]] = {}
    for primary, secondary, count in unit.rows(
        "select d.primary_school, l.secondary_school, count(*) from overstap.delivery l "
        "join overstap.dossier d on d.dossier = l.dossier and d.version = l.number and d.state = 'sealed' "
        "where l.round_id = %(round)s and (%(school)s::text is null or d.primary_school = %(school)s) "
        "and l.state = 'sealed' and l.offered_at is not null group by 1, 2 order by 1, 2",
        round=round_id,
        school=school,
    ):
        found.setdefault(primary, {})[secondary] = count
    return dict(found)


def reported_undelivered(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[ReportedUndelivered]:
    """Return reported non-deliveries per pair of schools and state, open ones first; arguments: `without_receiver`."""
    return [
        ReportedUndelivered(*row)
        for row in unit.rows(
            "select n.primary_school, n.secondary_school, l.state, coalesce(n.problem, ''), count(*), min(n.told_at) "
            "from overstap.non_delivery n join overstap.delivery l on l.message_id = n.message_id "
            "where n.round_id = %(round)s and (%(school)s::text is null or n.primary_school = %(school)s) "
            "group by 1, 2, 3, 4 order by l.state <> 'sealed', 1, 2, 3, 4",
            round=round_id,
            school=school,
        )
    ]


def parent_requests(unit: UnitOfWork, round_id: str, primary_school: str) -> list[ParentRequestStatus]:
    """Return the parents' requests to a school in a round: open ones by due date, then the newest."""
    return [
        ParentRequestStatus(*row)
        for row in unit.rows(
            "select q.dossier, q.kind, q.state, q.asked_at, q.due_at, q.settled_at, "
            "q.state = 'open' and q.due_at < overstap.clock(), q.number from overstap.review_request q "
            "join overstap.dossier d on d.dossier = q.dossier "
            "where d.round_id = %(round)s and d.primary_school = %(school)s "
            "order by q.state <> 'open', case when q.state = 'open' then q.due_at end, q.settled_at desc, q.request",
            round=round_id,
            school=primary_school,
        )
    ]
