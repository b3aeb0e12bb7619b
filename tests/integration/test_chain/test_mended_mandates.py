"""Agreements that were mended after a registration went wrong: who was not taken anywhere can be registered anew."""

import pytest
from owned import by_owner

from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import test_registrations
from overstap.ledger.invariants import check
from overstap.test_chain.registering import Registrar

from .conftest import REGION, SCHOOL, SUPPLIER_OIN, YEAR, Supplier


def agreed(ledger: Ledger, place: str, value: str) -> None:
    """Have another value in the agreement in force."""
    by_owner(
        ledger,
        "update overstap.round_agreement "
        "set agreement = jsonb_set(agreement, %(place)s::text[], to_jsonb(%(value)s::text))",
        place=place,
        value=value,
    )


def test_a_wrong_oin_or_key_can_be_mended_while_nobody_took_the_pupils(
    registrar: Registrar, supplier: Supplier, opened: Ledger
) -> None:
    agreed(opened, "{test_suppliers,0,oin}", "00000003999999990000")
    with pytest.raises(OverstapError, match="TESTS-008"):
        registrar.register(SCHOOL)
    assert supplier.got == []
    agreed(opened, "{test_suppliers,0,oin}", SUPPLIER_OIN)
    assert registrar.register(SCHOOL, dry_run=True).elsewhere == 0
    said = registrar.register(SCHOOL)
    assert (said.sent, said.elsewhere, len(supplier.got)) == (3, 0, 1)
    with opened.unit(REGION, "test") as unit:
        assert check(unit) == []


def test_a_mended_routing_key_is_told_to_the_supplier(registrar: Registrar, supplier: Supplier, opened: Ledger) -> None:
    registrar.register(SCHOOL)
    with opened.unit(REGION, "test") as unit:
        before = {one.pupil: one.registration for one in test_registrations.known(unit, YEAR, SCHOOL)}
    agreed(opened, "{test_suppliers,0,mandates,0,routing_key}", "0000000700099AB00901")
    assert (registrar.register(SCHOOL).sent, registrar.register(SCHOOL).as_before) == (3, 3)
    assert [query["edu-from"] for _, query, _ in supplier.got] == ["0000000700099AB00900", "0000000700099AB00901"]
    with opened.unit(REGION, "test") as unit:
        after = {one.pupil: one.registration for one in test_registrations.known(unit, YEAR, SCHOOL)}
        assert check(unit) == []
    assert after == before, "the supplier knows them by the same keys"


def test_another_supplier_gets_nobody_whom_the_first_one_took(
    registrar: Registrar, supplier: Supplier, opened: Ledger
) -> None:
    registrar.register(SCHOOL)
    agreed(opened, "{test_suppliers,0,oin}", "00000003999999990000")
    said = registrar.register(SCHOOL)
    assert (said.sent, said.elsewhere, len(supplier.got)) == (0, 3, 1)
