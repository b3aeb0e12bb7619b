"""Registration at a supplier of the test: what leaves, announced first, and that nobody else is registered."""

import json
import logging
from dataclasses import replace
from datetime import timedelta

import doorstroomtoets
import psycopg
import pytest
from owned import by_owner

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import test_registrations
from overstap.ledger.invariants import check
from overstap.ledger.rosters.taking import Leaver
from overstap.test_chain.client import REGISTER
from overstap.test_chain.registering import Registrar

from .conftest import (
    KEYS,
    NUMBERS,
    REGION,
    SCHOOL,
    SECOND,
    SUPPLIER_OIN,
    WITHOUT,
    YEAR,
    Supplier,
    person,
    take_roster,
)


def lines(ledger: Ledger) -> list[tuple[str, dict[str, object]]]:
    """The audit lines about registrations, oldest first."""
    with ledger.unit(REGION, "test") as unit:
        return [
            (said["action"], said["detail"])
            for (said,) in unit.rows("select payload::jsonb from overstap.audit_line order by seq")
            if said["action"].startswith("test_registrations.")
        ]


def sound(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []


def test_what_leaves_is_what_the_description_requires_and_no_more(
    registrar: Registrar, supplier: Supplier, judge: doorstroomtoets.Judge
) -> None:
    supplier.judge = judge
    done = registrar.register(SCHOOL)
    assert (done.sent, done.as_before, done.elsewhere, done.left_out) == (3, 0, 0, {})
    [(call, query, body)] = supplier.got
    judge.request(call, query, body)
    said = json.loads(body)
    required = judge.description["components"]["schemas"]
    for name, part in (
        ("Deelnemerslijst", said),
        ("Onderwijsdeelnemer", said["deelnemers"][0]),
        ("Demografisch", said["deelnemers"][0]["extensie"]),
        ("Groep", said["groepen"][0]),
        ("Deelnemersgroep", said["deelnemersgroep"]),
    ):
        assert set(part) == set(required[name]["required"]), name
    assert all(number not in body.decode() for one in NUMBERS for number in (f'"{one}"',))


def test_a_registration_names_the_school_on_whose_behalf_it_is(registrar: Registrar, supplier: Supplier) -> None:
    registrar.register(SCHOOL)
    [(call, query, body)] = supplier.got
    assert call == REGISTER
    assert query == {"edu-to": "0000000700099AB00000", "edu-from": KEYS[SCHOOL]}
    said = json.loads(body)
    assert (said["deelnemersgroep"]["instellingscode"], said["deelnemersgroep"]["vestigingscode"]) == ("99AB", "00")
    [group] = said["groepen"]
    assert {one["groep"] for one in said["deelnemers"]} == {group["id"]}
    pupil = said["deelnemers"][0]
    assert pupil["extensie"] == {
        "label": "Demografisch",
        "voorletters": "NA",
        "geboortedatum": "2015-03-30",
        "geslacht": 2,
    }
    assert "voorvoegsel" not in pupil


def test_each_is_sent_once_and_again_when_something_changed(
    registrar: Registrar, supplier: Supplier, opened: Ledger
) -> None:
    registrar.register(SCHOOL)
    again = registrar.register(SCHOOL)
    assert (again.sent, again.as_before, len(supplier.got)) == (0, 3, 1)
    first = json.loads(supplier.got[0][2])["deelnemers"]
    changed = [person(NUMBERS[0], surname="Vos"), *map(person, NUMBERS[1:3])]
    take_roster(opened, SCHOOL, [Leaver(one, "group_8") for one in changed], now() + timedelta(minutes=1))
    assert registrar.register(SCHOOL).sent == 1
    [one] = json.loads(supplier.got[1][2])["deelnemers"]
    keys = {each["deelnemerref"][0]["onderwijsdeelnemerID"] for each in first}
    assert one["achternaam"] == "Vos"
    assert one["deelnemerref"][0]["onderwijsdeelnemerID"] in keys, "the pupil keeps the key"
    sound(opened)


def test_it_is_announced_before_it_leaves(registrar: Registrar, supplier: Supplier, opened: Ledger) -> None:
    supplier.answers = [422]
    with pytest.raises(OverstapError, match="TESTS-006"):
        registrar.register(SCHOOL)
    [(announced, about), (answered, what)] = lines(opened)
    assert (announced, answered) == ("test_registrations.announce", "test_registrations.answer")
    assert (about["school"], about["supplier"], about["routing_key"]) == (SCHOOL, SUPPLIER_OIN, KEYS[SCHOOL])
    assert isinstance(about["registrations"], list)
    assert len(about["registrations"]) == 3
    assert (what["taken"], what["answer"], what["count"]) == (False, "422", 3)
    assert registrar.register(SCHOOL).sent == 3, "what was not taken is sent again"
    sound(opened)


def test_a_dry_run_sends_and_keeps_nothing(registrar: Registrar, supplier: Supplier, opened: Ledger) -> None:
    assert registrar.register(SCHOOL, dry_run=True).sent == 3
    assert (supplier.got, lines(opened)) == ([], [])
    with opened.unit(REGION, "test") as unit:
        assert test_registrations.known(unit, YEAR) == []


def test_nobody_is_registered_without_a_mandate(registrar: Registrar, supplier: Supplier, opened: Ledger) -> None:
    with pytest.raises(OverstapError, match="TESTS-001"):
        registrar.register(WITHOUT)
    early = replace(registrar, now=lambda: now().replace(year=2026, month=9, day=1))
    with pytest.raises(OverstapError, match="TESTS-002"):
        early.register(SCHOOL)
    with pytest.raises(psycopg.errors.CheckViolation), opened.unit(REGION, "test") as unit:
        test_registrations.announce(unit, YEAR, WITHOUT, SUPPLIER_OIN, "0000000700099AD00900", {b"x" * 32: b"y" * 32})
    assert supplier.got == []


def test_a_pupil_of_another_schools_registration_is_left_to_that_school(
    registrar: Registrar, supplier: Supplier, opened: Ledger
) -> None:
    registrar.register(SCHOOL)
    moved = [Leaver(person(one), "group_8") for one in (NUMBERS[0], *NUMBERS[3:5])]
    take_roster(opened, SECOND, moved, now() + timedelta(minutes=1))
    done = registrar.register(SECOND)
    assert (done.sent, done.elsewhere) == (2, 1)
    sound(opened)


@pytest.mark.parametrize(
    ("facts", "kind", "reason"),
    [
        ({}, "announced", "not_group_8"),
        ({}, "special_secondary", "not_group_8"),
        ({"initials": ""}, "group_8", "no_initials"),
        ({"birth_date": None}, "group_8", "no_birth_date"),
        ({"first_name": ""}, "group_8", "no_name"),
    ],
)
def test_who_cannot_be_stated_in_full_is_left_out_and_counted(
    registrar: Registrar, opened: Ledger, supplier: Supplier, facts: dict[str, object], kind: str, reason: str
) -> None:
    people = [Leaver(person(NUMBERS[0], **facts), kind), *(Leaver(person(one), "group_8") for one in NUMBERS[1:3])]
    take_roster(opened, SCHOOL, people, now() + timedelta(minutes=1))
    done = registrar.register(SCHOOL)
    assert (done.sent, done.left_out) == (2, {reason: 1})


@pytest.mark.parametrize(
    ("answers", "code", "calls"),
    [
        ([202], None, 1),
        ([503, 429, 202], None, 3),
        ([500, 502, 504], "TESTS-007", 3),
        ([400], "TESTS-006", 1),
        ([401], "TESTS-003", 1),
        ([403], "TESTS-004", 1),
        ([405], "TESTS-005", 1),
        ([413], "TESTS-006", 1),
        ([422], "TESTS-006", 1),
        ([404], "TESTS-009", 1),
        ([200], "TESTS-009", 1),
        ([302], "TESTS-009", 1),
    ],
)
def test_every_answer_has_its_meaning_and_only_some_another_try(
    registrar: Registrar,
    supplier: Supplier,
    answers: list[int],
    code: str | None,
    calls: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    waited: list[float] = []
    supplier.answers = list(answers)
    patient = replace(registrar, wait=waited.append)
    with caplog.at_level(logging.DEBUG):
        if code is None:
            assert patient.register(SCHOOL).sent == 3
        else:
            with pytest.raises(OverstapError, match=code) as refused:
                patient.register(SCHOOL)
            assert "Vis" not in str(refused.value)
    assert len(supplier.got) == calls
    assert waited == [7.0, 7.0][: calls - 1] if answers[0] in (429, 503) else len(waited) == calls - 1
    assert "Vis" not in caplog.text


def test_nothing_is_sent_to_whoever_has_another_certificate(
    opened: Ledger, registrar: Registrar, supplier: Supplier
) -> None:
    stranger = Supplier(supplier.trust, identity="vreemd")
    with stranger.serving() as address:
        by_owner(
            opened,
            "update overstap.round_agreement set agreement = jsonb_set(agreement, '{test_suppliers,0,url}', "
            "to_jsonb(%(url)s::text))",
            url=address,
        )
        with pytest.raises(OverstapError, match="TESTS-008"):
            registrar.register(SCHOOL)
    assert stranger.got == []


def test_a_change_beside_the_functions_is_found(registrar: Registrar, opened: Ledger) -> None:
    registrar.register(SCHOOL)
    sound(opened)
    by_owner(opened, "update overstap.test_registration set routing_key = '0000000700099AB00901' where true")
    with opened.unit(REGION, "test") as unit:
        assert any("suppliers of the test" in str(one) for one in check(unit))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), opened.unit(REGION, "test") as unit:
        unit.run("update overstap.test_registration set routing_key = 'x'")


def test_another_region_sees_none(registrar: Registrar, opened: Ledger) -> None:
    registrar.register(SCHOOL)
    with opened.unit("beta", "test") as unit:
        assert test_registrations.known(unit, YEAR) == []
