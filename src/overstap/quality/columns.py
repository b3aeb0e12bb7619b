"""Columns that the expectations over a region use.

`overstap.oso.frames` lays out whole dossiers; a region of thousands, with attachments, would not fit in memory that
way. Here the catalogue and the rules together say which fields are wanted, once per version, and the rest of a dossier
is not looked at.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from overstap.oso.catalogue import Catalogue, Field, catalogue
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

    def extend(self, other: "JudgedTable") -> None:
        """Add the rows of a table that has these columns, and perhaps more."""
        self.dossier += other.dossier
        self.at += other.at
        for name, values in self.columns.items():
            values += other.columns[name]

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


Wanted = Mapping[str, frozenset[str]]
"""Per table the columns that rules need."""


def wanted_by(rules: Iterable[RegionRule]) -> Wanted:
    """Return which columns rules need."""
    found: dict[str, set[str]] = {}
    for rule in rules:
        found.setdefault(rule.table, set()).update(rule.columns)
    return {table: frozenset(columns) for table, columns in found.items()}


class Columns:
    """The wanted columns of a growing number of dossiers.

    Args:
        rules: the rules that will be judged; they name tables and columns.
    """

    def __init__(self, rules: Iterable[RegionRule]) -> None:
        self._wanted = wanted_by(rules)
        self._key = frozenset(self._wanted.items())
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
        self.dossiers.append(key)
        self.versions.add(dossier.version)
        taken = _Taken(dossier, lambda table, at, row: self.tables[table].add(key, at, row))
        taken.all(self._wanted, _look_of(self._key, dossier.version))

    def extend(self, other: "Columns") -> None:
        """Take what is wanted here of the dossiers that another one took, which wants at least as much.

        Args:
            other: the other one.
        """
        self.dossiers += other.dossiers
        self.versions |= other.versions
        for name, table in self.tables.items():
            table.extend(other.tables[name])


def rows_of(dossier: Dossier, wanted: Wanted) -> JudgedRows:
    """Return the wanted fields of one dossier.

    Args:
        dossier: the dossier.
        wanted: per table its columns; see `wanted_by`.
    """
    found: dict[str, list[tuple[str, _Row]]] = {name: [] for name in wanted}
    taken = _Taken(dossier, lambda table, at, row: found[table].append((at, _only(row, wanted[table]))))
    taken.all(wanted, _look_of(frozenset(wanted.items()), dossier.version))
    return JudgedRows(dossier.version, found)


def _only(row: _Row, columns: frozenset[str]) -> _Row:
    return row if row.keys() <= columns else {name: cell for name, cell in row.items() if name in columns}


class _Taken:
    """One walk over a dossier that takes the wanted fields.

    Args:
        dossier: the dossier.
        put: takes a row: its table, the place in the dossier, and its columns.
    """

    def __init__(self, dossier: Dossier, put: Callable[[str, str, _Row], None]) -> None:
        self.dossier = dossier
        self.put = put
        self.digests: set[str] = set()

    def all(self, wanted: Wanted, look: _Look) -> None:
        """Take all wanted fields."""
        self.wanted = wanted
        self._row(self.dossier.tree, TABLES["dossier"], look, self.dossier.catalogue.root)

    def _row(self, node: Node, table: str, look: _Look, at: str) -> None:
        row: _Row = {}
        self._fill(node, row, look, at)
        if table not in self.wanted:
            return
        if table in ("dossiers", "pupil") and (sender := self.dossier.sender) is not None:
            row["sender"] = sender
        if table == "pupil" and (given := node.text("voornaam")) is not None:
            row["given"] = given
        elif table == "addresses" and node.text("land") not in (None, _NETHERLANDS):
            row.pop("postcode", None)  # the form is that of a Dutch one
        elif table == "attachments" and (content := node.text("bestandsinhoud")) is not None:
            row["digest"] = hashlib.sha256("".join(content.split()).encode()).hexdigest()
            if row["digest"] in self.digests:  # a file may well stand twice in the dossier of one pupil
                return
            self.digests.add(row["digest"])
        self.put(table, at, row)

    def _fill(self, node: Node, row: _Row, look: _Look, at: str) -> None:
        for name, column in look.leaves:
            if found := node.get(name):
                row[column] = found[0]
        for name, inner in look.same:
            if found := node.get(name):
                self._fill(found[0], row, inner, f"{at}/{name}")
        for each, table, inner in look.rows:
            for number, child in enumerate(node.get(each.name, ()), start=1):
                self._row(child, table, inner, path_of(at, each, number))


@lru_cache(maxsize=64)
def _look_of(wanted: frozenset[tuple[str, frozenset[str]]], version: str) -> _Look:
    known = catalogue(version)
    return _look(known, known.root, TABLES["dossier"], "", dict(wanted))


def _look(known: Catalogue, block: str, table: str, prefix: str, wanted: Wanted) -> _Look:
    made = _Look()
    for each in known.blocks[block]:
        if each.contains is None:
            if f"{prefix}{each.name}" in wanted.get(table, ()):
                made.leaves.append((each.name, f"{prefix}{each.name}"))
        elif each.contains not in known.repeating:
            if each.contains in TABLES or each.max is None:
                own = TABLES.get(each.contains, FURTHER)
                inner = _look(known, each.contains, own, "", wanted)
                if inner.is_needed or own in wanted:
                    made.rows.append((each, own, inner))
            else:
                inner = _look(known, each.contains, table, f"{prefix}{each.name}.", wanted)
                if inner.is_needed:
                    made.same.append((each.name, inner))
    return made
