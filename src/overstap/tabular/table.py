"""Reader of a table with a header, from CSV or a workbook: yields each row as cells by column name, or as refused."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from overstap.errors import OverstapError
from overstap.tabular.delimited import header_cells, lines_of, records, separator_of
from overstap.tabular.faults import RefusedRow, RowFault
from overstap.tabular.text_encoding import decoded

MAX_BYTES = 10_000_000
MAX_ROWS = 10_000
_WORKBOOK = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""Name of the stream that holds the workbook when it has a password ([MS-OFFCRYPTO], 2.3.4.1)."""
_OTHER_KINDS = (b"%PDF-", b"{\\rtf", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")
_MARKUP = re.compile(r"\s*<(?:!doctype|html|\?xml|table)\b", re.IGNORECASE)
# Control characters that a text never contains; U+FFFD marks bytes that no encoding could decode.
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
# Spaces other than U+0020, and zero-width characters, which copying from web pages and mails leaves behind.
_BLANKS = str.maketrans(
    dict.fromkeys(
        "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
    )
    | dict.fromkeys("\ufeff\u200b\u2060\u00ad", "")
)


_AROUND = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""The characters removed at both ends of a cell: spaces, line ends, and marks of text direction."""


def plain(text: str) -> str:
    """Normalise the text of a cell: ordinary spaces only, no zero-width characters, no spaces at the ends."""
    return text.strip() if text.isascii() else text.translate(_BLANKS).strip(_AROUND)


def column_name(text: str) -> str:
    """Normalise the name of a column for comparison: lower case, with underscores for spaces."""
    return "_".join(plain(text).strip('"').lower().split())


@dataclass(frozen=True, slots=True)
class Header:
    """The expected columns of a table, in any order.

    Args:
        needed: names of the required columns, as `column_name` returns them.
        optional: names of the optional columns.
        is_open: whether other columns are allowed; they are ignored.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    is_open: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """The names of all required and optional columns."""
        return (*self.needed, *self.optional)

    def is_like(self, cells: Sequence[str]) -> bool:
        """Return whether cells contain all required column names; without such names nothing is like it."""
        return bool(self.needed) and set(self.needed) <= {column_name(cell) for cell in cells}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its normalised cells by column name."""

    line: int
    """Line number in the file, from 1."""
    cells: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the expected header.

    Args:
        columns: the column names in the order of the file; "" for ignored columns.
        header_line: line number of the header, from 1.
        rows: the non-empty rows below the header.
    """

    columns: tuple[str, ...]
    header_line: int
    rows: Iterator[Row | RefusedRow] = field(repr=False)


class HeaderError(Exception):
    """The table lacks the expected header; the caller raises an error of its own that names the list.

    Args:
        missing: names of required columns that are absent.
        double: names that occur more than once.
        unknown: positions of unexpected columns, from 1; a message must not name them, since the line may be a pupil's.
        names: names of the unexpected columns, for lists without personal data.
        titles: the same as they stand in the file.
        line: line number of the header, from 1.
        is_empty: the file has no content.
    """

    def __init__(
        self,
        missing: Sequence[str],
        double: Sequence[str],
        unknown: Sequence[int],
        names: Sequence[str] = (),
        *,
        titles: Sequence[str] = (),
        line: int = 1,
        is_empty: bool = False,
    ) -> None:
        self.missing, self.double, self.unknown, self.names = missing, double, unknown, names
        self.titles, self.line, self.is_empty = titles, line, is_empty
        super().__init__("another header")

    @property
    def facts(self) -> dict[str, str]:
        """Values for the placeholders of error sentences."""
        return {
            "missing": ", ".join(self.missing) or "-",
            "double": ", ".join(self.double) or "-",
            "unknown": ", ".join(map(str, self.unknown)) or "-",
        }


def read_table(
    data: bytes,
    header: Header,
    *,
    multiline: bool = False,
    is_row: Callable[[Mapping[str, str]], bool] | None = None,
    max_bytes: int = MAX_BYTES,
    max_rows: int = MAX_ROWS,
    sheet: str | None = None,
    reads_hidden: bool = False,
) -> Table:
    """Read a table: CSV in any encoding and with any separator of spreadsheets, or a workbook (.xlsx).

    Args:
        data: content of the file.
        header: the expected columns.
        multiline: whether a cell may contain line breaks.
        is_row: returns whether cells, by column name, are a row of this table, whatever their number; used to detect
            rows inside a quoted cell. When None, every line with at least the number of cells of a row counts.
        max_bytes: largest size of the file in bytes.
        max_rows: largest number of rows.
        sheet: name of the sheet of a workbook; None for the first visible one, of which no other goes on.
        reads_hidden: whether the hidden rows of a workbook are read; they are refused (TABLE-027) else.

    Raises:
        OverstapError: TABLE-001 to TABLE-009 and TABLE-025, for a file that is unreadable as a whole.
        HeaderError: the first line is another header, or the file is empty.
    """
    if len(data) > max_bytes:
        raise OverstapError("TABLE-001", megabytes=-(-len(data) // 1_000_000), limit=max_bytes // 1_000_000)
    if data.startswith(_WORKBOOK):
        from overstap.tabular.workbook import sheet_rows  # imports openpyxl, which reading CSV does not need

        numbered = sheet_rows(data, max_rows, header.is_like, len(header.needed), sheet, reads_hidden=reads_hidden)
        for line, _, cells in numbered:
            if isinstance(cells, RowFault):
                raise OverstapError("TABLE-008", line=line)
            if any(map(plain, cells)):
                columns = _columns(cells, header, line)
                return Table(columns, line, _rows(numbered, columns, len(cells), max_rows))
        raise HeaderError(header.needed, (), (), is_empty=True)
    text = _text(data)
    lines = lines_of(text)
    start, separator = separator_of(lines)
    if start == len(lines):
        raise HeaderError(header.needed, (), (), is_empty=True)
    if _UNREADABLE.search(lines[start]):
        raise OverstapError("TABLE-006")
    names = header_cells(lines[start], separator)
    columns = _columns(names, header, start + 1)

    def is_row_of_cells(cells: Sequence[str]) -> bool:
        if is_row is None:
            return len(cells) >= len(columns)
        return is_row(dict.fromkeys(columns, "") | dict(zip(columns, map(plain, cells), strict=False)))

    numbered = records(lines, start + 1, separator, columns=len(columns), multiline=multiline, is_row=is_row_of_cells)
    return Table(columns, start + 1, _rows(numbered, columns, len(names), max_rows))


def _text(data: bytes) -> str:
    if data.startswith(_OLE):
        raise OverstapError("TABLE-028" if _ENCRYPTED in data else "TABLE-005")
    if data.startswith(_OTHER_KINDS):
        raise OverstapError("TABLE-006")
    text = decoded(data)
    if _MARKUP.match(text):
        raise OverstapError("TABLE-007")
    return text


def _columns(cells: Sequence[str], header: Header, line: int) -> tuple[str, ...]:
    names = [column_name(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()  # spreadsheets keep columns that were emptied
    missing = [name for name in header.needed if name not in names]
    double = [name for name in header.known if names.count(name) > 1]
    unknown = [place for place, name in enumerate(names, start=1) if name not in header.known]
    if missing or double or (unknown and not header.is_open):
        titles = [" ".join(plain(cells[place - 1]).strip('"').split()) for place in unknown]
        raise HeaderError(missing, double, unknown, [names[place - 1] for place in unknown], titles=titles, line=line)
    return tuple(name if name in header.known else "" for name in names)


def _rows(
    numbered: Iterator[tuple[int, int, list[str] | RowFault]], columns: tuple[str, ...], width: int, max_rows: int
) -> Iterator[Row | RefusedRow]:
    count = 0
    for line, last, cells in numbered:
        if isinstance(cells, RowFault):
            count += 1
            yield RefusedRow(line, cells.code, _facts(cells, columns))
        elif any(map(plain, cells)):
            count += 1
            found = _row(line, cells, columns, width)
            yield found
            if isinstance(found, RefusedRow):  # all lines of the record are refused with it
                yield from (RefusedRow(other, found.code, found.facts) for other in range(line + 1, last + 1))
        if count > max_rows:
            raise OverstapError("TABLE-003", rows=max_rows)


def _row(line: int, cells: list[str], columns: tuple[str, ...], width: int) -> Row | RefusedRow:
    # A spreadsheet ends all rows, including the header, with the same number of empty cells. A row longer than its
    # header has a surplus separator, which shifted the cells after it, even when the last cell is empty.
    if len(cells) <= width and not any(map(plain, cells[len(columns) :])):
        del cells[len(columns) :]
    for place, cell in enumerate(cells, start=1):
        if _UNREADABLE.search(cell):
            return RefusedRow(line, "TABLE-015", {"column": _column(place, columns)})
    if len(cells) != len(columns):
        return RefusedRow(line, "TABLE-010", {"found": len(cells), "expected": len(columns)})
    found = {name: plain(cell) for name, cell in zip(columns, cells, strict=True) if name}
    if found and all(column_name(cell) == name for name, cell in found.items()):
        return RefusedRow(line, "TABLE-016")
    return Row(line, found)


def _facts(fault: RowFault, columns: tuple[str, ...]) -> dict[str, object]:
    facts = dict(fault.facts)
    if "column" in facts:
        facts["column"] = _column(int(facts["column"]), columns)
    return facts


def _column(place: int, columns: tuple[str, ...]) -> str:
    """Return the name of a column in a message: its position from 1, and its name where it has one."""
    name = columns[place - 1] if place <= len(columns) else ""
    return f"{place} ({name})" if name else str(place)
