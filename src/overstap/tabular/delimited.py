"""Parser of delimited text (RFC 4180) with strict quoting, which refuses faulty rows one by one.

It uses Python's `csv` in strict mode, and adds what that library does not report: the column of an unclosed quote, and
quoted cells that contain further rows.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from overstap.tabular.faults import RowFault

SEPARATORS = ";,\t"
MAX_LINES_OF_A_CELL = 200
"""A cell with more lines is treated as an unclosed quote."""
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")

RowPredicate = Callable[[Sequence[str]], bool]
"""Returns whether cells form a row of the table by themselves."""


def lines_of(text: str) -> list[str]:
    """Split a text into lines, keeping their ends: LF, CRLF or CR, also mixed."""
    return _LINES.findall(text)


def separator_of(lines: Sequence[str]) -> tuple[int, str]:
    """Return the index of the header line, from 0, and the separator.

    A first line `sep=;`, which Excel can write, and empty lines above the header are skipped.
    """
    stated = None
    for place, line in enumerate(lines):
        bare = line.strip().strip('"')
        if not bare:
            continue
        if stated is None and (found := _SEPARATOR_LINE.fullmatch(line.strip("\r\n").strip('" '))):
            stated = found[1]
            continue
        return place, stated or max(SEPARATORS, key=line.count)
    return len(lines), stated or SEPARATORS[0]


def header_cells(line: str, separator: str) -> list[str]:
    """Return the cells of a header line, whose names may be quoted."""
    try:
        return next(csv.reader([line.rstrip("\r\n")], delimiter=separator, strict=True), [])
    except csv.Error:
        return line.rstrip("\r\n").split(separator)


def records(
    lines: Sequence[str],
    start: int,
    separator: str,
    *,
    columns: int,
    multiline: bool,
    is_row: RowPredicate | None = None,
) -> Iterator[tuple[int, int, list[str] | RowFault]]:
    """Yield each record with the numbers of its first and last line, from 1; a fault for each unreadable line.

    Args:
        lines: all lines with their ends.
        start: index of the first line to read, from 0.
        separator: the separator, one character.
        columns: number of cells of a row.
        multiline: whether a quoted cell may contain line breaks.
        is_row: returns whether a line inside a quoted cell is a row of the table; every line with `columns` cells
            counts as one when None.
    """
    place = start
    while place < len(lines):
        line = lines[place]
        if '"' not in line:  # the usual case, without the cost of a csv reader
            yield place + 1, place + 1, line.rstrip("\r\n").split(separator)
            place += 1
            continue
        try:
            row, consumed = _quoted(lines, place, separator, multiline)
            if consumed > 1:
                _refuse_swallowed(lines[place + 1 : place + consumed], consumed, separator, columns, is_row)
        except RowFault as fault:
            for number in range(place, place + fault.consumed):
                yield number + 1, number + 1, fault
            place += fault.consumed
            continue
        yield place + 1, place + consumed, row
        place += consumed


def _quoted(lines: Sequence[str], place: int, separator: str, multiline: bool) -> tuple[list[str], int]:
    """Read the record that begins at a line; return its cells and its number of lines.

    Raises:
        RowFault: TABLE-011 unclosed quote, TABLE-012 misplaced quote, TABLE-013 cell too long. The caller continues at
            the next line, since the lines that follow can be valid rows.
    """
    wanted = MAX_LINES_OF_A_CELL if multiline else 1
    # Without the last line end, csv reports a quote that is still open there as unclosed
    part = list(islice(lines, place, place + wanted))
    part[-1] = part[-1].rstrip("\r\n")
    reader = csv.reader(part, delimiter=separator, strict=True)
    try:
        row = next(reader)
    except csv.Error as problem:
        column = _open_at(lines[place], separator)
        if "larger than field limit" in str(problem):
            raise RowFault("TABLE-013", column=column or 1) from None
        if column is None:
            raise RowFault("TABLE-012") from None
        raise RowFault("TABLE-011", column=column) from None
    consumed = reader.line_num
    if sum(line.count('"') for line in part[:consumed]) % 2:  # a quote inside an unquoted cell
        raise RowFault("TABLE-012")
    return row, consumed


def _open_at(line: str, separator: str) -> int | None:
    """Return the column, from 1, in which a quote opens that the line does not close; None without one."""
    line = line.rstrip("\r\n")
    try:
        next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        try:
            return len(next(csv.reader([f'{line}"'], delimiter=separator, strict=True)))
        except csv.Error:
            return None
    return None


def _refuse_swallowed(
    inside: Sequence[str], consumed: int, separator: str, columns: int, is_row: RowPredicate | None
) -> None:
    """Refuse a quoted cell that contains lines which are rows by themselves.

    Two unclosed quotes close each other, so that the rows between them end up in one cell. All these lines are refused,
    since it is uncertain which of them are rows.

    Raises:
        RowFault: TABLE-014.
    """
    for line in inside:
        cells = line.rstrip("\r\n").split(separator)
        # A row with too many or too few cells counts too: outside the quotes it would be refused and reported
        is_swallowed = len(cells) >= columns if is_row is None else is_row([cell.strip().strip('"') for cell in cells])
        if len(cells) > 1 and is_swallowed:
            raise RowFault("TABLE-014", consumed=consumed, lines=consumed)
