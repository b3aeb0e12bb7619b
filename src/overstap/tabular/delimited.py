"""Rows of delimited text: strict quoting, and lines that are refused one by one.

The splitting itself is Python's `csv` in its strict mode. Around it stands what that library does not tell: where a
quote was opened that nobody closes, and whether a quoted cell swallowed the rows below it.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from overstap.tabular.faults import RowFault

SEPARATORS = ";,\t"
MAX_LINES_OF_A_CELL = 200
"""A cell with more lines than this is an unclosed quote: nobody writes two hundred lines into a cell."""
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")

RowPredicate = Callable[[Sequence[str]], bool]
"""Tells whether cells look like a row of this table by themselves."""


def lines_of(text: str) -> list[str]:
    """Return the lines of a text with their ends: LF, CRLF or CR, also mixed."""
    return _LINES.findall(text)


def separator_of(lines: Sequence[str]) -> tuple[int, str]:
    """Return the place of the header among the lines, from 0, and the separator.

    Excel writes a first line `sep=;` when it is told to; a spreadsheet may leave lines empty above the header.
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
    """Return the cells of a header, whose names may stand between quotes."""
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
    """Yield each record with the numbers of its first and last line, from 1; a fault for each line that cannot be read.

    Args:
        lines: all lines with their ends.
        start: the first line to read, from 0.
        separator: one character.
        columns: how many cells a row has.
        multiline: whether a quoted cell may hold line breaks.
        is_row: tells whether cells that stand inside a quoted cell are a row of their own, swallowed by it.
    """
    place = start
    while place < len(lines):
        line = lines[place]
        if '"' not in line:  # as most lines are
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
    """Read the record that begins at a line, and tell how many lines it has.

    Raises:
        RowFault: TABLE-011 a quote that is not closed, TABLE-012 a quote in an odd place, TABLE-013 too long. Reading
            goes on at the next line: what follows may be sound rows.
    """
    wanted = MAX_LINES_OF_A_CELL if multiline else 1
    # without its end, so that a quote which is not closed in the last line that may belong to it is told as that
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
    if sum(one.count('"') for one in part[:consumed]) % 2:  # in a cell without quotes around it
        raise RowFault("TABLE-012")
    return row, consumed


def _open_at(line: str, separator: str) -> int | None:
    """Return the column, from 1, in which a line leaves a quote open; None when it leaves none open."""
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
    """Refuse a quoted cell in which lines stand that are rows by themselves.

    Two quotes that are each not closed close one another, with the rows between them inside. None of these lines is
    taken: nobody can tell here which of them are rows.

    Raises:
        RowFault: TABLE-014.
    """
    for line in inside:
        cells = line.rstrip("\r\n").split(separator)
        # A row is one also with cells too many or too few: by itself it would be refused, which is told as well
        is_swallowed = len(cells) >= columns if is_row is None else is_row([cell.strip().strip('"') for cell in cells])
        if len(cells) > 1 and is_swallowed:
            raise RowFault("TABLE-014", consumed=consumed, lines=consumed)
