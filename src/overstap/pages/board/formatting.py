"""Dutch formatting of moments, spans and numbers."""

from datetime import date, datetime, timedelta

from overstap.clock import wall

_DAYS = ("ma", "di", "wo", "do", "vr", "za", "zo")
_MONTHS = ("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec")
_SPANS = (
    (timedelta(days=1), "dag", "dagen"),
    (timedelta(hours=1), "uur", "uur"),
    (timedelta(minutes=1), "minuut", "minuten"),
)


def when(moment: datetime, now: datetime) -> str:
    """Return a moment, short: "vandaag 16:00", "vr 12 mrt 16:00", with the year where it is another one."""
    local, today = wall(moment), wall(now)
    if local.date() == today.date():
        return f"vandaag {local:%H:%M}"
    return f"{day(local.date(), today.date())} {local:%H:%M}"


def day(which: date, today: date) -> str:
    """Return a day, short: "vr 12 mrt", with the year where it is another one."""
    year = f" {which.year}" if which.year != today.year else ""
    return f"{_DAYS[which.weekday()]} {which.day} {_MONTHS[which.month - 1]}{year}"


def month(which: date) -> str:
    """Return a month's short name."""
    return _MONTHS[which.month - 1]


def period(span: timedelta) -> str:
    """Return a span in its largest unit: "3 dagen", "1 uur", "20 minuten"."""
    for unit, one, more in _SPANS:
        if span >= unit:
            number = round(span / unit)
            return f"{number} {one if number == 1 else more}"
    return "minder dan een minuut"


def left(deadline: datetime, now: datetime) -> str:
    """Return how long there is until a deadline, by the calendar: "nog 3 dagen", "vandaag 16:00", "2 dagen te laat"."""
    days = (wall(deadline).date() - wall(now).date()).days
    if days > 1:
        return f"nog {days} dagen"
    if days == 1:
        return f"morgen {wall(deadline):%H:%M}"
    if now < deadline:
        return f"vandaag {wall(deadline):%H:%M}"
    late = -days
    return "vandaag verstreken" if late == 0 else f"{late} {'dag' if late == 1 else 'dagen'} te laat"


def number(value: int) -> str:
    """Return a number with a point between thousands."""
    return f"{value:,}".replace(",", ".")


def signed(value: int) -> str:
    """Return a change with its sign; a real minus sign."""
    return f"+{number(value)}" if value > 0 else f"−{number(-value)}" if value < 0 else "0"


def share(part: int, whole: int) -> str:
    """Return a part of a whole in whole per cents; never 100 % when something is missing."""
    if whole <= 0:
        return "–"
    per_cent = part * 100 // whole
    return f"{per_cent} %"
