"""Shift of moments to another school year, at the same distance in school days from the nearest national date."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from overstap.agreements.model import HolidayRegion
from overstap.agreements.national import NationalYear
from overstap.clock import format_day
from overstap.texts import Count, texts

_EDGES = (
    ("provisional_advice", "first"),
    ("provisional_advice", "last"),
    ("test", "first"),
    ("test", "last"),
    ("test_results", "last"),
    ("definitive_advice", "last"),
    ("registration", "first"),
    ("registration", "last"),
    ("admission_decision", "last"),
)
"""The national dates that a moment can be near: first or last day of a statutory period (DOMAIN 4.1)."""


@dataclass(frozen=True, slots=True)
class ShiftedMoment:
    """A moment in the new school year.

    Args:
        wall: Dutch wall time, naive.
        period: name of the statutory period that it is nearest to.
        edge: "first" or "last" day of that period.
        national_date: that day in the new school year.
        school_days: number of school days between that day and the moment; negative before it.
    """

    wall: datetime
    period: str
    edge: str
    national_date: date
    school_days: int

    def source(self, before: str) -> str:
        """Return the source of the date, Dutch, for the key `sources`.

        Args:
            before: the school year that it was taken from.
        """
        words = texts("agreements/new")
        side = "same" if self.school_days == 0 else "after" if self.school_days > 0 else "before"
        facts = {"days": Count(abs(self.school_days)), "day": format_day(self.national_date), "before": before}
        called = words["periods"][self.period][self.edge]["nl"]
        return str(words["sources"][side]["nl"]).format(period=called, **facts)


class YearShift:
    """Shift from one school year to another.

    Both years count the school days of the same holiday region, so that a moment keeps its distance although holidays
    moved.

    Args:
        before: national data of the school year to shift from.
        after: national data of the school year to shift to.
        holiday_region: holiday region of the schools; None counts the holidays of the whole country only.
    """

    def __init__(self, before: NationalYear, after: NationalYear, holiday_region: HolidayRegion | None) -> None:
        self.before, self.after, self.holiday_region = before, after, holiday_region
        self._days_before, self._days_after = (
            year.school_days(year.first_day, year.last_day, holiday_region) for year in (before, after)
        )

    def shifted(self, wall: datetime, *, keeps_national_date: bool = False) -> ShiftedMoment:
        """Return a moment of the old year in the new one, at the same time of day.

        Args:
            wall: Dutch wall time of the old year, naive.
            keeps_national_date: whether a moment on a national date itself stays on it, also when schools are closed.
        """
        day = wall.date()
        period, edge = min(_EDGES, key=lambda name: abs(day - _date_of(self.before, *name)))
        anchor_before, anchor_after = _date_of(self.before, period, edge), _date_of(self.after, period, edge)
        if keeps_national_date and day == anchor_before:
            return ShiftedMoment(datetime.combine(anchor_after, wall.time()), period, edge, anchor_after, 0)
        distance = _number(self._days_before, day, "first") - _number(self._days_before, anchor_before, edge)
        serial = _number(self._days_after, anchor_after, edge) + distance - 1
        moved = self._days_after[min(max(serial, 0), len(self._days_after) - 1)]
        return ShiftedMoment(datetime.combine(moved, wall.time()), period, edge, anchor_after, distance)

    def in_order(
        self, stated: Mapping[str, datetime], shifted: Mapping[str, ShiftedMoment], names: Sequence[str]
    ) -> tuple[dict[str, datetime], list[str]]:
        """Return the shifted moments in the order of their names; one that came before another is put after it.

        Holidays may leave fewer school days between two national dates than last year. A moment that would then come
        too early is put at last year's distance, in school days, after the moment before it.

        Args:
            stated: the moments of the old year, naive.
            shifted: the same, shifted.
            names: their names, in the order that they must have.

        Returns:
            The moments, and the names of those that were put later.
        """
        found: dict[str, datetime] = {}
        late: list[str] = []
        earlier: str | None = None
        for name in names:
            moment = shifted[name].wall
            if earlier is not None and moment < found[earlier]:
                gap = _number(self._days_before, stated[name].date(), "first") - _number(
                    self._days_before, stated[earlier].date(), "first"
                )
                moment = datetime.combine(self.later(found[earlier].date(), gap), stated[name].time())
                if moment < found[earlier]:
                    moment = datetime.combine(self.later(found[earlier].date(), 1), stated[name].time())
                late.append(name)
            found[name] = moment
            earlier = name
        return found, late

    def later(self, day: date, school_days: int) -> date:
        """Return the day a number of school days later in the new year; a school day when the number is not zero."""
        if school_days == 0:
            return day
        serial = bisect_right(self._days_after, day) + school_days - 1
        return self._days_after[min(max(serial, 0), len(self._days_after) - 1)]


def _date_of(year: NationalYear, period: str, edge: str) -> date:
    day: date = getattr(getattr(year.statutory, period), edge)
    return day


def _number(school_days: Sequence[date], day: date, edge: str) -> int:
    """Return the serial number, from 1, of a school day; of another day, that of the next ("first") or the last one."""
    found = bisect_right(school_days, day)
    is_school_day = found > 0 and school_days[found - 1] == day
    return found + (edge == "first" and not is_school_day)
