"""Dutch formatting of moments, durations and numbers for the board, by CLDR (Babel)."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from babel import Locale
from babel.dates import format_timedelta
from babel.numbers import parse_pattern

from overstap.clock import dutch_time, short_day
from overstap.texts import Count, texts

_DUTCH = Locale("nl")
_NUMBER = parse_pattern("#,##0")
_SIGNED = parse_pattern("+#,##0;−#,##0")  # U+2212: CLDR's hyphen is hard to see before a figure
_SHARE = parse_pattern("#,##0 %")
_UNITS: tuple[tuple[Literal["day", "hour", "minute"], timedelta], ...] = (
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)
_KEPT = 4_096  # numbers of a large page; each is formatted once
_NO_OTHER_UNIT = 1e9
"""Babel's threshold for a larger unit; the unit is chosen in this module instead."""


def when(moment: datetime, now: datetime) -> str:
    """Return a moment in short form: "vandaag 16:00", "vr 12 mrt 16:00", with the year where it is another one."""
    local, today = dutch_time(moment), dutch_time(now)
    if local.date() == today.date():
        return _text("today", time=f"{local:%H:%M}")
    return f"{day(local.date(), today.date())} {local:%H:%M}"


def day(which: date, today: date) -> str:
    """Return a day in short form: "vr 12 mrt", with the year where it is another one."""
    year = f" {which.year}" if which.year != today.year else ""
    return f"{short_day(which)}{year}"


def period(span: timedelta) -> str:
    """Return a duration in its largest unit: "3 dagen", "1 uur", "20 minuten"."""
    for unit, length in _UNITS:
        if span >= length:
            return _in_words(round(span / length) * length, unit)
    return _text("moment")


@lru_cache(maxsize=_KEPT)
def _in_words(whole: timedelta, unit: Literal["day", "hour", "minute"]) -> str:
    """Return a whole number of a unit: a page of a region says few different ones, thousands of times."""
    return format_timedelta(whole, granularity=unit, threshold=_NO_OTHER_UNIT, locale=_DUTCH)


def time_left(deadline: datetime, now: datetime) -> str:
    """Return the time left until a deadline, by the calendar: "nog 3 dagen", "vandaag 16:00", "2 dagen te laat"."""
    days = (dutch_time(deadline).date() - dutch_time(now).date()).days
    if days > 1:
        return _text("left", days=Count(days))
    if days == 1:
        return _text("tomorrow", time=f"{dutch_time(deadline):%H:%M}")
    if now < deadline:
        return _text("today", time=f"{dutch_time(deadline):%H:%M}")
    return _text("passed") if days == 0 else _text("late", days=Count(-days))


@lru_cache(maxsize=_KEPT)
def number(value: int) -> str:
    """Return a number with a point as thousands separator."""
    return _NUMBER.apply(value, _DUTCH)


@lru_cache(maxsize=_KEPT)
def signed(value: int) -> str:
    """Return a change with its sign; a minus sign (U+2212), not a hyphen."""
    return _SIGNED.apply(value, _DUTCH) if value else "0"


@lru_cache(maxsize=_KEPT)
def share(part: int, whole: int) -> str:
    """Return a part of a whole in whole per cent; never 100 % when something is missing."""
    if whole <= 0:
        return "–"
    return _SHARE.apply(Decimal(part * 100 // whole) / 100, _DUTCH)


def _text(name: str, **facts: object) -> str:
    sentence: str = texts("board/spans")[name]["nl"]
    return sentence.format(**facts)
