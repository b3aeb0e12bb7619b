"""Whose right it is to inspect a dossier, and what of their address may be used."""

import hashlib
from datetime import date
from typing import Any

import pytest

from overstap.oso import Dossier, build
from overstap.oso.entitled_persons import (
    SchoolClass,
    is_of_age,
    pupil_name,
    school_class_of,
    sorting_name,
)
from overstap.oso.facts import facts_of

TODAY = date(2027, 3, 16)


def carer(name: str = "Vries", **more: Any) -> dict[str, Any]:
    return {"voorletters-1": "A.", "voorvoegsel": "de", "achternaam": name, "wettigevertegenwoordiger": "true", **more}


def dossier(*carers: dict[str, Any], profile: str = "POVO", born: str = "2015-02-28", **more: Any) -> Dossier:
    pupil = {
        "voornaam": ["Şeyma"],
        "achternaam": "Ünal",
        "geboortedatum": born,
        "bsn": "999990019",
        "verzorger": list(carers),
        **more,
    }
    values = {
        "metadata": {"overstap": profile},
        "overdrachtsoort": "overstapdossier",
        "huidigeschool": {"leerling": pupil},
    }
    return build(values, "2019.1")


def people(*carers: dict[str, Any], **more: Any) -> list[Any]:
    return facts_of(dossier(*carers, **more)).entitled(TODAY, lambda text: hashlib.sha256(text.encode()).hexdigest())


def contacts(address: str, hidden: str = "false") -> dict[str, Any]:
    return {"communicatie": [{"soort": "e-mail", "nummer": address, "geheim": hidden}]}


HOME = {"adres": [{"soortadres": "1", "straat": "Kerkstraat", "nummer": "1", "postcode": "9999XX", "plaats": "Dorp"}]}


def test_legal_representatives_who_are_alive() -> None:
    found = people(
        carer("Vries"),
        carer("Dood", overleden="true"),
        carer("Gestorven", overlijdensdatum="2020-01-01"),
        carer("Vriend", wettigevertegenwoordiger="false"),
        carer("Voogd", relatietotkind="3"),
    )
    assert [(one.name, one.relation) for one in found] == [("A. de Vries", ""), ("A. de Voogd", "voogd")]
    assert [one.path for one in found] == [
        "dossier/huidigeschool/leerling/verzorger[1]",
        "dossier/huidigeschool/leerling/verzorger[5]",
    ]


@pytest.mark.parametrize(
    ("profile", "born", "kinds"),
    [
        ("VOVO", "2011-03-16", ["pupil"]),
        ("VOVO", "2011-03-17", ["carer"]),
        ("POVO", "2011-03-16", ["carer"]),
    ],
)
def test_from_sixteen_on_it_is_the_pupils_right(profile: str, born: str, kinds: list[str]) -> None:
    assert [one.kind for one in people(carer(), profile=profile, born=born)] == kinds


@pytest.mark.fault("F35")
def test_who_was_born_on_a_leap_day() -> None:
    assert not is_of_age(date(2012, 2, 29), date(2028, 2, 28))
    assert is_of_age(date(2012, 2, 29), date(2028, 2, 29))
    assert not is_of_age(date(2012, 2, 29), date(2027, 3, 1))
    assert not is_of_age(None, TODAY)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"adreslijst": HOME}, (("Kerkstraat 1", "9999XX  Dorp"), "known")),
        ({"adreslijst": HOME, "adresgeheim": "true"}, ((), "secret")),
        ({"adresgeheim": "1"}, ((), "secret")),
        ({}, ((), "missing")),
    ],
)
def test_an_address_that_is_secret_is_not_given(more: dict[str, Any], expected: Any) -> None:
    (one,) = people(carer(**more), adreslijst=HOME)  # the pupil's own address stands in for nobody's
    assert (one.address, one.address_is) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (contacts("a@example.org"), ("a@example.org", "known")),
        (contacts("a@example.org", "true"), (None, "secret")),
        (contacts("Geheim@geheim.geheim"), (None, "secret")),
        (contacts(" "), (None, "missing")),
        ({"communicatie": [{"soort": "telefoon", "nummer": "0101234567"}]}, (None, "missing")),
    ],
)
def test_an_e_mail_address_that_is_secret_is_not_given(lines: dict[str, Any], expected: Any) -> None:
    (one,) = people(carer(communicatielijst=lines))
    assert (one.email, one.email_is) == expected


def test_a_handle_stays_when_others_come_and_go() -> None:
    first, second = people(carer("Een"), carer("Twee"))
    (kept,) = people(carer("Dood", overleden="true"), carer("TWEE", voornaam=["Bo"]))
    assert kept.key == second.key != first.key
    same = people(carer("Een"), carer("Een"))
    assert len({one.key for one in same}) == 2


def test_the_class_is_the_newest() -> None:
    lines = [
        {"schooljaar": "2025-2026", "groepscode": "7b"},
        {"schooljaar": "2026-2027", "groepscode": "8a", "groepsnaam": "De Uilen"},
    ]
    found = school_class_of(dossier(schoolloopbaanlijst={"schoolloopbaan": lines}))
    assert (found, found.display_name) == (SchoolClass("8a", "De Uilen"), "De Uilen (8a)")
    assert school_class_of(dossier()).display_name == ""


def test_names_are_sorted_as_a_list_of_pupils_is() -> None:
    assert sorting_name(dossier()) == "unal\0seyma"
    assert pupil_name(dossier()) == "Şeyma Ünal"


def test_nothing_shows_in_a_representation() -> None:
    (one,) = people(carer(adreslijst=HOME, communicatielijst=contacts("a@example.org")))
    assert not any(word in repr(one) for word in ("Vries", "Kerkstraat", "example"))
