"""Reading of an export by a mapping: each row as texts per field, or refused with its line, column and cure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from overstap.errors import OverstapError
from overstap.intake.mappings.cells import CellFault, converted
from overstap.intake.mappings.model import About, ColumnRule, JoinedRule, Mapping
from overstap.oso.catalogue import catalogue
from overstap.tabular import Header, HeaderError, RefusedRow, Table, read_table
from overstap.tabular.table import column_name

LIMIT_BYTES = 50_000_000
LIMIT_ROWS = {About.DOSSIERS: 5_000, About.REGISTRATIONS: 1_000_000, About.TESTS: 300_000}
"""Largest number of rows of one file: far above the pupils of a school, and above those of a region."""
_STAGES = {name: name for name in ("aangemeld", "ingeschreven", "geplaatst")}


@dataclass(frozen=True, slots=True)
class MappedRow:
    """A row with the texts of its fields.

    Args:
        line: line of the file, from 1.
        texts: text per path of a field, constants included; a list where a cell was split. Empty ones are left out.
        restored: number of cells in which leading zeros came back.
    """

    line: int
    texts: dict[str, str | list[str]] = field(repr=False)
    restored: int = 0


def open_table(data: bytes, mapping: Mapping) -> Table:
    """Open an export.

    Args:
        data: content of the file: CSV or a workbook.
        mapping: its mapping.

    Raises:
        OverstapError: INTAKE-102 columns are missing; TABLE-nnn it cannot be read as a whole.
    """
    header = Header(mapping.needed, is_open=True)
    most = LIMIT_ROWS[mapping.about]
    try:
        return read_table(data, header, max_bytes=LIMIT_BYTES, max_rows=most, multiline=True, sheet=mapping.sheet)
    except HeaderError as other:
        # The names come from the mapping; those of the file may be a pupil's row
        missing = ", ".join((*other.missing, *other.double)[:10]) or "-"
        raise OverstapError("INTAKE-102", mapping=mapping.name, missing=missing) from None


def read_rows(table: Table, mapping: Mapping) -> Iterator[MappedRow | RefusedRow]:
    """Yield each row of an export.

    Args:
        table: the table, as `open_table` opened it.
        mapping: its mapping.

    Yields:
        The rows in the order of the file; a refused one with INTAKE-103 to -106, -043, -110 or TABLE-nnn, its line,
        and the column as the mapping calls it, with its letter.
    """
    reader = _Reader(table, mapping)
    for row in table.rows:
        yield row if isinstance(row, RefusedRow) else reader.mapped(row.line, row.cells)


class _Reader:
    """The rules of a mapping, prepared.

    Args:
        table: the table.
        mapping: its mapping.
    """

    def __init__(self, table: Table, mapping: Mapping) -> None:
        self._mapping = mapping
        self._letters = {name: letters(place) for place, name in enumerate(table.columns, start=1) if name}
        rules: list[tuple[tuple[str, ...], ColumnRule]] = [((name,), rule) for name, rule in mapping.columns.items()]
        rules += [(rule.columns, rule) for rule in mapping.joined]
        self._rules = [
            (tuple(map(column_name, names)), names, rule, mapping.kind_of(rule), codes_of(mapping, rule))
            for names, rule in rules
        ]

    def mapped(self, line: int, cells: Any) -> MappedRow | RefusedRow:
        """Return the row with the texts of its fields, or refused for the first cell that cannot be read."""
        texts: dict[str, str | list[str]] = {}
        restored = 0
        for places, names, rule, kind, codes in self._rules:
            joiner = rule.separator if isinstance(rule, JoinedRule) else ""
            cell = joiner.join(filter(None, (cells[place] for place in places)))
            try:
                parts = [part.strip() for part in cell.split(rule.split)] if rule.split else [cell]
                found = [converted(part, kind, rule, codes) for part in parts]
            except CellFault as fault:
                at = f"{names[0]} ({self._letters.get(places[0], '?')}{line})"
                return RefusedRow(line, fault.code, {**fault.facts, "column": at})
            restored += sum(one.is_restored for one in found)
            said = [one.text for one in found if one.text]
            if said:
                texts[rule.field] = said if rule.split else said[0]
        if not texts:
            return RefusedRow(line, "INTAKE-111")
        for target, text in self._mapping.constants.items():
            texts[target] = text
        return MappedRow(line, texts, restored)


def codes_of(mapping: Mapping, rule: ColumnRule) -> dict[str, str]:
    """Return the codes that a field may have, with their labels; empty without a code list."""
    if mapping.about is not About.DOSSIERS:
        return _STAGES if rule.field == "fase" else {}
    known = catalogue(mapping.oso)
    found = mapping.check_target(rule.field)
    return known.lists.get(found.list, {}) if found is not None and found.list is not None else {}


def letters(place: int) -> str:
    """Return the letters of a column in a spreadsheet: 1 is A, 27 is AA."""
    found = ""
    while place:
        place, rest = divmod(place - 1, 26)
        found = chr(65 + rest) + found
    return found
