"""Generated lists: never a traceback, and no row of a file that is neither taken nor told.

With `--thorough` each test tries ten thousand; what was found stands as an example.
"""

import io
from datetime import date

from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils.exceptions import IllegalCharacterError

from overstap.errors import OverstapError
from overstap.review.decisions import read_list
from overstap.tabular import Header, HeaderError, RefusedRow, Row, read_table
from overstap.tabular.values import NumberFormatError, day, digits, moment

HEADER = Header(("a", "b", "c"))
PIECES = [
    '"',
    '""',
    ";",
    ",",
    "\t",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\x1a",
    "\u00a0",
    "\ufffd",
    "x",
    " ",
    "é",
    "sep=;",
    "a;b;c",
]
cells = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6).map("".join)
rows = st.lists(st.tuples(cells, cells, cells), max_size=8)


@given(rows, st.booleans())
@example([("", '"', ""), ("", "", ""), ("", '"', "")], True)
@example([("", 'x"', ""), ('"', "", "")], True)
@example([("", "", '"'), ("", '""""";', '""')], True)
def test_each_row_is_taken_or_told(written: list[tuple[str, str, str]], multiline: bool) -> None:
    text = "a;b;c\r\n" + "".join(f"t{n}t{one};{two};{three}\r\n" for n, (one, two, three) in enumerate(written))
    try:
        found = list(read_table(text.encode("utf-8", "replace"), HEADER, multiline=multiline).rows)
    except (OverstapError, HeaderError):
        return
    taken = [cell for row in found if isinstance(row, Row) for cell in row.cells.values()]
    refused = {row.line for row in found if isinstance(row, RefusedRow)}
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for n in range(len(written)):
        [line] = [number for number, line in enumerate(lines, start=1) if line.startswith(f"t{n}t")] or [0]
        places = [cell for cell in taken if f"t{n}t" in cell]
        assert line in refused or len(places) == 1, f"row {n} is neither taken nor told"
    for row in found:
        if isinstance(row, RefusedRow):
            assert row.error


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: f"a;b;c\n{text}".encode("utf-8", "replace")))
def test_no_file_is_a_traceback(data: bytes) -> None:
    for multiline in (False, True):
        try:
            list(read_table(data, HEADER, multiline=multiline).rows)
        except (OverstapError, HeaderError):
            continue


@given(
    st.lists(
        st.lists(st.none() | st.integers() | st.booleans() | st.dates() | st.text(max_size=5), max_size=4), max_size=4
    )
)
def test_no_workbook_is_a_traceback(written: list[list[object]]) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["a", "b", "c"])
    for row in written:
        try:
            sheet.append(row)
        except (ValueError, IllegalCharacterError):  # what a workbook cannot hold
            return
    out = io.BytesIO()
    book.save(out)
    try:
        found = list(read_table(out.getvalue(), HEADER).rows)
    except OverstapError:
        return
    filled = [row for row in written if any(cell is not None and str(cell).strip() for cell in row)]
    assert len(found) >= sum(any(str(cell).isalnum() for cell in row if cell is not None) for row in filled)


@given(st.lists(st.tuples(cells, cells, cells), max_size=6), st.lists(st.integers(0, 5), max_size=2))
@example([("a", "b", "c")], [0])
def test_each_row_of_a_workbook_is_taken_or_told(written: list[tuple[str, str, str]], merged: list[int]) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["a", "b", "c"])
    for number, row in enumerate(written):
        try:
            sheet.append([f"t{number}t{row[0]}", *row[1:]])
        except IllegalCharacterError:  # what a workbook cannot hold
            return
    for number in merged:
        if number < len(written):
            sheet.merge_cells(start_row=number + 2, end_row=number + 2, start_column=2, end_column=3)
    out = io.BytesIO()
    book.save(out)
    try:
        found = list(read_table(out.getvalue(), HEADER, multiline=True).rows)
    except (OverstapError, HeaderError):
        return
    taken = [row.cells["a"] for row in found if isinstance(row, Row)]
    refused = {row.line for row in found if isinstance(row, RefusedRow)}
    for number in range(len(written)):
        places = [cell for cell in taken if cell.startswith(f"t{number}t")]
        assert number + 2 in refused or len(places) == 1, f"row {number} is neither taken nor told"


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_damaged_workbook_is_a_traceback(place: int, flip: int) -> None:
    out = io.BytesIO()
    book = Workbook()
    assert book.active is not None
    book.active.append(["a", "b", "c"])
    book.save(out)
    data = bytearray(out.getvalue())
    data[place % len(data)] ^= flip
    try:
        list(read_table(bytes(data), HEADER).rows)
    except (OverstapError, HeaderError):
        return


@given(st.text(max_size=30))
def test_no_cell_is_a_traceback(text: str) -> None:
    for read in (digits, moment, day):
        try:
            found = read(text)
        except (ValueError, NumberFormatError):
            continue
        assert not isinstance(found, str) or found.isascii()


ANSWERED = st.sampled_from(["ja", "nee", "onbekend", "?", ""])
DAYS = st.sampled_from(["2027-03-17", "17-03-2027", "2028-01-01"])


@given(st.lists(st.tuples(DAYS, ANSWERED, cells), max_size=8))
@example([("2027-03-17", "ja", '"'), ("2027-03-17", "ja", ';"')])
@example([("2027-03-17", "ja", '"'), ("2027-03-17", "ja", ';;"')])
def test_each_answer_is_taken_or_told(written: list[tuple[str, str, str]]) -> None:
    lines = [f"t{number}t;{day_};{said};{view}" for number, (day_, said, view) in enumerate(written)]
    data = "\r\n".join(["leerlingid;inzagedatum;akkoord;zienswijze", *lines]).encode("utf-8", "replace")
    try:
        found = read_list(data, today=date(2027, 3, 18))
    except OverstapError:
        return
    text = data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    told = {each.line for each in found.refused}
    for number in range(len(written)):
        at = [line for line, said in enumerate(text.split("\n"), start=1) if said.startswith(f"t{number}t")]
        taken = [each for each in found.decisions if each.pupil == f"t{number}t"]
        assert len(taken) == 1 or any(line in told for line in at), f"answer {number} is neither taken nor told"
        assert not any(f"t{number}t" in (each.view or "") for each in found.decisions if each not in taken)


@given(st.lists(cells, max_size=8))
def test_no_list_of_answers_is_a_traceback(lines: list[str]) -> None:
    head = "leerlingid;inzagedatum;akkoord;zienswijze"
    try:
        read_list("\r\n".join([head, *lines]).encode("utf-8", "replace"), today=date(2027, 3, 18))
    except OverstapError:
        return
