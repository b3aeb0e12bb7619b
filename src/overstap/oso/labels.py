"""Labels of blocks and fields in the languages of `labels.csv`.

Dutch is in the columns `label` and `help`, English in `label_en` and `help_en`; each further language takes two
columns. A label that a language lacks is given in Dutch.
"""

import csv
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from overstap.oso.catalogue import catalogue
from overstap.oso.version_cache import forgettable
from overstap.oso.version_folders import BUILT_IN, is_added, version_folders

DEFAULT_LANGUAGE = "nl"


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one language.

    Args:
        language: language code; Dutch when `labels.csv` lacks the requested language.
    """

    language: str
    _by_field: Mapping[str, tuple[str, str]] = field(repr=False)
    added: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    """Label and description of fields that come with a copy, by block and field."""

    def of(self, place: str) -> tuple[str, str]:
        """Return the label of a field and its description in one sentence.

        Args:
            place: block and field, such as `leerling/achternaam`; a field of an added version without a label has its
                element name.
        """
        name = place.partition("/")[2]
        return self._by_field.get(place) or self._by_field.get(f"*/{name}") or (name, "")

    def with_names(self, names: Mapping[str, Mapping[str, list[str]]]) -> "Labels":
        """Return these labels with those that come with a copy.

        Args:
            names: label and description per language, by block and field; see `names_of_added`.
        """
        if not names:
            return self
        added = {
            place: (said[0], said[1])
            for place, by_language in names.items()
            if (said := by_language.get(self.language) or by_language.get(DEFAULT_LANGUAGE))
        }
        return Labels(self.language, ChainMap(added, dict(self._by_field)), added)

    def label(self, place: str, number: int | None = None) -> str:
        """Return the label of a field, with a number for a repeated one: "Toets 2"."""
        label = self.of(place)[0]
        return f"{label} {number}" if number else label

    def part(self, place: str) -> str:
        """Return the label of a block without the prefix up to the colon."""
        name = self.of(place)[0].rpartition(": ")[2]
        return name[:1].upper() + name[1:]


@forgettable
@cache
def labels(language: str, folder: Path = BUILT_IN) -> Labels:
    """Return the labels of a language over all versions of the data set; the newest version takes precedence.

    Args:
        language: language code, such as `en`.
        folder: folder with the built-in versions.
    """
    found: dict[str, tuple[str, str]] = {}
    is_known = False
    folders = version_folders(folder)
    for path in (folder / "labels.csv", *(folders[version] / "labels.csv" for version in sorted(folders))):
        for row in rows_of(path):
            ours = "" if language == DEFAULT_LANGUAGE else f"_{language}"
            label, help_text = row.get(f"label{ours}"), row.get(f"help{ours}")
            is_known = is_known or bool(label)
            found[f"{row['block']}/{row['field']}"] = (label or row["label"], help_text or row["help"])
    return Labels(language if is_known else DEFAULT_LANGUAGE, found)


@forgettable
@cache
def names_of_added(version: str) -> dict[str, dict[str, list[str]]]:
    """Return label and description of the fields that only an added version has, per language, by block and field.

    A copy for parents takes them along: the parents' pages do not have the folder of the added versions.

    Args:
        version: version of the dossier; a built-in one gives nothing.
    """
    if not is_added(version):
        return {}
    built_in = {
        f"{each.block}/{each.name}"
        for folder in sorted(BUILT_IN.glob("*/version.yaml"))
        for fields in catalogue(folder.parent.name).blocks.values()
        for each in fields
    }
    places = [f"{each.block}/{each.name}" for fields in catalogue(version).blocks.values() for each in fields]
    return {
        place: {language: list(labels(language).of(place)) for language in (DEFAULT_LANGUAGE, "en")}
        for place in places
        if place not in built_in
    }


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a labels file; empty without a file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
