import pytest

from overstap.oso.identifiers import is_bsn, is_onderwijsnummer, is_postcode, with_zeros
from overstap.school_numbers import is_brin, is_school_id


@pytest.mark.parametrize(
    ("test", "good", "bad"),
    [
        (
            is_bsn,
            ["999900018", "012345672"],
            ["999900019", "000000000", "99990001", "9999 00018", "99990001x", ""],
        ),
        (is_onderwijsnummer, ["101222331"], ["101222332", "999900018", "10122233", ""]),
        (is_brin, ["99AB", "00YY"], ["99ab", "9AAB", "99AB00", "99AB ", ""]),
        (is_school_id, ["99AB00"], ["99AB", "99AB0", "99AB000", "99AB0x"]),
        (is_postcode, ["1811JJ", "1811 JJ"], ["0811JJ", "1811SA", "1811 SS", "1811jj", "1811  JJ", "181JJ", ""]),
    ],
)
def test_forms_and_check_digits(test, good, bad):
    assert [each for each in good if not test(each)] == []
    assert [each for each in bad if test(each)] == []


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("999900018", "999900018"),
        ("101222331", "101222331"),
        ("12345672", "012345672"),
        ("12345673", None),
        ("12", None),  # 000000012 passes the eleven test, as one in eleven of such numbers does
        ("", None),
        ("0999900018", None),
    ],
)
def test_zeros_come_back_where_two_at_most_are_gone_and_the_check_digit_agrees(
    written: str, number: str | None
) -> None:
    assert is_bsn("000000012")
    assert with_zeros(written) == number
