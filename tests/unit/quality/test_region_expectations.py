"""What only a whole region shows, found by Great Expectations and told without a pupil's data."""

import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
import rule_examples as examples

from overstap.errors import OverstapError
from overstap.quality import rulebook
from overstap.quality.expectations import expected_in, validate_region
from overstap.quality.findings import RegionFinding
from overstap.quality.region_rulebook import INCOMPLETE, region_rules
from overstap.quality.registers import NONE, Registers
from overstap.quality.rules import judge

SCHOOLS = frozenset({"99AB00", "99CD00"})
REGISTERS = Registers(frozenset({"99AB", "99CD"}), frozenset({"99AB00", "99CD00"}), frozenset({"PO9901"}))
PUPIL = "dossier/huidigeschool/leerling"
SUPPORT = f"{PUPIL}/onderwijsondersteuning"
FIRST = {"pupil/bsn": "999990007", "pupil/leerlingid": "L-7", "pupil/voornaam": ["Bo"]}
SECOND: dict[str, Any] = {"pupil/bsn": "999990020", "pupil/leerlingid": "L-8", "pupil/voornaam": ["Mo"]}
_FILE = {"document": [{"bestandsnaam": "a.txt", "bestandsinhoud": "UEsF"}]}
_LWOO = {"lwoo_ingangdatum": "2025-08-01", "lwoo_swvnummer": "PO9901", "lwoo_beschikkingsnummer": "1"}
_TWICE = {"document": [{"bestandsnaam": "a.txt", "bestandsinhoud": "UEsF"}] * 2}


def region(
    first: examples.Edits,
    second: examples.Edits,
    expected: frozenset[str] = frozenset(),
    registers: Registers = REGISTERS,
) -> list[RegionFinding]:
    dossiers = [
        ("one", examples.made("POVO", FIRST | dict(first))),
        ("two", examples.made("POVO", SECOND | dict(second))),
    ]
    return validate_region(dossiers, schools=SCHOOLS, expected=expected, registers=registers)


BREAKING: dict[str, tuple[Mapping[str, Any], Mapping[str, Any], set[tuple[str, str]]]] = {
    "OV-RG-01": (
        {"pupil/bsn": "999990020"},
        {"huidigeschool/brincode": "99CD"},
        {("one", f"{PUPIL}/bsn"), ("two", f"{PUPIL}/bsn")},
    ),
    "OV-RG-02": (
        {"pupil/bsn": None, "pupil/onderwijsnummer": "100000004"},
        {"pupil/bsn": None, "pupil/onderwijsnummer": "100000004"},
        {("one", f"{PUPIL}/onderwijsnummer"), ("two", f"{PUPIL}/onderwijsnummer")},
    ),
    "OV-RG-03": (
        {"pupil/leerlingid": "L-8"},
        {},
        {("one", f"{PUPIL}/leerlingid"), ("two", f"{PUPIL}/leerlingid")},
    ),
    "OV-RG-04": (
        {"pupil/voornaam": ["Mo", "Jan"]},
        {},
        {("one", f"{PUPIL}/geboortedatum"), ("two", f"{PUPIL}/geboortedatum")},
    ),
    "OV-RG-05": (
        {"pupil/overigdocumentlijst": _TWICE},
        {"pupil/overigdocumentlijst": _FILE},
        {
            ("one", f"{PUPIL}/overigdocumentlijst/document[1]/bestandsinhoud"),
            ("two", f"{PUPIL}/overigdocumentlijst/document[1]/bestandsinhoud"),
        },
    ),
    "OV-RG-06": ({"huidigeschool/brincode": "99EF"}, {}, {("one", "dossier/huidigeschool/brincode")}),
    "OV-RG-07": ({"huidigeschool/brincode": "9XAB"}, {}, {("one", "dossier/huidigeschool/brincode")}),
    "OV-RG-08": ({"pupil/geboortedatum": "17 maart"}, {}, {("one", f"{PUPIL}/geboortedatum")}),
    "OV-RG-09": (
        {"career/0/brincode": "999A"},
        {},
        {("one", f"{PUPIL}/schoolloopbaanlijst/schoolloopbaan[1]/brincode")},
    ),
    "OV-RG-11": ({"huidigeschool/vestigingscode": "07"}, {}, {("one", "dossier/huidigeschool/brincode")}),
    "OV-RG-12": (
        {"career/0/brincode": "99ZZ"},
        {},
        {("one", f"{PUPIL}/schoolloopbaanlijst/schoolloopbaan[1]/brincode")},
    ),
    "OV-RG-13": (
        {"pupil/teruggeplaatstnaarbrin": "99ZZ"},
        {"pupil/teruggeplaatstnaarbrin": "99CD"},
        {("one", f"{PUPIL}/teruggeplaatstnaarbrin")},
    ),
    "OV-RG-14": (
        {"support/tlv/0/tlvswvnummer": "PO9999"},
        {"support/lwoo": {**_LWOO, "lwoo_swvnummer": "VO9999"}},
        {("one", f"{SUPPORT}/tlv[1]/tlvswvnummer"), ("two", f"{SUPPORT}/lwoo/lwoo_swvnummer")},
    ),
}
NEAR: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "OV-RG-03": ({"pupil/leerlingid": "L-8", "huidigeschool/brincode": "99CD"}, {}),
    "OV-RG-04": ({"pupil/voornaam": ["Mo"], "pupil/geboortedatum": "2015-03-18"}, {}),
    "OV-RG-05": ({"pupil/overigdocumentlijst": _TWICE}, {}),
    "OV-RG-11": ({"huidigeschool/brincode": "99CD"}, {}),
    "OV-RG-12": ({"career/0/brincode": "99CD"}, {}),
    "OV-RG-13": ({"pupil/teruggeplaatstnaarbrin": "99AB"}, {}),
    "OV-RG-14": ({"support/lwoo": _LWOO}, {}),
}
OWN = [rule.id for rule in region_rules() if rule.id.startswith("OV-RG")]
SHARED = sorted({rule.id for rule in region_rules()} - set(OWN))


def test_every_rule_of_the_region_has_its_example() -> None:
    assert set(BREAKING) == set(OWN)


@pytest.mark.fault("F66")
@pytest.mark.parametrize("rule", OWN)
def test_a_rule_finds_who_breaks_it_and_where(rule: str) -> None:
    first, second, places = BREAKING[rule]
    assert {(each.dossier_id, each.path) for each in region(first, second) if each.rule == rule} == places


@pytest.mark.parametrize("rule", OWN)
def test_a_rule_is_silent_where_it_is_kept(rule: str) -> None:
    first, second = NEAR.get(rule, ({}, {}))
    assert rule not in {each.rule for each in region(first, second)}


def test_a_good_region_has_no_findings() -> None:
    expected = expected_in("pre_registration") | expected_in("advice") | expected_in("placement")
    assert region({}, {}, expected) == []


@pytest.fixture(scope="module")
def together() -> list[RegionFinding]:
    """What is found in a region of one dossier per shared rule, under the rule's id."""
    return validate_region(((rule, examples.made(*examples.BREAKING[rule])) for rule in SHARED), schools=SCHOOLS)


@pytest.mark.parametrize("rule", [rule for rule in SHARED if rule != "CL13"])
def test_a_shared_rule_finds_the_places_that_the_judge_finds(rule: str, together: list[RegionFinding]) -> None:
    """Both judge formats and code lists; equal places make one finding, not two."""
    alone = judge(examples.made(*examples.BREAKING[rule]), today=examples.TODAY)
    places = {each.path for each in together if (each.dossier_id, each.rule) == (rule, rule)}
    assert places
    assert places <= {each.path for each in alone if each.rule == rule}


def test_a_year_group_is_judged_in_career_and_tests() -> None:
    found = region({"career/0/jaargroep": "9"}, {"toets/afname/jaargroep": "9"})
    assert {(each.dossier_id, each.path) for each in found if each.rule == "CL13"} == {
        ("one", f"{PUPIL}/schoolloopbaanlijst/schoolloopbaan[1]/jaargroep"),
        ("two", f"{PUPIL}/toetslijst/toets[1]/afname/jaargroep"),
    }


def test_what_a_round_needs_is_missed_in_a_row_and_without_one() -> None:
    expected = frozenset({"advice.advies", "final_test.eindtoetsresultaat.toets_advies"})
    found = region({"pupil/eindtoets_basisonderwijs": None}, {"advice/advies": None}, expected)
    assert {(each.dossier_id, each.path) for each in found if each.rule == INCOMPLETE} == {
        ("one", f"{PUPIL}/eindtoets_basisonderwijs/eindtoetsresultaat/toets_advies"),
        ("two", f"{PUPIL}/overstapadvies/advies"),
    }


def test_what_nobody_has_is_missed_everywhere() -> None:
    found = region({"advice/advies": None}, {"advice/advies": None}, frozenset({"advice.advies"}))
    assert {each.dossier_id for each in found if each.rule == INCOMPLETE} == {"one", "two"}


def test_a_category_that_does_not_go_is_not_missed() -> None:
    assert expected_in("placement", frozenset({"overstapadvies"})) == {"advice.advies"}
    assert expected_in("feedback") == frozenset()


@pytest.mark.parametrize("rule", ["OV-RG-11", "OV-RG-12", "OV-RG-13", "OV-RG-14"])
def test_without_a_register_nobody_is_told_to_be_outside_it(rule: str) -> None:
    first, second, _ = BREAKING[rule]
    assert rule not in {each.rule for each in region(first, second, registers=NONE)}


def test_formats_are_judged_by_group_and_equals_across_all_groups() -> None:
    """However small the group, the same is found: who breaks what, and pupils who stand in dossiers of two groups."""
    edits = [
        FIRST | {"pupil/bsn": "999990020"},
        SECOND | {"advice/advies": "99"},
        FIRST | {"pupil/bsn": None, "career/0/brincode": "999A"},
        SECOND | {"pupil/overigdocumentlijst": _FILE, "pupil/eindtoets_basisonderwijs": None},
        FIRST | {"pupil/bsn": "999990019", "pupil/overigdocumentlijst": _FILE},
    ]
    dossiers = [(str(number), examples.made("POVO", each)) for number, each in enumerate(edits)]
    expected = frozenset({"final_test.eindtoetsresultaat.toets_advies"})
    found = [
        set(validate_region(dossiers, schools=SCHOOLS, expected=expected, registers=REGISTERS, group=group))
        for group in (1, 2, 100)
    ]
    assert found[0] == found[1] == found[2]
    assert {"OV-RG-01", "OV-RG-03", "OV-RG-05", "CL2", "OV-RG-09", INCOMPLETE} <= {each.rule for each in found[0]}


def test_a_wrong_value_is_found_in_every_row_that_has_it() -> None:
    """Each value is judged once; who has it is found from the rows, also where an earlier row lacks the column."""
    found = region({"career/1/jaargroep": "9"}, {"career/0/jaargroep": None, "career/1/jaargroep": "9"})
    assert {(each.dossier_id, each.path) for each in found if each.rule == "CL13"} == {
        (dossier, f"{PUPIL}/schoolloopbaanlijst/schoolloopbaan[2]/jaargroep") for dossier in ("one", "two")
    }


def test_values_that_read_alike_together_are_no_repetition() -> None:
    first, second = ({"pupil/voornaam": ["BoMo"], "pupil/achternaam": "X"}, {"pupil/achternaam": "MoX"})
    assert "OV-RG-04" not in {each.rule for each in region(first, second | {"pupil/voornaam": ["Bo"]})}


def test_a_region_takes_four_expectations_at_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an expectation costs does not depend on what it judges, so rules share them; none is asked for nothing."""
    from great_expectations.core import ExpectationSuite

    from overstap.quality import suites

    asked: list[str] = []

    def counted(name: str, expectations: list[Any]) -> Any:
        asked.extend(type(one).__name__ for one in expectations)
        return ExpectationSuite(name=name, expectations=expectations)

    monkeypatch.setattr(suites, "ExpectationSuite", counted)
    found = region({"advice/advies": "99"}, {"advice/advies": None}, frozenset({"advice.advies"}))
    assert {"CL2", INCOMPLETE} <= {each.rule for each in found}
    assert sorted(asked) == [
        "ExpectColumnValuesToBeInSet",
        "ExpectColumnValuesToBeUnique",
        "ExpectColumnValuesToHaveForm",
        "ExpectColumnValuesToNotBeNull",
    ]
    asked.clear()
    region({}, {})
    assert "ExpectColumnValuesToNotBeNull" not in asked


def test_an_empty_region_is_good() -> None:
    assert validate_region([], schools=SCHOOLS) == []


def test_foreign_postal_codes_are_left_alone() -> None:
    path = "pupil/adreslijst/adres/0"
    found = region({f"{path}/postcode": "SW1A", f"{path}/land": "6039"}, {f"{path}/postcode": "1234SS"})
    assert [(each.dossier_id, each.rule) for each in found] == [("two", "OV-RF-02")]


def test_nothing_of_a_pupil_gets_out(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    marked = {
        "pupil/bsn": "MARKED-BSN",
        "pupil/achternaam": "MARKED-NAME",
        "advice/advies": "MARKED-ADVICE",
        "pupil/geboortedatum": "MARKED-DATE",
    }
    with caplog.at_level(logging.DEBUG):
        found = region(marked, marked)
    out, err = capfd.readouterr()
    assert len(found) >= 6
    assert "MARKED" not in repr(found) + caplog.text + out + err


def test_an_expectation_that_cannot_be_evaluated_is_told_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    from overstap.oso import identifiers

    def broken(text: str) -> bool:
        raise ValueError(text)

    monkeypatch.setattr(identifiers, "is_bsn", broken)
    with pytest.raises(OverstapError, match="QUALITY-001") as caught:
        region({"pupil/bsn": "MARKED-BSN"}, {})
    assert (caught.value.facts["rule"], caught.value.facts["table"]) == ("OV-ID-01", "pupil")
    assert "MARKED" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("rule", [*OWN, INCOMPLETE])
def test_every_rule_of_the_region_has_a_sentence(rule: str) -> None:
    words = rulebook.sentence(rule)
    assert re.fullmatch(r"[A-Z].*\.", words.message_nl)
    assert words.who in ("school", "supplier", "region")


def test_great_expectations_is_imported_only_when_a_region_is_judged() -> None:
    code = (
        "import sys, overstap.quality.expectations, overstap.quality.rules; print('great_expectations' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_no_module_stands_in_for_another() -> None:
    code = (
        "import sys, types; from overstap.quality import suites; suites.source(); import scipy.stats, altair; "
        "print(type(scipy.stats) is type(altair) is types.ModuleType, scipy.stats.norm.cdf(0), altair.Chart.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True 0.5 Chart"


def test_what_great_expectations_can_do_without_is_left_out_of_its_process_and_can_be_imported_afterwards() -> None:
    code = (
        "import gc, sys; from overstap.quality import suites; suites.source(); "
        "print([name for name in suites.DATABASES_AND_CLOUDS if name in sys.modules], gc.isenabled()); "
        "import sqlalchemy; print(sqlalchemy.select(sqlalchemy.literal(1)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "[] True"
    assert "SELECT" in done.stdout


def test_a_package_that_is_loaded_already_is_not_left_out() -> None:
    code = (
        "import sys, sqlalchemy; from overstap.quality import suites; suites.source(); "
        "print(sys.modules['sqlalchemy'] is sqlalchemy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_region_is_judged_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Great Expectations has reported to its maker in some versions; here it may not reach anybody."""
    reached: list[object] = []

    def refuse(_: object, address: object) -> None:
        reached.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    region({}, {})
    assert reached == []
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
