"""Tests of the search for a dossier by its reference, within its own region."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_walk import REGION, ROUND, incoming, supply

from overstap.ledger import Ledger
from overstap.ledger.dossiers.reference import find_by_reference, read_reference, reference

TYPED = (
    "' or '1'='1",
    "%",
    "%%%%%%%%",
    "________",
    "0000-000%",
    "0000-0000'--",
    "0000-0000; drop table x",
    "0000\x000000",
    "\u0660\u0660\u0660\u0660-\u0660\u0660\u0660\u0660",
    "{{ 7 * 7 }}",
    "%(hex)s",
    "0" * 100_000,
    "",
    "-",
)


@pytest.fixture
def found(ledger: Ledger) -> str:
    supply(ledger, *(incoming(f"99999{number:04}", las_key=str(number)) for number in range(5)))
    with ledger.unit(REGION, "test") as unit:
        return reference(unit.rows("select dossier from overstap.dossier order by dossier limit 1")[0][0])


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_reference_or_none(typed: str) -> None:
    read = read_reference(typed)
    assert read is None or read == read_reference(read)


def test_only_a_whole_reference_finds_and_only_its_own(ledger: Ledger, found: str) -> None:
    with ledger.unit(REGION, "test") as unit:
        assert len(find_by_reference(unit, found)) == 1
        assert len(find_by_reference(unit, f" {found.lower().replace('-', ' ')} ", ROUND)) == 1
        for typed in (*TYPED, found[:-1], f"{found}0", found[:4]):
            assert find_by_reference(unit, typed) == [], typed
        assert find_by_reference(unit, found, "alfa.2026-2027.placement") == []
    with ledger.unit("beta", "test") as unit:
        assert find_by_reference(unit, found) == []


def test_references_do_not_follow_one_another(ledger: Ledger, found: str) -> None:
    """Whoever has one cannot count on to the next: forty random bits, not a number that goes up."""
    bits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    with ledger.unit(REGION, "test") as unit:
        hits = [
            near
            for place in range(9)
            if found[place] != "-"
            for sign in bits
            if sign != found[place]
            for near in find_by_reference(unit, found[:place] + sign + found[place + 1 :])
        ]
    assert hits == []
