"""Dutch that anybody reads has sentences of 25 words at the most; a list of instances belongs in two sentences."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from overstap.resources import INCLUDE
from overstap.texts import TEXTS

MOST = 25
NL = Path(__file__).resolve().parents[2] / "docs" / "nl"
IN_ENGLISH = {"dossier", "deployment", "agreements"}
"""Folders of templates of which no Dutch page is made: XML, settings, and English pages of the docs."""
ENGLISH = {"quality/rules.md.j2"}
_PLACE = re.compile(r"\{(\w+):([^{}|]+)\|([^{}|]+)\}")
_END = re.compile(r"(?<=[.?!])(?:[\"»)*]|\{\w+\})*\s+(?=\S)(?!\d{4}, \d)")
"""End of a sentence, perhaps before a mark or a value that is a sentence; "Stb. 2012, 234" has none in it."""


def walk(part: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(part, dict):
        for name, value in part.items():
            yield from walk(value, (*keys, str(name)))
    elif isinstance(part, list):
        for place, value in enumerate(part):
            yield from walk(value, (*keys, str(place)))
    elif isinstance(part, str):
        yield keys, part


def of_texts() -> Iterator[tuple[str, str]]:
    """Yield each Dutch text under include: what stands under `nl` or a key that ends so."""
    for path in sorted([*TEXTS.rglob("*.yaml"), *TEXTS.rglob("*.json"), *(INCLUDE / "templates").rglob("*.yaml")]):
        where = path.relative_to(INCLUDE).as_posix()
        text = path.read_text(encoding="utf-8")
        for keys, said in walk(json.loads(text) if path.suffix == ".json" else yaml.load(text, yaml.CSafeLoader)):
            if path.name == "nl.yaml" or any(key == "nl" or key.endswith("_nl") for key in keys):
                yield f"{where} {'.'.join(keys)}", said


def of_templates() -> Iterator[tuple[str, str]]:
    """Yield the fixed texts of templates, each element by itself; a value counts as one word."""
    for path in sorted((INCLUDE / "templates").rglob("*.j2")):
        where = path.relative_to(INCLUDE / "templates").as_posix()
        if path.parent.name in IN_ENGLISH or where in ENGLISH:
            continue
        text = re.sub(r"\{#.*?#\}|<style.*?</style>|<script.*?</script>", " ", path.read_text("utf-8"), flags=re.S)
        text = re.sub(r"\{%.*?%\}", "<>", text, flags=re.S)
        text = re.sub(r"\{\{.*?\}\}", "9", text, flags=re.S)
        text = re.sub(r"</?(?:a|abbr|b|bdi|code|em|i|span|strong)\b[^>]*>", "", text)
        for block in re.split(r"<[^>]*>", text):
            yield where, block


def of_guide() -> Iterator[tuple[str, str]]:
    """Yield the paragraphs, items and cells of the Dutch pages of docs."""
    for path in sorted(NL.rglob("*.md")):
        text = re.sub(r"```.*?```|<!--.*?-->", "\n\n", path.read_text(encoding="utf-8"), flags=re.S)
        text = re.sub(r"\*\*|\[([^\]]*)\]\([^)]*\)", r"\1", text)
        for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*#>]|\d+\.) )|\n(?=\|)", text):
            for cell in block.split("|") if block.startswith("|") else [block]:
                yield path.relative_to(NL).as_posix(), cell


def sentences(text: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n|\n(?=[-*\d|#])", _PLACE.sub(r"9 \3", text)):
        for one in _END.split(block):
            yield " ".join(one.split())


def length(sentence: str) -> int:
    """Number of words; a dash or a sign alone is none."""
    return sum(bool(re.search(r"\w", word)) for word in sentence.split())


def every() -> Iterator[tuple[str, str]]:
    for where, text in (*of_texts(), *of_templates(), *of_guide()):
        for one in sentences(text):
            yield where, one


def test_no_dutch_sentence_is_longer() -> None:
    assert len(list(every())) > 8_000, "else nothing is looked at"
    assert [f"{where}: {one}" for where, one in every() if length(one) > MOST] == []


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("Eén zin. En nog één.", [2, 3]),
        ("Dit gaat over {count:dossier|dossiers} van {school}.", [7]),
        ("Het Besluit (Stb. 2012, 234) geldt.", [6]),
        ("Kies – of niet; dat mag: ja.", [6]),
        ("Eerst dit\n\nDan dat", [2, 2]),
        ("*Dit staat er.* Doe dat.{more} En dit.", [3, 2, 2]),
    ],
)
def test_words_are_counted(text: str, lengths: list[int]) -> None:
    assert [length(one) for one in sentences(text)] == lengths
