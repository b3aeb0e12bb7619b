"""Next moments at which background work is due that no change in the ledger triggers.

A change writes an audit line or a moment into the ledger, which triggers the work (`ledger.rounds.due_work`). The
moments of this module follow from the agreement and the clock only.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from overstap.agreements.model.notices import Notices
from overstap.clock import dutch_time
from overstap.ledger.delivery import uncollected
from overstap.ledger.delivery.uncollected import REMIND_AFTER
from overstap.ledger.notifications import notices as ledger_notices
from overstap.ledger.review.windows import closing_moments
from overstap.ledger.rounds import rounds
from overstap.ledger.rounds.due_work import waits_for_answers
from overstap.ledger.session import UnitOfWork
from overstap.rounds.context import RoundContext

DAILY = timedelta(days=1)
"""Longest interval between two runs, as a safeguard against a missed trigger."""
LIES_READY = timedelta(minutes=15)
"""Interval between two looks in the folder of a school that collects files, while its answer is awaited."""
TESTED_AGAIN_AFTER = timedelta(hours=6)
"""Least interval between two automatic test messages to a school that has not passed."""
UNSIGNED_AGAIN_AFTER = timedelta(hours=1)
"""Least interval between two attempts to sign a revocation whose sender's certificate is not in order."""


def for_deliveries(
    unit: UnitOfWork, open_rounds: Sequence[RoundContext], at: datetime, *, tests_failed: bool, unsigned: bool
) -> datetime:
    """Return when background work on a region's deliveries is due next.

    Args:
        unit: the transaction.
        open_rounds: rounds that are not closed.
        at: the present moment.
        tests_failed: whether a school has not passed its test message.
        unsigned: whether a revocation could not be signed yet.
    """
    found = [moment for one in open_rounds for moment in _milestones(one)]
    if waits_for_answers(unit):
        found.append(at + LIES_READY)
    if tests_failed:
        found.append(at + TESTED_AGAIN_AFTER)
    if unsigned:
        found.append(at + UNSIGNED_AGAIN_AFTER)
    return soonest(found, at)


def for_answers(unit: UnitOfWork, asked: Iterable[tuple[str, str, datetime]], at: datetime) -> datetime:
    """Return when to look again for answers of schools that collect files.

    Args:
        unit: the transaction.
        asked: round, school and `receipts_due`, for every folder that was read.
        at: the present moment.
    """
    due: dict[str, datetime] = {}
    schools: dict[str, set[str]] = {}
    for round_id, school, receipts_due in asked:
        due[round_id] = receipts_due
        schools.setdefault(round_id, set()).add(school)
    waiting = any(
        one.school in schools[round_id]
        for round_id in due
        for one in uncollected.per_school(unit, round_id, due[round_id])
    )
    return at + (LIES_READY if waiting else DAILY)


def for_notices(unit: UnitOfWork, at: datetime) -> datetime:
    """Return when work on a region's mail is due next."""
    found: list[datetime] = []
    known = rounds.not_closed(unit)
    for one in known:
        agreed = one.agreement.round(one.kind)
        moments = {name: getattr(agreed.milestones, name) for name in one.kind.milestones}
        near = one.agreement.notices.deadline_near
        found += moments.values()
        found += [moments[name] - near for name in ("data_due", "review_closes", "receipts_due") if name in moments]
        found += [
            dutch_time(moments[it.of]) - timedelta(days=it.days_before) for it in agreed.reminders if it.of in moments
        ]
        for closes in closing_moments(unit, one.round_id):
            found += [
                dutch_time(closes) - timedelta(days=it.days_before)
                for it in agreed.reminders
                if it.of == "review_closes"
            ]
        for left in uncollected.per_school(unit, one.round_id, agreed.milestones.receipts_due):
            found += [left.since + REMIND_AFTER * (left.reminders_due + 1), agreed.milestones.receipts_due - DAILY]
    waiting = ledger_notices.counts(unit)
    agreement = known[-1].agreement if known else rounds.newest_agreement(unit)
    if agreement is not None and waiting.total():
        found += _mail_times(agreement.notices, at, has_urgent=waiting["urgent"] > 0)
    return soonest(found, at)


def soonest(moments: Iterable[datetime], at: datetime) -> datetime:
    """Return the first moment after `at`, but no later than a day after it."""
    return min([at + DAILY, *(moment for moment in moments if moment > at)])


def _milestones(context: RoundContext) -> Iterator[datetime]:
    milestones = context.round.milestones
    return (getattr(milestones, name) for name in context.kind.milestones)


def _mail_times(agreed: Notices, at: datetime, *, has_urgent: bool) -> Iterator[datetime]:
    """Yield when waiting mail may be sent: the next digest, the end of quiet hours, the next urgent mail."""
    today = dutch_time(at)
    for days in (0, 1):
        for name in ("digest_at", "quiet_until"):
            hour = agreed.hour(name)
            yield (today + timedelta(days=days)).replace(hour=hour.hour, minute=hour.minute, second=0, microsecond=0)
    if has_urgent:
        yield at + max(agreed.urgent_every, timedelta(minutes=1))
