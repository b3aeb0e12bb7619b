"""What people and programs do to a table, at each entrance: a sentence with place and cure, and the rest goes on.

Rosters, registrations, and a school's own export, as CSV and as a workbook.
"""

import csv
import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mapped_export
import pandas as pd
import pytest
from openpyxl import Workbook

from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.mappings.model import Mapping
from overstap.intake.mappings.reading import open_table, read_rows
from overstap.intake.rosters.table import read_roster
from overstap.oso.identifiers import is_bsn
from overstap.simulation.synthetic.numbers import bsn
from overstap.tabular import RefusedRow
from overstap_tools.project import PROJECT

PROGRAM = shutil.which("soffice")
MAPPING = Mapping.model_validate(
    {
        "name": "eigen",
        "title": "Eigen",
        "version": 1,
        "about": "dossiers",
        "columns": {
            "BSN": {"field": "huidigeschool/leerling/bsn"},
            "Achternaam": {"field": "huidigeschool/leerling/achternaam"},
            "Geb.datum": {"field": "huidigeschool/leerling/geboortedatum"},
        },
    }
)
Outcome = tuple[int, dict[str, list[int]]]
"""Number of rows that were used, and the lines of the others per code."""


@dataclass(frozen=True)
class Entrance:
    """An entrance for a table.

    Args:
        header: its columns.
        row: the cells of one row; the first is the pupil's number, the second a text.
        read: reads a file.
    """

    header: Sequence[str]
    row: Callable[[int], list[str]]
    read: Callable[[bytes, Path], Outcome]

    @property
    def rows(self) -> list[list[str]]:
        return [list(self.header), *(self.row(place) for place in range(4))]


def _told(used: int, refused: Sequence[tuple[str, int]]) -> Outcome:
    found: dict[str, list[int]] = {}
    for code, line in refused:
        found.setdefault(code, []).append(line)
    return used, found


def roster(data: bytes, _: Path) -> Outcome:
    found = read_roster(data)
    refused = [(code, int(label.split()[1])) for code, labels in found.problems().items() for label in labels]
    wrong = {label for labels in found.problems().values() for label in labels}
    return _told(sum(one.label not in wrong for one in found.pupils), refused)


def registrations(data: bytes, folder: Path) -> Outcome:
    path = folder / "aanmeldingen.csv"
    path.write_bytes(data)
    good, refused = applications.read_file(path)
    return _told(len(good), [(one.code, int(one.facts["line"])) for one in refused])


def mapped(data: bytes, _: Path) -> Outcome:
    rows = list(read_rows(open_table(data, MAPPING), MAPPING))
    refused = [one for one in rows if isinstance(one, RefusedRow)]
    return _told(len(rows) - len(refused), [(one.code, one.line) for one in refused])


ENTRANCES = {
    "roster": Entrance(
        ("leerlingnummer", "achternaam", "geboortedatum"),
        lambda place: [bsn(place), f"Zonneveld{place}", "2015-03-30"],
        roster,
    ),
    "registrations": Entrance(
        ("leerlingnummer", "vo_school", "geboortedatum", "basisschool", "fase", "vastgelegd_op"),
        lambda place: [bsn(place), "99XX00", "2015-03-30", "99AA00", "aangemeld", "2027-01-10"],
        registrations,
    ),
    "mapped": Entrance(
        ("BSN", "Achternaam", "Geb.datum", "Opmerking"),
        lambda place: [bsn(place), f"Zonneveld{place}", "30-3-2015", mapped_export.REMARK],
        mapped,
    ),
}


@pytest.fixture(params=ENTRANCES)
def entrance(request: pytest.FixtureRequest) -> Entrance:
    return ENTRANCES[request.param]


def workbook(rows: Sequence[Sequence[Any]], change: Callable[[Workbook, Any], object] = lambda *_: None) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    change(book, sheet)
    return mapped_export.saved(book)


def text(rows: Sequence[Sequence[str]], separator: str = ";", encoding: str = "utf-8") -> bytes:
    return "\r\n".join(separator.join(row) for row in rows).encode(encoding)


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr(name, content)
    return out.getvalue()


def an_archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("content.xml", "<x/>")
    return out.getvalue()


def _formula(_: Workbook, sheet: Any) -> None:
    sheet["B3"] = "=A3"


def _external(_: Workbook, sheet: Any) -> None:
    sheet["B3"] = "='[1]Blad'!A1"


def _merged(_: Workbook, sheet: Any) -> None:
    sheet.merge_cells("A3:B3")


def _hidden_row(_: Workbook, sheet: Any) -> None:
    sheet.row_dimensions[3].hidden = True


def _error(_: Workbook, sheet: Any) -> None:
    sheet["A3"] = "#N/A"
    sheet["A3"].data_type = "e"


def _quantity(_: Workbook, sheet: Any) -> None:
    sheet["A3"] = 1.5


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (_formula, {"TABLE-023"}),
        (_external, {"TABLE-023"}),
        (_merged, {"TABLE-021"}),
        (_hidden_row, {"TABLE-027"}),
        (_error, {"TABLE-022"}),
        (_quantity, {"INTAKE-085", "INTAKE-036", "INTAKE-043", "INTAKE-105", "INTAKE-110"}),
    ],
)
def test_a_cell_that_cannot_be_trusted_refuses_its_row_and_the_rest_goes_on(
    entrance: Entrance, tmp_path: Path, change: Callable[[Workbook, Any], object], codes: set[str]
) -> None:
    used, refused = entrance.read(workbook(entrance.rows, change), tmp_path)
    assert used == 3
    [(code, lines)] = refused.items()
    assert code in codes
    assert lines == [3]


def test_hidden_columns_are_read_and_the_header_as_well_when_it_is_hidden(entrance: Entrance, tmp_path: Path) -> None:
    def change(_: Workbook, sheet: Any) -> None:
        sheet.column_dimensions["B"].hidden = True
        sheet.row_dimensions[1].hidden = True
        sheet.row_dimensions[40].hidden = True  # and an empty row is nothing

    assert entrance.read(workbook(entrance.rows, change), tmp_path) == (4, {})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_each_encoding_and_separator(entrance: Entrance, tmp_path: Path, encoding: str, separator: str) -> None:
    rows = [[cell.replace("Zonneveld", "Zonnéveld") for cell in row] for row in entrance.rows]
    assert entrance.read(text(rows, separator, encoding), tmp_path) == (4, {})


def test_a_file_that_was_cut_off_within_a_character_loses_its_last_row_alone(
    entrance: Entrance, tmp_path: Path
) -> None:
    used, refused = entrance.read(text(entrance.rows, encoding="utf-16")[:-1], tmp_path)
    assert (used, [line for lines in refused.values() for line in lines]) == (3, [5])


def test_dates_as_numbers_and_zeros_that_were_eaten(entrance: Entrance, tmp_path: Path) -> None:
    eaten = next(f"{place:09}" for place in range(10_000_000, 10_000_200) if is_bsn(f"{place:09}"))
    rows: list[list[Any]] = [list(row) for row in entrance.rows]
    rows[1][0] = int(eaten)
    rows[2][0] = int("1" + eaten[2:7])
    used, refused = entrance.read(workbook(rows), tmp_path)
    assert used == 3, "nine digits with the zeros back pass the check"
    assert [line for lines in refused.values() for line in lines] == [3]
    rows = [list(row) for row in entrance.rows]
    rows[1][2] = 42093
    used, refused = entrance.read(workbook(rows), tmp_path)
    assert (used, [line for lines in refused.values() for line in lines]) == (3, [2]), "a number is no date by itself"


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4_000
WITH_PASSWORD = (PROJECT / "tests" / "vectors" / "workbooks" / "password.xlsx").read_bytes()
"""Encrypted by msoffcrypto as Excel does, with the password "geheim"."""


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: with_part(data, "xl/vbaProject.bin", b"x"), "TABLE-026"),
        (lambda data: with_part(data, "xl/worksheets/sheet9.xml", b"<c " * 30_000_000), "TABLE-003"),
        (lambda data: OLE, "TABLE-005"),
        (lambda data: WITH_PASSWORD, "TABLE-028"),
        (lambda data: data[:-200], "TABLE-002"),
        (lambda data: b"PK\x03\x04" + b"x" * 4_000, "TABLE-002"),
        (lambda data: b"%PDF-1.7\n", "TABLE-006"),
        (lambda data: b"<html><table><tr><td>", "TABLE-007"),
        (lambda data: an_archive(), "TABLE-009"),
    ],
    ids=["macro", "bomb", "ole", "password", "cut", "no-zip", "pdf", "html", "other"],
)
def test_what_cannot_be_read_as_a_whole_is_told_with_a_cure(
    entrance: Entrance, tmp_path: Path, change: Callable[[bytes], bytes], code: str
) -> None:
    with pytest.raises(OverstapError) as told:
        entrance.read(change(workbook(entrance.rows)), tmp_path)
    # A roster that is markup is taken for EDEXML, and told as such
    assert told.value.code in (code, "INTAKE-082", "INTAKE-083", "INTAKE-081")
    assert told.value.do_nl
    assert "Zonneveld" not in f"{told.value} {told.value.facts}"


def test_two_hundred_columns(entrance: Entrance, tmp_path: Path) -> None:
    rows = [
        [*row, *(f"k{place}" if line == 0 else "x" for place in range(200))] for line, row in enumerate(entrance.rows)
    ]
    if entrance is ENTRANCES["registrations"]:
        with pytest.raises(OverstapError, match="INTAKE-032"):
            entrance.read(text(rows), tmp_path)
    else:
        assert entrance.read(text(rows), tmp_path) == (4, {})


def test_what_pandas_and_r_write(entrance: Entrance, tmp_path: Path) -> None:
    frame = pd.DataFrame(entrance.rows[1:], columns=list(entrance.header))
    frame.to_csv(tmp_path / "pandas.csv", index=False)
    assert entrance.read((tmp_path / "pandas.csv").read_bytes(), tmp_path) == (4, {})
    frame.to_excel(tmp_path / "pandas.xlsx", index=False)
    assert entrance.read((tmp_path / "pandas.xlsx").read_bytes(), tmp_path) == (4, {})
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(entrance.rows)  # write.csv of R
    assert entrance.read(out.getvalue().encode(), tmp_path) == (4, {})


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, bytes]]:
    """Return what LibreOffice makes of each entrance's workbook: all at once, since a start takes a second."""

    @cache
    def convert(form: str) -> dict[str, bytes]:
        folder = tmp_path_factory.mktemp("converted")
        (folder / "in").mkdir()
        for name, entrance in ENTRANCES.items():
            (folder / "in" / f"{name}.xlsx").write_bytes(workbook(entrance.rows))
        subprocess.run(
            [
                *(str(PROGRAM), f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", form),
                *("--outdir", str(folder), *(str(folder / "in" / f"{name}.xlsx") for name in ENTRANCES)),
            ],
            check=True,
            capture_output=True,
            timeout=180,
        )
        return {name: (folder / f"{name}.{form.partition(':')[0]}").read_bytes() for name in ENTRANCES}

    return convert


@pytest.mark.skipif(PROGRAM is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("name", ENTRANCES)
@pytest.mark.parametrize(
    ("form", "code"),
    [("xlsx", ""), ("csv", ""), ("ods", "TABLE-009"), ("xls", "TABLE-005"), ("xlsx:Calc MS Excel 2007 XML", "")],
)
def test_what_libreoffice_writes(
    converted: Callable[[str], dict[str, bytes]], tmp_path: Path, name: str, form: str, code: str
) -> None:
    entrance, made = ENTRANCES[name], converted(form)[name]
    if not code:
        assert entrance.read(made, tmp_path) == (4, {})
        return
    with pytest.raises(OverstapError, match=code):
        entrance.read(made, tmp_path)


_MEASURED = """
import resource, sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {tests!r} + "/unit/intake"]
from test_bad_tables import ENTRANCES
from overstap.errors import OverstapError
entrance, data = ENTRANCES[sys.argv[1]], Path(sys.argv[2]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(entrance.read(data, Path(sys.argv[2]).parent)[0])
except OverstapError as told:
    print(told.code)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("name", ["roster", "mapped"])
def test_a_million_rows_take_no_memory_to_speak_of(name: str, kind: str, tmp_path: Path) -> None:
    entrance = ENTRANCES[name]
    line = ";".join(entrance.row(1)).encode() + b"\n"
    if kind == "csv":
        data = ";".join(entrance.header).encode() + b"\n" + line * 1_000_000
    else:
        row = b'<row><c t="inlineStr"><is><t>x</t></is></c></row>'
        data = with_part(workbook(entrance.rows), "xl/worksheets/sheet7.xml", row * 1_000_000)
    (tmp_path / f"groot.{kind}").write_bytes(data)
    tests = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED.format(tests=tests), name, str(tmp_path / f"groot.{kind}")],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    said, kilobytes = done.stdout.split()
    assert said.startswith("TABLE-00"), said
    assert int(kilobytes) < 400_000, f"{int(kilobytes) // 1000} MB"
