import pytest
from hypothesis import given
from hypothesis import strategies as st

from overstap.oso.identifiers import is_bsn, is_onderwijsnummer
from overstap.school_numbers import is_school_id
from overstap.simulation.synthetic import numbers


@given(st.integers(0, 200_000))
def test_every_bsn_passes_the_eleven_test(position: int) -> None:
    assert is_bsn(numbers.bsn(position))
    assert not is_bsn(numbers.mistyped(numbers.bsn(position)))


def test_a_country_of_pupils_has_a_number_each() -> None:
    found = {numbers.bsn(position) for position in range(175_000)}
    assert len(found) == 175_000
    assert min(found) >= "998000000"  # docs/sources.md states the range


def test_the_first_block_is_the_one_for_tests() -> None:
    assert {numbers.bsn(position)[:4] for position in range(9_091)} == {"9999"}
    assert numbers.bsn(9_091)[:4] == "9998"


@given(st.integers(0, 9_090))
def test_every_onderwijsnummer_passes_its_check(position: int) -> None:
    number = numbers.onderwijsnummer(position)
    assert is_onderwijsnummer(number)
    assert not is_bsn(number)
    assert number.startswith("1099")


def test_there_is_an_end_to_onderwijsnummers() -> None:
    with pytest.raises(IndexError):
        numbers.onderwijsnummer(9_091)


def test_school_ids_are_synthetic_and_different() -> None:
    primary = [numbers.primary_school(position) for position in range(1_500)]
    secondary = [numbers.secondary_school(position) for position in range(700)]
    assert len({*primary, *secondary}) == 2_200
    assert all(map(is_school_id, primary + secondary))
    assert {one[:2] for one in primary} == {"99"}
    assert {one[:2] for one in secondary} == {"98"}
    assert (primary[0], primary[676], secondary[0]) == ("99AA00", "99AA01", "98XA00")
