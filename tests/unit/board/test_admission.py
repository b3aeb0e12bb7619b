"""The legal period for a decision on admission: from which day it counts, and in which week it runs out."""

from datetime import date

import pytest

from overstap.agreements.national import NationalYear, assumed, national_year
from overstap.ledger.rounds.undecided_applications import UndecidedApplications
from overstap.pages.board.views.admission import lines

YEAR = national_year("2026-2027")
A, B = "98XA00", "98XB00"


@pytest.mark.parametrize(
    ("first", "examined", "due"),
    [
        (date(2027, 3, 1), False, date(2027, 5, 12)),  # early counts from the end of the week of registration
        (date(2027, 3, 31), False, date(2027, 5, 12)),
        (date(2027, 4, 1), False, date(2027, 5, 13)),
        (date(2027, 3, 26), True, date(2027, 6, 9)),
    ],
)
def test_the_period_counts_from_the_end_of_the_registration_week(first: date, examined: bool, due: date) -> None:
    assert YEAR.admission_due(first, is_support_examined=examined) == due
    assert YEAR.statutory.admission_decision.last == date(2027, 5, 12)


def test_the_weeks_are_data_of_the_year() -> None:
    plain = assumed("2027-2028").model_dump(mode="json")
    plain["admission"] = {"weeks": 8, "support_weeks": 1, "source": "made up"}
    other = NationalYear.model_validate(plain)
    assert other.admission_due(date(2028, 3, 31), is_support_examined=True) == date(2028, 6, 2)


def test_each_application_is_counted_in_the_week_in_which_its_period_runs_out() -> None:
    found = [
        UndecidedApplications(A, date(2027, 3, 26), False, 3),  # 12 May, a Wednesday
        UndecidedApplications(A, date(2027, 4, 8), False, 2),  # 20 May
        UndecidedApplications(A, date(2027, 3, 26), True, 1),  # 9 June
        UndecidedApplications(B, date(2027, 4, 4), False, 4),  # 16 May, a Sunday
    ]
    said = lines(found, YEAR, date(2027, 5, 12), {A: "Anna", B: "Beta"})
    assert [(one.name, one.overdue, one.this_week, one.next_week, one.later, one.examined) for one in said] == [
        ("Anna", 0, 3, 2, 1, 1),
        ("Beta", 0, 4, 0, 0, 0),
    ]
    late = lines(found, YEAR, date(2027, 5, 17), {A: "Anna"})
    assert [(one.name, one.overdue, one.this_week, one.next_day) for one in late] == [
        (B, 4, 0, None),
        ("Anna", 3, 2, date(2027, 5, 20)),
    ]
