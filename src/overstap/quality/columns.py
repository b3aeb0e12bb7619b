"""Columns that the expectations over a region use.

`overstap.oso.frames` lays out whole dossiers; a region of thousands, with attachments, would not fit in memory that
way. Here the catalogue and the rules together say which fields are wanted, once per version, and the rest of a dossier
is not looked at.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from overstap.oso.catalogue import Catalogue, Field
from overstap.oso.frames import FURTHER, TABLES
from overstap.oso.model import Dossier
from overstap.oso.structure import path_of
from overstap.oso.tree import Node
from overstap.quality.regionbook import RegionRule

if TYPE_CHECKING:
    import pandas as pd

_NETHERLANDS = "6030"
_Row = dict[str, str]


class JudgedTable:
    """Some columns of one table, row by row.

    Args:
        names: the columns, beside `dossier` (the id) and `at` (the place in the dossier).
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.dossier: list[str] = []
        self.at: list[str] = []
        self.columns: dict[str, list[str | None]] = {name: [] for name in sorted(names)}

    def add(self, dossier: str, at: str, row: _Row) -> None:
        """Add a row; a column that it does not have is missing."""
        self.dossier.append(dossier)
        self.at.append(at)
        for name, values in self.columns.items():
            values.append(row.get(name))

    def frame(self) -> "pd.DataFrame":
        """Return the rows as a frame of text columns: nothing turns a leading zero into a number."""
        import pandas as pd

        return pd.DataFrame({"dossier": self.dossier, "at": self.at, **self.columns}, dtype="string")


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """The wanted columns of one dossier.

    Args:
        version: of the data set.
        tables: per table its rows: the place in the dossier, and the columns that are there.
    """

    version: str
    tables: dict[str, list[tuple[str, _Row]]] = field(repr=False)


@dataclass(slots=True)
class _Look:
    """What is wanted of a kind of block: its leaves, blocks whose leaves are of the same row, and blocks with rows."""

    leaves: list[tuple[str, str]] = field(default_factory=list)
    same: list[tuple[str, "_Look"]] = field(default_factory=list)
    rows: list[tuple[Field, str, "_Look"]] = field(default_factory=list)

    @property
    def is_needed(self) -> bool:
        return bool(self.leaves or self.same or self.rows)


class Columns:
    """The wanted columns of a growing number of dossiers.

    Args:
        rules: the rules that will be judged; they name tables and columns.
    """

    def __init__(self, rules: Iterable[RegionRule]) -> None:
        wanted: dict[str, set[str]] = {}
        for rule in rules:
            wanted.setdefault(rule.table, set()).update(rule.columns)
        self._wanted = wanted
        self._looks: dict[str, _Look] = {}
        self.clear()

    def clear(self) -> None:
        """Forget all rows."""
        self.tables = {name: JudgedTable(columns) for name, columns in self._wanted.items()}
        self.dossiers: list[str] = []
        self.versions: set[str] = set()

    def add(self, key: str, dossier: Dossier | JudgedRows) -> None:
        """Take the wanted fields of a dossier.

        Args:
            key: an id of the caller's choice.
            dossier: the dossier, or what was taken of it before, by the same rules or more of them.
        """
        if isinstance(dossier, JudgedRows):
            self.dossiers.append(key)
            self.versions.add(dossier.version)
            for name, table in self.tables.items():
                for at, row in dossier.tables.get(name, ()):
                    table.add(key, at, row)
            return
        known = dossier.catalogue
        look = self._looks.get(dossier.version)
        if look is None:
            look = self._looks[dossier.version] = self._look(known, known.root, TABLES["dossier"], "")
        self.dossiers.append(key)
        self.versions.add(dossier.version)
        self._row(key, dossier, dossier.tree, TABLES["dossier"], look, known.root, set())

    def rows_of(self, dossier: Dossier) -> JudgedRows:
        """Return the wanted fields of one dossier; what was taken before is forgotten."""
        self.clear()
        self.add("", dossier)
        taken = {}
        for name, table in self.tables.items():
            taken[name] = [
                (at, {column: cell for column, values in table.columns.items() if (cell := values[place]) is not None})
                for place, at in enumerate(table.at)
            ]
        self.clear()
        return JudgedRows(dossier.version, taken)

    def _row(self, key: str, dossier: Dossier, node: Node, table: str, look: _Look, at: str, seen: set[str]) -> None:
        row: _Row = {}
        self._fill(key, dossier, node, row, look, at, seen)
        if table not in self.tables:
            return
        if table in ("dossiers", "pupil") and dossier.sender is not None:
            row["sender"] = dossier.sender
        if table == "pupil" and (given := node.text("voornaam")) is not None:
            row["given"] = given
        elif table == "addresses" and node.text("land") not in (None, _NETHERLANDS):
            row.pop("postcode", None)  # the form is that of a Dutch one
        elif table == "attachments" and (content := node.text("bestandsinhoud")) is not None:
            row["digest"] = hashlib.sha256("".join(content.split()).encode()).hexdigest()
            if row["digest"] in seen:  # a file may well stand twice in the dossier of one pupil
                return
            seen.add(row["digest"])
        self.tables[table].add(key, at, row)

    def _fill(self, key: str, dossier: Dossier, node: Node, row: _Row, look: _Look, at: str, seen: set[str]) -> None:
        for name, column in look.leaves:
            if found := node.get(name):
                row[column] = found[0]
        for name, inner in look.same:
            if found := node.get(name):
                self._fill(key, dossier, found[0], row, inner, f"{at}/{name}", seen)
        for each, table, inner in look.rows:
            for number, child in enumerate(node.get(each.name, ()), start=1):
                self._row(key, dossier, child, table, inner, path_of(at, each, number), seen)

    def _look(self, known: Catalogue, block: str, table: str, prefix: str) -> _Look:
        wanted: Mapping[str, set[str]] = self._wanted
        made = _Look()
        for each in known.blocks[block]:
            if each.contains is None:
                if f"{prefix}{each.name}" in wanted.get(table, ()):
                    made.leaves.append((each.name, f"{prefix}{each.name}"))
            elif each.contains not in known.repeating:
                if each.contains in TABLES or each.max is None:
                    own = TABLES.get(each.contains, FURTHER)
                    inner = self._look(known, each.contains, own, "")
                    if inner.is_needed or own in wanted:
                        made.rows.append((each, own, inner))
                else:
                    inner = self._look(known, each.contains, table, f"{prefix}{each.name}.")
                    if inner.is_needed:
                        made.same.append((each.name, inner))
        return made
