"""Envelopes that schools have not collected, and reminders of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from overstap.ledger.session import UnitOfWork

REMIND_AFTER = timedelta(days=2)
"""Interval of reminders, from the moment at which the oldest was ready until `receipts_due`."""


@dataclass(frozen=True, slots=True)
class UncollectedEnvelopes:
    """Envelopes that are ready for one school to collect."""

    school: str
    count: int
    since: datetime
    """Of the oldest."""
    reminders_due: int
    """Number of reminders that are due by now."""
    is_expired: bool
    """Whether `receipts_due` has passed, so that it is undelivered and no longer offered automatically."""

    @property
    def is_due(self) -> bool:
        """Whether a reminder is due."""
        return self.reminders_due > 0


def reminders_due(since: datetime, at: datetime, receipts_due: datetime, *, after: timedelta = REMIND_AFTER) -> int:
    """Return the number of due reminders: one for each interval since the oldest was ready, and one on the last day.

    Args:
        since: when the oldest was put ready.
        at: the moment.
        receipts_due: when receipts are due; no reminders after that.
        after: interval between reminders.
    """
    until = min(at, receipts_due)
    count = max(0, int((until - since) / after))
    is_last_day = receipts_due - timedelta(days=1) <= at < receipts_due and since < receipts_due - timedelta(days=1)
    return count + is_last_day


def per_school(unit: UnitOfWork, round_id: str, receipts_due: datetime) -> list[UncollectedEnvelopes]:
    """Return uncollected envelopes per receiving school, the longest waiting first."""
    return [
        UncollectedEnvelopes(school, count, since, reminders_due(since, at, receipts_due), at >= receipts_due)
        for school, count, since, at in unit.rows(
            "select l.secondary_school, count(*), min(l.offered_at), overstap.clock() from overstap.delivery l "
            "join overstap.dossier d on d.dossier = l.dossier and d.version = l.number "
            "and d.state in ('sealed', 'undelivered') where l.round_id = %(round)s and l.state = 'sealed' "
            "and l.offered_at is not null group by 1 order by 3, 1",
            round=round_id,
        )
    ]
