"""Workbooks of some kilobytes that would fill the memory of whoever reads them."""

import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from openpyxl import Workbook

from overstap.errors import OverstapError
from overstap.tabular import Header, read_table
from overstap.tabular.workbook import hidden_parts

SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
AREA = "A1:XFD99999"


def behind_rows(more: str) -> Callable[[bytes], bytes]:
    return lambda text: text.replace(b"</sheetData>", f"</sheetData>{more}".encode())


def within_rows(more: bytes, times: int) -> Callable[[bytes], bytes]:
    return lambda text: text.replace(b"</sheetData>", more * times + b"</sheetData>")


MERGED = behind_rows(f'<mergeCells><mergeCell ref="{AREA}"/></mergeCells>')
LAUGHS = (
    b"<!DOCTYPE x [<!ENTITY a '" + b"A" * 1000 + b"'><!ENTITY b '" + b"&a;" * 1000 + b"'>"
    b"<!ENTITY c '" + b"&b;" * 1000 + b"'>]>"
)


def laughing(text: bytes) -> bytes:
    row = b'<row><c t="inlineStr"><is><t>&c;</t></is></c></row></sheetData>'
    return LAUGHS + text.replace(b"</sheetData>", row)


def bomb(change: Callable[[bytes], bytes], place: str = SHEET, part: str = SHEET) -> bytes:
    """Return a workbook of which one part was changed, and the sheet put in another place."""
    book, plain, out = Workbook(), io.BytesIO(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.append(["a", "b"])
    sheet.append(["1", "2"])
    book.save(plain)
    with zipfile.ZipFile(plain) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            text = before.read(name)
            if name.endswith(".rels") or name == "[Content_Types].xml":
                text = text.replace(SHEET.removeprefix("xl/").encode(), place.removeprefix("xl/").encode())
            after.writestr(place if name == SHEET else name, change(text) if name == part else text)
    return out.getvalue()


BOMBS = {
    "merged": partial(bomb, MERGED),
    "merged in a part of another ending": partial(bomb, MERGED, "xl/worksheets/sheet1.dat"),
    "merged in a part that looks like a picture": partial(bomb, MERGED, "xl/media/image1.png"),
    "merged in another folder": partial(bomb, MERGED, "xl/pages/sheet1.xml"),
    "merged, in UTF-16": partial(bomb, lambda text: MERGED(text).decode().encode("utf-16"), "xl/worksheets/sheet1.dat"),
    "merged, with a prefix": partial(
        bomb, behind_rows(f'<a-b:mergeCells xmlns:a-b="{MAIN}"><a-b:mergeCell ref="{AREA}"/></a-b:mergeCells>')
    ),
    "entities in a part of another ending": partial(bomb, laughing, "xl/worksheets/sheet1.dat"),
    "cells without a place": partial(bomb, within_rows(b"<c><v>1</v></c>", 3_000_000)),
    "rows with a height": partial(bomb, within_rows(b'<row ht="1"/>', 3_000_000)),
    "columns without end": partial(
        bomb,
        lambda text: text.replace(b"<sheetData>", b'<cols><col min="1" max="900000000" hidden="1"/></cols><sheetData>'),
    ),
    "formats": partial(
        bomb, lambda text: re.sub(rb"<cellXfs[^>]*>", b"<cellXfs>" + b"<xf/>" * 8_000_000, text), part="xl/styles.xml"
    ),
    "entities in the relations": partial(bomb, lambda text: LAUGHS + text, part="xl/_rels/workbook.xml.rels"),
}

READ = """
import resource, sys
from overstap.errors import OverstapError
from overstap.tabular import Header, read_table
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))
try:
    read_table(open(sys.argv[1], "rb").read(), Header(("a",), ("b",)), max_rows=1000)
except OverstapError as error:
    # Not ru_maxrss, which begins with what the process had from which this one was made
    print(error.code, open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, name: str) -> None:
    """In a process of its own with little memory: without the refusal it ends by itself, and not the tests."""
    data = BOMBS[name]()
    assert len(data) < 200_000
    file = tmp_path / "lijst.xlsx"
    file.write_bytes(data)
    told = subprocess.run([sys.executable, "-c", READ, str(file)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-500:]
    assert told.stdout.startswith(("TABLE-002", "TABLE-003")), told.stdout
    assert int(told.stdout.split()[1]) < 600_000


def test_what_is_no_bomb_is_read() -> None:
    """Other parts than sheets, such as pictures and the settings of a printer, do not make a workbook a bomb."""
    plain, out = bomb(lambda text: text), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name))
        after.writestr("xl/media/image1.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
        after.writestr("xl/media/image2.jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0")
        after.writestr("xl/media/image3.emf", b"\1\0\0\0l\0\0\0")
        after.writestr("xl/printerSettings/printerSettings1.bin", "HP LaserJet".encode("utf-16-le") + bytes(200))
        after.writestr("xl/worksheets/_rels/empty.bin", b"")
    assert [row.cells["a"] for row in read_table(out.getvalue(), Header(("a",), ("b",))).rows] == ["1"]  # type: ignore[union-attr]


@pytest.mark.parametrize("area", ["", "A1:", "x", "A1:B2:C3", "A0", "$A$1:&#90;Z9"])
def test_an_area_that_is_none_is_refused(area: str) -> None:
    text = bomb(behind_rows(f'<mergeCells><mergeCell ref="{area}"/></mergeCells>'))
    with pytest.raises(OverstapError, match=r"TABLE-00[238]"):
        read_table(text, Header(("a",), ("b",)))


def test_columns_that_are_hidden_sixteen_thousand_times_are_so_once() -> None:
    many = "".join(f'<col min="{place}" max="16384" hidden="1"/>' for place in range(2, 16_384))
    data = bomb(lambda text: text.replace(b"<sheetData>", f"<cols>{many}</cols><sheetData>".encode()))
    assert hidden_parts(data).columns <= {2}
    assert hidden_parts(data, "bestaat niet").columns == frozenset()
