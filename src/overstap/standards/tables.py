"""Reading and writing of the CSV files of an added version."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from overstap.errors import OverstapError
from overstap.standards.answers import COLUMNS, Answer, Answers
from overstap.tabular import Header, HeaderError, RefusedRow, read_table

FIELD_COLUMNS = (
    *("block", "field", "min", "max", "choice", "type", "contains", "list"),
    *("category", "group", "sensitivity", "attribute"),
)
_CODES = Header(("list", "value"), ("label",), is_open=True)
_ANSWERS = Header(("what", "key"), tuple(column for column in COLUMNS if column not in ("what", "key")), is_open=True)
_MAX_ROWS = 50_000


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a CSV file for the program, in UTF-8 with commas."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_list(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write the list that a person fills in: with semicolons, as Dutch spreadsheets open it."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file of the program; empty without the file."""
    if not path.exists():
        return []
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def read_answers(path: Path) -> Answers:
    """Read the list that a person filled in, from CSV or a workbook.

    Raises:
        OverstapError: STANDARD-001 the file cannot be opened; -013 it has another header; TABLE-nnn it, or a row of it,
            cannot be read.
    """
    return Answers(Answer(cells, line) for line, cells in _table(path, _ANSWERS))


def read_codes(path: Path) -> dict[str, dict[str, str]]:
    """Read code lists that a person states: columns `list`, `value` and `label`.

    Returns:
        The label per code, per code list number; empty where none is stated.

    Raises:
        OverstapError: as `read_answers`; STANDARD-014 a list is not named by its number, or a code is empty.
    """
    found: dict[str, dict[str, str]] = {}
    for line, cells in _table(path, _CODES):
        if not cells["list"].isdecimal() or not cells["value"]:
            raise OverstapError("STANDARD-014", file=path.name, line=line)
        found.setdefault(str(int(cells["list"])), {})[cells["value"]] = cells.get("label", "")
    return found


def _table(path: Path, header: Header) -> list[tuple[int, Mapping[str, str]]]:
    try:
        data = path.read_bytes()
    except OSError:
        raise OverstapError("STANDARD-001", file=path.name) from None
    try:
        table = read_table(data, header, multiline=True, max_rows=_MAX_ROWS)
    except HeaderError as other:
        raise OverstapError("STANDARD-013", file=path.name, needed=", ".join(header.needed), **other.facts) from None
    found = []
    for row in table.rows:
        if isinstance(row, RefusedRow):
            raise row.error
        found.append((row.line, row.cells))
    return found
