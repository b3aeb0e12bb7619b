"""Every sentence with a number reads well with 0, 1 and 2: no noun stands in the plural beside a one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from overstap.texts import TEXTS, Count

READ_BY_PEOPLE = tuple(sorted(path.name for path in TEXTS.iterdir() if path.is_dir()))
_NOUNS = (
    "dossiers|leerlingen|scholen|bestanden|brieven|vragen|herinneringen|personen|mensen|dagen|regels|berichten|"
    "schools|pupils|files|days|lines|reminders|messages|requests"
)
_BARE = re.compile(rf"\{{(?!data_due)\w+\}} (?:open |geldige |verkeerde )?(?:{_NOUNS})\b")
"""A number with a noun that does not follow it."""


def sentences() -> Iterator[tuple[str, str]]:
    def walk(where: str, part: Any) -> Iterator[tuple[str, str]]:
        if isinstance(part, dict):
            if set(part) == {"one", "more"}:  # a sentence for one, in which no number stands, and one for all others
                assert "1" in part["one"], where
                assert "{count}" in part["more"], where
                return
            for name, value in part.items():
                yield from walk(f"{where}.{name}", value)
        elif isinstance(part, list):
            for place, value in enumerate(part):
                yield from walk(f"{where}[{place}]", value)
        elif isinstance(part, str):
            yield where, part

    for folder in READ_BY_PEOPLE:
        for path in sorted(Path(TEXTS / folder).glob("*.yaml")):
            yield from walk(f"{folder}/{path.stem}", yaml.safe_load(path.read_text(encoding="utf-8")))


def test_no_noun_stands_bare_beside_a_number() -> None:
    assert [(where, said) for where, said in sentences() if _BARE.search(said)] == []


@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_sentence_is_said_with_each_number(number: int) -> None:
    told = 0
    for where, said in sentences():
        found = re.findall(r"\{(\w+):([^{}|]+)\|([^{}|]+)\}", said)
        if not found:
            continue
        told += 1
        facts = {name: Count(number) for name in re.findall(r"\{(\w+)", said)}
        shown = said.format(**facts)
        for _, one, many in found:
            assert f"{number} {one if number == 1 else many}" in shown, where
        assert "{" not in shown, where
    assert told > 20
