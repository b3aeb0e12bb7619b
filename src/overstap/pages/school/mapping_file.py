"""The mapping of a school's page as a file of the region, with what the page fills in by itself as constants."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from overstap.intake.mappings.model import MOST_CONSTANTS
from overstap.intake.mappings.model import Mapping as ColumnMapping
from overstap.intake.mappings.writing import to_yaml
from overstap.oso.implied import fill_in_kinds
from overstap.typed.answers import Answers, values_of
from overstap.typed.form import Form

_TOP = "huidigeschool/"
_CAREER = "leerling/schoolloopbaanlijst/schoolloopbaan[1]/"
_OF_THE_YEAR = frozenset(f"{_CAREER}{name}" for name in ("schooljaar", "brincode", "vestigingscode"))
"""What intake fills in itself; a school year in a file would be wrong the year after."""


def file_of(mapping: ColumnMapping, number: int, form: Form, school: Answers, usual: Answers) -> str:
    """Return a mapping as YAML, by which intake makes the dossiers that the page makes.

    Args:
        mapping: the mapping that was saved.
        number: its version.
        form: the form of the round.
        school: answers about the school.
        usual: answers about each pupil that follow from round and school.
    """
    chosen = {rule.field for rule in mapping.rules()} | set(mapping.constants)
    about_pupils = {path: text for path, text in usual.items() if path not in _OF_THE_YEAR}
    nested, _ = values_of(form, {**school, **about_pupils})
    fill_in_kinds(nested)
    own = {f"{_TOP}{path}": text for path, text in _texts(nested)}
    added = {path: text for path, text in own.items() if path not in chosen}
    constants = dict(list({**mapping.constants, **added}.items())[:MOST_CONSTANTS])
    return to_yaml(ColumnMapping.model_validate(mapping.model_dump() | {"version": number, "constants": constants}))


def _texts(nested: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(nested, Mapping):
        for name, inner in nested.items():
            yield from _texts(inner, f"{path}/{name}" if path else name)
    elif isinstance(nested, list):
        for number, inner in enumerate(nested, 1):
            yield from _texts(inner, f"{path}[{number}]")
    elif nested not in (None, ""):
        yield path, nested.isoformat() if isinstance(nested, date) else str(nested)
