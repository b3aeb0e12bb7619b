"""The clock: the present moment, conversion to Dutch wall time, and moments as readers expect them.

Core functions take the time as an argument; this module is asked for it at the edge only (a command, a task, a
request). Names of days and months are those of CLDR, by Babel; the patterns stand in `include/texts/moments.yaml`.
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
    """How a language writes moments: patterns of CLDR (UTS 35, part 4); Babel has the names of days and months.

    Args:
        locale: code of the language, as Babel has it.
        moment: pattern of a moment.
        day: pattern of a day.
        summer: what stands behind a moment in the first of the two equal hours in autumn.
        winter: what stands behind one in the second.

    Raises:
        ValueError: a pattern is not one.
        babel.UnknownLocaleError: Babel does not have this language.
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
    """Return the same moment as the clock on a Dutch wall shows it.

    Args:
        moment: an aware moment in any zone.

    Raises:
        ValueError: the moment is naive, so nobody can say which moment it is.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone has no wall time")
    return moment.astimezone(NETHERLANDS)


@cache
def moment_formats(language: str) -> MomentFormats:
    """Return how our own texts write moments.

    Args:
        language: "nl" or "en".
    """
    return MomentFormats(language, *(texts("moments")[one][language] for one in ("moment", "day", "summer", "winter")))


def format_moment(moment: datetime, forms: MomentFormats | None = None) -> str:
    """Return a moment as a reader expects it: "vrijdag 12 maart 2027, 16:00 uur".

    In the hour that comes twice in autumn it says which one is meant: "zomertijd" or "wintertijd".

    Args:
        moment: an aware moment.
        forms: of the reader's language; Dutch when None.
    """
    forms = forms or moment_formats("nl")
    local = dutch_time(moment)
    said = _said(local.replace(tzinfo=None), forms.moment, forms.locale)
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return said
    return f"{said} ({forms.winter if local.fold else forms.summer})"


def format_day(which: date, forms: MomentFormats | None = None) -> str:
    """Return a day as a reader expects it: "vrijdag 12 maart 2027".

    Args:
        which: a day, or an aware moment, whose Dutch day is meant.
        forms: of the reader's language; Dutch when None.
    """
    forms = forms or moment_formats("nl")
    return _said(_day(which), forms.day, forms.locale)


def short_day(which: date) -> str:
    """Return a day without its year, short, Dutch: "vr 12 mrt". `which` is as of `format_day`."""
    return _said(_day(which), texts("moments")["short_day"]["nl"], "nl")


def weekday(which: date) -> str:
    """Return a day's short Dutch name: "vr". `which` is as of `format_day`."""
    return _said(_day(which), texts("moments")["weekday"]["nl"], "nl")


def short_month(which: date) -> str:
    """Return a month's short Dutch name: "mrt". `which` is as of `format_day`."""
    return _said(_day(which), texts("moments")["month"]["nl"], "nl")


def format_digits(moment: datetime) -> str:
    """Return an aware moment in digits, as Dutch readers write it: "12-03-2027 16:00"."""
    return _said(dutch_time(moment).replace(tzinfo=None), texts("moments")["digits"]["nl"], "nl")


def _day(which: date) -> date:
    return dutch_time(which).date() if isinstance(which, datetime) else which


@lru_cache(maxsize=_KEPT)
def _said(local: date, pattern: str, locale: str) -> str:
    return _pattern(pattern).apply(local, _locale(locale))


@cache
def _pattern(pattern: str) -> DateTimePattern:
    return parse_pattern(pattern)


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(code)
