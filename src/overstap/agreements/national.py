"""National data of a school year: statutory dates, school holidays, public holidays, default rounds.

Each year has a file `include/calendar/<school year>.yaml`. For a year without a file, statutory dates and public
holidays are computed from the law and the date of Easter, and school holidays are assumed.
"""

from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self

import yaml
from babel.lists import format_list
from pydantic import Field, ValidationError, model_validator

from overstap.agreements.model import AgreementPart, HolidayRegion, RoundKind
from overstap.agreements.model.refusals import RefusedValue, refusal
from overstap.errors import Bilingual, OverstapError
from overstap.resources import INCLUDE
from overstap.texts import texts

FOLDER = INCLUDE / "calendar"
"""Folder with the national files."""


class Period(AgreementPart):
    """A period of days, first and last day included."""

    first: date
    last: date
    source: str
    """Source of the dates, or "assumed"."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.last:
            raise refusal("last_before_first")
        return self

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


class Statutory(AgreementPart):
    """The periods of the Wet doorstroomtoetsen po (DOMAIN 4.1)."""

    provisional_advice: Period
    test: Period
    test_results: Period
    definitive_advice: Period
    registration: Period
    admission_decision: Period


class SchoolHoliday(AgreementPart):
    """One school holiday, with its days by holiday region."""

    name: str
    """Dutch."""
    north: Period
    middle: Period
    south: Period

    def of(self, region: HolidayRegion) -> Period:
        """Return the days of the holiday in a holiday region."""
        period: Period = getattr(self, region.value)
        return period


class AdmissionPeriod(AgreementPart):
    """How long a secondary school may take to decide on an application."""

    weeks: int = Field(ge=1, le=26)
    support_weeks: int = Field(ge=0, le=26)
    """Weeks more when the school examines which support the pupil needs."""
    source: str
    """Source of the periods, or "assumed"."""
    support_source: str = "assumed"
    """Source of the longer period, or "assumed"."""
    temporary_place_source: str = "assumed"
    """Source of the right to a temporary place once the period is over, or "assumed"."""
    reminder_days: tuple[int, ...] = (14, 3)
    """How many days before a period runs out the secondary school is reminded (`admission_reminded_on`)."""


class RegisterDates(AgreementPart):
    """By when schools exchange advice and test results with the national register (ROD)."""

    provisional_advice: date
    definitive_advice: date
    test_result_days: int = Field(default=14, ge=1, le=100)
    """Days for a test result, from the day on which the school has it."""
    reminder_days: int = Field(default=7, ge=0, le=60)
    """How many days before the last days for advice a primary school is reminded, on the school day on or before it."""
    source: str
    """Source of the dates, or "assumed"."""


class NationalYear(AgreementPart):
    """National data of one school year."""

    school_year: str
    statutory: Statutory
    admission: AdmissionPeriod = AdmissionPeriod(weeks=6, support_weeks=4, source="assumed")
    register_dates: RegisterDates | None = None
    """Dates of the national register; None: not known."""
    public_holidays: dict[date, str]
    """Days on which schools are closed, with their Dutch names."""
    school_holidays: tuple[SchoolHoliday, ...]
    provisional_categories: frozenset[str]
    """Optional categories that a school may receive before the pupil is registered there."""
    rounds: dict[RoundKind, dict[str, Any]] = Field(default_factory=dict)
    """Default keys of each round, in the form of an agreement file."""
    is_assumed: bool = False
    """Whether the year has no file, so that holidays are assumed."""

    def admission_due(self, first_day: date, *, is_support_examined: bool) -> date:
        """Return the last day on which a secondary school decides on an application (DOMAIN 4.1).

        All that is in by the last day of the registration week counts from that day.

        Args:
            first_day: day on which the application was first recorded.
            is_support_examined: whether the school examines support.
        """
        weeks = self.admission.weeks + (self.admission.support_weeks if is_support_examined else 0)
        return max(first_day, self.statutory.registration.last) + timedelta(weeks=weeks)

    def admission_reminded_on(self, due: date, days_before: int, region: HolidayRegion | None) -> date:
        """Return the school day on which a secondary school is reminded of a decision.

        When it would be no school day, a reminder of a week or more ahead comes before it, and a later one after it.

        Args:
            due: last day on which the school decides.
            days_before: one of `admission.reminder_days`.
            region: the holiday region, whose school days count.
        """
        day = due - timedelta(days=days_before)
        if days_before >= 7:
            return self.last_school_day(day, region)
        return min(self.next_school_day(day, region), self.last_school_day(due, region))

    @property
    def first_day(self) -> date:
        """1 August (XSLT rule TR04)."""
        return date(int(self.school_year[:4]), 8, 1)

    @property
    def last_day(self) -> date:
        """31 July."""
        return date(int(self.school_year[5:]), 7, 31)

    def is_in_year(self, day: date) -> bool:
        """Return whether a day is in the school year."""
        return self.first_day <= day <= self.last_day

    def closed_reason(self, day: date, region: HolidayRegion | None) -> str | None:
        """Return the Dutch name of the reason why schools are closed on a day, or None on a school day.

        Args:
            day: the day.
            region: the holiday region; None counts only days that are a holiday in all regions.
        """
        if day in self.public_holidays:
            return self.public_holidays[day]
        regions = tuple(HolidayRegion) if region is None else (region,)
        for holiday in self.school_holidays:
            if all(day in holiday.of(each) for each in regions):
                return holiday.name.lower()
        return ("zaterdag", "zondag")[day.weekday() - 5] if day.weekday() >= 5 else None

    def is_school_day(self, day: date, region: HolidayRegion | None) -> bool:
        """Return whether schools are open on a day."""
        return self.closed_reason(day, region) is None

    def school_days(self, first: date, last: date, region: HolidayRegion | None) -> list[date]:
        """Return the school days of a period, first and last day included."""
        days = (first + timedelta(days=serial) for serial in range((last - first).days + 1))
        return [day for day in days if self.is_school_day(day, region)]

    def next_school_day(self, day: date, region: HolidayRegion | None) -> date:
        """Return the first school day on or after a day."""
        while not self.is_school_day(day, region):
            day += timedelta(days=1)
        return day

    def last_school_day(self, day: date, region: HolidayRegion | None) -> date:
        """Return the last school day on or before a day."""
        while not self.is_school_day(day, region):
            day -= timedelta(days=1)
        return day


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (anonymous algorithm, as in Meeus, Astronomical Algorithms, 8)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - correction + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def public_holidays(school_year: str) -> dict[date, str]:
    """Return the public holidays of a school year with their Dutch names.

    These are the generally recognised holidays (Algemene termijnenwet art. 3) and Good Friday, on which nearly all
    schools are closed. King's Day is 26 April when the 27th is a Sunday.

    Args:
        school_year: school year, such as "2026-2027".
    """
    first, year = int(school_year[:4]), int(school_year[5:])
    sunday = easter(year)
    kings_day = date(year, 4, 27)
    if kings_day.weekday() == 6:
        kings_day = date(year, 4, 26)
    named = [
        (date(first, 12, 25), "eerste kerstdag"),
        (date(first, 12, 26), "tweede kerstdag"),
        (date(year, 1, 1), "nieuwjaarsdag"),
        (sunday - timedelta(days=2), "Goede Vrijdag"),
        (sunday, "eerste paasdag"),
        (sunday + timedelta(days=1), "tweede paasdag"),
        (kings_day, "Koningsdag"),
        (date(year, 5, 5), "Bevrijdingsdag"),
        (sunday + timedelta(days=39), "Hemelvaartsdag"),
        (sunday + timedelta(days=49), "eerste pinksterdag"),
        (sunday + timedelta(days=50), "tweede pinksterdag"),
    ]
    found: dict[date, str] = {}
    for day, name in named:
        found[day] = format_list([found[day], name], locale="nl") if day in found else name
    return dict(sorted(found.items()))


def statutory(school_year: str) -> dict[str, dict[str, Any]]:
    """Return the statutory periods of a school year (DOMAIN 4.1), which are the same days every year."""
    first, year = int(school_year[:4]), int(school_year[5:])
    law = "Wet doorstroomtoetsen po (DOMAIN 4.1)"
    days = {
        "provisional_advice": (date(year, 1, 10), date(year, 1, 31)),
        "test": (date(year, 1, 25), date(year, 2, 16)),
        "test_results": (date(first, 8, 1), date(year, 3, 15)),
        "definitive_advice": (date(first, 8, 1), date(year, 3, 24)),
        "registration": (date(year, 3, 25), date(year, 3, 31)),
        "admission_decision": (date(year, 4, 1), date(year, 5, 12)),
    }
    return {name: {"first": days[name][0], "last": days[name][1], "source": law} for name in days}


def _saturday_on_or_after(day: date) -> date:
    return day + timedelta(days=(5 - day.weekday()) % 7)


def assumed(school_year: str) -> NationalYear:
    """Return a school year without a file: statutory dates, and holidays on their usual days."""
    first, year = int(school_year[:4]), int(school_year[5:])

    def holiday(name: str, weeks: int, north: date, middle: date, south: date) -> dict[str, Any]:
        def days(start: date) -> dict[str, Any]:
            saturday = _saturday_on_or_after(start)
            return {"first": saturday, "last": saturday + timedelta(days=7 * weeks + 1), "source": "assumed"}

        return {"name": name, "north": days(north), "middle": days(middle), "south": days(south)}

    christmas = date(first, 12, 19)
    may = date(year, 4, 23)
    holidays = [
        holiday("Herfstvakantie", 1, date(first, 10, 10), date(first, 10, 17), date(first, 10, 17)),
        holiday("Kerstvakantie", 2, christmas, christmas, christmas),
        holiday("Voorjaarsvakantie", 1, date(year, 2, 20), date(year, 2, 20), date(year, 2, 13)),
        holiday("Meivakantie", 2, may, may, may),
        holiday("Zomervakantie", 6, date(year, 7, 10), date(year, 7, 17), date(year, 7, 4)),
    ]
    return NationalYear.model_validate(
        {
            "school_year": school_year,
            "statutory": statutory(school_year),
            "register_dates": {
                "provisional_advice": date(year, 2, 14),
                "definitive_advice": date(year, 4, 7),
                "source": "duo.nl (DOMAIN 9)",
            },
            "public_holidays": public_holidays(school_year),
            "school_holidays": holidays,
            "provisional_categories": ["toetsresultaten"],
            "is_assumed": True,
        }
    )


@cache
def _read(path: Path, changed_at_ns: int) -> NationalYear:
    """Read a national file; cached until it changes, since all agreements of the year need it."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        national = NationalYear.model_validate(raw)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        reason = " ".join(str(problem).split())
        raise OverstapError(
            "AGREEMENT-001", file=path.name, problem=Bilingual(texts("agreements/checks")["yaml_other"]["nl"], reason)
        ) from problem
    except ValidationError as problem:
        faults = [(".".join(map(str, fault["loc"])), RefusedValue(fault)) for fault in problem.errors()]
        dutch, english = (
            "; ".join(f"{key}: {refused.sentence(language)}" for key, refused in faults) for language in ("nl", "en")
        )
        raise OverstapError("AGREEMENT-001", file=path.name, problem=Bilingual(dutch, english)) from problem
    if national.school_year != path.stem:
        form, year = texts("agreements/refusals")["another_year"], national.school_year
        dutch, english = (form[language].format(school_year=year) for language in ("nl", "en"))
        raise OverstapError("AGREEMENT-001", file=path.name, problem=Bilingual(dutch, english))
    return national


def national_year(school_year: str, folder: Path = FOLDER) -> NationalYear:
    """Return the national data of a school year; computed and assumed when it has no file.

    Args:
        school_year: school year, such as "2026-2027".
        folder: folder with the national files.

    Raises:
        OverstapError: AGREEMENT-001 when the file is invalid.
    """
    changed_at = changed_at_ns(school_year, folder)
    return _read(_path(school_year, folder), changed_at) if changed_at else assumed(school_year)


def changed_at_ns(school_year: str, folder: Path = FOLDER) -> int:
    """Return when the file of a school year changed, in nanoseconds since 1970; 0 when it has none.

    Args:
        school_year: school year, such as "2026-2027".
        folder: folder with the national files.
    """
    path = _path(school_year, folder)
    return path.stat().st_mtime_ns if path.is_file() else 0


def _path(school_year: str, folder: Path) -> Path:
    return folder / f"{school_year}.yaml"
