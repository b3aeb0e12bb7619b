"""Due moments of a region's background work, stored by each run, read by a process without keys."""

from dataclasses import dataclass
from datetime import datetime

from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.session import UnitOfWork

DELIVERIES, ANSWERS, NOTICES, AGREEMENTS = "deliveries", "answers", "notices", "agreements"
"""The kinds of background work: deliveries outside the rounds, collection of schools' answers, mail, and
approved drafts of agreements."""


@dataclass(frozen=True, slots=True)
class DueWork:
    """Due moment of a kind of work in a region."""

    region: str
    work: str
    due_at: datetime
    looked_at: datetime | None
    """When the last completed run began; None when there was none."""
    is_due: bool
    """Whether the moment has passed, by the ledger's clock."""


def begin(unit: UnitOfWork, work: str) -> None:
    """Record the begin of a run; changes from now on are due for the next one. Commit before anything is read.

    Args:
        unit: the transaction.
        work: kind of work.
    """
    unit.run(
        "insert into overstap.due_work (region, work, began_at, began_line) "
        "select %(region)s, %(work)s, overstap.clock(), coalesce(max(seq), 0) from overstap.audit_line "
        "on conflict (region, work) do update set began_at = excluded.began_at, began_line = excluded.began_line",
        region=unit.region,
        work=work,
    )


def end(unit: UnitOfWork, work: str, next_at: datetime) -> None:
    """Record the end of the run that began last, and when the next one is due at the latest.

    Args:
        unit: the transaction.
        work: kind of work.
        next_at: the next moment at which something is due.
    """
    unit.run(
        "update overstap.due_work set looked_at = began_at, line = began_line, next_at = %(next)s "
        "where work = %(work)s",
        work=work,
        next=next_at,
    )


def due_work(read_only_ledger: ReadOnlyLedger) -> list[DueWork]:
    """Return the due moment of each kind of work in every region that has a round.

    Args:
        read_only_ledger: the ledger, without keys.

    Raises:
        OverstapError: LEDGER-006 when the database cannot be reached.
    """
    with read_only_ledger.without_region() as connection:
        rows = connection.execute(
            "select region, work, due_at, looked_at, due_at <= overstap.clock() from overstap.due_work()"
        ).fetchall()
    return [DueWork(*row) for row in rows]


def waits_for_answers(unit: UnitOfWork) -> bool:
    """Tell whether a school that collects may have left an answer to a test message or a revocation."""
    found = unit.one(
        "select exists (select from overstap.revocation where state = 'open' and offered_at is not null) "
        "or exists (select from overstap.test_message t join overstap.round o using (round_id) "
        "where t.outcome is null and o.closed_at is null)"
    )
    return bool(found[0])
