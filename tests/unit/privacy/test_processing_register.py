"""Tests of the register of processing activities: all of it from the agreement and the data set."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.load import find_agreement
from overstap.cli import app
from overstap.errors import OverstapError
from overstap.privacy.register import Register, markdown, register
from overstap.resources import INCLUDE
from overstap.texts import texts

REGIONS = INCLUDE / "regions"


@pytest.fixture(scope="module")
def agreement() -> Agreement:
    return find_agreement(REGIONS, "demo", "2026-2027")


def changed(agreement: Agreement, **values: Any) -> Agreement:
    return Agreement.model_validate(agreement.model_dump(mode="json") | values)


def sent(found: Register, kind: RoundKind) -> dict[str, bool]:
    [one] = [each for each in found.activities if each.round == kind]
    return {each.category: each.is_mandatory for each in one.data}


def test_each_round_is_an_activity_with_what_the_agreement_sends(agreement: Agreement) -> None:
    found = register(agreement)
    assert [one.round for one in found.activities] == list(agreement.rounds)
    advice = sent(found, RoundKind.ADVICE)
    assert {name for name, is_mandatory in advice.items() if not is_mandatory} == set(
        agreement.round("advice").categories
    )
    assert advice["overstapadvies"]
    less = {"rounds": agreement.model_dump(mode="json")["rounds"]}
    less["rounds"]["advice"]["categories"] = ["verzuim"]
    assert set(advice) - set(sent(register(changed(agreement, **less)), RoundKind.ADVICE)) == {
        "onderwijsondersteuning",
        "toetsresultaten",
        "handelingsplannen",
    }
    assert "verzuim" not in sent(found, RoundKind.SUPPORT), "not in the profile"


def test_a_partnership_is_no_transfer_to_a_secondary_school(agreement: Agreement) -> None:
    [support] = [one for one in register(agreement).activities if one.round == "support"]
    assert [one for one in support.recipients if "PO9901" in one] == list(support.recipients), "no family inspects"
    assert "artikel 42" not in support.legal_ground
    assert "Vul het artikel in" in support.legal_ground


def test_schools_stand_with_their_board_and_acts_with_their_measure(agreement: Agreement) -> None:
    schools = agreement.model_dump(mode="json")["schools"]
    for school in schools[:2]:
        school["board"] = "Stichting Alfa"
    found = register(
        changed(
            agreement,
            schools=schools,
            retention={"content_days": 90, "traces_days": 365},
            second_factor="required",
            four_eyes=["erase"],
        )
    )
    assert [(one.board, len(one.schools)) for one in found.controllers] == [
        ("Stichting Alfa", 2),
        (None, len(schools) - 2),
    ]
    said = markdown(found)
    for sentence in ("tot 90 dagen na", "tot 365 dagen na", "tweede stap.", "coördinator bevestigt: verwijderen."):
        assert sentence in said
    assert "vanzelf verwijderd" in markdown(register(agreement)), "nothing was agreed there"


def test_a_name_from_the_agreement_is_never_markup(agreement: Agreement) -> None:
    """A name is one line (`OneLine`), so it begins no heading."""
    evil = "<script>x</script> | [klik](https://kwaad.example) {{ conn.x }} {name} # Kop"
    schools = agreement.model_dump(mode="json")["schools"]
    schools[0] |= {"name": evil, "board": evil}
    said = markdown(register(changed(agreement, name=evil, schools=schools)))
    assert "<script>" not in said
    assert "https://" not in said
    assert " | [" not in said
    rows = [line for line in said.splitlines() if line.startswith("|") and "kwaad" in line]
    assert rows
    assert all(line.replace("\\|", "").count("|") == 3 for line in rows)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_command_prints_it_in_both_languages_and_for_programs(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERSTAP_REGIONS", str(REGIONS))
    call = ["privacy", "register", "demo", "--language", language]
    said = CliRunner().invoke(app, call)
    assert said.exit_code == 0, said.output
    for heading in texts("privacy/register")["headings"].values():
        assert f"## {heading[language].split('{')[0]}" in said.output
    told = json.loads(CliRunner().invoke(app, [*call, "--json"]).output)
    assert told["region"] == "demo"
    assert told["to_fill_in"]
    assert "include" not in said.output
    unknown = CliRunner().invoke(app, ["privacy", "register", "nergens"])
    assert isinstance(unknown.exception, OverstapError)
    assert unknown.exception.code == "AGREEMENT-003"


def test_every_kind_of_round_has_a_purpose_and_a_ground() -> None:
    said = texts("privacy/register")
    assert set(said["purpose"]) == set(said["ground"]) == {kind.value for kind in RoundKind}


def test_a_supplier_of_the_test_is_told_of_where_a_school_gave_a_mandate(agreement: Agreement) -> None:
    assert "Toetsbureau" not in markdown(register(agreement))
    school = agreement.primary_schools[0].id
    mandate = {
        "school": school,
        "routing_key": f"00000007000{school}900",
        "provider": "123A123",
        "location": "123X123",
        "given_by": "A. Bakker",
        "given_on": "2026-10-01",
        "without_own_system": True,
    }
    url = "https://toets.example.org/v1.1"
    supplier = {"name": "Toetsbureau", "oin": "00000003123456780000", "url": url, "mandates": [mandate]}
    found = register(changed(agreement, test_suppliers=[supplier]))
    assert any("Toetsbureau, met mandaat van 1 school:" in one for one in found.other_processing)
