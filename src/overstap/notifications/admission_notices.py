"""Notices about the legal period for a decision on admission: before it runs out, and when it is over.

They are of a school year and not of a round, since the period runs while no round is open.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from overstap.agreements import Agreement
from overstap.agreements.national import NationalYear, national_year
from overstap.ledger.notifications.notices import Notice
from overstap.ledger.rounds.undecided_applications import UndecidedApplications

ADMISSION_KINDS = ("admission_due", "admission_over", "admission_over_region")
"""They are mailed also without an open round."""
_NEWS = timedelta(days=7)
"""How long after a period is over it is told."""


def admission_notices(agreement: Agreement, found: Sequence[UndecidedApplications], today: date) -> list[Notice]:
    """Return the notices about periods that run out or are over; those recorded before have the same meaning.

    Args:
        agreement: the newest agreement of the region.
        found: undecided applications of its school year.
        today: the Dutch day.
    """
    national = national_year(agreement.school_year)
    if today < national.statutory.registration.first:
        return []
    counts: dict[tuple[str, date], int] = defaultdict(int)
    for one in found:
        due = national.admission_due(one.first_day, is_support_examined=one.is_support_examined)
        counts[one.secondary_school, due] += one.count
    return [*_due(agreement, national, counts, today), *_over(agreement, counts, today)]


def _due(
    agreement: Agreement, national: NationalYear, counts: dict[tuple[str, date], int], today: date
) -> Iterator[Notice]:
    names = {school.id: school.name for school in agreement.secondary_schools}
    for (school, due), count in counts.items():
        begun = [
            days
            for days in national.admission.reminder_days
            if national.admission_reminded_on(due, days, agreement.holiday_region) <= today <= due
        ]
        if school not in names or not begun:
            continue
        facts = {"school": names[school], "count": count, "due": _day(due)}
        yield Notice("admission_due", f"{school}/{due}/{min(begun)}", f"school:{school}", facts)


def _over(agreement: Agreement, counts: dict[tuple[str, date], int], today: date) -> Iterator[Notice]:
    names = {school.id: school.name for school in agreement.secondary_schools}
    over: dict[date, dict[str, int]] = defaultdict(dict)
    for (school, due), count in counts.items():
        if school in names and due < today <= due + _NEWS:
            over[due][school] = count
    for due, schools in over.items():
        for school, count in schools.items():
            facts = {"school": names[school], "count": count, "due": _day(due)}
            yield Notice("admission_over", f"{school}/{due}", f"school:{school}", facts)
        listed = ", ".join(
            f"{names[school]} ({count})" for school, count in sorted(schools.items(), key=lambda each: -each[1])
        )
        for person in agreement.coordinators:
            facts = {"schools": listed, "count": sum(schools.values()), "due": _day(due)}
            yield Notice("admission_over_region", str(due), f"coordinator:{person.account}", facts)


def _day(day: date) -> str:
    return f"{day.day}-{day.month}-{day.year}"
