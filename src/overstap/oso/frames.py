"""Lossless conversion of dossiers to tidy tables (pandas).

Each repeatable block has its rows in a table of its own; a row holds the leaves of the block and of the non-repeatable
blocks within it (`gba.gbaachternaam`). All columns are text, so that leading zeros and the surname "NA" are kept;
absent values are pandas.NA. `dossier` is the given id, `at` the path in the dossier. Values that do not fit a row
(several first names, an empty block) are in the table `more`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from overstap.oso.catalogue import Catalogue, Field
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
"""The table of a block; other repeatable blocks have their rows in `further`."""
FURTHER = "further"
MORE = "more"
NAMES = tuple(dict.fromkeys([*TABLES.values(), FURTHER, MORE]))


def flatten(dossiers: Iterable[tuple[str, Dossier]]) -> "dict[str, pd.DataFrame]":
    """Convert dossiers to tables.

    Args:
        dossiers: pairs of an id, chosen by the caller, and a dossier.

    Returns:
        A frame of text columns per name in `NAMES`, with one row per block and at least the columns `dossier` and `at`.
        `dossiers` also has `version`, `profile` and `sender`; `support`, `final_test_parts` and `further` have the name
        of the block in `kind`.
    """
    import pandas as pd

    tables: dict[str, list[dict[str, str]]] = {name: [] for name in NAMES}
    for key, dossier in dossiers:
        _Flattener(tables, key, dossier.catalogue).all(dossier)
    frames = {}
    for name, rows in tables.items():
        columns = list(dict.fromkeys([*_first_columns(name), *(column for row in rows for column in row)]))
        frames[name] = pd.DataFrame(rows, columns=columns, dtype="string")
    return frames


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
class _Flattener:
    """Converter of one dossier to rows."""

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
