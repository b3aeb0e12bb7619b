"""Numbers, dates and moments only in forms that are written on purpose."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from overstap.tabular.values import NumberFault, NumberFormatError, day, digits, moment


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("999900006", "999900006"),
        ("9999.00.006", "999900006"),
        ("9999 00 006", "999900006"),
        ("999.900.006", "999900006"),
        ("12.345.672", "12345672"),
        ('="012345672"', "012345672"),
        ("'012345672", "012345672"),
        (" 012345672 ", "012345672"),
    ],
)
def test_a_number_as_people_and_programs_write_it(written: str, read: str) -> None:
    assert digits(written) == read


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        ("10000094.0", NumberFault.DECIMAL),
        ("10000094,0", NumberFault.DECIMAL),
        ("10000094.00", NumberFault.DECIMAL),
        ("100000940.0", NumberFault.DECIMAL),
        ("1.00000940E+08", NumberFault.EXPONENT),
        ("1E8", NumberFault.EXPONENT),
        ("9,999E+08", NumberFault.EXPONENT),
        ("1000.0094.0", NumberFault.OTHER),
        ("1.0.0.0.0.0.9.4.0", NumberFault.OTHER),
        ("99990 0006", NumberFault.OTHER),
        ("9999.00 006", NumberFault.OTHER),
        ("-999900006", NumberFault.OTHER),
        ("999900006x", NumberFault.OTHER),
        ("٩٩٩٩٠٠٠٠٦", NumberFault.OTHER),
        ("", NumberFault.OTHER),
    ],
)
def test_a_number_in_another_form_is_refused_with_its_likely_cause(written: str, cause: NumberFault) -> None:
    with pytest.raises(NumberFormatError) as told:
        digits(written)
    assert told.value.cause is cause


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2027-03-26", datetime(2027, 3, 26)),  # noqa: DTZ001 (wall time, for the caller to place)
        ("20270326", datetime(2027, 3, 26)),  # noqa: DTZ001
        ("26-3-2027", datetime(2027, 3, 26)),  # noqa: DTZ001
        ("26-3-2027 9:05", datetime(2027, 3, 26, 9, 5)),  # noqa: DTZ001
        ("2027-03-26 9:05:30", datetime(2027, 3, 26, 9, 5, 30)),  # noqa: DTZ001
        ("2027-03-26T09:05:30.123456789", datetime(2027, 3, 26, 9, 5, 30, 123456)),  # noqa: DTZ001
        ("2027-03-26T13:05:00+00:00", datetime(2027, 3, 26, 13, 5, tzinfo=UTC)),
        ("2027-03-26 14:05:00+01", datetime(2027, 3, 26, 14, 5, tzinfo=timezone(timedelta(hours=1)))),  # PostgreSQL
        ("26\u20113\u20132027 9:05", datetime(2027, 3, 26, 9, 5)),  # noqa: DTZ001 (dashes of a text program)
        ("2027-03-26 13:05Z", datetime(2027, 3, 26, 13, 5, tzinfo=UTC)),
    ],
)
def test_moments(written: str, read: datetime) -> None:
    assert moment(written) == read


@pytest.mark.parametrize(
    "written",
    ["26/3/2027", "3-26-2027", "26-3-27", "42093", "2027-3-26", "2027-W13-1", "9:05", "26-3-2027 9.05",
     "26-3-2027 24:00", "26-3-2027 9:05 PM", "30-2-2027", "0000-01-01", "2027-03-26 9:05 +99:00", "", "gisteren"],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_or_in_none(written: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (which of the library's sentences does not matter)
        moment(written)


def test_a_day_with_the_time_that_a_program_adds() -> None:
    assert day("2015-03-30 00:00:00") == day("30-3-2015") == date(2015, 3, 30)
