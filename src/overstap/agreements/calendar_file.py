"""iCalendar files (RFC 5545) of a region's agreed moments.

Moments are written in UTC (form 2 of RFC 5545, 3.3.5): every program shows them in Dutch wall time without being told
when Dutch clocks change. A date that moves keeps its UID, so a calendar that follows the file moves it too.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from overstap.agreements.days import CalendarEntry, EntryKind, reminder_moment
from overstap.texts import texts

_LINE_OCTETS = 75
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def icalendar(title: str, of_calendar: Iterable[CalendarEntry], made_at: datetime) -> bytes:
    """Return a calendar file: UTF-8, lines of at most 75 octets that end in CRLF.

    Args:
        title: name of the calendar, as programs show it.
        of_calendar: what stands in it.
        made_at: the moment of making, aware; with the same moment and entries the file is the same.

    Raises:
        ValueError: two entries have the same UID.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Overstap//Regionale kalender//NL",
        "CALSCALE:GREGORIAN",
        f"NAME:{_text(title)}",  # RFC 7986, 5.1
        f"X-WR-CALNAME:{_text(title)}",  # programs that do not know RFC 7986
    ]
    seen: set[str] = set()
    for entry in of_calendar:
        if entry.uid in seen:
            raise ValueError(f"two entries have the UID {entry.uid}")
        seen.add(entry.uid)
        lines.extend(_event(entry, made_at))
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _event(entry: CalendarEntry, made_at: datetime) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(entry.uid)}"
    yield f"DTSTAMP:{_moment(made_at)}"
    if isinstance(entry.starts, datetime):
        yield f"DTSTART:{_moment(entry.starts)}"
        # Without DTEND it ends when it begins (RFC 5545, 3.6.1); DTEND has to be later than DTSTART
        if isinstance(entry.ends, datetime) and entry.ends.astimezone(UTC) > entry.starts.astimezone(UTC):
            yield f"DTEND:{_moment(entry.ends)}"
    else:
        yield f"DTSTART;VALUE=DATE:{entry.starts:%Y%m%d}"
        yield f"DTEND;VALUE=DATE:{_after(entry.last_day):%Y%m%d}"  # the first day that is not in it any more
    yield f"SUMMARY:{_text(entry.title)}"
    if entry.text:
        yield f"DESCRIPTION:{_text(entry.text)}"
    yield f"CATEGORIES:{_text(texts('agreements/calendar')['kinds'][entry.kind.value]['nl'])}"
    yield "TRANSP:TRANSPARENT"  # it does not make anybody busy
    if entry.kind is EntryKind.MILESTONE and isinstance(entry.starts, datetime):
        for days in entry.reminders:
            yield "BEGIN:VALARM"
            yield "ACTION:DISPLAY"
            yield f"DESCRIPTION:{_text(entry.title)}"
            # An absolute moment: a trigger of so many days before would be an hour off after a change of the clock
            yield f"TRIGGER;VALUE=DATE-TIME:{_moment(reminder_moment(entry.starts, days))}"
            yield "END:VALARM"
    yield "END:VEVENT"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _after(day: date) -> date:
    return day + timedelta(days=1)


def _text(value: str) -> str:
    """Escape text (RFC 5545, 3.3.11); control characters, which it may not hold, go."""
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    escaped = escaped.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")
    return _CONTROL.sub("", escaped)


def _folded(line: str) -> bytes:
    """Return a content line, folded at 75 octets (RFC 5545, 3.1) and never inside a character."""
    parts = []
    part = b""
    for letter in line:
        octets = letter.encode("utf-8")
        if len(part) + len(octets) > _LINE_OCTETS:
            parts.append(part)
            part = b" "
        part += octets
    parts.append(part)
    return b"\r\n".join(parts) + b"\r\n"
