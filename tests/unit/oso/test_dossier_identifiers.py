import pytest

from overstap.oso.identifiers import is_bsn, is_onderwijsnummer, is_postcode
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
