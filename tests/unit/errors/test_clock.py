from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from overstap.clock import (
    NETHERLANDS,
    dutch_time,
    format_day,
    format_digits,
    format_moment,
    moment_formats,
    now,
    short_day,
    short_month,
    weekday,
)


def test_now_is_aware_and_in_utc() -> None:
    assert now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (datetime(2027, 3, 12, 15, 0, tzinfo=UTC), "vrijdag 12 maart 2027, 16:00 uur"),
        (datetime(2027, 7, 1, 15, 0, tzinfo=UTC), "donderdag 1 juli 2027, 17:00 uur"),
        # F31 and F32: the last second before each change of the clock, and the first after it
        (datetime(2027, 3, 28, 0, 59, tzinfo=UTC), "zondag 28 maart 2027, 01:59 uur"),
        (datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "zondag 28 maart 2027, 03:00 uur"),
        (datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "zondag 31 oktober 2027, 02:30 uur (zomertijd)"),
        (datetime(2027, 10, 31, 1, 30, tzinfo=UTC), "zondag 31 oktober 2027, 02:30 uur (wintertijd)"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "vrijdag 1 januari 2027, 00:30 uur"),
        (datetime(2028, 2, 29, 8, 5, tzinfo=timezone(timedelta(hours=-5))), "dinsdag 29 februari 2028, 14:05 uur"),
    ],
)
def test_moments_as_the_dutch_say_them(moment: datetime, said: str) -> None:
    assert format_moment(moment) == said
    # == tells moments of the double hour apart from themselves
    assert dutch_time(moment).timestamp() == moment.timestamp()
    assert dutch_time(moment).tzinfo is NETHERLANDS


def test_a_moment_without_a_zone_has_no_wall_time() -> None:
    with pytest.raises(ValueError, match="zone"):
        dutch_time(datetime(2027, 3, 12, 16, 0))  # noqa: DTZ001 (what must be refused)


MONTHS = [
    *("januari", "februari", "maart", "april", "mei", "juni"),
    *("juli", "augustus", "september", "oktober", "november", "december"),
]
DAYS = ["maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"]
SHORT_MONTHS = ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"]


@pytest.mark.parametrize("number", range(0, 366, 5))
def test_days_have_their_dutch_names(number: int) -> None:
    """Whatever release of CLDR Babel brings: no point behind "jan", no capital."""
    day = date(2028, 1, 1) + timedelta(days=number)
    name, month, short = DAYS[day.weekday()], MONTHS[day.month - 1], SHORT_MONTHS[day.month - 1]
    assert format_day(day) == f"{name} {day.day} {month} 2028"
    assert short_day(day) == f"{name[:2]} {day.day} {short}"
    assert (weekday(day), short_month(day)) == (name[:2], short)


def test_a_moment_stands_on_its_dutch_day() -> None:
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert format_day(late) == "vrijdag 1 januari 2027"
    assert short_day(late) == "vr 1 jan"
    assert format_digits(late) == "01-01-2027 00:30"


def test_moments_in_english() -> None:
    english = moment_formats("en")
    assert format_moment(datetime(2027, 3, 12, 15, 0, tzinfo=UTC), english) == "Friday 12 March 2027, 16:00"
    assert (
        format_moment(datetime(2027, 10, 31, 1, 30, tzinfo=UTC), english)
        == "Sunday 31 October 2027, 02:30 (winter time)"
    )
    assert format_day(date(2027, 3, 12), english) == "Friday 12 March 2027"
