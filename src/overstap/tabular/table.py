"""A table with a header, whatever program saved it: each row as cells by column name, or refused by its line."""

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
_OTHER_KINDS = (b"%PDF-", b"{\\rtf", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")
_MARKUP = re.compile(r"\s*<(?:!doctype|html|\?xml|table)\b", re.IGNORECASE)
# NUL and the other control characters that no text of a table holds; U+FFFD is what no encoding could read.
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
# Blanks that look like the ordinary one and are not, and signs of no width, as copying from web pages and mails leaves.
_BLANKS = str.maketrans(
    dict.fromkeys(
        "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
    )
    | dict.fromkeys("\ufeff\u200b\u2060\u00ad", "")
)


_AROUND = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""What stands around a cell and is none of it: blanks, line ends, and marks of the direction of text."""


def plain(text: str) -> str:
    """Return a cell without blanks at its ends; every blank is an ordinary one, and signs of no width are gone."""
    return text.strip() if text.isascii() else text.translate(_BLANKS).strip(_AROUND)


def column_name(text: str) -> str:
    """Return how a header's cell is compared: small letters, underscores for blanks."""
    return "_".join(plain(text).strip('"').lower().split())


@dataclass(frozen=True, slots=True)
class Header:
    """Which columns a table has, in any order.

    Args:
        needed: names, as `column_name` gives them.
        optional: names of columns that may be there.
        is_open: whether columns with other names may be there too; they are left out.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    is_open: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """All names that mean something."""
        return (*self.needed, *self.optional)

    def is_like(self, cells: Sequence[str]) -> bool:
        """Tell whether cells are this header."""
        return set(self.needed) <= {column_name(cell) for cell in cells}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells by column, each without blanks at its ends."""

    line: int
    """Its number in the file, from 1, as editors and spreadsheet programs count."""
    cells: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose header was found.

    Args:
        columns: the columns' names in the file's order; those that mean nothing here as "".
        header_line: the header's line, from 1.
        rows: every row below it that is not empty.
    """

    columns: tuple[str, ...]
    header_line: int
    rows: Iterator[Row | RefusedRow] = field(repr=False)


class HeaderError(Exception):
    """The first line is another header, or there is none; the caller says in its own words which list it reads.

    Args:
        missing: names of columns that are not there.
        double: names that stand there more than once.
        unknown: places of the other columns, from 1; their names are not told, since the line may be a pupil's.
        names: the names that are not known, for a list without personal data.
        line: where it stands, from 1.
        is_empty: nothing stands in the file.
    """

    def __init__(
        self,
        missing: Sequence[str],
        double: Sequence[str],
        unknown: Sequence[int],
        names: Sequence[str] = (),
        *,
        line: int = 1,
        is_empty: bool = False,
    ) -> None:
        self.missing, self.double, self.unknown, self.names = missing, double, unknown, names
        self.line, self.is_empty = line, is_empty
        super().__init__("another header")

    @property
    def facts(self) -> dict[str, str]:
        """What sentences about it need."""
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
) -> Table:
    """Read a table: CSV in any encoding and with any separator of spreadsheets, or a workbook (.xlsx).

    Args:
        data: the file.
        header: which columns there must be.
        multiline: whether a cell may hold line breaks.
        is_row: tells of cells by column whether they are a row of this table, to notice rows that stand inside a quoted
            cell, whatever the number of its cells; without it, what has as many cells as a row or more.
        max_bytes: the largest file.
        max_rows: the most rows.

    Raises:
        OverstapError: TABLE-001 to TABLE-007, when there is nothing to trust in the file as a whole.
        HeaderError: its first line is another header, or nothing stands in it.
    """
    if len(data) > max_bytes:
        raise OverstapError("TABLE-001", megabytes=-(-len(data) // 1_000_000), limit=max_bytes // 1_000_000)
    if data.startswith(_WORKBOOK):
        from overstap.tabular.workbook import sheet_rows  # a library that a reader of CSV alone does without

        numbered = sheet_rows(data, max_rows, header.is_like, len(header.needed))
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
        raise OverstapError("TABLE-005")
    if data.startswith(_OTHER_KINDS):
        raise OverstapError("TABLE-006")
    text = decoded(data)
    if _MARKUP.match(text):
        raise OverstapError("TABLE-007")
    return text


def _columns(cells: Sequence[str], header: Header, line: int) -> tuple[str, ...]:
    names = [column_name(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()  # a spreadsheet remembers columns that were emptied
    missing = [name for name in header.needed if name not in names]
    double = [name for name in header.known if names.count(name) > 1]
    unknown = [place for place, name in enumerate(names, start=1) if name not in header.known]
    if missing or double or (unknown and not header.is_open):
        raise HeaderError(missing, double, unknown, [names[place - 1] for place in unknown], line=line)
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
            if isinstance(found, RefusedRow):  # every line that it took goes with it, and is told
                yield from (RefusedRow(other, found.code, found.facts) for other in range(line + 1, last + 1))
        if count > max_rows:
            raise OverstapError("TABLE-003", rows=max_rows)


def _row(line: int, cells: list[str], columns: tuple[str, ...], width: int) -> Row | RefusedRow:
    # A spreadsheet ends all rows, the header among them, with as many empty cells. A row that is longer than its header
    # has a separator too many, and what stands behind it has moved to the next column, also when the last one is empty.
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
    """Name a column in a message: by its place, and by its name where it has one."""
    name = columns[place - 1] if place <= len(columns) else ""
    return f"{place} ({name})" if name else str(place)
