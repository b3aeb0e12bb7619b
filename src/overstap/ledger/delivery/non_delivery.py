"""Non-delivery: marking deliveries that are open at `receipts_due` as undelivered, and reporting them once."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Undelivered dossiers of one sender for one receiver at `receipts_due`."""

    primary_school: str
    secondary_school: str
    problems: Counter[str]
    """Error code of the last attempt (empty: none was made), with how many dossiers."""

    @property
    def count(self) -> int:
        """How many dossiers."""
        return self.problems.total()


@dataclass(frozen=True, slots=True)
class UndeliveredStatus:
    """A delivery that was reported undelivered, with its present state."""

    message_id: UUID
    primary_school: str
    secondary_school: str
    problem: str | None
    reported_at: datetime
    state: str
    """sealed (still open), confirmed or refused since."""


def mark_undelivered(unit: UnitOfWork, round_id: str) -> list[Undelivered]:
    """Mark deliveries that are open after `receipts_due` as undelivered. Idempotent.

    A late receipt still counts. They are not retried automatically; a person decides (`circuit_breaker.resend`).

    Returns:
        The newly reported ones, by sender and receiver.
    """
    rows = unit.rows(
        "update overstap.dossier set state = 'undelivered' where round_id = %(round)s and state = 'sealed' "
        "returning dossier, version",
        round=round_id,
    )
    unit.audit("delivery.give_up", *(AuditLine(f"{dossier}/{number}") for dossier, number in rows))
    told = unit.rows(
        """
        with given as (
            update overstap.delivery l set next_attempt_at = 'infinity'
              from unnest(%(ids)s::uuid[], %(numbers)s::int[]) as t (dossier, number)
             where l.dossier = t.dossier and l.number = t.number and l.state = 'sealed'
            returning l.message_id, l.dossier, l.secondary_school, l.attempts,
                      coalesce(l.problem, (select s.problem from overstap.school_line s
                                            where s.school = l.secondary_school)) as problem)
        insert into overstap.non_delivery
               (region, round_id, message_id, primary_school, secondary_school, problem, attempts)
        select %(region)s, %(round)s, g.message_id, d.primary_school, g.secondary_school, g.problem, g.attempts
          from given g join overstap.dossier d using (dossier)
        on conflict (message_id) do nothing
        returning primary_school, secondary_school, problem
        """,
        region=unit.region,
        round=round_id,
        ids=[row[0] for row in rows],
        numbers=[row[1] for row in rows],
    )
    found: dict[tuple[str, str], Counter[str]] = {}
    for primary, secondary, problem in told:
        found.setdefault((primary, secondary), Counter())[problem or ""] += 1
    return [Undelivered(*pair, problems) for pair, problems in sorted(found.items())]


def reported(unit: UnitOfWork, round_id: str) -> list[UndeliveredStatus]:
    """Return all deliveries of a round that were reported undelivered, with their present state."""
    return [
        UndeliveredStatus(*row)
        for row in unit.rows(
            "select n.message_id, n.primary_school, n.secondary_school, n.problem, n.told_at, l.state "
            "from overstap.non_delivery n join overstap.delivery l using (message_id) "
            "where n.round_id = %(round)s order by n.primary_school, n.secondary_school, n.message_id",
            round=round_id,
        )
    ]
