"""Every sentence with a number reads well with 0, 1 and 2: no noun stands in the plural beside a one."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import yaml

from overstap.resources import INCLUDE
from overstap.texts import TEXTS, Count, plural

FILES = sorted(
    [
        *(path for path in TEXTS.rglob("*.yaml") if path.parent.name != "synth"),
        *TEXTS.rglob("*.json"),
        *(INCLUDE / "templates").rglob("*.yaml"),
    ]
)
TEMPLATES = sorted((INCLUDE / "templates").rglob("*.j2"))
NUMBERS = {
    "confirmed", "count", "days", "delivered", "done", "dossiers", "expected", "files", "free_mib", "goal", "inspected",
    "least", "left", "length", "limit", "lines", "max_length", "megabytes", "min_length", "missing", "most", "new",
    "number", "of", "open", "recently", "refused", "rejected", "reminders", "repeated", "risk", "rows", "running",
    "schools", "seconds", "size", "soon", "standing", "supplied", "total", "unseen", "unsigned", "waiting",
}  # fmt: skip
"""Places that a number fills; and every place with a noun that follows it counts as one too."""
NEVER_ONE = {
    "most": "a limit of ours, at the least some hundreds",
    "least": "a limit of ours, at the least eight",
    "length": "a text that is too long",
    "size": "a file that is too large, in bytes",
    "seconds": "a time that we waited, at the least ten",
    "min_length": "a limit of ours",
    "max_length": "a limit of ours",
    "standing": "asked only where many registrations are gone",
}
"""Numbers that may stand before a plural that is fixed, and why they are never one."""
_WITH_NOUN = re.compile(r"\{(\w+):([^{}|]+)\|([^{}|]+)\}")
_PLURAL = r"(?:\w+ )?[a-zë]+(?:en|s)\b"
"""A noun or verb that may be a plural, perhaps behind an adjective."""
NO_PLURAL = {
    "ingezien", "ingetrokken", "niet ingezien", "niet verschenen", "niet worden", "vrijgeven", "versturen",
    "is", "die gelden", "sinds",
}  # fmt: skip
"""What ends so and does not follow a number; `{dossiers}` of a gate's subject is a number with its noun."""


def walk(where: str, part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        for name, value in part.items():
            yield from walk(f"{where}.{name}", value)
    elif isinstance(part, list):
        for place, value in enumerate(part):
            yield from walk(f"{where}[{place}]", value)
    elif isinstance(part, str):
        yield where, part


@cache
def loaded(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.load(text, yaml.CSafeLoader)


def sentences() -> Iterator[tuple[str, str]]:
    for path in FILES:
        yield from walk(path.relative_to(INCLUDE).as_posix(), loaded(path))


def pairs(part: Any, where: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the sentences that are written twice: one for 1, and one for every other number."""
    if isinstance(part, dict):
        if set(part) == {"one", "more"}:
            yield where, part
        else:
            for name, value in part.items():
                yield from pairs(value, f"{where}.{name}")


def filled(said: str, number: int) -> str:
    names = {name.partition(".")[0] for _, name, _, _ in Formatter().parse(said) if name}
    return said.format(**dict.fromkeys(names, Count(number)))


def test_no_file_with_a_number_is_passed_over() -> None:
    seen = sum(len(_WITH_NOUN.findall(said)) for _, said in sentences())
    lines = (line for path in FILES for line in path.read_text(encoding="utf-8").splitlines())
    written = sum(len(_WITH_NOUN.findall(line)) for line in lines if not line.startswith("#"))
    assert seen == written > 200
    assert {path.parent.name for path in FILES} >= {path.name for path in TEXTS.iterdir() if path.is_dir()} - {
        *("synth", "__pycache__")
    }


def test_no_plural_stands_fixed_beside_a_number() -> None:
    numbers = NUMBERS | {name for _, said in sentences() for name, _, _ in _WITH_NOUN.findall(said)}
    fixed = re.compile(rf"\{{({'|'.join(sorted(numbers - set(NEVER_ONE)))})\}} ({_PLURAL})")
    beside = [
        (where, found[0])
        for where, said in sentences()
        if not re.search(r"\.(en|do_en|more)$", where) and "/en.yaml" not in where
        for found in fixed.finditer(said)
        if found[2] not in NO_PLURAL
    ]
    assert beside == []
    assert fixed.search("Er zijn {count} open vragen."), "it would be found"


def test_no_verb_stands_fixed_before_a_number_that_is_its_subject() -> None:
    """The verb stands within the braces: `{count:dossier staat|dossiers staan} klaar`."""
    verbs = "staan|zijn|ontbreken|liggen|worden|waren|komen|wachten|gaan|are|were"
    fixed = re.compile(rf"\b(?:{verbs}) (?:er |nog |niet )*\{{\w+:[^{{}}|]+\|")
    assert [(where, found[0]) for where, said in sentences() if (found := fixed.search(said))] == []
    assert fixed.search("Er staan {count:dossier|dossiers} klaar"), "it would be found"


def test_no_number_is_said_twice_in_one_sentence() -> None:
    """Braces say the number with its noun: `{count:wacht|wachten} nog {count:leerling|leerlingen}` says it twice."""

    def is_said_twice(sentence: str) -> bool:
        said = [name for name, _, _ in _WITH_NOUN.findall(sentence)]
        return len(said) != len(set(said))

    apart = [(where, one) for where, said in sentences() for one in re.split(r"(?<=[.?!])\s", said)]
    assert [(where, one) for where, one in apart if is_said_twice(one)] == []
    assert is_said_twice("Bij {school} {count:wacht|wachten} nog {count:leerling|leerlingen}."), "it would be found"
    first = [(where, one) for where, said in sentences() for _, one, _ in _WITH_NOUN.findall(said) if one[0].isupper()]
    assert [(where, one) for where, one in first if not one.startswith("DAG ")] == [], "a sentence begins within it"


def test_every_exception_is_used() -> None:
    said = "\n".join(one for _, one in sentences())
    assert [name for name in NEVER_ONE if not re.search(rf"\{{{name}\}} {_PLURAL}", said)] == []


@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_sentence_is_said_with_each_number(number: int) -> None:
    for where, said in sentences():
        if not (found := _WITH_NOUN.findall(said)):
            continue
        shown = filled(said, number)
        for _, one, many in found:
            assert f"{number} {one if number == 1 else many}" in shown, where
        assert not re.search(r"[{}|]", shown), where


@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_sentence_that_is_written_twice_is_said_with_each_number(number: int) -> None:
    told = 0
    for path in FILES:
        for where, said in pairs(loaded(path)):
            told += 1
            shown = filled(said[plural(number)], number)
            assert re.search(rf"\b{number} \w", shown), where
            assert said["one"] != said["more"].replace("{count}", "1"), where
            assert "{count}" in said["more"], where
            assert "{count}" not in said["one"], where
    assert told > 20


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_template_fixes_a_plural_beside_a_number(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = re.finditer(rf"\{{\{{([^}}]*(?:length|count|number)[^}}]*)\}}\}}(?:</\w+>)? ({_PLURAL})", text)
    beside = [(one[1], one[2]) for one in found if "noun(" not in one[1] and one[2] not in NO_PLURAL]
    # Said only of more than one
    allowed = [("one.schools|length", "scholen")] if "if one.schools|length > 1" in text else []
    assert [(said.strip(), words) for said, words in beside if (said.strip(), words) not in allowed] == []
