"""End of the review window: counts of dossiers not inspected per school, and coordinators' decisions about them.

Counts and schools only, no pupils. The database's clock decides which windows have closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from overstap.errors import OverstapError
from overstap.ledger import database_clock
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import UnitOfWork

Choice = Literal["hold", "extend", "attest"]
ALLOWED: dict[str, frozenset[str]] = {
    "withhold": frozenset({"hold"}),
    "extend": frozenset({"hold", "extend"}),
    "attest": frozenset({"hold", "extend", "attest"}),
}
"""Allowed choices under each rule of the agreement (`not_inspected`)."""


@dataclass(frozen=True, slots=True)
class SchoolInspections:
    """State of the inspection of one school's released dossiers, in counts."""

    school: str
    name: str
    released: int
    inspected: int
    waiting: int
    """Without a decision while the window is open."""
    lapsed: int
    """Without a decision when the window closed."""
    open_requests: int
    """Questions and corrections of parents that the school has not answered."""
    overdue_requests: int
    closes_at: datetime | None
    """When the last of the school's windows closes or closed; None when nothing was released."""


def school_inspections(unit: UnitOfWork, round_id: str) -> list[SchoolInspections]:
    """Return the state of inspection at each primary school with released dossiers, by name."""
    return [
        SchoolInspections(*row)
        for row in unit.rows(
            """
            select d.primary_school, s.name, count(*),
                   count(*) filter (where d.state not in ('in_review', 'not_inspected')),
                   count(*) filter (where d.state = 'in_review' and d.review_closes_at > overstap.clock()),
                   count(*) filter (where d.state = 'not_inspected'
                                       or d.state = 'in_review' and d.review_closes_at <= overstap.clock()),
                   coalesce(sum(q.open), 0)::int, coalesce(sum(q.overdue), 0)::int, max(d.review_closes_at)
              from overstap.dossier d
              join overstap.school s on s.region = d.region and s.school = d.primary_school
              join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version
              left join (select dossier, count(*) as open, count(*) filter (where due_at < overstap.clock()) as overdue
                           from overstap.review_request where state = 'open' group by dossier) q
                   on q.dossier = d.dossier
             where d.round_id = %(round)s and v.released_by is not null
             group by d.primary_school, s.name order by s.name, d.primary_school
            """,
            round=round_id,
        )
    ]


def closing_moments(unit: UnitOfWork, round_id: str) -> list[datetime]:
    """Return the moments at which open windows of a round close, each once."""
    return [
        row[0]
        for row in unit.rows(
            "select distinct review_closes_at from overstap.dossier where round_id = %(round)s and state = 'in_review' "
            "and review_closes_at > overstap.clock() order by 1",
            round=round_id,
        )
    ]


def decide_window(
    unit: UnitOfWork,
    round_id: str,
    *,
    choice: Choice,
    schools: Sequence[str],
    decided_by: str,
    reason: str,
    answer_key: str,
    closes_at: datetime | None = None,
) -> int:
    """Record and apply the coordinator's decision about dossiers that were not inspected in time. Idempotent.

    "hold" leaves them undelivered. "extend" opens the window of those schools' lapsed dossiers until another moment.
    "attest" lets those schools attest inspections themselves (`decisions.record` on ground "attested").

    Args:
        unit: the transaction.
        round_id: the round.
        choice: the decision.
        schools: primary schools that it is about; for "hold" none means every school.
        decided_by: the account that answered.
        reason: the coordinator's text.
        answer_key: idempotency key of this answer.
        closes_at: for "extend", when the window closes for these schools.

    Returns:
        Number of dossiers that it is about.

    Raises:
        OverstapError: REVIEW-020 when the agreement does not offer the choice, REVIEW-021 when no school is named or
            one has no lapsed dossiers, REVIEW-022 when the new moment is not in the future or after receipts are due.
    """
    seen = unit.rows(
        "select dossiers from overstap.gate_decision where round_id = %(round)s and gate = 'not_inspected' "
        "and answer_key = %(key)s",
        round=round_id,
        key=answer_key,
    )
    if seen:
        return int(seen[0][0])
    found = get_round(unit, round_id)
    agreed = found.agreement.round(found.kind)
    rule, latest, at = agreed.not_inspected, agreed.milestones.receipts_due, database_clock.present(unit)
    if choice not in ALLOWED[rule]:
        raise OverstapError("REVIEW-020", choice=choice, rule=rule)
    lapsed: dict[str, int] = dict(
        unit.rows(
            "select primary_school, count(*) from (select primary_school from overstap.dossier "
            "where round_id = %(round)s and (state = 'not_inspected' or state = 'in_review' "
            "and review_closes_at <= overstap.clock()) order by dossier for update) d group by 1",
            round=round_id,
        )
    )
    meant = list(dict.fromkeys(schools)) or (list(lapsed) if choice == "hold" else [])
    if (not meant and choice != "hold") or set(meant) - set(lapsed):
        raise OverstapError("REVIEW-021", schools=", ".join(sorted(set(meant) - set(lapsed))) or "-")
    if choice == "extend" and (closes_at is None or not at < closes_at <= latest):
        raise OverstapError("REVIEW-022", latest=latest)
    return int(
        unit.one(
            "select overstap.decide_window(%(round)s, %(choice)s, %(schools)s, %(by)s, %(reason)s, %(key)s, %(until)s)",
            round=round_id,
            choice=choice,
            schools=meant,
            by=decided_by,
            reason=reason,
            key=answer_key,
            until=closes_at if choice == "extend" else None,
        )[0]
    )


@dataclass(frozen=True, slots=True)
class WindowDecision:
    """A decision about one school's dossiers that were not inspected in time."""

    school: str
    choice: str
    closes_at: datetime | None
    dossiers: int
    decided_by: str
    reason: str
    decided_at: datetime


def decisions(unit: UnitOfWork, round_id: str) -> list[WindowDecision]:
    """Return the decisions about dossiers that were not inspected in time, oldest first."""
    return [
        WindowDecision(*row)
        for row in unit.rows(
            "select w.school, w.choice, w.closes_at, w.dossiers, g.decided_by, g.reason, g.decided_at "
            "from overstap.window_decision w join overstap.gate_decision g using (gate_decision) "
            "where w.round_id = %(round)s order by g.decided_at, w.school",
            round=round_id,
        )
    ]
