"""Checks of moments against the statutory school year (Wet doorstroomtoetsen po; DOMAIN 4.1)."""

from datetime import datetime, timedelta

from overstap.agreements.checks.context import CheckContext
from overstap.agreements.national import NationalYear

_SIX_WEEKS = timedelta(weeks=6)


def check(context: CheckContext) -> None:
    """Add findings about moments that conflict with the statutory dates."""
    if context.national is None:
        return
    national = context.national
    _provisional_advice(context, national)
    _definitive_advice(context, national)
    _placement(context, national)
    _occasions(context, national)


def _provisional_advice(context: CheckContext, national: NationalYear) -> None:
    due = context.milestone("pre_registration", "data_due")
    period = national.statutory.provisional_advice
    key = ("rounds", "pre_registration", "milestones", "data_due")
    if due is not None and national.is_in_year(due.date()):
        facts = {"day": due.date(), "first": period.first, "last": period.last}
        if due.date() < period.first:
            context.add_finding("AGREEMENT-120", *key, **facts)
        elif due.date() > period.last:
            context.add_finding("AGREEMENT-121", *key, **facts)


def _definitive_advice(context: CheckContext, national: NationalYear) -> None:
    due, delivers = context.milestone("advice", "data_due"), context.milestone("advice", "delivers")
    statutory = national.statutory
    if due is not None and national.is_in_year(due.date()):
        key = ("rounds", "advice", "milestones", "data_due")
        if due.date() > statutory.definitive_advice.last:
            context.add_finding("AGREEMENT-122", *key, day=due.date(), last=statutory.definitive_advice.last)
        elif due.date() < statutory.test_results.last:
            context.add_finding("AGREEMENT-123", *key, day=due.date(), results=statutory.test_results.last)
    last = statutory.admission_decision.last
    if delivers is not None and national.is_in_year(delivers.date()) and delivers.date() > last:
        context.add_finding(
            "AGREEMENT-124", "rounds", "advice", "milestones", "delivers", day=delivers.date(), last=last
        )


def _placement(context: CheckContext, national: NationalYear) -> None:
    delivers = context.milestone("placement", "delivers")
    admissions = [ends for kind, _, ends, _ in _dated_occasions(context) if kind == "admission"]
    first = min(admissions).date() if admissions else national.statutory.registration.last
    if delivers is not None and national.is_in_year(delivers.date()) and delivers.date() < first:
        context.add_finding(
            "AGREEMENT-128", "rounds", "placement", "milestones", "delivers", day=delivers.date(), first=first
        )


def _occasions(context: CheckContext, national: NationalYear) -> None:
    week = national.statutory.registration
    closes = None
    for kind, starts, ends, serial in _dated_occasions(context):
        if not national.is_in_year(starts.date()):
            continue
        if kind == "registration":
            closes = max(ends.date(), closes or ends.date())
            if ends.date() < week.last:
                context.add_finding("AGREEMENT-125", "occasions", serial, day=ends.date(), last=week.last)
            if starts.date() < week.first:
                context.add_finding("AGREEMENT-126", "occasions", serial, day=starts.date(), first=week.first)
    latest = (closes or week.last) + _SIX_WEEKS
    for kind, _, ends, serial in _dated_occasions(context):
        if kind == "admission" and national.is_in_year(ends.date()) and ends.date() > latest:
            context.add_finding("AGREEMENT-127", "occasions", serial, day=ends.date(), last=latest)


def _dated_occasions(context: CheckContext) -> list[tuple[str, datetime, datetime, int]]:
    """Return kind, start, end (or else the start) and index of the occasions with a date."""
    occasions = context.source.at("occasions")
    found = []
    for serial, occasion in enumerate(occasions if isinstance(occasions, list) else ()):
        starts = context.moment("occasions", serial, "starts")
        if isinstance(occasion, dict) and starts is not None:
            ends = context.moment("occasions", serial, "ends") or starts
            found.append((str(occasion.get("kind", "other")), starts, ends, serial))
    return found
