"""The one clock: what time it is, and what a Dutch wall time means.

Core functions take the time as an argument; this module is asked for it at the edge only (a command, a task, a
request).
"""

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


_MONTHS = (
    *("januari", "februari", "maart", "april", "mei", "juni"),
    *("juli", "augustus", "september", "oktober", "november", "december"),
)
_DAYS = ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag")


def spoken(moment: datetime) -> str:
    """Return a moment as a Dutch reader expects it: "vrijdag 12 maart 2027, 16:00 uur".

    In the hour that comes twice in autumn it says which one is meant: "zomertijd" or "wintertijd".
    """
    local = wall(moment)
    said = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}, {local:%H:%M} uur"
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return said
    return f"{said} ({'wintertijd' if local.fold else 'zomertijd'})"
