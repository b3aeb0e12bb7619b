"""What a code says on the board and in reports, where many cases are counted: whole sentences, without a fact."""

import re

import pytest

from overstap import errors
from overstap.oso import structure
from overstap.quality import rulebook
from overstap.texts import TEXTS, read_yaml

COUNTED = ("INTAKE-", "DOSSIER-", "DELIVERY-", "TRUST-")
"""Families of which schools' files, deliveries and test messages keep the code alone."""
CODES = sorted({code for code in errors.sentences() if code.startswith(COUNTED)} | set(structure.codes()))


@pytest.mark.parametrize("code", [*CODES, *rulebook.rules("2019.1")])
def test_a_sentence_over_many_cases_has_no_gap(code: str) -> None:
    try:
        said = rulebook.sentence_of(code)
    except KeyError:
        assert not rulebook.rules("2019.1")[code].is_judged, "what is found has a sentence"
        return
    assert not re.search(r"[…{}]|\(\)", said)
    assert said[0].isupper()
    assert said.endswith((".", "?", "!"))


def test_only_sentences_with_facts_are_told_otherwise() -> None:
    known = read_yaml(TEXTS / "rules" / "words" / "counted.yaml")
    assert len(known) > 80
    for code, said in known.items():
        own = errors.sentences().get(code, {"nl": "{}"})["nl"]
        assert "{" in own, f"{code} has no facts"
        assert code in errors.sentences() or code in structure.codes(), code
        assert set(said) == {"nl", "en"}, code
