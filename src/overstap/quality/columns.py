"""Extraction of the columns that the expectations over a region need from dossiers.

`overstap.oso.frames` converts whole dossiers, which for thousands with attachments would not fit in memory. This module
determines the needed fields from the catalogue and the rules, once per version, and extracts only those.
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
from overstap.oso.version_cache import forgettable
from overstap.quality.region_rulebook import RegionRule

if TYPE_CHECKING:
    import pandas as pd

_NETHERLANDS = "6030"
_Row = dict[str, str]


class ColumnTable:
    """Selected columns of one table, filled row by row.

    Args:
        names: names of the columns, besides `dossier` (the id) and `at` (the path in the dossier).
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.dossier: list[str] = []
        self.at: list[str] = []
        self.columns: dict[str, list[str | None]] = {name: [] for name in sorted(names)}

    def add(self, dossier: str, at: str, row: _Row) -> None:
        """Add a row; columns that it does not have are missing values."""
        self.dossier.append(dossier)
        self.at.append(at)
        for name, values in self.columns.items():
            values.append(row.get(name))

    def extend(self, other: "ColumnTable") -> None:
        """Append the rows of a table with at least these columns."""
        self.dossier += other.dossier
        self.at += other.at
        for name, values in self.columns.items():
            values += other.columns[name]

    def frame(self) -> "pd.DataFrame":
        """Return the rows as a frame of text columns, which keep leading zeros."""
        import pandas as pd

        return pd.DataFrame({"dossier": self.dossier, "at": self.at, **self.columns}, dtype="string")


@dataclass(frozen=True, slots=True)
class DossierRows:
    """The needed columns of one dossier.

    Args:
        version: version of the data set.
        tables: rows per table: path in the dossier, and the columns that are present.
    """

    version: str
    tables: dict[str, list[tuple[str, _Row]]] = field(repr=False)


@dataclass(slots=True)
class _ColumnPlan:
    """Needed fields of a block: leaves, blocks whose leaves belong to the same row, and blocks with own rows."""

    leaves: list[tuple[str, str]] = field(default_factory=list)
    same: list[tuple[str, "_ColumnPlan"]] = field(default_factory=list)
    rows: list[tuple[Field, str, "_ColumnPlan"]] = field(default_factory=list)

    @property
    def is_needed(self) -> bool:
        return bool(self.leaves or self.same or self.rows)


NeededColumns = Mapping[str, frozenset[str]]
"""The columns that rules need, per table."""


def columns_needed_by(rules: Iterable[RegionRule]) -> NeededColumns:
    """Return the columns that rules need."""
    found: dict[str, set[str]] = {}
    for rule in rules:
        found.setdefault(rule.table, set()).update(rule.columns)
    return {table: frozenset(columns) for table, columns in found.items()}


class RegionColumns:
    """The needed columns of the dossiers of a region, filled dossier by dossier.

    Args:
        rules: the rules, which determine tables and columns.
    """

    def __init__(self, rules: Iterable[RegionRule]) -> None:
        self._wanted = columns_needed_by(rules)
        self._key = frozenset(self._wanted.items())
        self.clear()

    def clear(self) -> None:
        """Remove all rows."""
        self.tables = {name: ColumnTable(columns) for name, columns in self._wanted.items()}
        self.dossiers: list[str] = []
        self.versions: set[str] = set()

    def add(self, key: str, dossier: Dossier | DossierRows) -> None:
        """Add the needed fields of a dossier.

        Args:
            key: an id, chosen by the caller.
            dossier: the dossier, or its rows, extracted earlier for at least these rules.
        """
        if isinstance(dossier, DossierRows):
            self.dossiers.append(key)
            self.versions.add(dossier.version)
            for name, table in self.tables.items():
                for at, row in dossier.tables.get(name, ()):
                    table.add(key, at, row)
            return
        self.dossiers.append(key)
        self.versions.add(dossier.version)
        extractor = _RowExtractor(dossier, lambda table, at, row: self.tables[table].add(key, at, row))
        extractor.all(self._wanted, _column_plan(self._key, dossier.version))

    def extend(self, other: "RegionColumns") -> None:
        """Append the rows of other dossiers, extracted for at least the rules of these columns.

        Args:
            other: the columns of the other dossiers.
        """
        self.dossiers += other.dossiers
        self.versions |= other.versions
        for name, table in self.tables.items():
            table.extend(other.tables[name])


def rows_of(dossier: Dossier, wanted: NeededColumns) -> DossierRows:
    """Extract the needed fields of one dossier.

    Args:
        dossier: the dossier.
        wanted: the needed columns per table; see `columns_needed_by`.
    """
    found: dict[str, list[tuple[str, _Row]]] = {name: [] for name in wanted}
    extractor = _RowExtractor(dossier, lambda table, at, row: found[table].append((at, _only(row, wanted[table]))))
    extractor.all(wanted, _column_plan(frozenset(wanted.items()), dossier.version))
    return DossierRows(dossier.version, found)


def _only(row: _Row, columns: frozenset[str]) -> _Row:
    return row if row.keys() <= columns else {name: cell for name, cell in row.items() if name in columns}


class _RowExtractor:
    """Traversal of a dossier that extracts the needed fields.

    Args:
        dossier: the dossier.
        put: receives each row: table, path in the dossier, and columns.
    """

    def __init__(self, dossier: Dossier, put: Callable[[str, str, _Row], None]) -> None:
        self.dossier = dossier
        self.put = put
        self.digests: set[str] = set()

    def all(self, wanted: NeededColumns, plan: _ColumnPlan) -> None:
        """Extract all needed fields."""
        self.wanted = wanted
        self._row(self.dossier.tree, TABLES["dossier"], plan, self.dossier.catalogue.root)

    def _row(self, node: Node, table: str, plan: _ColumnPlan, at: str) -> None:
        row: _Row = {}
        self._fill(node, row, plan, at)
        if table not in self.wanted:
            return
        if table in ("dossiers", "pupil") and (sender := self.dossier.sender) is not None:
            row["sender"] = sender
        if table == "pupil" and (given := node.text("voornaam")) is not None:
            row["given"] = given
        elif table == "addresses" and node.text("land") not in (None, _NETHERLANDS):
            row.pop("postcode", None)  # only Dutch postcodes are checked
        elif table == "attachments" and (content := node.text("bestandsinhoud")) is not None:
            row["digest"] = hashlib.sha256("".join(content.split()).encode()).hexdigest()
            if row["digest"] in self.digests:  # the same file twice in one dossier is not a fault
                return
            self.digests.add(row["digest"])
        self.put(table, at, row)

    def _fill(self, node: Node, row: _Row, plan: _ColumnPlan, at: str) -> None:
        for name, column in plan.leaves:
            if found := node.get(name):
                row[column] = found[0]
        for name, inner in plan.same:
            if found := node.get(name):
                self._fill(found[0], row, inner, f"{at}/{name}")
        for each, table, inner in plan.rows:
            for number, child in enumerate(node.get(each.name, ()), start=1):
                self._row(child, table, inner, path_of(at, each, number))


@forgettable
@lru_cache(maxsize=64)
def _column_plan(wanted: frozenset[tuple[str, frozenset[str]]], version: str) -> _ColumnPlan:
    known = catalogue(version)
    return _plan_block(known, known.root, TABLES["dossier"], "", dict(wanted))


def _plan_block(known: Catalogue, block: str, table: str, prefix: str, wanted: NeededColumns) -> _ColumnPlan:
    made = _ColumnPlan()
    for each in known.blocks[block]:
        if each.contains is None:
            if f"{prefix}{each.name}" in wanted.get(table, ()):
                made.leaves.append((each.name, f"{prefix}{each.name}"))
        elif each.contains not in known.repeating:
            if each.contains in TABLES or each.max is None:
                own = TABLES.get(each.contains, FURTHER)
                inner = _plan_block(known, each.contains, own, "", wanted)
                if inner.is_needed or own in wanted:
                    made.rows.append((each, own, inner))
            else:
                inner = _plan_block(known, each.contains, table, f"{prefix}{each.name}.", wanted)
                if inner.is_needed:
                    made.same.append((each.name, inner))
    return made
