"""Notices to primary schools about advice and test: before the days of the calendar, and what is missing after them.

They are of a school year and not of a round, since the days fall between rounds.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from overstap.agreements import Agreement
from overstap.agreements.national import NationalYear, national_year
from overstap.ledger.notifications.notices import Notice

DUE_KINDS = ("advice_provisional", "advice_register_provisional", "advice_definitive", "advice_register_definitive")
"""Reminders of the four days of advice, in their order."""
MISSING_KINDS = ("advice_no_provisional", "advice_no_definitive", "advice_no_test", "advice_reconsider")
"""What is missing, by the flag of `ledger.rosters.by_advice` after the prefix."""
ADVICE_KINDS = (*DUE_KINDS, *MISSING_KINDS)
"""They are mailed also without an open round."""
_NEWS = timedelta(days=7)
"""How long after a day it is told what is missing."""


def advice_notices(agreement: Agreement, missing: Mapping[tuple[str, str], int], today: date) -> list[Notice]:
    """Return the notices about advice and test; those recorded before have the same meaning.

    Args:
        agreement: the newest agreement of the region.
        missing: number of pupils by primary school and flag.
        today: the Dutch day.
    """
    national = national_year(agreement.school_year)
    return [*_due(agreement, national, today), *_missing(agreement, national, missing, today)]


def _due(agreement: Agreement, national: NationalYear, today: date) -> Iterator[Notice]:
    dates, statutory = national.register_dates, national.statutory
    if dates is None:
        return
    days = (
        *(statutory.provisional_advice.last, dates.provisional_advice),
        *(statutory.definitive_advice.last, dates.definitive_advice),
    )
    for kind, due in zip(DUE_KINDS, days, strict=True):
        begins = national.last_school_day(due - timedelta(days=dates.reminder_days), agreement.holiday_region)
        if not begins <= today <= due:
            continue
        for school in agreement.primary_schools:
            yield Notice(kind, f"{school.id}/{due}", f"school:{school.id}", {"school": school.name, "due": _day(due)})


def _missing(
    agreement: Agreement, national: NationalYear, missing: Mapping[tuple[str, str], int], today: date
) -> Iterator[Notice]:
    statutory = national.statutory
    until = {
        "no_provisional": statutory.provisional_advice.last,
        "no_definitive": statutory.definitive_advice.last,
        "no_test": statutory.test_results.last,
    }
    names = {school.id: school.name for school in agreement.primary_schools}
    for (school, flag), count in missing.items():
        kind = f"advice_{flag}"
        if school not in names or kind not in MISSING_KINDS:
            continue
        due = until.get(flag, statutory.definitive_advice.last)
        if flag in until and not due < today <= due + _NEWS:
            continue
        # A reconsideration is told again when there are more or fewer, until the advices are in the register
        about = f"{school}/{due}" if flag in until else f"{school}/{due}/{count}"
        yield Notice(kind, about, f"school:{school}", {"school": names[school], "count": count, "due": _day(due)})


def _day(day: date) -> str:
    return f"{day.day}-{day.month}-{day.year}"
