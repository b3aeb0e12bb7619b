"""Word lists for names of synthetic people, streets and schools."""

from functools import cache
from typing import Any

from overstap.resources import INCLUDE
from overstap.texts import read_yaml

_WORDS = INCLUDE / "texts" / "synth" / "words.yaml"


@cache
def words() -> dict[str, Any]:
    """Return `include/texts/synth/words.yaml`: everything Dutch that synthetic dossiers say."""
    loaded: dict[str, Any] = read_yaml(_WORDS)
    return loaded


@cache
def first_names() -> dict[int, tuple[str, ...]]:
    """Return first names by OSO sex code (list 14: 1 female, 2 male): Faker's Dutch ones and some others."""
    from faker.providers.person.nl_NL import Provider

    extra = words()["extra_first_names"]
    return {
        1: tuple(sorted(set(Provider.first_names_female) | set(extra["female"]))),
        2: tuple(sorted(set(Provider.first_names_male) | set(extra["male"]))),
    }
