"""The legal period for a decision on admission, on a round's page: how many run out when, by secondary school."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from overstap.agreements.national import NationalYear
from overstap.ledger.rounds.undecided_applications import UndecidedApplications


@dataclass(frozen=True, slots=True)
class AdmissionLine:
    """Undecided applications at a secondary school, by when their legal period runs out.

    Args:
        school: BRIN and branch.
        name: the school's name.
        overdue: number of those whose period is over: the pupil has a temporary place.
        this_week: number of those that run out by Sunday.
        next_week: number of those that run out in the week after.
        later: number of the others.
        examined: number of those with the longer period, because support is examined.
        next_day: the first day, today or later, on which one runs out; None when all are over.
    """

    school: str
    name: str
    overdue: int
    this_week: int
    next_week: int
    later: int
    examined: int
    next_day: date | None


def lines(
    found: Iterable[UndecidedApplications], national: NationalYear, today: date, names: Mapping[str, str]
) -> list[AdmissionLine]:
    """Return a line per secondary school with undecided applications, the most urgent first.

    Args:
        found: undecided applications.
        national: the national school year, with the periods.
        today: the Dutch day.
        names: name of each school, by its id.
    """
    sunday = today + timedelta(days=6 - today.weekday())
    by_school: dict[str, list[tuple[date, UndecidedApplications]]] = {}
    for one in found:
        due = national.admission_due(one.first_day, is_support_examined=one.is_support_examined)
        by_school.setdefault(one.secondary_school, []).append((due, one))
    made = []
    for school, dues in by_school.items():
        ahead = [due for due, _ in dues if due >= today]
        made.append(
            AdmissionLine(
                school,
                names.get(school, school),
                sum(one.count for due, one in dues if due < today),
                sum(one.count for due, one in dues if today <= due <= sunday),
                sum(one.count for due, one in dues if sunday < due <= sunday + timedelta(days=7)),
                sum(one.count for due, one in dues if due > sunday + timedelta(days=7)),
                sum(one.count for _, one in dues if one.is_support_examined),
                min(ahead, default=None),
            )
        )
    return sorted(made, key=lambda line: (-line.overdue, line.next_day or date.max, line.name))
