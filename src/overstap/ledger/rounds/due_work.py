"""When a region's background work has to look again: kept by the work itself, read by a process without keys."""

from dataclasses import dataclass
from datetime import datetime

from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.session import UnitOfWork

DELIVERIES, ANSWERS, NOTICES = "deliveries", "answers", "notices"
"""The kinds of background work: deliveries beside the rounds, fetching what schools left, and mail."""


@dataclass(frozen=True, slots=True)
class DueWork:
    """When a kind of work is due in a region."""

    region: str
    work: str
    due_at: datetime
    looked_at: datetime | None
    """When the last finished look began; None when there was none."""
    is_due: bool
    """Whether the moment has come, by the ledger's clock."""


def begin(unit: UnitOfWork, work: str) -> None:
    """Keep that a look begins: what happens from now on is for the next one. Commit before anything is read.

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
    """Keep that the look which began last was finished, and when the next one is due at the latest.

    Args:
        unit: the transaction.
        work: kind of work.
        next_at: the next moment at which something is due, as far as the look could tell.
    """
    unit.run(
        "update overstap.due_work set looked_at = began_at, line = began_line, next_at = %(next)s "
        "where work = %(work)s",
        work=work,
        next=next_at,
    )


def due_work(read_only_ledger: ReadOnlyLedger) -> list[DueWork]:
    """Return when each kind of work is due in every region that has a round.

    Args:
        read_only_ledger: reads the ledger, without keys.

    Raises:
        OverstapError: LEDGER-006 when the database cannot be reached.
    """
    with read_only_ledger.whole() as connection:
        rows = connection.execute(
            "select region, work, due_at, looked_at, due_at <= overstap.clock() from overstap.due_work()"
        ).fetchall()
    return [DueWork(*row) for row in rows]


def waits_for_answers(unit: UnitOfWork) -> bool:
    """Tell whether an answer may lie ready where schools collect: to a test message, or to a taking back."""
    found = unit.one(
        "select exists (select from overstap.revocation where state = 'open' and offered_at is not null) "
        "or exists (select from overstap.test_message t join overstap.round o using (round_id) "
        "where t.outcome is null and o.closed_at is null)"
    )
    return bool(found[0])
