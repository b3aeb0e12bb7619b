"""One reader for every list that a person or program makes: what it takes, and what it refuses by line and cell."""

import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from overstap.errors import OverstapError
from overstap.tabular import Header, HeaderError, RefusedRow, Row, read_table
from overstap_tools.project import PROJECT

HEADER = Header(("nummer", "datum", "antwoord"), ("tekst",))
TOP = "nummer;datum;antwoord;tekst\r\n"
CASES = PROJECT.parent / "shared" / "cases" / "csv"


def read(data: str | bytes, **options: Any) -> list[Row | RefusedRow]:
    return list(read_table(data.encode() if isinstance(data, str) else data, HEADER, **options).rows)


def refused(rows: list[Row | RefusedRow]) -> list[tuple[int, str]]:
    return [(row.line, row.code) for row in rows if isinstance(row, RefusedRow)]


def taken(rows: list[Row | RefusedRow]) -> list[str]:
    return [row.cells["nummer"] for row in rows if isinstance(row, Row)]


@pytest.mark.fault("F63")
def test_an_unclosed_quote_swallows_no_line() -> None:
    rows = read(TOP + '1;a;b;"niet gesloten\r\n2;a;b;\r\n3;a;b;c\r\n', multiline=True)
    assert refused(rows) == [(2, "TABLE-011")]
    assert taken(rows) == ["2", "3"]
    [fault] = [row for row in rows if isinstance(row, RefusedRow)]
    assert fault.facts["column"] == "4 (tekst)"
    assert "niet gesloten\r" not in str(fault.error)


def test_two_unclosed_quotes_that_close_each_other_are_noticed() -> None:
    rows = read(TOP + '1;a;b;"een\r\n2;a;b;\r\n3;a;b;"\r\n4;a;b;\r\n', multiline=True)
    assert refused(rows) == [(2, "TABLE-014"), (3, "TABLE-014"), (4, "TABLE-014")]
    assert taken(rows) == ["4"]


@pytest.mark.fault("F63")
@pytest.mark.parametrize("second", ["2;a;b;;", "2;a;b", "2;a;b;;;;", "2;;b;x;y"])
def test_a_row_with_cells_too_many_or_too_few_is_not_swallowed(second: str) -> None:
    """Found by ten thousand generated lists of answers: such a row stood in the view of the pupil before it."""
    text = f'{TOP}1;a;b;"een\r\n{second}"\r\n3;a;b;\r\n'
    rows = read(text, multiline=True, is_row=lambda cells: cells.get("antwoord") == "b")
    assert refused(rows) == [(2, "TABLE-014"), (3, "TABLE-014")]
    assert taken(rows) == ["3"]


def test_an_unclosed_quote_that_meets_a_sound_one_below() -> None:
    rows = read(TOP + '1;a;b;"een\r\n2;a;b;\r\n3;a;b;"drie"\r\n4;a;b;\r\n', multiline=True)
    assert refused(rows) == [(2, "TABLE-011")]
    assert taken(rows) == ["2", "3", "4"]


def test_a_quote_open_at_the_end_of_the_file() -> None:
    rows = read(TOP + '1;a;b;c\r\n2;a;b;"', multiline=True)
    assert refused(rows) == [(3, "TABLE-011")]
    assert taken(rows) == ["1"]


def test_text_over_several_lines_with_separators_is_one_cell() -> None:
    rows = read(TOP + '1;a;b;"een; twee\r\ndrie, vier\n\nvijf"\r\n2;a;b;\r\n', multiline=True)
    assert refused(rows) == []
    assert [row.cells["tekst"] for row in rows if isinstance(row, Row)] == ["een; twee\r\ndrie, vier\n\nvijf", ""]
    assert [row.line for row in rows] == [2, 6]


def test_text_that_has_as_many_separators_as_a_row_is_told_by_what_rows_look_like() -> None:
    text = TOP + '1;a;b;"een\r\n; x; y; z\r\n"\r\n'
    assert [code for _, code in refused(read(text, multiline=True))] == ["TABLE-014"] * 3
    rows = read(text, multiline=True, is_row=lambda cells: cells["antwoord"] == "b")
    assert taken(rows) == ["1"]


def test_quotes_within_text() -> None:
    rows = read(TOP + '1;a;b;"zij zei ""nee"""\r\n2;a;b;zij zei "nee" hoor\r\n3;a;b;een los " teken\r\n4;a;b;"x" y\r\n')
    assert [row.cells["tekst"] for row in rows if isinstance(row, Row)] == ['zij zei "nee"', 'zij zei "nee" hoor']
    assert refused(rows) == [(4, "TABLE-012"), (5, "TABLE-012")]


def test_a_field_larger_than_python_reads_is_refused_and_not_a_traceback() -> None:
    rows = read(TOP + f'1;a;b;"{"x" * 140_000}"\r\n2;a;b;\r\n', multiline=True)
    assert refused(rows) == [(2, "TABLE-013")]
    assert taken(rows) == ["2"]


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_the_line_with_which_excel_states_its_separator(separator: str) -> None:
    text = f"sep={separator}\r\n" + (TOP + "1;a;b;c\r\n").replace(";", separator)
    assert [(row.line, taken([row])) for row in read(text)] == [(3, ["1"])]


@pytest.mark.parametrize("ending", ["\x1a", "\r\n\x1a", "\x1a\x1a"])
def test_the_end_of_file_sign_of_dos_programs(ending: str) -> None:
    assert refused(read(TOP + "1;a;b;c" + ending)) == []
    assert refused(read(TOP + "1;a;b;c\x1a\r\n2;a;b;c\r\n")) == [(2, "TABLE-015")]


def test_blanks_that_do_not_break_and_signs_of_no_width() -> None:
    rows = read("\ufeffnummer\u00a0;\u200bdatum;antwoord\r\n\u00a01\u202f;a\u2060;\ufeffb\r\n")
    assert [dict(row.cells) for row in rows if isinstance(row, Row)] == [{"nummer": "1", "datum": "a", "antwoord": "b"}]


@pytest.mark.fault("F62")
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_every_encoding(coding: str) -> None:
    rows = read((TOP + "1;a;b;Zoë €\r\n").encode(coding))
    assert [row.cells["tekst"] for row in rows if isinstance(row, Row)] == ["Zoë €"]


@pytest.mark.fault("F62")
def test_lines_of_two_encodings() -> None:
    rows = read(TOP.encode() + "1;a;b;Zoë\r\n".encode() + "2;a;b;Zoë\r\n".encode("cp1252"))
    assert [row.cells["tekst"] for row in rows if isinstance(row, Row)] == ["Zoë", "Zoë"]


def test_empty_cells_behind_all_rows_and_a_separator_too_many() -> None:
    assert refused(read("nummer;datum;antwoord;;\r\n1;a;b;;\r\n2;a;b\r\n;;;;;;;\r\n")) == []
    # What stands behind the separator has moved to the next column, although the last one is empty
    assert refused(read(TOP + "1;a;b;c;\r\n2;a\r\n")) == [(2, "TABLE-010"), (3, "TABLE-010")]


def test_the_header_again() -> None:
    assert refused(read(TOP + "1;a;b;c\r\n" + TOP + "2;a;b;c\r\n")) == [(3, "TABLE-016")]


@pytest.mark.fault("F63")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "TABLE-005"),
        (b"%PDF-1.7\n", "TABLE-006"),
        (b"leerling\0id;x\n", "TABLE-006"),
        (b"PK\x03\x04", "TABLE-002"),
        (b"<html><table><tr><td>1", "TABLE-007"),
        (b"<?xml version='1.0'?><Workbook/>", "TABLE-007"),
        (b"x" * 10_000_001, "TABLE-001"),
        (TOP.encode() + b"1;a;b;c\n" * 10_001, "TABLE-003"),
    ],
)
def test_what_is_no_list(data: bytes, code: str) -> None:
    with pytest.raises(OverstapError, match=code) as told:
        read(data)
    assert "{" not in str(told.value)


def test_another_header_tells_places_and_not_the_line() -> None:
    with pytest.raises(HeaderError) as told:
        read("nummer;naam;nummer\r\n")
    assert (told.value.missing, told.value.double, told.value.unknown) == (["datum", "antwoord"], ["nummer"], [2])
    with pytest.raises(HeaderError) as told:
        read("\r\n \r\n")
    assert told.value.is_empty


def workbook(*rows: tuple[object, ...], formats: dict[str, str] | None = None, merge: str = "") -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for cell, form in (formats or {}).items():
        sheet[cell].number_format = form
    if merge:
        sheet.merge_cells(merge)
    return saved(book)


def saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


NAMES = ("nummer", "datum", "antwoord", "tekst")


def test_a_workbook_gives_texts_as_a_person_sees_them() -> None:
    data = workbook(
        NAMES,
        (12345672, date(2027, 3, 18), True, "a\nb"),
        (7.0, datetime(2027, 3, 18, 9, 5), 1.5, None),  # noqa: DTZ001 (as a workbook holds it)
        (None, None, None, None),
        formats={"A2": "000000000"},
    )
    rows = read(data)
    assert [tuple(row.cells.values()) for row in rows if isinstance(row, Row)] == [
        ("012345672", "2027-03-18", "WAAR", "a\nb"),
        ("7", "2027-03-18T09:05:00", "1.5", ""),
    ]
    assert [row.line for row in rows] == [2, 3]


@pytest.mark.parametrize(
    ("cell", "value", "code"),
    [
        ("C3", "#N/A", "TABLE-022"),
        ("C3", "=1+1", "TABLE-023"),
        ("A3", 1234567890123456789, "TABLE-024"),
        ("D3", "stuur\x1fteken", "TABLE-015"),
    ],
)
def test_a_cell_that_would_be_read_wrongly_is_named(cell: str, value: object, code: str) -> None:
    book = load_workbook(io.BytesIO(workbook(NAMES, ("1", "a", "b", ""), ("2", "a", "b", ""), ("3", "a", "b", ""))))
    sheet = book.active
    assert sheet is not None
    if isinstance(value, str) and "\x1f" in value:
        value = value.replace("\x1f", "_x001F_")  # how a workbook writes it
    sheet[cell] = value
    rows = read(saved(book))
    assert refused(rows) == [(3, code)]
    assert taken(rows) == ["1", "3"]
    if code != "TABLE-015":
        [fault] = [row for row in rows if isinstance(row, RefusedRow)]
        assert cell in str(fault.error)


def test_merged_cells_are_refused_row_by_row() -> None:
    rows = read(workbook(NAMES, ("1", "a", "b", ""), ("2", "a", "b", ""), ("3", "a", "b", ""), merge="C2:C3"))
    assert refused(rows) == [(2, "TABLE-021"), (3, "TABLE-021")]
    assert taken(rows) == ["3"]


def test_a_format_far_below_the_list_is_no_row() -> None:
    book = load_workbook(io.BytesIO(workbook(NAMES, ("1", "a", "b", ""))))
    sheet = book.active
    assert sheet is not None
    sheet["H20000"].number_format = "0.00"
    assert taken(read(saved(book))) == ["1"]


def test_the_list_on_two_sheets_and_an_explanation_beside_it() -> None:
    book = load_workbook(io.BytesIO(workbook(NAMES, ("1", "a", "b", ""))))
    book.create_sheet("Uitleg").append(["Vul dit zo in"])
    assert taken(read(saved(book))) == ["1"]
    book.create_sheet("Vorige keer").append(list(NAMES))
    with pytest.raises(OverstapError, match="TABLE-004"):
        read(saved(book))


@pytest.mark.parametrize(
    "rows",
    [
        [("4", "a", "b", "")],
        [("4", "a", "b", "c"), ("5", "a", "b", None)],
        [("Groep 8b",), (None,), NAMES, ("4", "a", "b", "")],
        [(None, None, 4, "a", "b")],
    ],
    ids=["a row", "rows", "a title and the header", "further to the right"],
)
def test_a_list_that_goes_on_on_another_sheet_is_not_half_read(rows: list[tuple[object, ...]]) -> None:
    book = load_workbook(io.BytesIO(workbook(NAMES, ("1", "a", "b", ""))))
    sheet = book.create_sheet("Blad2")
    for row in rows:
        sheet.append(row)
    with pytest.raises(OverstapError, match="TABLE-004"):
        read(saved(book))
    sheet.sheet_state = "hidden"
    assert taken(read(saved(book))) == ["1"]


def zipped(**parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet", **{"content.xml": "<x/>"}),
        zipped(**{"Index__Document.iwa": "x"}),
        zipped(**{"[Content_Types].xml": "<x/>", "xl__workbook.bin": "x"}),
        zipped(**{"lijst.csv": TOP}),
    ],
    ids=["OpenDocument", "Numbers", "binary workbook", "a list in a ZIP"],
)
def test_a_file_of_another_program_is_called_what_it_is(data: bytes) -> None:
    with pytest.raises(OverstapError, match="TABLE-009"):
        read(data)


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1">{}</row><row r="2"><c r="A2" t="inlineStr"><is><r><t>01</t></r><r><t>2</t></r></is></c>'
    '<c r="B2" t="str"><v>a</v></c><c r="C2" t="inlineStr"><is><t>b</t></is></c></row></sheetData></worksheet>'
)


def test_a_workbook_as_libraries_that_write_as_they_go() -> None:
    """Apache POI, SAS and Google write texts in the cell itself, in runs, and leave out what is empty."""
    book = io.BytesIO(workbook(NAMES))
    names = "".join(
        f'<c r="{column}1" t="inlineStr"><is><t>{name}</t></is></c>' for column, name in zip("ABCD", NAMES, strict=True)
    )
    out = io.BytesIO()
    with zipfile.ZipFile(book) as package, zipfile.ZipFile(out, "w") as made:
        for name in package.namelist():
            is_sheet = name == "xl/worksheets/sheet1.xml"
            made.writestr(name, SHEET.format(names) if is_sheet else package.read(name))
    [row] = read(out.getvalue())
    assert isinstance(row, Row)
    assert dict(row.cells) == {"nummer": "012", "datum": "a", "antwoord": "b", "tekst": ""}


def test_days_of_a_workbook_that_counts_from_1904() -> None:
    book = load_workbook(io.BytesIO(workbook(NAMES)))
    book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    assert sheet is not None
    sheet.append(["1", date(2027, 3, 18), "b", ""])
    [row] = read(saved(book))
    assert isinstance(row, Row)
    assert row.cells["datum"] == "2027-03-18"


def test_marks_of_direction_around_a_cell() -> None:
    rows = read(TOP + "\u200e12\u200f;\u202aa\u202c;\u2068b\u2069;een \u200f\u05d0\u200e twee\r\n")
    assert [tuple(row.cells.values()) for row in rows if isinstance(row, Row)] == [
        ("12", "a", "b", "een \u200f\u05d0\u200e twee")
    ]


def test_merged_cells_in_the_header() -> None:
    with pytest.raises(OverstapError, match="TABLE-008"):
        read(workbook(NAMES, ("1", "a", "b", ""), merge="A1:B1"))


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the cases beside the checkout (../shared/cases/csv)")
def test_the_answers_with_an_unclosed_quote_that_were_reported() -> None:
    from overstap.review.decisions import read_list

    found = read_list((CASES / "answers_unclosed_quote.csv").read_bytes(), today=date(2026, 11, 29))
    assert [(one.line, one.code) for one in found.refused] == [(2, "TABLE-011")]
    assert len(found.decisions) == 11
    assert not any("AA000" in (one.view or "") for one in found.decisions)


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the cases beside the checkout (../shared/cases/csv)")
@pytest.mark.parametrize(
    ("name", "good", "codes"),
    [
        ("registrations-excel-single-digit-hour.csv", 1, []),
        ("registrations-number-as-float.csv", 0, ["INTAKE-043"]),
        ("registrations-sep-line.csv", 1, []),
    ],
)
def test_the_registrations_that_were_reported(name: str, good: int, codes: list[str]) -> None:
    from overstap.intake.applications import read_file

    taken_in, not_taken = read_file(CASES / name)
    assert (len(taken_in), [one.code for one in not_taken]) == (good, codes)


def test_the_reader_of_csv_alone_needs_no_library_of_workbooks(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; sys.modules['openpyxl'] = None\n"
        "from overstap.tabular import Header, read_table\n"
        "assert len(list(read_table(b'a;b\\n1;2\\n', Header(('a', 'b'))).rows)) == 1"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
