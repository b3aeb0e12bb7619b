"""Calendar entries of a region: milestones, occasions, statutory dates and holidays."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from overstap.agreements.model import Agreement, Round, RoundKind, School
from overstap.agreements.national import NationalYear
from overstap.clock import dutch_time
from overstap.texts import texts


class Audience(StrEnum):
    """Recipients of an entry: schools of one kind, or the region."""

    PO = "PO"
    VO = "VO"
    SWV = "SWV"
    REGION = "region"


class EntryKind(StrEnum):
    """Type of an entry."""

    MILESTONE = "milestone"
    OCCASION = "occasion"
    STATUTORY = "statutory"
    HOLIDAY = "holiday"


_FOR_RECEIVERS = frozenset({"delivers", "receipts_due"})
"""Milestones shown to receiving schools; the others are shown to supplying schools."""
_EVERYBODY = tuple(Audience)


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One dated entry of a calendar.

    Args:
        uid: iCalendar UID; unchanged when the date moves.
        kind: type of the entry.
        title: title, in Dutch.
        text: description, in Dutch; may be empty.
        starts: moment with time zone, or the first day of an entry of whole days.
        ends: moment of the end, or the last day (inclusive); None for a single moment.
        audience: recipients.
        reminders: calendar days before the start at which to remind.
        round: kind of the round it belongs to, or None.
        milestone: name of the milestone, or None.
    """

    uid: str
    kind: EntryKind
    title: str
    text: str
    starts: datetime | date
    ends: datetime | date | None
    audience: tuple[Audience, ...]
    reminders: tuple[int, ...] = ()
    round: RoundKind | None = None
    milestone: str | None = None

    @property
    def first_day(self) -> date:
        """The day of its start, in Dutch wall time."""
        return dutch_time(self.starts).date() if isinstance(self.starts, datetime) else self.starts

    @property
    def last_day(self) -> date:
        """The day of its end, in Dutch wall time."""
        ends = self.starts if self.ends is None else self.ends
        return dutch_time(ends).date() if isinstance(ends, datetime) else ends


def entries(agreement: Agreement, national: NationalYear) -> list[CalendarEntry]:
    """Return all entries of a region's calendar, in chronological order.

    Args:
        agreement: agreement of the region.
        national: national data of its school year.
    """
    found = [
        *(entry for kind, agreed in agreement.rounds.items() for entry in _of_round(agreement, kind, agreed)),
        *_occasions(agreement),
        *_statutory(agreement, national),
        *_holidays(agreement, national),
    ]
    return sorted(found, key=_in_time)


def entries_for(school: School, region_entries: list[CalendarEntry]) -> list[CalendarEntry]:
    """Return the entries for one school.

    Args:
        school: the school.
        region_entries: the entries of the region, from `entries`.
    """
    audience = Audience(school.kind.value)
    return [entry for entry in region_entries if audience in entry.audience]


def reminder_moment(due: datetime, days_before: int) -> datetime:
    """Return the moment of a reminder, in UTC: at the Dutch wall time of the deadline, some days before it.

    A wall time skipped by summer time becomes one hour later.

    Args:
        due: the deadline, with time zone.
        days_before: number of calendar days.
    """
    local = dutch_time(due)
    moment = (local.replace(tzinfo=None) - timedelta(days=days_before)).replace(tzinfo=local.tzinfo, fold=local.fold)
    return moment.astimezone(UTC)


def _in_time(entry: CalendarEntry) -> tuple[date, bool, datetime, str]:
    is_timed = isinstance(entry.starts, datetime)
    moment = entry.starts.astimezone(UTC) if isinstance(entry.starts, datetime) else datetime.min.replace(tzinfo=UTC)
    return entry.first_day, is_timed, moment, entry.uid


def _uid(agreement: Agreement, *parts: str) -> str:
    return ".".join((agreement.region, agreement.school_year, *parts)) + "@overstap"


def _of_round(agreement: Agreement, kind: RoundKind, agreed: Round) -> list[CalendarEntry]:
    words = texts("agreements/calendar")["milestones"]
    names = {person.account: person.name for person in agreement.coordinators}
    facts = {
        "categories": ", ".join(sorted(agreed.categories)) or "-",
        "coordinators": ", ".join(names[account] for account in agreed.gate_answered_by or names),
        "addenda": ", ".join(agreed.addenda) or "-",
    }
    return [
        CalendarEntry(
            uid=_uid(agreement, kind.value, name),
            kind=EntryKind.MILESTONE,
            title=words[name]["title"]["nl"].format(round=kind.dutch),
            text=words[name]["text"]["nl"].format(**facts),
            starts=getattr(agreed.milestones, name),
            ends=None,
            audience=(
                Audience((kind.received_by if name in _FOR_RECEIVERS else kind.supplied_by).value),
                Audience.REGION,
            ),
            reminders=tuple(
                sorted({reminder.days_before for reminder in agreed.reminders if reminder.of == name}, reverse=True)
            ),
            round=kind,
            milestone=name,
        )
        for name in kind.milestones
    ]


def _occasions(agreement: Agreement) -> list[CalendarEntry]:
    # The UID derives from the name, so that it stays the same when the date or the position in the list changes
    seen: dict[str, int] = {}
    found = []
    for occasion in agreement.occasions:
        name = "".join(letter if letter.isalnum() else "-" for letter in occasion.name.lower())
        seen[name] = seen.get(name, 0) + 1
        found.append(
            CalendarEntry(
                uid=_uid(agreement, "occasion", name if seen[name] == 1 else f"{name}-{seen[name]}"),
                kind=EntryKind.OCCASION,
                title=occasion.name,
                text="",
                starts=occasion.starts,
                ends=occasion.ends,
                audience=_EVERYBODY,
            )
        )
    return found


def _statutory(agreement: Agreement, national: NationalYear) -> list[CalendarEntry]:
    words = texts("agreements/calendar")["statutory"]
    found = []
    for name, period in national.statutory:
        is_deadline = words[name].get("is_deadline", False)
        found.append(
            CalendarEntry(
                uid=_uid(agreement, "statutory", name),
                kind=EntryKind.STATUTORY,
                title=words[name]["nl"],
                text=period.source,
                starts=period.last if is_deadline else period.first,
                ends=period.last,
                audience=_EVERYBODY,
            )
        )
    return found


def _holidays(agreement: Agreement, national: NationalYear) -> list[CalendarEntry]:
    def whole_days(uid: str, name: str, first: date, last: date, text: str) -> CalendarEntry:
        return CalendarEntry(_uid(agreement, "holiday", uid), EntryKind.HOLIDAY, name, text, first, last, _EVERYBODY)

    found = [
        whole_days(day.isoformat(), name[:1].upper() + name[1:], day, day, "")
        for day, name in national.public_holidays.items()
    ]
    part = agreement.holiday_region
    if part is not None:
        for holiday in national.school_holidays:
            period = holiday.of(part)
            name = f"{holiday.name} ({part.dutch})"
            found.append(whole_days(holiday.name.lower(), name, period.first, period.last, period.source))
    return found
