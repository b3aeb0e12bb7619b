"""A dry run of a mapping: what would become of each column of an export, in counts; nothing is stored."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from overstap.errors import OverstapError
from overstap.intake.mappings.cells import CellFault, converted
from overstap.intake.mappings.model import ColumnRule, JoinedRule, Mapping
from overstap.intake.mappings.proposing import Column
from overstap.intake.mappings.reading import LIMIT_BYTES, LIMIT_ROWS, codes_of, open_table, read_rows
from overstap.progress import Advance, counted, unwatched
from overstap.tabular import Header, HeaderError, RefusedRow, read_table
from overstap.tabular.table import column_name

_SAMPLE = 500
_MOST_ROWS = max(LIMIT_ROWS.values())


@dataclass
class ColumnTrial:
    """What becomes of one column, in cells.

    Args:
        column: its name in the mapping.
        target: the field that it becomes.
        filled: cells with a value.
        taken: those that become a text of the field.
        restored: those of them in which leading zeros came back.
        refused: the others, per error code.
    """

    column: str
    target: str
    filled: int = 0
    taken: int = 0
    restored: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Trial:
    """What becomes of an export.

    Args:
        rows: number of rows that can be read.
        unreadable: number of rows that cannot, per error code.
        usable: number of rows of which each cell becomes a text.
        columns: what becomes of each column.
        unread: names of the columns that are not read.
    """

    rows: int
    unreadable: Counter[str]
    usable: int
    columns: Sequence[ColumnTrial]
    unread: Sequence[str]


def try_mapping(data: bytes, mapping: Mapping, advance: Advance = unwatched) -> Trial:
    """Read an export by a mapping and count.

    Args:
        data: content of the file.
        mapping: the mapping.
        advance: is told of each row, and once more when the row is read as a whole.

    Raises:
        OverstapError: as `reading.open_table`.
    """
    rules: list[tuple[tuple[str, ...], ColumnRule]] = [((name,), rule) for name, rule in mapping.columns.items()]
    rules += [(rule.columns, rule) for rule in mapping.joined]
    trials = [ColumnTrial(" + ".join(names), rule.field) for names, rule in rules]
    codes = [codes_of(mapping, rule) for _, rule in rules]
    rows, unreadable = 0, Counter[str]()
    for row in counted(open_table(data, mapping).rows, advance):
        if isinstance(row, RefusedRow):
            unreadable[row.code] += 1
            continue
        rows += 1
        for (names, rule), trial, of_rule in zip(rules, trials, codes, strict=True):
            joiner = rule.separator if isinstance(rule, JoinedRule) else ""
            cell = joiner.join(filter(None, (row.cells[column_name(name)] for name in names)))
            if not cell:
                continue
            trial.filled += 1
            try:
                parts = [part.strip() for part in cell.split(rule.split)] if rule.split else [cell]
                made = [converted(part, mapping.kind_of(rule), rule, of_rule) for part in parts]
            except CellFault as fault:
                trial.refused[fault.code] += 1
                continue
            trial.taken += 1
            trial.restored += any(one.is_restored for one in made)
    whole = counted(read_rows(open_table(data, mapping), mapping), advance)
    usable = sum(not isinstance(row, RefusedRow) for row in whole)
    needed = set(mapping.needed)
    unread = [one.name for one in read_columns(data, mapping.sheet) if column_name(one.name) not in needed]
    return Trial(rows, unreadable, usable, trials, unread)


def read_columns(data: bytes, sheet: str | None = None) -> list[Column]:
    """Return the columns of a table with whatever header, with the values of its first rows.

    Args:
        data: content of the file.
        sheet: name of the sheet of a workbook; None for the first visible one.

    Raises:
        OverstapError: INTAKE-102 without a header whose names differ; TABLE-nnn it cannot be read as a whole.
    """
    try:
        read_table(data, Header(()), max_bytes=LIMIT_BYTES, max_rows=_MOST_ROWS, sheet=sheet)
        titles: list[str] = []
    except HeaderError as other:
        titles = list(filter(None, other.titles))
    named = tuple(dict.fromkeys(map(column_name, titles)))
    if not named or len(named) != len(titles):
        raise OverstapError("INTAKE-102", mapping="-", missing="-")
    table = read_table(
        data, Header(named, is_open=True), max_bytes=LIMIT_BYTES, max_rows=_MOST_ROWS, multiline=True, sheet=sheet
    )
    values: dict[str, list[str]] = {name: [] for name in named}
    for number, row in enumerate(table.rows):
        if number >= _SAMPLE:
            break
        if not isinstance(row, RefusedRow):
            for name in named:
                if row.cells[name]:
                    values[name].append(row.cells[name])
    return [Column(title, values[column_name(title)]) for title in titles]
