"""Writer of iCalendar files (RFC 5545) with the agreed moments of a region.

Moments are written in UTC (form 2 of RFC 5545, 3.3.5), so that programs show Dutch wall time without a VTIMEZONE. An
event whose date moves keeps its UID, and gets a higher SEQUENCE and a new LAST-MODIFIED, without which programs that
subscribe to the file can keep the old date. An event that is no longer in the agreement remains in the file with status
CANCELLED until 90 days after its date.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from icalendar import Alarm, Calendar, Event, vText

from overstap.agreements.calendar_entries import CalendarEntry, EntryKind, reminder_moment
from overstap.texts import texts

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CANCELLED_FOR = timedelta(days=90)
_COUNTED_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_HISTORY = ("SEQUENCE", "LAST-MODIFIED", "DTSTAMP", "CREATED")
"""Properties about the event itself, ignored when two versions of an event are compared."""


def icalendar(title: str, entries: Iterable[CalendarEntry], made_at: datetime, earlier: bytes = b"") -> bytes:
    """Return the content of a calendar file: UTF-8, lines of at most 75 octets that end in CRLF.

    Args:
        title: name of the calendar, as programs show it.
        entries: the entries of the calendar.
        made_at: moment of creation, with time zone; equal arguments give an equal file.
        earlier: content of the previous file, for comparison; empty when there is none. A file that is no calendar file
            is ignored.

    Raises:
        ValueError: two entries have the same UID.
    """
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//Overstap//Regionale kalender//NL")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("name", vText(_text(title)))  # RFC 7986, 5.1
    calendar.add("x-wr-calname", vText(_text(title)))  # programs that do not know RFC 7986
    before = _events_of(earlier)
    seen: set[str] = set()
    for entry in entries:
        if entry.uid in seen:
            raise ValueError(f"two entries have the UID {entry.uid}")
        seen.add(entry.uid)
        calendar.add_component(_with_history(_event(entry), before.get(entry.uid), made_at))
    for uid, event in before.items():
        if uid not in seen and _is_kept(event, made_at):
            calendar.add_component(_cancelled(event, made_at))
    return bytes(calendar.to_ical())


def _event(entry: CalendarEntry) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    if isinstance(entry.starts, datetime):
        event.add("dtstart", entry.starts.astimezone(UTC))
        # Without DTEND it ends when it begins (RFC 5545, 3.6.1); DTEND has to be later than DTSTART
        if isinstance(entry.ends, datetime) and entry.ends.astimezone(UTC) > entry.starts.astimezone(UTC):
            event.add("dtend", entry.ends.astimezone(UTC))
    else:
        event.add("dtstart", entry.starts)
        event.add("dtend", entry.last_day + timedelta(days=1))  # DTEND of a date is exclusive
    event.add("summary", _text(entry.title))
    if entry.text:
        event.add("description", _text(entry.text))
    event.add("categories", [texts("agreements/calendar")["kinds"][entry.kind.value]["nl"]])
    event.add("transp", "TRANSPARENT")  # does not mark attendees as busy
    if entry.kind is EntryKind.MILESTONE and isinstance(entry.starts, datetime):
        for days in entry.reminders:
            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", _text(entry.title))
            # An absolute moment: a relative trigger would be an hour off after a change to or from summer time
            alarm.add("trigger", reminder_moment(entry.starts, days).astimezone(UTC))
            event.add_component(alarm)
    return event


def _with_history(event: Event, before: Event | None, made_at: datetime) -> Event:
    """Give an event its SEQUENCE and LAST-MODIFIED: as before when nothing in it changed (RFC 5545, 3.8.7).

    Without an event before it, its number follows the clock (minutes since 2020): the file that was there before may be
    lost, and who subscribed to it would not take a lower number for news.
    """
    sequence, modified = int((made_at - _COUNTED_FROM).total_seconds()) // 60, made_at
    if before is not None:
        sequence = int(before.get("SEQUENCE", 0))
        if _content(before) == _content(event):
            modified = before.decoded("LAST-MODIFIED", made_at)
        else:
            sequence += 1
    event.add("dtstamp", made_at.astimezone(UTC))
    event.add("sequence", sequence)
    event.add("last-modified", modified.astimezone(UTC))
    return event


def _cancelled(before: Event, made_at: datetime) -> Event:
    """Return an event that is no longer in the agreement, with status CANCELLED (RFC 5545, 3.8.1.11)."""
    event = Event()
    event.add("uid", _text(str(before["UID"])))
    for name in ("DTSTART", "DTEND"):  # re-encoded from their values, since the file may have been edited by hand
        if name in before:
            moment = before.decoded(name)
            event.add(name, moment.astimezone(UTC) if isinstance(moment, datetime) else moment)
    for name in ("SUMMARY", "DESCRIPTION"):
        if name in before:
            event.add(name, _text(str(before[name])))
    if before.categories:
        event.add("categories", [_text(str(each)) for each in before.categories])
    event.add("transp", "TRANSPARENT")
    event.add("status", "CANCELLED")
    return _with_history(event, before, made_at)


def _is_kept(event: Event, made_at: datetime) -> bool:
    day = event.decoded("DTEND" if "DTEND" in event else "DTSTART", None)
    if isinstance(day, datetime):
        day = day.date()
    return isinstance(day, date) and day + _CANCELLED_FOR > made_at.date()


def _content(event: Event) -> bytes:
    """Return the serialised event without the properties in `_HISTORY`."""
    bare = event.copy(recursive=True)
    for name in _HISTORY:
        bare.pop(name, None)
    return bytes(bare.to_ical())


def _events_of(data: bytes) -> dict[str, Event]:
    try:
        found = Calendar.from_ical(data) if data.strip() else Calendar()
        # By the UID as it is written again: one with a control character in it would be a second event of the same UID
        events = {
            _text(str(event["UID"])): event
            for event in found.walk("VEVENT")
            if isinstance(event, Event) and "UID" in event
        }
        return {uid: event for uid, event in events.items() if _is_readable(event)}
    except (ValueError, TypeError, LookupError, AttributeError):  # a file of another program, or a damaged one
        return {}


def _is_readable(event: Event) -> bool:
    """Return whether an event of the earlier file has all properties that are reused, each once and valid."""
    if any(isinstance(value, list) for value in event.values()):
        return False
    try:
        int(event.get("SEQUENCE", 0))
        modified, begins = event.decoded("LAST-MODIFIED", _COUNTED_FROM), event.decoded("DTSTART")
        bytes(event.to_ical())
        list(event.categories)
    except (ValueError, TypeError, LookupError, AttributeError):
        return False
    return (
        isinstance(modified, datetime) and isinstance(begins, date) and isinstance(event.decoded("DTEND", begins), date)
    )


def _text(value: str) -> str:
    """Return text without control characters, which RFC 5545 forbids, and with LF line ends."""
    return _CONTROL.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
