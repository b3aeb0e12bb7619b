"""Every code has its sentences, and code and sentences know each other."""

import pickle
import re
import string

import pytest

from overstap.errors import OverstapError, sentences
from overstap_tools.project import PROJECT

SOURCES = {
    path: path.read_text(encoding="utf-8")
    for folder in ("src", "tools", "plugins", "dags")
    for path in (PROJECT / folder).rglob("*.py")
}
CODE = re.compile(r"\b([A-Z]{4,12}-[0-9]{3})\b")
ROOMS = {code.split("-")[0] for code in sentences()}
WHO = {"school", "supplier", "region", "administrator"}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", sentences())
def test_each_code_says_what_and_what_to_do_in_both_languages(code: str) -> None:
    text = sentences()[code]
    assert set(text) == {"nl", "en", "do_nl", "do_en", "who"}
    assert text["who"] in WHO
    assert all(said.strip() == said and said for said in text.values())
    assert places(text["nl"]) == places(text["en"])
    assert places(text["do_nl"]) == places(text["do_en"])
    for said in (text["nl"], text["en"], text["do_nl"], text["do_en"]):
        assert said.endswith((".", "}", "?")), said


def test_every_code_in_the_source_has_sentences() -> None:
    quoted = re.compile(r'"([A-Z]{4,12}-[0-9]{3})"')
    used = {code for text in SOURCES.values() for code in quoted.findall(text) if code.split("-")[0] in ROOMS}
    assert used - set(sentences()) == set()
    assert len(used) > 50


def test_every_sentence_is_used() -> None:
    used = {code for text in SOURCES.values() for code in CODE.findall(text)}
    assert set(sentences()) - used == set()


def test_an_error_says_all_and_crosses_processes() -> None:
    error = OverstapError("INTAKE-050", school="De Regenboog (99AB00)", contact="po@example.org")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes of a line ago)
    for one in (error, again):
        assert one.code == "INTAKE-050"
        assert "De Regenboog (99AB00)" in one.message_nl
        assert str(one).startswith("INTAKE-050: ")
        assert one.do_nl in str(one)
        assert one.message_en in str(one)


def test_an_unknown_code_or_a_missing_fact_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        OverstapError("NOWHERE-001")
    with pytest.raises(KeyError):
        OverstapError("INTAKE-050")
