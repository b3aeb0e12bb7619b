"""Labels of blocks and fields in the languages of `labels.csv`.

Dutch is in the columns `label` and `help`, English in `label_en` and `help_en`; each further language takes two
columns. A label that a language lacks is given in Dutch.
"""

import csv
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from overstap.oso.catalogue import FOLDER

DEFAULT_LANGUAGE = "nl"


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one language.

    Args:
        language: language code; Dutch when `labels.csv` lacks the requested language.
    """

    language: str
    _by_field: dict[str, tuple[str, str]] = field(repr=False)

    def of(self, place: str) -> tuple[str, str]:
        """Return the label of a field and its description in one sentence.

        Args:
            place: block and field, such as `leerling/achternaam`.

        Raises:
            KeyError: no version of the data set has this field.
        """
        return self._by_field.get(place) or self._by_field[f"*/{place.partition('/')[2]}"]

    def label(self, place: str, number: int | None = None) -> str:
        """Return the label of a field, with a number for a repeated one: "Toets 2"; raises as `of`."""
        label = self.of(place)[0]
        return f"{label} {number}" if number else label

    def part(self, place: str) -> str:
        """Return the label of a block without the prefix up to the colon; raises as `of`."""
        name = self.of(place)[0].rpartition(": ")[2]
        return name[:1].upper() + name[1:]


@cache
def labels(language: str, folder: Path = FOLDER) -> Labels:
    """Return the labels of a language over all versions of the data set; the newest version takes precedence.

    Args:
        language: language code, such as `en`.
        folder: folder with the versions.
    """
    found: dict[str, tuple[str, str]] = {}
    is_known = False
    for path in (folder / "labels.csv", *sorted(folder.glob("*/labels.csv"))):
        for row in rows_of(path):
            ours = "" if language == DEFAULT_LANGUAGE else f"_{language}"
            label, help_text = row.get(f"label{ours}"), row.get(f"help{ours}")
            is_known = is_known or bool(label)
            found[f"{row['block']}/{row['field']}"] = (label or row["label"], help_text or row["help"])
    return Labels(language if is_known else DEFAULT_LANGUAGE, found)


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a labels file; empty without a file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
