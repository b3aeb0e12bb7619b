"""Due reminders, computed without side effects."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from overstap.agreements.days import reminder_moment
from overstap.agreements.model import Agreement, RoundKind


@dataclass(frozen=True, slots=True)
class DueReminder:
    """One reminder of one deadline.

    Args:
        at: when to remind, UTC.
        round: of which round.
        of: name of the milestone.
        due: the milestone itself.
        days_before: how many calendar days lie between.
    """

    at: datetime
    round: RoundKind
    of: str
    due: datetime
    days_before: int


def reminders(agreement: Agreement, kinds: Iterable[RoundKind] | None = None) -> list[DueReminder]:
    """Return every reminder of a school year in the order of time; what falls before a round opens is left out.

    Args:
        agreement: what holds; take it from the ledger for a round that runs, its moments may have moved.
        kinds: of these rounds only.
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
    return sorted(found, key=lambda one: (one.at, one.round, one.of))


def reminders_between(agreement: Agreement, after: datetime, until: datetime) -> list[DueReminder]:
    """Return the reminders whose moment has come since the last look: each is in exactly one of adjoining spans.

    Args:
        agreement: what holds.
        after: the last look; not counted.
        until: this look; counted.
    """
    return [one for one in reminders(agreement) if after < one.at <= until]
