"""Writer of iCalendar files (RFC 5545) with appointments between schools, such as a warm handover."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event

_COUNTED_FROM = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Appointment:
    """An appointment.

    Args:
        uid: iCalendar UID; unchanged when the moment moves, and the same for both schools.
        title: title, in Dutch; without a pupil's name.
        text: description, in Dutch; may be empty.
        starts: the moment, aware.
        minutes: how long it takes.
        said_at: when it was agreed; a later agreement replaces an earlier one.
    """

    uid: str
    title: str
    text: str
    starts: datetime
    minutes: int
    said_at: datetime


def appointment_file(found: Iterable[Appointment]) -> bytes:
    """Return the content of a calendar file with appointments; moments are in UTC, as form 2 of RFC 5545, 3.3.5.

    Equal arguments give an equal file. A later agreement about the same UID has a higher SEQUENCE.
    """
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//Overstap//Afspraken//NL")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    for one in found:
        event = Event()
        event.add("uid", one.uid)
        event.add("dtstamp", one.said_at.astimezone(UTC))
        event.add("sequence", int((one.said_at - _COUNTED_FROM).total_seconds()) // 60)
        event.add("dtstart", one.starts.astimezone(UTC))
        event.add("dtend", one.starts.astimezone(UTC) + timedelta(minutes=one.minutes))
        event.add("summary", one.title)
        if one.text:
            event.add("description", one.text)
        calendar.add_component(event)
    return bytes(calendar.to_ical())
