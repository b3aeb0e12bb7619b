"""Applications that a secondary school has not decided about: how many, since when, and whether support is examined."""

from dataclasses import dataclass
from datetime import date

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class UndecidedApplications:
    """Number of undecided applications at a school with one first day.

    Args:
        secondary_school: BRIN and branch.
        first_day: Dutch day on which the application was first recorded at its source.
        is_support_examined: whether the school examines, or examined, which support the pupil needs.
        count: number of applications.
    """

    secondary_school: str
    first_day: date
    is_support_examined: bool
    count: int


def undecided_applications(unit: UnitOfWork, school_year: str) -> list[UndecidedApplications]:
    """Return the applications in force that led to no registration or placement, by school and first day.

    An application of a pupil who is placed at another school is left out: nobody waits for it.

    Args:
        unit: the transaction; it needs no key.
        school_year: school year, such as "2026-2027".
    """
    return [
        UndecidedApplications(*row)
        for row in unit.rows(
            """
            select t.secondary_school, t.first_day, t.is_examined, count(*)
              from (select a.secondary_school,
                           (min(least(e.stated_at, a.recorded_at)) at time zone 'Europe/Amsterdam')::date as first_day,
                           bool_or(e.status = 'support_examined') is true as is_examined
                      from overstap.application a
                      join overstap.application_event e
                        on e.region = a.region and e.school_year = a.school_year and e.pupil = a.pupil
                       and e.secondary_school = a.secondary_school
                     where a.school_year = %(year)s and a.withdrawn_at is null and a.stage = 'applied'
                       and coalesce(a.status, 'applied') <> 'placed'
                       and not exists (select from overstap.application x
                                        where x.region = a.region and x.school_year = a.school_year
                                          and x.pupil = a.pupil and x.withdrawn_at is null and x.stage = 'placed')
                     group by a.region, a.school_year, a.pupil, a.secondary_school) t
             group by 1, 2, 3 order by 1, 2, 3
            """,
            year=school_year,
        )
    ]
