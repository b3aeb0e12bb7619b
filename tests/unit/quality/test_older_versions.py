"""Versions before 2019.1 are judged by their own rules."""

from typing import Any

import pytest
import rule_examples as examples

from overstap.oso.catalogue import catalogue, versions
from overstap.quality import rulebook
from overstap.quality.rules import judge

_LGF = {"lgfindicatierec": "1", "codelgfonderwijssoort": "11"}


def found(profile: str, edits: dict[str, Any], version: str = "2018.1") -> set[str]:
    old = {
        "metadata/standaardversie": version,
        "metadata/validatieversie": catalogue(version).validation,
        "words/cat_onderwijsondersteuning": None,
        "words/cat_zorgenbegeleiding": "OPTIONEEL",
        "pupil/onderwijsondersteuning": None,
        "pupil/huisarts": None,
    }
    dossier = examples.made(profile, old | edits, version)
    return {each.rule for each in judge(dossier, today=examples.TODAY) if not each.rule.startswith("OV-")}


BREAKING: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "OVa.ZB01": ("POVO", {"pupil/zorg": {"lgf": _LGF}}, {"pupil/zorg": {"lgf": _LGF, "naamib": "Juf Els"}}),
    "OVa.ZB02": ("POVO", {"pupil/zorg": {"vir": {}}}, {"pupil/zorg": {}}),
    "PaO.ZB01": ("POSWV", {"pupil/zorg": {"vir": {}}}, {"pupil/zorg": {}}),
    "PaO.ZB02": ("POSWV", {"pupil/zorg": {"zat": {}}}, {"pupil/zorg": {}}),
    "OS.cat09": (
        "POVO",
        {"pupil/zorg": {}, "words/cat_zorgenbegeleiding": "OPT-UIT"},
        {"pupil/zorg": {}, "words/cat_zorgenbegeleiding": "VERBODEN"},
    ),
    "OS.cat10": ("POVO", {"words/cat_verzuim": "OPT-UIT"}, {"words/cat_verzuim": "VERBODEN"}),
    "CL38": ("POVO", {"pupil/zorg": {"lgf": {**_LGF, "lgfindicatierec": "5"}}}, {"pupil/zorg": {"lgf": _LGF}}),
    "CL3": ("POVO", {"pupil/zorg": {"lgf": {**_LGF, "codelgfonderwijssoort": "45"}}}, {"pupil/zorg": {"lgf": _LGF}}),
    "CL42": ("POVO", {"result/toetssoort": "0017"}, {"result/toetssoort": "0015"}),
    "CL43": ("POVO", {"result/toetsniveau": "X"}, {"result/toetsniveau": "B"}),
    "OVa.MD02": ("POVO", {"metadata/validatieversie": "2019.1.1"}, {}),
}


@pytest.mark.parametrize("rule", BREAKING)
def test_a_rule_of_2018_fires_where_it_should(rule: str) -> None:
    profile, breaking, near = BREAKING[rule]
    assert rule in found(profile, breaking)
    assert rule not in found(profile, near)


def test_a_rule_does_not_reach_back() -> None:
    assert "OG.04" in found("POVO", {"late/overleden": False})
    for rule, version in (("OG.04", "2017.1"), ("OG.05", "2018.1"), ("OVb.LL??", "2018.1")):
        assert rulebook.rules(version)[rule].status is rulebook.RuleStatus.WITHDRAWN


def test_the_code_lists_are_those_of_the_version() -> None:
    preschool = {"codevoorschoolsprogramma": 7, "voorschoolsemaanden": 2}
    edits = {"pupil/voorschools": preschool, "pupil/vroegschools": None, "pupil/verzorger": None}
    assert "CL9" in found("POPO", edits, "2017.1")
    assert "CL9" not in found("POPO", edits, "2018.1")


@pytest.mark.parametrize("version", versions())
def test_every_rule_of_every_version_has_a_sentence(version: str) -> None:
    for rule in rulebook.rules(version):
        assert "{" not in rulebook.sentence(rule, version).message_nl


@pytest.mark.parametrize("version", versions())
def test_every_version_has_official_rules(version: str) -> None:
    assert sum(rule.is_judged and not rule.is_own for rule in rulebook.rules(version).values()) > 140
