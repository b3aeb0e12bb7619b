"""Notices about the legal period for a decision: by the calendar, once per day that counts, to whom it concerns."""

from datetime import date

import pytest

from overstap.agreements import Agreement, load_agreement
from overstap.agreements.national import national_year
from overstap.ledger.rounds.undecided_applications import UndecidedApplications
from overstap.notifications.admission_notices import admission_notices
from overstap_tools.project import PROJECT

YEAR = national_year("2026-2027")


@pytest.fixture(scope="module")
def agreement() -> Agreement:
    return load_agreement(PROJECT / "include" / "regions" / "haaglanden" / "2026-2027.yaml")


def told(agreement: Agreement, today: date, *found: UndecidedApplications) -> list[tuple[str, str, str]]:
    return [(one.kind, one.about, one.recipient) for one in admission_notices(agreement, found, today)]


def test_a_school_is_reminded_on_school_days_before_its_period_runs_out(agreement: Agreement) -> None:
    school = agreement.secondary_schools[0].id
    waits = UndecidedApplications(school, date(2027, 3, 26), False, 3)  # until Wednesday 12 May
    # Fourteen days before is 28 April, in the May holiday: the school day before it is 23 April, a Friday
    first, second = f"{school}/2027-05-12/14", f"{school}/2027-05-12/3"
    assert told(agreement, date(2027, 4, 22), waits) == []
    for day in (date(2027, 4, 23), date(2027, 5, 1)):
        assert told(agreement, day, waits) == [("admission_due", first, f"school:{school}")]
    # Three days before is 9 May, the last day of the holiday: the Monday after it
    assert told(agreement, date(2027, 5, 9), waits) == [("admission_due", first, f"school:{school}")]
    assert told(agreement, date(2027, 5, 10), waits) == [("admission_due", second, f"school:{school}")]
    assert YEAR.admission_reminded_on(date(2027, 5, 9), 3, agreement.holiday_region) == date(2027, 4, 23)


def test_a_period_that_is_over_is_told_to_school_and_coordinators_for_a_week(agreement: Agreement) -> None:
    one, two = agreement.secondary_schools[:2]
    found = [
        UndecidedApplications(one.id, date(2027, 3, 26), False, 3),
        UndecidedApplications(two.id, date(2027, 3, 30), False, 1),
        UndecidedApplications(two.id, date(2027, 3, 30), True, 9),  # until 9 June
        UndecidedApplications("99ZZ99", date(2027, 3, 30), False, 9),  # not of this agreement
    ]
    kinds = told(agreement, date(2027, 5, 13), *found)
    assert [who for kind, _, who in kinds if kind == "admission_over"] == [f"school:{one.id}", f"school:{two.id}"]
    assert {who for kind, _, who in kinds if kind == "admission_over_region"} == {
        f"coordinator:{person.account}" for person in agreement.coordinators
    }
    [region] = [
        each for each in admission_notices(agreement, found, date(2027, 5, 13)) if each.kind == "admission_over_region"
    ][:1]
    assert region.facts["schools"] == f"{one.name} (3), {two.name} (1)"
    assert region.facts["count"] == 4
    assert "admission_over" not in {kind for kind, _, _ in told(agreement, date(2027, 5, 20), *found)}


def test_before_the_registration_week_nothing_is_told(agreement: Agreement) -> None:
    waits = UndecidedApplications(agreement.secondary_schools[0].id, date(2027, 1, 4), False, 3)
    assert told(agreement, date(2027, 3, 24), waits) == []
