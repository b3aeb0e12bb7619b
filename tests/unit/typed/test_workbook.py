"""The workbook in which a school types its pupils, and what people and programs make of it."""

import io
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from typed_pupil import NUMBER, plain_pupil, together

from overstap.errors import OverstapError
from overstap.oso.identifiers import is_bsn
from overstap.typed.form import form_of
from overstap.typed.workbook import WorkbookRow, columns_of, make_workbook, read_workbook

FORM = form_of("2019.1", "POVO", frozenset({"verzuim", "eindtoetsbo", "toetsresultaten"}))
COLUMNS = columns_of(FORM.version, FORM.profile, FORM.categories)
SCHOOL = plain_pupil()["school"]


def pupil(number: str = NUMBER, surname: str = "Zonneveld") -> dict[str, str]:
    return {path: text for path, text in together(plain_pupil(number, surname)).items() if path.startswith("leerling/")}


def made(*pupils: dict[str, str]) -> Workbook:
    rows = [WorkbookRow(line, one) for line, one in enumerate(pupils, 2)]
    book = load_workbook(io.BytesIO(make_workbook(FORM, SCHOOL, rows)))
    assert isinstance(book, Workbook)
    return book


def data_of(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def place_of(path: str) -> int:
    return next(place for place, one in enumerate(COLUMNS, 2) if one.path == path)


def test_it_has_a_head_help_and_choices_for_each_question() -> None:
    assert len({one.head for one in COLUMNS}) == len(COLUMNS)
    assert {one.path for one in COLUMNS} >= set(pupil()), "a plain pupil fits in"
    sheet = made()["Leerlingen"]
    for place, one in enumerate(COLUMNS, 2):
        head = sheet.cell(1, place)
        assert head.value == (f"{one.head} *" if one.is_required else one.head)
        assert head.comment.text
    lists = {str(one.sqref): one.formula1 for one in sheet.data_validations.dataValidation}
    letter = sheet.cell(1, place_of("leerling/overstapadvies/advies")).column_letter
    assert sheet.column_dimensions[letter].number_format == "@", "a number that is typed keeps its zeros"
    assert f"{letter}2:{letter}401" in lists
    codes = load_workbook(io.BytesIO(make_workbook(FORM, SCHOOL, [])))["Keuzes"]
    assert "Havo/vwo" in {cell.value for row in codes.iter_rows() for cell in row}
    assert codes.sheet_state == "hidden"
    assert not [one for one in COLUMNS if "geboorteplaats" in one.path or "vve" in one.path]


def test_what_was_filled_in_is_read_as_it_was() -> None:
    book = made(pupil(), pupil("999990020", "=1+1"))
    found = read_workbook(FORM, data_of(book))
    assert found.school == read_workbook(FORM, make_workbook(FORM, SCHOOL, [])).school
    assert found.school["naam"] == "De Regenboog"
    assert [row.faults for row in found.rows] == [{}, {}]
    assert found.rows[0].answers["leerling/bsn"] == NUMBER
    assert found.rows[0].answers["leerling/overstapadvies/advies"] == "61"
    assert found.rows[1].answers["leerling/achternaam"] == "=1+1", "a name is no formula"


def test_faults_stand_in_their_cells() -> None:
    row = WorkbookRow(7, pupil(), {"leerling/geboortedatum": "Dit is geen datum.", "": "Twee keer."})
    sheet = load_workbook(io.BytesIO(make_workbook(FORM, SCHOOL, [row])))["Leerlingen"]
    cell = sheet.cell(2, place_of("leerling/geboortedatum"))
    assert cell.comment.text == "Dit is geen datum."
    assert cell.fill.fgColor.rgb.endswith("FDECEA")
    assert sheet.cell(2, 1).value == "Dit is geen datum.\nTwee keer."
    assert sheet.cell(2, place_of("leerling/achternaam")).comment is None


Change = Callable[[Any], None]


def born(sheet: Any) -> Any:
    return sheet.cell(2, place_of("leerling/geboortedatum"))


def merge(sheet: Any) -> None:
    sheet.merge_cells("B2:C2")


def formula(sheet: Any) -> None:
    sheet.cell(2, place_of("leerling/roepnaam")).value = "=A1"
    sheet.cell(2, place_of("leerling/roepnaam")).data_type = "f"


def hide_row(sheet: Any) -> None:
    sheet.row_dimensions[2].hidden = True


def hide_column(sheet: Any) -> None:
    sheet.column_dimensions[sheet.cell(1, place_of("leerling/bsn")).column_letter].hidden = True


def eat_zero(sheet: Any) -> None:
    cell = sheet.cell(2, place_of("leerling/bsn"))
    cell.value, cell.number_format, cell.data_type = int(EATEN), "General", "n"


EATEN = next(str(number)[1:] for number in range(1_010_000_000, 1_010_000_100) if is_bsn(str(number)[1:]))


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        (merge, "", "samengevoegde cellen (B2:C2)"),
        (formula, "", "formule"),
        (hide_row, "", "rij is verborgen"),
        (hide_column, "leerling/bsn", "kolom is verborgen"),
        (eat_zero, "leerling/bsn", "klopt de elfproef"),
    ],
)
def test_what_cannot_be_trusted_is_said_at_its_row_and_the_rest_goes_on(change: Change, path: str, said: str) -> None:
    book = made(pupil(), pupil("999990020", "Goed"))
    change(book["Leerlingen"])
    found = read_workbook(FORM, data_of(book))
    assert said in found.rows[0].faults[path]
    if change is not hide_column:
        assert found.rows[1].faults == {}
    assert found.rows[1].answers["leerling/achternaam"] == "Goed"


def test_what_spreadsheets_make_of_a_date_and_a_number() -> None:
    book = made(pupil() | {"leerling/verzuim/dagdelengeoorloofd": "1,5"})
    sheet = book["Leerlingen"]
    born(sheet).value = date(2015, 5, 3)
    born(sheet).number_format = "dd-mm-yy"
    found = read_workbook(FORM, data_of(book)).rows[0].answers
    assert found["leerling/geboortedatum"] == "03-05-2015"
    assert found["leerling/verzuim/dagdelengeoorloofd"] == "1,5", "the rules say that it is no whole number"
    born(sheet).value, born(sheet).number_format, born(sheet).data_type = 42127, "General", "n"
    assert read_workbook(FORM, data_of(book)).rows[0].answers["leerling/geboortedatum"] == "42127", "asked again"


def test_columns_may_move_and_a_choice_may_be_a_code() -> None:
    book = made(pupil())
    sheet = book["Leerlingen"]
    sheet.move_range("B1:B2", cols=len(COLUMNS))
    sheet.delete_cols(2)
    place = next(cell.column for cell in sheet[1] if cell.value == "Schooladvies: Schooladvies")
    sheet.cell(2, place).value = "61"
    found = read_workbook(FORM, data_of(book)).rows[0].answers
    assert found["leerling/voornaam"] == "Sanne Maria"
    assert found["leerling/overstapadvies/advies"] == "61"


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("SCHOOL-012", lambda: b"naam;klas\nVis;8\n"),
        ("TABLE-025", lambda: renamed("Leerlingen")),
        ("SCHOOL-012", lambda: without_column()),
        ("SCHOOL-012", lambda: wide()),
        ("TABLE-003", lambda: long()),
        ("TABLE-026", lambda: with_part("xl/vbaProject.bin", b"x")),
        ("TABLE-003", lambda: with_part("xl/media/bom.xml", b"0" * 60_000_000)),
        ("TABLE-002", lambda: b"PK\x03\x04kapot"),
        ("TABLE-001", lambda: b"x" * 10_000_001),
    ],
)
def test_what_is_no_such_workbook_is_refused_as_a_whole(code: str, content: Callable[[], bytes]) -> None:
    with pytest.raises(OverstapError, match=code):
        read_workbook(FORM, content())


def renamed(name: str) -> bytes:
    book = made(pupil())
    book[name].title = "Blad1"
    return data_of(book)


def without_column() -> bytes:
    book = made(pupil())
    book["Leerlingen"].delete_cols(place_of("leerling/achternaam"))
    return data_of(book)


def wide() -> bytes:
    book = made(pupil())
    for place in range(200):
        book["Leerlingen"].cell(1, len(COLUMNS) + 3 + place).value = f"eigen {place}"
    return data_of(book)


def long() -> bytes:
    book = made(pupil())
    book["Leerlingen"].cell(1_000_000, 3).value = "ver weg"
    return data_of(book)


def with_part(name: str, content: bytes) -> bytes:
    out = io.BytesIO(data_of(made(pupil())))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr(name, content)
    return out.getvalue()
