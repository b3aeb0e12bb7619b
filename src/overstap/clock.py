"""The clock: the present moment, and conversion of Dutch wall time.

Core functions take the time as an argument; this module is asked for it at the edge only (a command, a task, a
request).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

NETHERLANDS = ZoneInfo("Europe/Amsterdam")


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def wall(moment: datetime) -> datetime:
    """Return the same moment as the clock on a Dutch wall shows it.

    Args:
        moment: an aware moment in any zone.

    Raises:
        ValueError: the moment is naive, so nobody can say which moment it is.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone has no wall time")
    return moment.astimezone(NETHERLANDS)


@dataclass(frozen=True, slots=True)
class Calendar:
    """How a language says a moment.

    Args:
        months: twelve names, from January.
        days: seven names, from Monday.
        moment: form of a moment, with {weekday}, {day}, {month}, {year} and {time}.
        day: form of a day, with the same but {time}.
        summer: which of the two hours in autumn: the first.
        winter: and the second.
    """

    months: tuple[str, ...]
    days: tuple[str, ...]
    moment: str
    day: str
    summer: str
    winter: str


DUTCH = Calendar(
    months=(
        *("januari", "februari", "maart", "april", "mei", "juni"),
        *("juli", "augustus", "september", "oktober", "november", "december"),
    ),
    days=("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
    moment="{weekday} {day} {month} {year}, {time} uur",
    day="{weekday} {day} {month} {year}",
    summer="zomertijd",
    winter="wintertijd",
)


def spoken(moment: datetime, calendar: Calendar = DUTCH) -> str:
    """Return a moment as a Dutch reader expects it: "vrijdag 12 maart 2027, 16:00 uur".

    In the hour that comes twice in autumn it says which one is meant: "zomertijd" or "wintertijd".

    Args:
        moment: an aware moment.
        calendar: how the reader's language says it.
    """
    local = wall(moment)
    said = _said(local, calendar.moment, calendar)
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return said
    return f"{said} ({calendar.winter if local.fold else calendar.summer})"


def spoken_day(moment: datetime, calendar: Calendar = DUTCH) -> str:
    """Return the Dutch day of a moment: "vrijdag 12 maart 2027"; arguments as of `spoken`."""
    return _said(wall(moment), calendar.day, calendar)


def _said(local: datetime, form: str, calendar: Calendar) -> str:
    return form.format(
        weekday=calendar.days[local.weekday()],
        day=local.day,
        month=calendar.months[local.month - 1],
        year=local.year,
        time=f"{local:%H:%M}",
    )
