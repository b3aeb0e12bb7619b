"""Reader of the first visible sheet of a workbook (.xlsx), which returns cells as text and refuses ambiguous ones.

A number keeps the leading zeros that its format shows; a date is returned as 2027-03-18, a moment as 2027-03-18T09:05.
Of a formula the value that the spreadsheet program stored is used.
"""

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from xml.parsers import expat

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.utils.escape import unescape

from overstap.errors import OverstapError
from overstap.tabular.faults import RowFault

MAX_UNPACKED_BYTES = 50_000_000
MAX_PARTS = 1_000
MAX_CELLS = 500_000
MAX_ELEMENTS = 300_000
"""Elements besides cells, rows and strings, such as formats: a workbook has some thousands."""
_COLUMNS = 16_384
"""Columns of a sheet (ECMA-376, 18.3.1.13)."""
_PIECE = 1_000_000
_MAY_BE_XML = re.compile(rb"[\s\0]*<|\xef\xbb\xbf|\xfe\xff|\xff\xfe")
"""Beginnings that some XML parser reads; pictures have others."""
_ENCODING = re.compile(rb"""(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")
_ZEROS = re.compile(r"0{2,}")
_WHOLE_DIGITS = 15
"""Excel stores fifteen digits of a number; further digits became zeros."""


@dataclass
class _Opened:
    """Workbooks that were opened within `opened_once`."""

    most_cells: int
    books: dict[tuple[int, bool], tuple[bytes, Any]] = field(default_factory=dict, repr=False)
    """By the identity of the bytes, which are kept here so that it stays theirs."""
    formulas: dict[int, tuple[bytes, bool]] = field(default_factory=dict, repr=False)
    """Whether those that were found harmless have formulas."""


_OPENED: ContextVar[_Opened | None] = ContextVar("opened_workbooks", default=None)


@contextmanager
def opened_once(most_cells: int = MAX_CELLS) -> Iterator[None]:
    """Open each workbook once, however often it is read within the block: opening a large one takes seconds.

    Args:
        most_cells: workbooks with more cells are refused (TABLE-003).
    """
    token = _OPENED.set(_Opened(most_cells))
    try:
        yield
    finally:
        _OPENED.reset(token)


def sheet_rows(
    data: bytes,
    max_rows: int,
    is_header: Callable[[list[str]], bool],
    needed: int,
    name: str | None = None,
    *,
    reads_hidden: bool = False,
) -> Iterator[tuple[int, int, list[str] | RowFault]]:
    """Yield the rows of a sheet as `delimited.records` does; a fault for each unreadable row.

    Args:
        data: content of the file.
        max_rows: largest number of rows.
        is_header: returns whether cells are the header of this list, to detect a list on several sheets.
        needed: number of required columns; a row with that many cells on another sheet counts as part of the list.
        name: name of the sheet; None for the first visible one.
        reads_hidden: whether rows that nobody sees are read as others.

    Raises:
        OverstapError: TABLE-002 damaged, TABLE-003 too large, TABLE-004 the list is on several sheets, TABLE-009 a file
            of another program, TABLE-025 there is no such sheet, TABLE-026 it has macros.
    """
    try:
        rows = _rows(data, max_rows, is_header, needed, name, reads_hidden=reads_hidden)
    except OverstapError:
        raise
    except Exception:
        # The message of the library can quote the content of the workbook
        raise OverstapError("TABLE-002") from None
    yield from ((number, number, row) for number, row in enumerate(rows, start=1))


@dataclass(frozen=True, slots=True)
class HiddenParts:
    """What of a sheet nobody sees who looks at it, also when a filter hides it.

    Args:
        rows: numbers of the hidden rows, from 1.
        columns: numbers of the hidden columns, from 1.
    """

    rows: frozenset[int] = frozenset()
    columns: frozenset[int] = frozenset()


def sheet_names(data: bytes) -> Sequence[str]:
    """Return the names of the visible sheets of a workbook that hold something; empty for a file that is none.

    Args:
        data: content of the file.

    Raises:
        OverstapError: TABLE-002, TABLE-003, TABLE-009 or TABLE-026, as `sheet_rows`.
    """
    if not data.startswith(b"PK"):
        return ()
    book = _opened(data)
    return [one.title for one in book.worksheets if one.sheet_state == "visible" and _extent(one) != (0, 0)]


def hidden_parts(data: bytes, name: str | None = None) -> HiddenParts:
    """Return the hidden rows and columns of a sheet.

    Args:
        data: content of the file.
        name: name of the sheet; None for the first visible one.

    Raises:
        OverstapError: as `sheet_names`.
    """
    if not data.startswith(b"PK"):  # a CSV file hides nothing
        return HiddenParts()
    book = _opened(data)
    sheets = [
        one
        for one in book.worksheets
        if (
            one.title.strip().casefold() == name.strip().casefold()
            if name is not None
            else one.sheet_state == "visible"
        )
        and _extent(one) != (0, 0)
    ]
    if not sheets:
        return HiddenParts()
    rows = frozenset(number for number, one in sheets[0].row_dimensions.items() if one.hidden)
    columns: set[int] = set()
    width, reached = _extent(sheets[0])[1], 0
    hidden = [(one.min or 1, one.max or 0) for one in sheets[0].column_dimensions.values() if one.hidden]
    for first, last in sorted(hidden):  # each place once: thousands of groups can be about the same columns
        columns.update(range(max(first, reached + 1), min(last, width) + 1))
        reached = max(reached, min(last, width))
    return HiddenParts(rows, frozenset(columns))


def _opened(data: bytes) -> Any:
    try:
        _refuse_bombs(data, MAX_CELLS)
        return _book(data, has_values=False)
    except OverstapError:
        raise
    except Exception:
        # The message of the library can quote the content of the workbook
        raise OverstapError("TABLE-002") from None


def _book(data: bytes, *, has_values: bool) -> Any:
    """Return a workbook, with the values of its formulas or the formulas themselves."""
    opened = _OPENED.get()
    if opened is not None and (id(data), has_values) in opened.books:
        return opened.books[id(data), has_values][1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of formatting that it does not support
        book = load_workbook(io.BytesIO(data), data_only=has_values)
    if opened is not None:
        opened.books[id(data), has_values] = (data, book)
    return book


def _rows(
    data: bytes,
    max_rows: int,
    is_header: Callable[[list[str]], bool],
    needed: int,
    name: str | None,
    *,
    reads_hidden: bool,
) -> list[list[str] | RowFault]:
    has_formulas = _refuse_bombs(data, max_rows)
    # Without formulas both are one book, and are opened once
    book = _book(data, has_values=has_formulas)
    filled = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible" and _extent(sheet) != (0, 0)]
    if name is not None:
        sheets = [sheet for sheet in book.worksheets if sheet.title.strip().casefold() == name.strip().casefold()]
        if not sheets:
            raise OverstapError("TABLE-025", sheet=name)
        filled = [sheet for sheet in sheets if _extent(sheet) != (0, 0)]
    if not filled:
        return []
    sheet = filled[0]
    formulas = _book(data, has_values=False)[sheet.title] if has_formulas else None
    if any(_goes_on(other, is_header, needed) for other in filled[1:]):
        raise OverstapError("TABLE-004")
    rows, columns = _extent(sheet)
    if rows > max_rows or rows * columns > MAX_CELLS:
        raise OverstapError("TABLE-003", rows=max_rows)
    merged = {
        row: str(area) for area in sheet.merged_cells.ranges for row in range(area.min_row, min(area.max_row, rows) + 1)
    }
    hidden = {number for number, one in sheet.row_dimensions.items() if one.hidden and not reads_hidden}
    read: list[list[str] | RowFault] = []
    for number in range(1, rows + 1):
        row = _row(sheet, formulas, number, columns, merged)
        # Who supplies the list does not see a hidden row, also when a filter hides it; the header is read all the same
        is_hidden = number in hidden and any(isinstance(one, RowFault) or any(one) for one in read)
        read.append(RowFault("TABLE-027") if is_hidden and (isinstance(row, RowFault) or any(row)) else row)
    return read


def _goes_on(sheet: Any, is_header: Callable[[list[str]], bool], needed: int) -> bool:
    """Return whether the sheet may contain part of the list: its header, or a row with all required cells.

    Authors of long lists make a sheet for each school or group, often with the header on the first sheet only.
    """
    rows: dict[int, list[str]] = {}
    for row, column in _filled(sheet):
        if text := _text(sheet.cell(row, column).value, "").strip():
            rows.setdefault(row, []).append(text)
    return any(len(cells) >= needed > 1 or is_header(cells) for cells in rows.values())


def _filled(sheet: Any) -> list[tuple[int, int]]:
    """Return row and column of each cell with a value.

    A file of a kilobyte can have a cell in the last of a million rows. The public API of openpyxl iterates over all
    rows in between, so this reads its internal dictionary of cells.
    """
    return [position for position, cell in sheet._cells.items() if cell.value is not None]


def _extent(sheet: Any) -> tuple[int, int]:
    """Return the last row and the last column with a value; cells with only a format do not count."""
    filled = _filled(sheet)
    return max((row for row, _ in filled), default=0), max((column for _, column in filled), default=0)


def _row(sheet: Any, formulas: Any, number: int, columns: int, merged: dict[int, str]) -> list[str] | RowFault:
    if number in merged:
        return RowFault("TABLE-021", cell=merged[number])
    cells = []
    for column in range(1, columns + 1):
        cell = sheet.cell(number, column)
        at = f"{get_column_letter(column)}{number}"
        if cell.data_type == "e":
            return RowFault("TABLE-022", cell=at)
        if cell.value is None and formulas is not None and formulas.cell(number, column).data_type == "f":
            return RowFault("TABLE-023", cell=at)
        if isinstance(cell.value, int | float) and len(f"{abs(cell.value):.0f}") > _WHOLE_DIGITS:
            return RowFault("TABLE-024", cell=at)
        cells.append(_text(cell.value, cell.number_format))
    return cells


def _text(value: Any, form: str) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds") if value.time() != time() else value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "WAAR" if value else "ONWAAR"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and value >= 0 and _ZEROS.fullmatch(form or ""):
        return str(value).zfill(len(form))
    return unescape(str(value))  # a workbook writes control characters as _x000D_


def _refuse_bombs(data: bytes, max_rows: int) -> bool:
    """Refuse a workbook that unpacks to more than the limits, or whose XML has a DOCTYPE.

    Every part is looked at, whatever its name and folder: a relation can make any part a sheet.

    Returns:
        Whether the workbook contains formulas.
    """
    opened = _OPENED.get()
    if opened is not None and id(data) in opened.formulas:
        return opened.formulas[id(data)][1]
    size = _Size(MAX_CELLS if opened is None else opened.most_cells)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = package.infolist()
        names = {part.filename for part in parts}
        if "[Content_Types].xml" not in names or "xl/workbook.bin" in names:
            raise OverstapError("TABLE-009")
        if any(name.rpartition("/")[2].lower() == "vbaproject.bin" for name in names):
            raise OverstapError("TABLE-026")
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
            raise OverstapError("TABLE-003", rows=max_rows)
        for part in parts:
            text = package.read(part)
            if not part.filename.lower().endswith((".xml", ".rels")) and not _MAY_BE_XML.match(text):
                continue
            stated = _ENCODING.match(text)
            # In another encoding a declaration would not be recognised here; spreadsheet programs write UTF-8
            if b"\0" in text or not (stated is None or stated[1].lower() in (b"utf-8", b"us-ascii")):
                raise OverstapError("TABLE-002")
            size.add(text)
            if size.is_too_large:
                raise OverstapError("TABLE-003", rows=max_rows)
    if opened is not None:
        opened.formulas[id(data)] = (data, size.has_formulas)
    return size.has_formulas


class _Size:
    """What the parts of a workbook make openpyxl keep in memory, counted by a parser that keeps nothing."""

    def __init__(self, most_cells: int) -> None:
        self.most_cells = most_cells
        self.cells = self.strings = self.others = 0
        self.has_formulas = False

    @property
    def is_too_large(self) -> bool:
        """Whether openpyxl would need more memory than a list of this size is worth."""
        return max(self.cells, self.strings) > self.most_cells or self.others > MAX_ELEMENTS

    def add(self, text: bytes) -> None:
        """Count what is in a part, as far as it stays within the limits."""
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._count
        for start in range(0, max(len(text), 1), _PIECE):
            parser.Parse(text[start : start + _PIECE], start + _PIECE >= len(text))
            if self.is_too_large:
                return

    def _refuse(self, *_: Any) -> None:
        raise OverstapError("TABLE-002")

    def _count(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "c" | "row":
                self.cells += 1
            case "mergeCell":
                # openpyxl makes each cell of a merged area
                first_column, first_row, last_column, last_row = range_boundaries(attributes.get("ref", ""))
                self.cells += int((last_column - first_column + 1) * (last_row - first_row + 1))
            case "si":
                self.strings += 1
            case "f":
                self.has_formulas = True
            case "v" | "t" | "is":  # of a cell or a string, and no heavier
                pass
            case other:
                self.others += 1
                if other == "col" and not int(attributes.get("max", "1")) <= _COLUMNS:
                    raise OverstapError("TABLE-002")
