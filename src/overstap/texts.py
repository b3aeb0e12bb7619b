"""Sentences for people from `include/texts/`, Dutch with English beside it."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel import Locale

from overstap.resources import INCLUDE

_plural_form = Locale("nl").plural_form
"""Dutch and English have the same two forms, by the same rule."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TEXTS = INCLUDE / "texts"


@cache
def texts(name: str) -> dict[str, Any]:
    """Return one file of sentences.

    Args:
        name: path below include/texts without its ending, such as "orchestration/titles".
    """
    loaded: dict[str, Any] = read_yaml(TEXTS / f"{name}.yaml")
    return loaded


def read_yaml(path: Path) -> Any:
    """Return what one of our own files says.

    The parser in C, where there is one, is ten times as fast, and every task reads some of them before it begins.
    """
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506


def plural(count: float) -> str:
    """Return which of two sentences a number takes, "one" or "more", by CLDR's plural rules (Babel)."""
    return "one" if _plural_form(count) == "one" else "more"


def noun(count: float, nouns: str) -> str:
    """Return the noun that agrees with a number.

    Args:
        count: the number.
        nouns: the noun for one and the noun for more, such as "bestand|bestanden".
    """
    one, more = nouns.split("|")
    return one if plural(count) == "one" else more


class Count(int):
    """A number whose noun agrees with it: in a sentence, `{files:bestand|bestanden}` says "1 bestand" or "2 bestanden".

    Which of the two is said follows from CLDR's plural rules (Babel). Without a noun it is a number as any other.
    """

    def __format__(self, nouns: str) -> str:
        if "|" not in nouns:
            return super().__format__(nouns)
        return f"{int(self)} {noun(int(self), nouns)}"


def with_counts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts of a sentence with the whole numbers among them as `Count`."""
    return {name: Count(fact) if type(fact) is int else fact for name, fact in facts.items()}


def command_sentence(part: str, key: str, **facts: Any) -> str:
    """Return what a command prints, in Dutch.

    Args:
        part: the group of commands in include/texts/commands.yaml, such as "delivery".
        key: the sentence in it.
        facts: what fills its places.
    """
    sentence: str = texts("commands")[part][key]["nl"]
    return sentence.format(**with_counts(facts))
