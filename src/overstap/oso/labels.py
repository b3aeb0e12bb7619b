"""Labels of blocks and fields in the languages of `labels.csv`.

Dutch stands in the columns `label` and `help`, English in `label_en` and `help_en`; a language more is two columns
more. What a language lacks is said in Dutch.
"""

import csv
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from overstap.oso.catalogue import FOLDER

FIRST = "nl"


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one language.

    Args:
        language: the code of the language in which most of them are: Dutch where `labels.csv` lacks the wanted one.
    """

    language: str
    _found: dict[str, tuple[str, str]] = field(repr=False)

    def of(self, place: str) -> tuple[str, str]:
        """Return the label of a field, and one sentence about it.

        Args:
            place: block and field, such as `leerling/achternaam`.

        Raises:
            KeyError: no version of the standard has such a field.
        """
        return self._found.get(place) or self._found[f"*/{place.partition('/')[2]}"]

    def label(self, place: str, number: int | None = None) -> str:
        """Return the label, with the number of one of several: "Toets 2"; raises as `of`."""
        said = self.of(place)[0]
        return f"{said} {number}" if number else said

    def part(self, place: str) -> str:
        """Return the name of a part of the dossier without the word "part" in front of it; raises as `of`."""
        name = self.of(place)[0].rpartition(": ")[2]
        return name[:1].upper() + name[1:]


@cache
def labels(language: str, folder: Path = FOLDER) -> Labels:
    """Return the labels of a language, over all versions of the standard; the newest version's word counts.

    Args:
        language: its code, such as `en`.
        folder: where the versions are.
    """
    found: dict[str, tuple[str, str]] = {}
    is_known = False
    for path in (folder / "labels.csv", *sorted(folder.glob("*/labels.csv"))):
        for row in rows_of(path):
            ours = "" if language == FIRST else f"_{language}"
            label, said = row.get(f"label{ours}"), row.get(f"help{ours}")
            is_known = is_known or bool(label)
            found[f"{row['block']}/{row['field']}"] = (label or row["label"], said or row["help"])
    return Labels(language if is_known else FIRST, found)


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the lines of a file of labels; none when it is not there."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
