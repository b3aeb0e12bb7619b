"""The list of pupils whose dossiers a school requests: which numbers are read, and where zeros came back."""

import pytest

from overstap.errors import OverstapError
from overstap.receiver.fetching import read_pupils
from overstap.simulation.synthetic.numbers import bsn


def table(*numbers: str) -> bytes:
    rows = "".join(f"{number};Vis;30-3-2015;99AA00\n" for number in numbers)
    return f"leerlingnummer;achternaam;geboortedatum;basisschool\n{rows}".encode()


def test_zeros_come_back_where_the_check_digit_agrees() -> None:
    found = read_pupils(table(bsn(1), "12345672", "012345672"))
    assert [(one.number, one.restored_at_line) for one in found] == [
        (bsn(1), None),
        ("012345672", 3),
        ("012345672", None),
    ]


@pytest.mark.parametrize("number", ["12345678", "123456789", "345672", "13", "", "0123456720"])
def test_a_number_that_is_none_is_not_made_one(number: str) -> None:
    with pytest.raises(OverstapError) as refused:
        read_pupils(table(bsn(1), number))
    assert (refused.value.code, refused.value.facts["line"]) == ("DELIVERY-057", 3)
    assert number not in refused.value.message_nl or len(number) < 3
