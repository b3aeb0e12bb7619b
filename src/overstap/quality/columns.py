"""Extraction of the columns that the expectations over a region need from dossiers.

`overstap.oso.frames` converts whole dossiers, which for thousands with attachments would not fit in memory. This module
determines the needed fields from the catalogue and the rules, once per version, and extracts only those.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from overstap.oso.catalogue import Catalogue, Field, catalogue
from overstap.oso.frames import FURTHER, TABLES
from overstap.oso.model import Dossier
from overstap.oso.structure import path_of
from overstap.oso.tree import Node
from overstap.oso.version_cache import forgettable
from overstap.quality.region_rulebook import RegionRule

_NETHERLANDS = "6030"
_Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows of one table of one dossier.

    Args:
        at: path of each row in the dossier.
        columns: values of each column that is present in a row, one per row; None where it is absent.
    """

    at: list[str]
    columns: dict[str, list[str | None]] = field(repr=False)


class ColumnTable:
    """Selected columns of one table, filled dossier by dossier.

    Args:
        names: names of the columns, besides `dossier` (the id) and `at` (the path in the dossier).
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.dossier: list[str] = []
        self.at: list[str] = []
        self.columns: dict[str, list[str | None]] = {name: [] for name in sorted(names)}
        self._known: dict[str | None, Any] = {}  # dossiers have the same paths and codes: one text for all of them

    def add(self, dossier: str, rows: TableRows) -> None:
        """Add the rows of a dossier; a column that it does not have is missing in each."""
        count = len(rows.at)
        self.dossier += [dossier] * count
        self.at += map(self._known.setdefault, rows.at, rows.at)
        for name, values in self.columns.items():
            found = rows.columns.get(name)
            values += [None] * count if found is None else map(self._known.setdefault, found, found)

    def extend(self, other: "ColumnTable") -> None:
        """Append the rows of a table with at least these columns."""
        self.dossier += other.dossier
        self.at += other.at
        for name, values in self.columns.items():
            values += other.columns[name]


@dataclass(frozen=True, slots=True)
class DossierRows:
    """The needed columns of one dossier.

    Args:
        version: version of the data set.
        tables: rows per table that the dossier has rows of.
    """

    version: str
    tables: dict[str, TableRows] = field(repr=False)


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
        found = dossier if isinstance(dossier, DossierRows) else rows_of(dossier, self._wanted)
        self.dossiers.append(key)
        self.versions.add(found.version)
        for name, rows in found.tables.items():
            if name in self.tables:
                self.tables[name].add(key, rows)

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
    extractor = _RowExtractor(dossier, wanted)
    extractor.row(
        dossier.tree,
        TABLES["dossier"],
        _column_plan(frozenset(wanted.items()), dossier.version),
        dossier.catalogue.root,
    )
    return DossierRows(dossier.version, {name: rows for name, rows in extractor.tables.items() if rows.at})


class _RowExtractor:
    """Traversal of a dossier that extracts the needed fields.

    Args:
        dossier: the dossier.
        wanted: the needed columns per table.
    """

    def __init__(self, dossier: Dossier, wanted: NeededColumns) -> None:
        self.dossier = dossier
        self.wanted = wanted
        self.tables = {name: TableRows([], {}) for name in sorted(wanted)}
        self.digests: set[str] = set()

    def row(self, node: Node, table: str, plan: _ColumnPlan, at: str) -> None:
        """Add the row of one block, and the rows below it, to their tables."""
        row: _Row = {}
        self._fill(node, row, plan, at)
        rows = self.tables.get(table)
        if rows is None or (table in _COMPLETED and not self._is_completed(node, row, table)):
            return
        columns, before = rows.columns, len(rows.at)
        rows.at.append(at)
        for name, cell in row.items():
            if name in columns:
                columns[name].append(cell)
            elif name in self.wanted[table]:
                columns[name] = [*(None,) * before, cell]
        for values in columns.values():
            if len(values) == before:
                values.append(None)

    def _is_completed(self, node: Node, row: _Row, table: str) -> bool:
        """Add to a row what is not in its block as such; return whether it counts as a row."""
        if table in ("dossiers", "pupil") and (sender := self.dossier.sender) is not None:
            row["sender"] = sender
        if table == "pupil" and (given := node.text("voornaam")) is not None:
            row["given"] = given
        elif table == "addresses" and node.text("land") not in (None, _NETHERLANDS):
            row.pop("postcode", None)  # only Dutch postcodes are checked
        elif table == "attachments" and (content := node.text("bestandsinhoud")) is not None:
            row["digest"] = hashlib.sha256("".join(content.split()).encode()).hexdigest()
            if row["digest"] in self.digests:  # the same file twice in one dossier is not a fault
                return False
            self.digests.add(row["digest"])
        return True

    def _fill(self, node: Node, row: _Row, plan: _ColumnPlan, at: str) -> None:
        for name, column in plan.leaves:
            if found := node.get(name):
                row[column] = found[0]
        for name, inner in plan.same:
            if found := node.get(name):
                self._fill(found[0], row, inner, f"{at}/{name}")
        for each, table, inner in plan.rows:
            if found := node.get(each.name):
                for number, child in enumerate(found, start=1):
                    self.row(child, table, inner, path_of(at, each, number))


_COMPLETED = frozenset({"dossiers", "pupil", "addresses", "attachments"})
"""Tables of which a row has more than the fields of its block, or less."""


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
