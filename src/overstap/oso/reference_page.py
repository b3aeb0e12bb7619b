"""Generates docs/dossier.md, the reference of the data set, from the catalogue."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import jinja2

from overstap.errors import sentences
from overstap.oso.catalogue import PROFILES, Catalogue, Field, catalogue, versions
from overstap.oso.structure import codes, sentence
from overstap.resources import INCLUDE

_TEMPLATES = INCLUDE / "templates" / "dossier"
_SHORT = {"VERPLICHT": "V", "OPTIONEEL": "O", "VERBODEN": "X"}


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule as the page shows it.

    Args:
        id: id of the rule.
        status: whether it is checked, and if not why.
        severity: `error`, `warning`, `note`, or empty when it is not checked.
        nl: Dutch message.
        en: English message.
        who: who has to correct the dossier.
    """

    id: str
    status: str
    severity: str
    nl: str
    en: str
    who: str


_FACTS = ("label", "element", "most", "names", "form", "attribute", "length", "longest")
"""Placeholders in the messages of findings; the page shows their names."""


def markdown(rules: Iterable[RuleText]) -> str:
    """Return the text of docs/dossier.md.

    Args:
        rules: every rule of the newest version, in order.
    """
    known = [catalogue(version) for version in reversed(versions())]
    newest = known[0]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown out of our own tables
    )
    environment.filters["cell"] = _cell
    return environment.get_template("dossier.md.j2").render(
        versions=known,
        newest=newest,
        profiles=PROFILES,
        short=_SHORT,
        places=list(newest.walk()),
        often=_often,
        form=_form,
        lists=_lists(newest),
        rules=list(rules),
        errors={code: text for code, text in sentences().items() if code.startswith("DOSSIER-")},
        findings=[_finding(code) for code in codes()],
        differences=[_against(older, newer) for newer, older in itertools.pairwise(known)],
    )


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("<", "&lt;")


def _often(field: Field) -> str:
    return f"{field.min}..{'n' if field.max is None else field.max}{' choice' if field.choice else ''}"


def _form(field: Field) -> str:
    return field.type.name if field.type else "block"


def _lists(known: Catalogue) -> list[tuple[str, str, dict[str, str]]]:
    return [(number, known.list_names[number], known.lists[number]) for number in sorted(known.lists, key=int)]


def _finding(code: str) -> tuple[str, str, str, str]:
    nl, en, who = sentence(code, **{name: f"<{name}>" for name in _FACTS})
    return code, nl, en, who


def _against(older: Catalogue, newer: Catalogue) -> tuple[str, str, list[str], list[str]]:
    """Return the paths that were added and removed between two versions."""
    before = {place.path for place in older.walk()}
    after = {place.path for place in newer.walk()}
    return older.version, newer.version, _tops(after - before), _tops(before - after)


def _tops(paths: set[str]) -> list[str]:
    """Omit paths within a block that is in the set itself."""
    return sorted(path for path in paths if path.rpartition("/")[0] not in paths)
