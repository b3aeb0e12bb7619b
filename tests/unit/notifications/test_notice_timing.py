"""Tests of sending times: daily digest, urgent mail at once, quiet hours, by Dutch time."""

from datetime import datetime, timedelta

import pytest

from overstap.agreements import load_agreement
from overstap.agreements.model import Notices
from overstap.clock import NETHERLANDS
from overstap.notifications.timing import is_digest_due, is_quiet, is_urgent_due
from overstap_tools.project import PROJECT

AGREED = Notices()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NETHERLANDS)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2027-03-16 06:59", True),
        ("2027-03-16 07:00", False),
        ("2027-03-16 18:59", False),
        ("2027-03-16 19:00", True),
        ("2027-03-17 00:00", True),
        ("2027-03-20 12:00", True),  # a Saturday
    ],
)
def test_quiet_hours_run_over_midnight_and_the_weekend_is_quiet(moment: str, expected: bool) -> None:
    assert is_quiet(AGREED, at(moment)) is expected
    assert is_quiet(AGREED.model_copy(update={"weekends": True}), at("2027-03-20 12:00")) is False
    day = Notices(quiet_from="12:00", quiet_until="13:00")
    assert [is_quiet(day, at(f"2027-03-16 {hour}")) for hour in ("11:59", "12:00", "13:00")] == [False, True, False]
    assert not is_quiet(Notices(quiet_from="00:00", quiet_until="00:00"), at("2027-03-16 03:00"))


@pytest.mark.fault("F31", "F32")
def test_one_digest_a_day_also_on_the_days_when_the_clock_is_changed() -> None:
    agreed = Notices(weekends=True)
    for day in ("2027-03-28", "2027-10-31", "2027-03-16"):
        morning = at(f"{day} 07:30")
        assert not is_digest_due(agreed, morning - timedelta(minutes=1), None)
        assert is_digest_due(agreed, morning, morning - timedelta(days=1))
        assert not is_digest_due(agreed, morning + timedelta(hours=5), morning)
        assert not is_digest_due(agreed, at(f"{day} 19:00"), None)


def test_urgent_mail_goes_at_once_but_no_storm_of_it() -> None:
    noon = at("2027-03-16 12:00")
    assert is_urgent_due(AGREED, noon, None)
    assert not is_urgent_due(AGREED, noon, noon - timedelta(minutes=59))
    assert is_urgent_due(AGREED, noon, noon - timedelta(minutes=60))
    assert not is_urgent_due(AGREED, at("2027-03-16 23:00"), None)


def test_regions_that_say_nothing_about_mail_have_the_usual_hours() -> None:
    path = PROJECT / "include" / "regions" / "haaglanden" / "2026-2027.yaml"
    assert load_agreement(path).notices == AGREED
