"""Checks of moments: form, order, closed days, and wall times that do not exist or are ambiguous."""

import itertools
import re
from datetime import datetime, time, timedelta

from pydantic import TypeAdapter, ValidationError

from overstap.agreements.checks.context import MILESTONES, CheckContext, instant
from overstap.agreements.model import RoundKind, wall_time_exists, wall_time_is_ambiguous
from overstap.agreements.source_positions import stated_moment

_FOR_PEOPLE = ("opens", "data_due", "review_opens", "review_closes", "receipts_due")
"""Milestones that need people at work; delivery is automatic, also in a weekend."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DUTCH_ORDER = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.](20[0-9]{2})(?:[ T]+([0-9]{1,2}[:.][0-9]{2}))?")
_NOON = time(12)
_DURATION = TypeAdapter(timedelta)


def check(context: CheckContext) -> None:
    """Add findings about the moments of the agreement."""
    for key in context.moment_keys():
        _form(context, *key)
    _in_order(context)
    _closed_days(context)
    _review_windows(context)
    _rounds_in_order(context)
    _reminders(context)


def _form(context: CheckContext, *key: str | int) -> None:
    value = context.source.at(*key)
    name = str(key[-1])
    stated = stated_moment(value)
    if stated is None:
        context.add_finding("AGREEMENT-116", *key, key=name, value=value, example=_example(value))
        return
    if stated.tzinfo is None and not wall_time_exists(stated):
        later = stated + timedelta(hours=1)
        context.add_finding(
            "AGREEMENT-112", *key, key=name, day=stated.date(), time=f"{stated:%H:%M}", later=f"{later:%H:%M}"
        )
    elif stated.tzinfo is None and wall_time_is_ambiguous(stated):
        summer, winter = f"{stated:%Y-%m-%d %H:%M}+02:00", f"{stated:%Y-%m-%d %H:%M}+01:00"
        facts = {"day": stated.date(), "time": f"{stated:%H:%M}", "summer": summer, "winter": winter}
        context.add_finding("AGREEMENT-113", *key, key=name, **facts)
    elif stated.time() == time(0) and key[0] == "rounds":
        before = stated.date() - timedelta(days=1)
        context.add_finding("AGREEMENT-115", *key, key=name, day=stated.date(), before=before)
    if context.national is not None and not context.national.is_in_year(stated.date()):
        year = context.national.school_year
        context.add_finding("AGREEMENT-111", *key, key=name, day=stated.date(), school_year=year)


def _example(value: object) -> str:
    """Return the probable meaning of an invalid moment: in Dutch order, without a time, or at 24:00."""
    text = value.strip().replace("24:00", "23:59") if isinstance(value, str) else ""
    if matched := _DUTCH_ORDER.fullmatch(text):
        day, month, year, clock = matched.groups()
        text = f"{year}-{month:0>2}-{day:0>2} {(clock or '17:00').replace('.', ':'):0>5}"
    if _DAY.fullmatch(text):
        text += " 17:00"
    meant = stated_moment(text)
    return f"{meant:%Y-%m-%d %H:%M}" if meant is not None else "2027-03-12 17:00"


def _in_order(context: CheckContext) -> None:
    for kind, _ in context.rounds():
        known = [
            (name, moment)
            for name in RoundKind(kind).milestones
            if (moment := context.milestone(kind, name)) is not None
        ]
        for (earlier, first), (later, second) in itertools.pairwise(known):
            if instant(first) > instant(second):
                facts = {"later": later, "second": second, "earlier": earlier, "first": first}
                context.add_finding("AGREEMENT-110", "rounds", kind, "milestones", later, **facts)
    occasions = context.source.at("occasions")
    for serial in range(len(occasions)) if isinstance(occasions, list) else ():
        starts, ends = (context.moment("occasions", serial, name) for name in ("starts", "ends"))
        if starts is not None and ends is not None and instant(starts) > instant(ends):
            facts = {"later": "ends", "second": ends, "earlier": "starts", "first": starts}
            context.add_finding("AGREEMENT-110", "occasions", serial, "ends", **facts)


def _closed_days(context: CheckContext) -> None:
    if context.national is None:
        return
    for kind, _ in context.rounds():
        for name in _FOR_PEOPLE:
            if name not in RoundKind(kind).milestones:
                continue
            moment = context.milestone(kind, name)
            if moment is None:
                continue
            reason = context.national.closed_reason(moment.date(), context.holiday_region)
            if reason is not None:
                is_deadline = name in ("data_due", "review_closes", "receipts_due")
                find = context.national.last_school_day if is_deadline else context.national.next_school_day
                better = find(moment.date(), context.holiday_region)
                facts = {"key": name, "day": moment.date(), "reason": reason, "better": better}
                context.add_finding("AGREEMENT-114", "rounds", kind, "milestones", name, **facts)


def _review_windows(context: CheckContext) -> None:
    if context.national is None:
        return
    for kind, agreed in context.rounds():
        if not RoundKind(kind).is_inspected:
            continue
        opens, closes = context.milestone(kind, "review_opens"), context.milestone(kind, "review_closes")
        least = agreed.get("review_school_days", 5)
        if opens is None or closes is None or not isinstance(least, int) or instant(opens) > instant(closes):
            continue
        counted = school_days_between(context, opens, closes)
        if counted < least:
            facts = {"round": context.round_name(kind), "counted": counted, "least": least}
            context.add_finding("AGREEMENT-117", "rounds", kind, "milestones", "review_closes", **facts)
        _minimum(context, kind, agreed.get("review_minimum", timedelta(days=5)), instant(closes) - instant(opens))


def _minimum(context: CheckContext, kind: str, stated: object, window: timedelta) -> None:
    try:
        least = _DURATION.validate_python(stated)
    except ValidationError:
        return  # schema_check reports the form
    if window < least:
        facts = {"round": context.round_name(kind), "window": window, "least": least}
        context.add_finding("AGREEMENT-118", "rounds", kind, "milestones", "review_closes", **facts)


def school_days_between(context: CheckContext, opens: datetime, closes: datetime) -> int:
    """Count the school days on which a review is open at noon, so that parents can contact the school.

    Args:
        context: the agreement, for its holidays.
        opens: opening of the review, in Dutch wall time.
        closes: closing of the review, in Dutch wall time.
    """
    assert context.national is not None  # noqa: S101 (checked by the callers)
    days = context.national.school_days(opens.date(), closes.date(), context.holiday_region)
    if days and days[0] == opens.date() and opens.time() > _NOON:
        days = days[1:]
    if days and days[-1] == closes.date() and closes.time() < _NOON:
        days = days[:-1]
    return len(days)


def _rounds_in_order(context: CheckContext) -> None:
    dated = [
        (kind, opens, delivers)
        for kind in ("pre_registration", "advice", "placement")
        if (opens := context.milestone(kind, "opens")) and (delivers := context.milestone(kind, "delivers"))
    ]
    for (earlier, _, delivers), (later, opens, _) in itertools.pairwise(dated):
        if instant(opens) < instant(delivers):
            facts = {"later": context.round_name(later), "earlier": context.round_name(earlier), "delivers": delivers}
            context.add_finding("AGREEMENT-162", "rounds", later, "milestones", "opens", **facts)


def _reminders(context: CheckContext) -> None:
    for kind, agreed in context.rounds():
        reminders, opens = agreed.get("reminders"), context.milestone(kind, "opens")
        for serial, reminder in enumerate(reminders if isinstance(reminders, list) else ()):
            of = reminder.get("of") if isinstance(reminder, dict) else None
            due = context.milestone(kind, of) if of in MILESTONES else None
            days = reminder.get("days_before") if due is not None else None
            is_own = context.source.is_stated(("rounds", kind, "reminders"))  # defaults are not reported
            if opens is None or due is None or not is_own or due.date() < opens.date():
                continue
            if not isinstance(days, int) or days > 366:  # schema_check reports the form
                continue
            if due.date() - timedelta(days=days) < opens.date():
                context.add_finding("AGREEMENT-163", "rounds", kind, "reminders", serial, of=of, days=days, opens=opens)
