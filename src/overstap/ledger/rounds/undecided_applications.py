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
    # Grouped and not joined: of a list that was just taken in the planner knows no number, and loops over its square
    return [
        UndecidedApplications(*row)
        for row in unit.rows(
            """
            select t.secondary_school, t.first_day, t.is_examined, count(*)
              from (select x.secondary_school, (min(x.at) at time zone 'Europe/Amsterdam')::date as first_day,
                           bool_or(x.is_examined) is true as is_examined
                      from (select a.pupil, a.secondary_school, a.recorded_at as at, false as is_examined,
                                   a.stage = 'applied' and coalesce(a.status, 'applied') <> 'placed' as is_open
                              from overstap.application a
                             where a.school_year = %(year)s and a.withdrawn_at is null
                               and a.pupil not in (select p.pupil from overstap.application p
                                                    where p.school_year = %(year)s and p.withdrawn_at is null
                                                      and p.stage = 'placed')
                            union all
                            select e.pupil, e.secondary_school, e.stated_at, e.status = 'support_examined', null
                              from overstap.application_event e where e.school_year = %(year)s) x
                     group by x.pupil, x.secondary_school having bool_or(x.is_open)) t
             group by 1, 2, 3 order by 1, 2, 3
            """,
            year=school_year,
        )
    ]
