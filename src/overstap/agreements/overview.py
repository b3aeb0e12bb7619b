"""HTML page with the school year of a region, for printing on one sheet of A4 landscape."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from overstap.agreements.calendar_entries import CalendarEntry, EntryKind, entries
from overstap.agreements.model import Agreement, Milestones, School
from overstap.agreements.national import NationalYear
from overstap.clock import NETHERLANDS, dutch_time, format_day, short_day, short_month
from overstap.oso.catalogue import catalogue
from overstap.resources import INCLUDE
from overstap.texts import texts

_WIDTH = 1000.0
"""Width of the chart in its own units."""
_POINT = 4.0
"""Width of a single moment."""


@dataclass(frozen=True, slots=True)
class OverviewBar:
    """A period in the chart.

    Args:
        x: left side, in units of the chart.
        width: width, in units of the chart.
        kind: type, which determines the colour: supply, review, deliver, region, law or off.
        label: tooltip, in Dutch.
    """

    x: float
    width: float
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """A row of the chart: a round, the occasions of the region, or the statutory dates."""

    name: str
    bars: Sequence[OverviewBar]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Conversion of days to positions in the chart."""

    first: date
    last: date

    def x(self, moment: datetime | date) -> float:
        if isinstance(moment, datetime):
            local = dutch_time(moment)
            passed = (local.date() - self.first).days + (local.hour * 60 + local.minute) / 1440
        else:
            passed = (moment - self.first).days
        return round(_WIDTH * passed / ((self.last - self.first).days + 1), 1)

    def bar(self, first: datetime | date, last: datetime | date, kind: str, label: str) -> OverviewBar | None:
        """Return a bar, or None when it is outside the chart; the last day is included."""
        begin = max(0.0, self.x(first))
        end = min(_WIDTH, self.x(last if isinstance(last, datetime) else last + timedelta(days=1)))
        if isinstance(last, datetime):
            end = max(end, begin + _POINT)  # a single moment must be visible
        return OverviewBar(begin, round(end - begin, 1), kind, label) if end > begin else None


def overview(agreement: Agreement, national: NationalYear, made_on: date) -> str:
    """Return the calendar of a region as one Dutch HTML page without external resources.

    Args:
        agreement: agreement of the region.
        national: national data of its school year.
        made_on: date shown on the page.
    """
    words = texts("agreements/calendar")
    found = entries(agreement, national)
    scale = _scale(found, national)
    labels = catalogue("2019.1").categories
    environment = Environment(
        loader=FileSystemLoader(INCLUDE / "templates" / "agreements"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("overview.html.j2").render(
        words={name: said["nl"] for name, said in words["page"].items()},
        title=words["page"]["title"]["nl"].format(school_year=agreement.school_year),
        region=agreement.name,
        milestones=[words["milestones"][name]["short"]["nl"] for name in Milestones.model_fields],
        rounds=[
            {
                "name": kind.dutch,
                "moments": [
                    _short(getattr(agreed.milestones, name)).rsplit(" ", 1)
                    if name in kind.milestones
                    else (words["page"]["none"]["nl"], "")
                    for name in Milestones.model_fields
                ],
                "stage": words["stages"][agreed.receivers.value if kind.is_inspected else "partnership"]["nl"],
                "categories": ", ".join(labels.get(name, name).lower() for name in sorted(agreed.categories))
                or words["page"]["none"]["nl"],
                "addenda": ", ".join(agreed.addenda),
            }
            for kind, agreed in agreement.rounds.items()
        ],
        width=_WIDTH,
        months=_months(scale),
        closed=[bar for entry in found if entry.kind is EntryKind.HOLIDAY and (bar := _off(scale, entry))],
        rows=_rows(agreement, found, scale, words),
        occasions=[(_span(entry).split(" - "), entry.title) for entry in found if entry.kind is EntryKind.OCCASION],
        statutory=[(_span(entry).split(" - "), entry.title) for entry in found if entry.kind is EntryKind.STATUTORY],
        holidays=[([_span(entry)], entry.title) for entry in found if _is_news(entry)],
        coordinators=agreement.coordinators,
        clock=words["page"]["clock"]["nl"].format(day=format_day(summer_time_begins(int(agreement.school_year[5:])))),
        assumed=words["page"]["assumed"]["nl"] if national.is_assumed else "",
        made=words["page"]["made"]["nl"].format(day=format_day(made_on), digest=agreement.digest[:12]),
    )


def summer_time_begins(year: int) -> date:
    """Return the last Sunday of March, on which summer time begins in the Netherlands."""
    last = date(year, 3, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def _scale(found: Sequence[CalendarEntry], national: NationalYear) -> _Scale:
    """Return the scale of the months with entries of the region."""
    own = [entry for entry in found if entry.kind in (EntryKind.MILESTONE, EntryKind.OCCASION)]
    first = min((entry.first_day for entry in own), default=national.first_day)
    last = max((entry.last_day for entry in own), default=national.last_day)
    return _Scale(first.replace(day=1), last.replace(day=calendar.monthrange(last.year, last.month)[1]))


def _months(scale: _Scale) -> list[tuple[float, str]]:
    months = []
    day = scale.first
    while day <= scale.last:
        months.append((scale.x(day), short_month(day)))
        day = (day + timedelta(days=32)).replace(day=1)
    return months


def _rows(
    agreement: Agreement, found: Sequence[CalendarEntry], scale: _Scale, words: dict[str, Any]
) -> list[OverviewRow]:
    rows = []
    parts = (("supply", "opens", "data_due"), ("review", "review_opens", "review_closes"))
    for kind, agreed in agreement.rounds.items():
        milestones = agreed.milestones
        bars = [
            scale.bar(
                getattr(milestones, first),
                getattr(milestones, last),
                part,
                f"{words['page'][part]['nl']}: {_short(getattr(milestones, first))} - "
                f"{_short(getattr(milestones, last))}",
            )
            for part, first, last in (*parts, ("deliver", "delivers", "receipts_due"))
            if first in kind.milestones
        ]
        rows.append(OverviewRow(kind.dutch, [bar for bar in bars if bar is not None]))
    own = [
        scale.bar(entry.starts, entry.ends or entry.starts, "region", f"{entry.title}: {_span(entry)}")
        for entry in found
        if entry.kind is EntryKind.OCCASION
    ]
    if own:
        rows.append(OverviewRow(words["page"]["own"]["nl"], [bar for bar in own if bar is not None]))
    law = [
        scale.bar(entry.first_day, entry.last_day, "law", f"{entry.title}: {_span(entry)}")
        for entry in found
        if entry.kind is EntryKind.STATUTORY
    ]
    rows.append(OverviewRow(words["page"]["law"]["nl"], [bar for bar in law if bar is not None]))
    return rows


def _is_news(entry: CalendarEntry) -> bool:
    """Return whether an entry is a holiday outside the weekend."""
    is_one_day = entry.first_day == entry.last_day
    return entry.kind is EntryKind.HOLIDAY and not (is_one_day and entry.first_day.weekday() >= 5)


def _off(scale: _Scale, entry: CalendarEntry) -> OverviewBar | None:
    return scale.bar(entry.first_day, entry.last_day, "off", f"{entry.title}: {_span(entry)}")


def _short(moment: datetime) -> str:
    local = dutch_time(moment)
    return f"{short_day(local.date())} {local:%H:%M}"


def _span(entry: CalendarEntry) -> str:
    """Format the period of an entry in short Dutch form: "wo 21 apr 15:30" or "za 20 feb - zo 28 feb"."""
    if isinstance(entry.starts, datetime):
        if not isinstance(entry.ends, datetime):
            return _short(entry.starts)
        ends = dutch_time(entry.ends)
        same_day = entry.first_day == entry.last_day
        return f"{_short(entry.starts)} - {f'{ends:%H:%M}' if same_day else _short(entry.ends)}"
    if entry.first_day == entry.last_day:
        return short_day(entry.first_day)
    return f"{short_day(entry.first_day)} - {short_day(entry.last_day)}"


def span(entry: CalendarEntry) -> str:
    """Format the period of an entry in short Dutch form."""
    return _span(entry)


def days_until(entry: CalendarEntry, now: datetime) -> int:
    """Return the number of days until the first day of an entry: 0 today, negative for a past day."""
    return (entry.first_day - dutch_time(now).date()).days


def is_over(entry: CalendarEntry, now: datetime) -> bool:
    """Return whether an entry has ended."""
    end = entry.starts if entry.ends is None else entry.ends
    if not isinstance(end, datetime):
        end = datetime.combine(end + timedelta(days=1), time(0), NETHERLANDS)
    return end.astimezone(UTC) < now.astimezone(UTC)


def school_title(school: School, agreement: Agreement) -> str:
    """Return the title of the calendar of a school."""
    return f"Overstap {agreement.school_year}: {school.name}"
