"""The present moment, conversion to Dutch wall time, and formatting of dates and moments for readers.

Core functions take the time as an argument; only entry points (a command, a task, a request) call `now`. Names of days
and months come from CLDR, through Babel; the patterns are in `include/texts/moments.yaml`.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import DateTimePattern, parse_pattern

from overstap.texts import texts

NETHERLANDS = ZoneInfo("Europe/Amsterdam")
_KEPT = 8_192  # moments of a large page: each is formatted once


@dataclass(frozen=True, slots=True)
class MomentFormats:
    """Patterns with which a language writes dates and moments (CLDR, UTS 35 part 4).

    Args:
        locale: locale code for Babel, which supplies the names of days and months.
        moment: pattern of a moment.
        day: pattern of a date.
        summer: word after a moment in the first of the two equal hours when summer time ends.
        winter: word after a moment in the second of them.

    Raises:
        ValueError: a pattern is not valid.
        babel.UnknownLocaleError: Babel does not know this language.
    """

    locale: str
    moment: str
    day: str
    summer: str
    winter: str

    def __post_init__(self) -> None:
        _locale(self.locale)
        for pattern in (self.moment, self.day):
            _pattern(pattern)


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def dutch_time(moment: datetime) -> datetime:
    """Convert a moment to Dutch wall time (Europe/Amsterdam).

    Args:
        moment: an aware moment in any zone.

    Raises:
        ValueError: the moment is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone has no wall time")
    return moment.astimezone(NETHERLANDS)


@cache
def moment_formats(language: str) -> MomentFormats:
    """Return the date and moment patterns of our own texts (`include/texts/moments.yaml`).

    Args:
        language: "nl" or "en".
    """
    names = ("moment", "day", "summer", "winter")
    return MomentFormats(language, *(texts("moments")[name][language] for name in names))


def format_moment(moment: datetime, forms: MomentFormats | None = None) -> str:
    """Format a moment in Dutch wall time: "vrijdag 12 maart 2027, 16:00 uur".

    In the hour that occurs twice when summer time ends, "zomertijd" or "wintertijd" is added.

    Args:
        moment: an aware moment.
        forms: patterns of the reader's language; Dutch when None.
    """
    forms = forms or moment_formats("nl")
    local = dutch_time(moment)
    text = _formatted(local.replace(tzinfo=None), forms.moment, forms.locale)
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return text
    return f"{text} ({forms.winter if local.fold else forms.summer})"


def format_day(which: date, forms: MomentFormats | None = None) -> str:
    """Format a date: "vrijdag 12 maart 2027".

    Args:
        which: a date, or an aware moment, of which the Dutch date is taken.
        forms: patterns of the reader's language; Dutch when None.
    """
    forms = forms or moment_formats("nl")
    return _formatted(_day(which), forms.day, forms.locale)


def short_day(which: date) -> str:
    """Format a date in short Dutch form without the year: "vr 12 mrt". `which` is as in `format_day`."""
    return _formatted(_day(which), texts("moments")["short_day"]["nl"], "nl")


def weekday(which: date) -> str:
    """Return the short Dutch name of the day of the week: "vr". `which` is as in `format_day`."""
    return _formatted(_day(which), texts("moments")["weekday"]["nl"], "nl")


def short_month(which: date) -> str:
    """Return the short Dutch name of the month: "mrt". `which` is as in `format_day`."""
    return _formatted(_day(which), texts("moments")["month"]["nl"], "nl")


def format_digits(moment: datetime) -> str:
    """Format an aware moment in digits, in Dutch wall time: "12-03-2027 16:00"."""
    return _formatted(dutch_time(moment).replace(tzinfo=None), texts("moments")["digits"]["nl"], "nl")


def _day(which: date) -> date:
    return dutch_time(which).date() if isinstance(which, datetime) else which


@lru_cache(maxsize=_KEPT)
def _formatted(local: date, pattern: str, locale: str) -> str:
    return _pattern(pattern).apply(local, _locale(locale))


@cache
def _pattern(pattern: str) -> DateTimePattern:
    return parse_pattern(pattern)


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(code)
