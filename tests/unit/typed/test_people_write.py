"""What people write in a form, and what is asked again."""

from datetime import date

import pytest

from overstap.typed.people_write import NotUnderstoodError, read_day, read_month, read_number, read_street


@pytest.mark.parametrize(
    "text",
    [
        *("3 mei 2014", "03-05-2014", "3-5-2014", "3/5/2014", "3.5.2014", "2014-05-03", "3 MEI 2014", " 3  mei  2014 "),
        *("zaterdag 3 mei 2014", "3 mei, 2014", "03 05 2014", "3\u20135\u20132014"),
    ],
)
def test_a_date_as_people_write_it(text: str) -> None:
    assert read_day(text) == date(2014, 5, 3)


@pytest.mark.parametrize(
    ("text", "month"), [("1 mrt 2014", 3), ("1 maart 2014", 3), ("1 okt. 2014", 10), ("1 sept 2014", 9)]
)
def test_months_in_words(text: str, month: int) -> None:
    assert read_day(text) == date(2014, month, 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *(("3-5-14", "year"), ("3 mei '14", "year"), ("31-02-2014", "no_such_day"), ("5/13/2014", "no_such_day")),
        *(("gisteren", "date"), ("3 foo 2014", "date"), ("", "date"), ("41762", "date"), ("٣-٥-٢٠١٤", "date")),
    ],
)
def test_a_date_that_is_asked_again(text: str, why: str) -> None:
    with pytest.raises(NotUnderstoodError) as found:
        read_day(text)
    assert found.value.why == why


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Dorpsstraat 12", ("Dorpsstraat", "12", "")),
        ("Dorpsstraat 12a", ("Dorpsstraat", "12", "a")),
        ("Dorpsstraat 12 a bis", ("Dorpsstraat", "12", "a bis")),
        ("Dorpsstraat 12-14", ("Dorpsstraat", "12", "14")),
        ("Lange Voorhout, 7/2", ("Lange Voorhout", "7", "2")),
        ("1e Dwarsstraat 3-II", ("1e Dwarsstraat", "3", "II")),
        ("Plein 1944 7", ("Plein 1944", "7", "")),
        ("Postbus 1234", ("Postbus", "1234", "")),
        ("  's-Gravenweg   12 ", ("'s-Gravenweg", "12", "")),
    ],
)
def test_an_address_on_one_line(text: str, parts: tuple[str, str, str]) -> None:
    found = read_street(text)
    assert (found.street, found.number, found.addition) == parts


@pytest.mark.parametrize("text", ["Dorpsstraat", "12", "Dorpsstraat12", "", "Straat nul"])
def test_an_address_without_a_number_is_asked_again(text: str) -> None:
    with pytest.raises(NotUnderstoodError, match="street"):
        read_street(text)


def test_months_and_numbers() -> None:
    assert read_month("mei 2014") == read_month("05-2014") == read_month("2014-05") == (2014, 5)
    assert read_number("7,5", "decimal") == "7.5"
    assert read_number("1 200", "integer") == "1200"
    for text, base, why in (("7,5", "integer", "whole"), ("1.000,5", "decimal", "number"), ("tien", "int", "number")):
        with pytest.raises(NotUnderstoodError, match=why):
            read_number(text, base)
    with pytest.raises(NotUnderstoodError, match="month"):
        read_month("13-2014")
