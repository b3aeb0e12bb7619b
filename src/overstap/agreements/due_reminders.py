"""Computation of the reminders of deadlines in a school year, without side effects."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from overstap.agreements.calendar_entries import reminder_moment
from overstap.agreements.model import Agreement, RoundKind


@dataclass(frozen=True, slots=True)
class DueReminder:
    """One reminder of one deadline.

    Args:
        at: moment of the reminder, in UTC.
        round: kind of the round.
        of: name of the milestone.
        due: moment of the milestone.
        days_before: calendar days between reminder and milestone.
    """

    at: datetime
    round: RoundKind
    of: str
    due: datetime
    days_before: int


def reminders(agreement: Agreement, kinds: Iterable[RoundKind] | None = None) -> list[DueReminder]:
    """Return the reminders of a school year in chronological order, without those before a round opens.

    Args:
        agreement: agreement in force; for a running round that of the ledger, whose milestones can have moved.
        kinds: kinds of rounds to include; None includes all.
    """
    found = []
    for kind in agreement.rounds if kinds is None else map(RoundKind, kinds):
        agreed = agreement.round(kind)
        for reminder in set(agreed.reminders):
            if reminder.of not in kind.milestones:
                continue
            due = getattr(agreed.milestones, reminder.of)
            at = reminder_moment(due, reminder.days_before)
            if at >= agreed.milestones.opens.astimezone(UTC):
                found.append(DueReminder(at, kind, reminder.of, due, reminder.days_before))
    return sorted(found, key=lambda reminder: (reminder.at, reminder.round, reminder.of))


def reminders_between(agreement: Agreement, after: datetime, until: datetime) -> list[DueReminder]:
    """Return the reminders in an interval; adjoining intervals contain each reminder exactly once.

    Args:
        agreement: agreement in force.
        after: start of the interval, excluded.
        until: end of the interval, included.
    """
    return [reminder for reminder in reminders(agreement) if after < reminder.at <= until]
