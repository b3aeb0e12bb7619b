"""Circuit breaker per school, which stops attempts for a while after consecutive failures.

The state outlives the task. After a number of attempts without an answer the breaker opens, longer each time; then one
envelope tries whether the school answers (half open). The sender chooses the times (`delivery.backoff`); the ledger
stores them by the database's clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class CircuitState:
    """State of a school's circuit breaker."""

    failures: int = 0
    """Consecutive attempts without an answer."""
    open_periods: int = 0
    """Consecutive open periods."""
    open_until: datetime | None = None
    is_open: bool = False
    """Whether the breaker is open now, by the database's clock."""
    problem: str | None = None
    """Error code of the last attempt without an answer."""

    @property
    def is_half_open(self) -> bool:
        """Whether the breaker is half open: the next envelope tries whether the school answers."""
        return self.open_periods > 0 and not self.is_open


def circuit_of(unit: UnitOfWork, school: str) -> CircuitState:
    """Return the state of a school's circuit breaker."""
    rows = unit.rows(
        "select silent, rests, rests_until, coalesce(rests_until > overstap.clock(), false), problem "
        "from overstap.school_line where school = %(school)s",
        school=school,
    )
    return CircuitState(*rows[0]) if rows else CircuitState()


def note_answer(unit: UnitOfWork, school: str) -> None:
    """Record that a school answered, which closes its circuit breaker."""
    unit.run(
        "insert into overstap.school_line as l (region, school, answered_at) "
        "values (%(region)s, %(school)s, overstap.clock()) on conflict (region, school) do update "
        "set silent = 0, rests = 0, rests_until = null, problem = null, answered_at = overstap.clock()",
        region=unit.region,
        school=school,
    )


def note_no_answer(
    unit: UnitOfWork, school: str, *, failures: int, problem: str | None, open_for: timedelta | None
) -> None:
    """Record attempts without an answer, and open the circuit breaker where there were too many.

    Args:
        unit: the transaction.
        school: the school.
        failures: consecutive attempts without an answer, this one included.
        problem: error code of the last.
        open_for: how long the breaker is open from now; None: it stays closed.
    """
    unit.run(
        "insert into overstap.school_line as l (region, school, silent, problem, rests, rests_until) "
        "values (%(region)s, %(school)s, %(silent)s, %(problem)s, %(rests)s, "
        "overstap.clock() + %(rest)s::interval) on conflict (region, school) do update "
        "set silent = excluded.silent, problem = excluded.problem, rests = l.rests + excluded.rests, "
        "rests_until = coalesce(excluded.rests_until, l.rests_until)",
        region=unit.region,
        school=school,
        silent=failures,
        problem=problem,
        rests=0 if open_for is None else 1,
        rest=open_for,
    )


def next_attempt(unit: UnitOfWork, round_id: str, school: str) -> datetime | None:
    """Return when the next attempt of a round at a school is due, not before now; None: nothing is open.

    Envelopes that the school collects, and those that wait for a person (a withdrawn registration, or a decision about
    non-delivery), do not count.
    """
    return unit.one(
        """
        select case when count(*) > 0 then
               greatest(min(x.next_attempt_at), overstap.clock(),
                        (select rests_until from overstap.school_line where school = %(school)s)) end
          from overstap.delivery x
          join overstap.dossier d on d.dossier = x.dossier and d.version = x.number
          join overstap.may_leave m on m.dossier = x.dossier and m.number = x.number
         where x.round_id = %(round)s and x.secondary_school = %(school)s and x.state = 'sealed'
           and d.state in ('sealed', 'undelivered') and x.next_attempt_at < 'infinity' and x.offered_at is null
           and exists (select from overstap.may_receive a
                        where a.dossier = x.dossier and a.secondary_school = x.secondary_school)
        """,
        round=round_id,
        school=school,
    )[0]


def due(unit: UnitOfWork) -> list[tuple[str, str]]:
    """Return rounds and schools with a due attempt of a started delivery, and a circuit breaker that is not open."""
    return [
        (row[0], row[1])
        for row in unit.rows(
            """
            select distinct x.round_id, x.secondary_school from overstap.delivery x
              join overstap.dossier d on d.dossier = x.dossier and d.version = x.number
              join overstap.may_leave m on m.dossier = x.dossier and m.number = x.number
              left join overstap.school_line s on s.school = x.secondary_school
             where x.state = 'sealed' and x.attempts > 0 and x.offered_at is null
               and d.state in ('sealed', 'undelivered') and x.next_attempt_at <= overstap.clock()
               and coalesce(s.rests_until <= overstap.clock(), true)
               and exists (select from overstap.may_receive a
                            where a.dossier = x.dossier and a.secondary_school = x.secondary_school)
             order by 1, 2
            """
        )
    ]


def end_backoff(unit: UnitOfWork, round_id: str, school: str) -> int:
    """End the backoff of a school's deliveries, because a person started a task or a command.

    Returns:
        Number of deliveries whose backoff ended.
    """
    hurried = unit.run(
        "update overstap.delivery set next_attempt_at = '-infinity' where round_id = %(round)s "
        "and secondary_school = %(school)s and state = 'sealed' and next_attempt_at > overstap.clock()",
        round=round_id,
        school=school,
    )
    unit.run(  # locked after the deliveries, in the same order everywhere, against deadlocks
        "update overstap.school_line set silent = 0, rests = 0, rests_until = null where school = %(school)s",
        school=school,
    )
    return hurried


def resend(
    unit: UnitOfWork, round_id: str, *, school: str | None = None, dossiers: Sequence[UUID] | None = None
) -> tuple[int, int]:
    """Retry undelivered deliveries at once, and have refused dossiers sealed anew, at a person's request. Idempotent.

    Args:
        unit: the transaction.
        round_id: the round.
        school: for one secondary school only.
        dossiers: of these dossiers only.

    Returns:
        Number of deliveries that are retried, and of refused dossiers that are sealed anew.
    """
    chosen = {"round": round_id, "school": school, "ids": list(dossiers) if dossiers is not None else None}
    which = (
        "l.round_id = %(round)s and (%(school)s::text is null or l.secondary_school = %(school)s) "
        "and (%(ids)s::uuid[] is null or l.dossier = any(%(ids)s))"
    )
    tried = unit.rows(
        "update overstap.delivery l set next_attempt_at = '-infinity', offered_at = null "  # noqa: S608 (above)
        "from overstap.dossier d "
        f"where {which} and l.state = 'sealed' and d.dossier = l.dossier and d.version = l.number "
        "and d.state in ('sealed', 'undelivered') returning l.message_id, l.secondary_school",
        **chosen,
    )
    refused = unit.rows(
        "select l.message_id, d.dossier, d.version from overstap.delivery l join overstap.dossier d "  # noqa: S608
        f"on d.dossier = l.dossier and d.version = l.number where {which} and l.state = 'refused' "
        "and d.state = 'refused' order by d.dossier for update of d",
        **chosen,
    )
    unit.audit("delivery.ask_again", *(AuditLine(str(row[0])) for row in (*tried, *refused)))
    unit.run(
        "update overstap.delivery set state = 'resealed' where message_id = any(%(ids)s)",
        ids=[row[0] for row in refused],
    )
    unit.run(
        "update overstap.dossier set state = 'inspected' where dossier = any(%(ids)s)",
        ids=list({row[1] for row in refused}),
    )
    unit.run(
        "update overstap.school_line set silent = 0, rests = 0, rests_until = null where school = any(%(schools)s)",
        schools=list({row[1] for row in tried}),
    )
    return len(tried), len({row[1] for row in refused})
