"""Loading of texts for people from `include/texts/`, and agreement of nouns with numbers."""

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml
from babel import Locale

from overstap.resources import INCLUDE

_plural_form = Locale("nl").plural_form
"""Dutch and English have the same two plural forms, by the same rule."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TEXTS = INCLUDE / "texts"


@cache
def texts(name: str) -> dict[str, Any]:
    """Return the content of one text file.

    Args:
        name: path below include/texts without its extension, such as "orchestration/titles".
    """
    loaded: dict[str, Any] = read_yaml(TEXTS / f"{name}.yaml")
    return loaded


def read_yaml(path: Path) -> Any:
    """Return the content of one of our own YAML files.

    It uses the parser in C where available, which is ten times as fast; every task reads some files when it starts.
    """
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506


@lru_cache(maxsize=4096)
def plural(count: float) -> str:
    """Return the plural category of a number, "one" or "more", by the plural rules of CLDR (Babel)."""
    return "one" if _plural_form(count) == "one" else "more"


@lru_cache(maxsize=4096)
def noun(count: float, nouns: str) -> str:
    """Return the noun that agrees with a number.

    Args:
        count: the number.
        nouns: singular and plural, such as "bestand|bestanden".
    """
    one, more = nouns.split("|")
    return one if plural(count) == "one" else more


class Count(int):
    """A number whose noun agrees with it: `{files:bestand|bestanden}` formats as "1 bestand" or "2 bestanden".

    The choice follows the plural rules of CLDR (Babel). Without nouns in the format it behaves as an int.
    """

    def __format__(self, nouns: str) -> str:
        if "|" not in nouns:
            return super().__format__(nouns)
        return f"{int(self)} {noun(int(self), nouns)}"


def with_counts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a sentence, with each int as a `Count`."""
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
