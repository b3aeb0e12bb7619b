"""A batch of dossiers as tidy tables, and back without loss.

Every block that can repeat has its rows in a table of its own; a row holds the block's leaves and those of the single
blocks below it (`gba.gbaachternaam`). All columns are text: nothing turns a leading zero into a number or the surname
"NA" into nothing; what is absent is missing (pandas.NA). `dossier` is the id given, `at` the place in the dossier.
What does not fit a row (several first names, a block that is there but empty) stands in the table `more`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from overstap.oso.building import build
from overstap.oso.catalogue import Catalogue, Field, catalogue
from overstap.oso.model import Dossier
from overstap.oso.structure import path_of
from overstap.oso.tree import GROUPS, Node

if TYPE_CHECKING:
    import pandas as pd

TABLES: dict[str, str] = {
    "dossier": "dossiers",
    "leerling": "pupil",
    "verzorger": "carers",
    "adres": "addresses",
    "communicatie": "contacts",
    "schoolloopbaan": "career",
    "overstapadvies": "advice",
    "verzuim": "absence",
    "toets": "tests",
    "toetsonderdeel": "test_parts",
    "referentiescore": "scores",
    "eindtoets_basisonderwijs": "final_test",
    "eindtoetsonderdeel": "final_test_parts",
    "eindtoetsdomein": "final_test_parts",
    "document": "attachments",
    "diagnose": "support",
    "handelingsplan": "support",
    "toelichting_onderwijsbehoeften": "support",
    "opp": "support",
    "tlv": "support",
    "arrangement_cluster12": "support",
    "arrangement_pao": "support",
    "lwoo": "support",
    "rvc": "support",
}
"""The table of a block; a repeating block that is not named here has its rows in `further`."""
FURTHER = "further"
MORE = "more"
NAMES = tuple(dict.fromkeys([*TABLES.values(), FURTHER, MORE]))


def flatten(dossiers: Iterable[tuple[str, Dossier]]) -> "dict[str, pd.DataFrame]":
    """Lay dossiers out as tables.

    Args:
        dossiers: pairs of an id of the caller's choice and a dossier.

    Returns:
        Per table of `NAMES` a frame of text columns; one row per block, and at least the columns `dossier` and `at`.
        `dossiers` has `version`, `profile` and `sender` as well, `support`, `final_test_parts` and `further` say in
        `kind` which block a row is.
    """
    import pandas as pd

    tables: dict[str, list[dict[str, str]]] = {name: [] for name in NAMES}
    for key, dossier in dossiers:
        _Spread(tables, key, dossier.catalogue).all(dossier)
    frames = {}
    for name, rows in tables.items():
        columns = list(dict.fromkeys([*_first_columns(name), *(column for row in rows for column in row)]))
        frames[name] = pd.DataFrame(rows, columns=columns, dtype="string")
    return frames


def unflatten(frames: "Mapping[str, pd.DataFrame]") -> Iterator[tuple[str, Dossier]]:
    """Make the dossiers of a batch anew from its tables.

    Args:
        frames: what `flatten` gave, with values changed or rows taken out if need be.

    Yields:
        The id and the dossier, in the order of the table `dossiers`.
    """
    places: dict[str, dict[str, str | None]] = {}
    for name, frame in frames.items():
        derived = _DERIVED if name == "dossiers" else ()
        for row in frame.to_dict("records"):
            found = places.setdefault(row["dossier"], {})
            if name == MORE:
                found[row["at"]] = row["value"] if isinstance(row["value"], str) else None
                continue
            found.setdefault(row["at"], None)
            for column, value in row.items():
                if column not in ("dossier", "at", "kind", *derived) and isinstance(value, str):
                    found[f"{row['at']}/{str(column).replace('.', '/')}"] = value
    for row in frames["dossiers"].to_dict("records"):
        yield row["dossier"], _gather(places[row["dossier"]], catalogue(row["version"]))


_DERIVED = ("version", "profile", "sender")


def _first_columns(table: str) -> tuple[str, ...]:
    if table == "dossiers":
        return ("dossier", "at", *_DERIVED)
    if table == MORE:
        return ("dossier", "at", "value")
    if table in ("support", "final_test_parts", FURTHER):
        return ("dossier", "at", "kind")
    return ("dossier", "at")


@dataclass
class _Spread:
    """Spreads one dossier over the rows."""

    tables: dict[str, list[dict[str, str]]]
    key: str
    known: Catalogue

    def all(self, dossier: Dossier) -> None:
        row = self._row("dossier", self.known.root)
        row["version"] = dossier.version
        for name, value in (("profile", dossier.profile), ("sender", dossier.sender)):
            if value is not None:
                row[name] = value
        self.block(dossier.tree, self.known.root, self.known.root, row, "")

    def block(self, node: Node, block: str, path: str, row: dict[str, str], prefix: str) -> None:
        if GROUPS in node:
            for number, group in enumerate(node[GROUPS], start=1):
                here = f"{path}/{GROUPS}[{number}]"
                self.fields(group, block, here, self._row(block, here), "")
        else:
            self.fields(node, block, path, row, prefix)

    def fields(self, node: Node, block: str, path: str, row: dict[str, str], prefix: str) -> None:
        if not node:
            self._more(path, None)
        for each in self.known.blocks[block]:
            values = node.get(each.name)
            if values:
                self.field(each, values, path, row, prefix)
                if each.attribute:
                    self._attributes(each, node[f"{each.name}@{each.attribute}"], path, row, prefix)

    def field(self, each: Field, values: list[Any], path: str, row: dict[str, str], prefix: str) -> None:
        if each.contains is None:
            if each.max == 1 and len(values) == 1:
                row[f"{prefix}{each.name}"] = values[0]
            else:
                for number, value in enumerate(values, start=1):
                    self._more(path_of(path, each, number), value)
            return
        for number, node in enumerate(values, start=1):
            here = path_of(path, each, number)
            if each.contains in TABLES or each.max is None or len(values) > 1:
                self.block(node, each.contains, here, self._row(each.contains, here), "")
            else:
                self.block(node, each.contains, here, row, f"{prefix}{each.name}.")

    def _attributes(self, each: Field, values: list[str], path: str, row: dict[str, str], prefix: str) -> None:
        for number, value in enumerate(values, start=1):
            if not value:
                continue
            if each.max == 1 and len(values) == 1:
                row[f"{prefix}{each.name}@{each.attribute}"] = value
            else:
                self._more(f"{path_of(path, each, number)}@{each.attribute}", value)

    def _row(self, block: str, path: str) -> dict[str, str]:
        table = TABLES.get(block, FURTHER)
        row = {"dossier": self.key, "at": path}
        if "kind" in _first_columns(table):
            row["kind"] = block
        self.tables[table].append(row)
        return row

    def _more(self, path: str, value: str | None) -> None:
        row = {"dossier": self.key, "at": path}
        if value is not None:
            row["value"] = value
        self.tables[MORE].append(row)


@dataclass
class _Branch:
    """A place on the way back: its text, its attribute, and what is below it, by name and number."""

    text: str | None = None
    attribute: str = ""
    below: dict[str, dict[int, "_Branch"]] = field(default_factory=dict)


def _gather(places: dict[str, str | None], known: Catalogue) -> Dossier:
    top = _Branch()
    for path, text in places.items():
        place, _, attribute = path.partition("@")
        branch = top
        for step in place.split("/")[1:]:
            name, _, number = step.partition("[")
            branch = branch.below.setdefault(name, {}).setdefault(int(number[:-1]) if number else 1, _Branch())
        if attribute:
            branch.attribute = text or ""
        elif text is not None:
            branch.text = text
    return build(_values(top, known.root, known), known.version)


def _values(branch: _Branch, block: str, known: Catalogue) -> dict[str, Any]:
    if GROUPS in branch.below:
        return {GROUPS: [_values(group, f"{block}", known) for _, group in sorted(branch.below[GROUPS].items())]}
    values: dict[str, Any] = {}
    for each in known.blocks[block]:
        found = [below for _, below in sorted(branch.below.get(each.name, {}).items())]
        if not found:
            continue
        if each.contains:
            values[each.name] = [_values(below, each.contains, known) for below in found]
        else:
            values[each.name] = [below.text or "" for below in found]
        if each.attribute:
            values[f"{each.name}@{each.attribute}"] = [below.attribute for below in found]
    return values
