"""The workbook of a school, opened, filled in and saved by LibreOffice: what a school without Excel has."""

import io
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from lxml import etree
from openpyxl import Workbook, load_workbook
from typed_pupil import NUMBER, plain_pupil, together

from overstap.oso.identifiers import is_bsn
from overstap.typed.form import form_of
from overstap.typed.workbook import WorkbookRow, columns_of, make_workbook, read_workbook

PROGRAM = shutil.which("soffice")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs LibreOffice Calc (Debian: libreoffice-calc-nogui)")

FORM = form_of("2019.1", "POVO", frozenset({"verzuim", "toetsresultaten", "onderwijsondersteuning"}))
COLUMNS = columns_of(FORM.version, FORM.profile, FORM.categories)
NAMES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "number": "urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0",
}
DATES = """<x xmlns:number="{number}" xmlns:style="{style}"><number:date-style style:name="day-of-a-person">
<number:day number:style="long"/><number:text>-</number:text><number:month number:style="long"/>
<number:text>-</number:text><number:year/></number:date-style>
<style:style style:name="cell-of-a-day" style:family="table-cell" style:data-style-name="day-of-a-person"/></x>"""
"""The format that a cell gets when somebody makes it a date."""
LEADING = next(text for number in range(10_000_000, 10_000_200) if is_bsn(text := f"{number:09}"))
"""A number with a zero in front that passes the eleven test."""


def name(prefixed: str) -> str:
    prefix, _, local = prefixed.partition(":")
    return f"{{{NAMES[prefix]}}}{local}"


def converted(content: bytes, ending: str, to: str, folder: Path) -> bytes:
    """Open a file in LibreOffice and save it in another form."""
    folder.mkdir()
    (folder / f"leerlingen.{ending}").write_bytes(content)
    assert PROGRAM is not None
    done = subprocess.run(
        [
            *(PROGRAM, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--norestore"),
            *("--convert-to", to, "--outdir", folder / "out", folder / f"leerlingen.{ending}"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    made = folder / "out" / f"leerlingen.{to.partition(':')[0]}"
    assert made.is_file(), done.stdout + done.stderr
    return made.read_bytes()


class OpenBook:
    """The workbook as LibreOffice has it in memory, in its flat XML."""

    def __init__(self, content: bytes) -> None:
        self.root = etree.fromstring(content, etree.XMLParser(huge_tree=True))
        [styles] = self.root.iter(name("office:automatic-styles"))
        styles.extend(etree.fromstring(DATES.format(**NAMES)))

    def cell(self, sheet: str, row: int, place: int) -> etree._Element:
        [table] = self.root.xpath("//table:table[@table:name = $sheet]", sheet=sheet, namespaces=NAMES)
        of_row = self._at(table, "table:table-row", "table:number-rows-repeated", row)
        return self._at(of_row, "table:table-cell", "table:number-columns-repeated", place)

    @staticmethod
    def _at(parent: etree._Element, kind: str, repeated: str, place: int) -> etree._Element:
        """Return a row or cell by its number from 1, parted from those that are equal to it."""
        for one in parent.iter(name(kind)):
            if one.getparent() is not parent and one.getparent().getparent() is not parent:
                continue
            times = int(one.get(name(repeated), "1"))
            if place > times:
                place -= times
                continue
            for count, is_before in ((place - 1, True), (times - place, False)):
                if count:
                    copy = etree.fromstring(etree.tostring(one))
                    copy.tail = None
                    copy.set(name(repeated), str(count))
                    (one.addprevious if is_before else one.addnext)(copy)
            one.attrib.pop(name(repeated), None)
            return one
        raise AssertionError(f"no {kind} {place}")

    def enter(self, sheet: str, row: int, place: int, text: str, **value: str) -> None:
        """Put something into a cell as LibreOffice does when somebody types: text, or a value of a kind."""
        cell = self.cell(sheet, row, place)
        for attribute in [one for one in cell.attrib if one.startswith(f"{{{NAMES['office']}}}")]:
            del cell.attrib[attribute]
        for old in cell.findall(name("text:p")):
            cell.remove(old)
        cell.set(name("office:value-type"), value.pop("kind", "string"))
        for attribute, stated in value.items():
            cell.set(name(f"office:{attribute.replace('_', '-')}"), stated)
        if "date_value" in value:
            cell.set(name("table:style-name"), "cell-of-a-day")
        etree.SubElement(cell, name("text:p")).text = text


def place_of(path: str) -> int:
    return next(place for place, one in enumerate(COLUMNS, 2) if one.path == path)


def meaning(path: str, code: str) -> str:
    form = next(one.form for one in COLUMNS if one.path == path)
    return next((said for known, said in form.choices if known == code), {"true": "Ja", "false": "Nee"}.get(code, code))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The workbook with one pupil of the roster, after LibreOffice opened it and somebody typed two more."""
    folder = tmp_path_factory.mktemp("libreoffice")
    listed = {path: text for path, text in together(plain_pupil()).items() if path.startswith("leerling/")}
    made = make_workbook(FORM, plain_pupil()["school"], [WorkbookRow(2, listed)])
    book = OpenBook(converted(made, "xlsx", "fods", folder / "open"))
    for row, number in ((3, LEADING), (4, LEADING)):
        for path, text in (listed | {"leerling/bsn": number, "leerling/achternaam": f"Getypt {row}"}).items():
            book.enter("Leerlingen", row, place_of(path), meaning(path, text))
    born = place_of("leerling/geboortedatum")
    book.enter("Leerlingen", 3, born, "03-05-15", kind="date", date_value="2015-05-03")
    book.enter("Leerlingen", 4, place_of("leerling/bsn"), LEADING.lstrip("0"), kind="float", value=LEADING.lstrip("0"))
    book.enter(
        "Leerlingen",
        3,
        place_of("leerling/toetslijst/toets[1]/resultaat/toetsscore/aantalgoed"),
        "31",
        kind="float",
        value="31",
    )
    book.enter("Leerlingen", 3, place_of("leerling/toetslijst/toets[1]/toetsidentificatie/eldtoetscode"), "RW8")
    changed = etree.tostring(book.root, xml_declaration=True, encoding="UTF-8")
    return converted(changed, "fods", "xlsx:Calc MS Excel 2007 XML", folder / "save")


def test_what_somebody_typed_in_libreoffice_is_taken_in(saved: bytes) -> None:
    found = read_workbook(FORM, saved)
    assert len(found.rows) == 3
    listed, typed, eaten = (row.answers for row in found.rows)
    assert found.rows[0].faults == found.rows[1].faults == {}
    assert listed["leerling/bsn"] == NUMBER
    assert typed["leerling/bsn"] == LEADING, "a zero in front stays"
    assert typed["leerling/geboortedatum"] == f"{date(2015, 5, 3):%d-%m-%Y}", "a date as LibreOffice writes it"
    assert typed["leerling/overstapadvies/advies"] == listed["leerling/overstapadvies/advies"] == "61"
    assert typed["leerling/adresgeheim"] == "false"
    assert typed["leerling/toetslijst/toets[1]/toetsidentificatie/eldtoetscode"] == "RW8"
    assert typed["leerling/toetslijst/toets[1]/resultaat/toetsscore/aantalgoed"] == "31"
    assert eaten["leerling/achternaam"] == "Getypt 4"
    assert "klopt de elfproef" in found.rows[2].faults["leerling/bsn"], "the zero is gone, and it is said"
    assert found.school["naam"] == "De Regenboog"


def test_lists_help_and_text_cells_are_still_there_after_libreoffice(saved: bytes) -> None:
    book = load_workbook(io.BytesIO(saved))
    assert isinstance(book, Workbook)
    sheet = book["Leerlingen"]
    advice = sheet.cell(1, place_of("leerling/overstapadvies/advies"))
    assert advice.comment is not None
    assert advice.comment.text
    assert book["Keuzes"].sheet_state == "hidden"
    assert book.active is sheet
    lists = [
        one
        for one in sheet.data_validations.dataValidation
        if one.type == "list" and f"{advice.column_letter}2" in str(one.sqref)
    ]
    assert lists, "the list of advices can be chosen from"
    assert "Keuzes" in lists[0].formula1
    assert sheet.cell(3, place_of("leerling/bsn")).number_format == "@"
    place = place_of("leerling/bsn")
    [rest] = [one for one in sheet.column_dimensions.values() if one.min <= place <= one.max]
    assert rest.number_format == "@", "also where nobody typed yet"
