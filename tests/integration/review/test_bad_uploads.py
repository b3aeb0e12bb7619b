"""Files that cannot be used, at each place of the schools' pages where a list is uploaded: a sentence with its cure.

What of a file can be used and what not is tested by row in `test_bad_tables.py`; here, that the page says it, keeps
nothing, and goes on with little memory.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

import httpx
import mapped_export
import psycopg
import pytest
from guest_school import hidden
from mapped_export import as_csv, as_workbook, pupil
from openpyxl import load_workbook
from school_service import School, school_service, signed_in

from overstap.errors import sentences
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.project import PROJECT

PLACES = {
    "roster": ("leerlingenlijst", "leerlingenlijst"),
    "workbook": ("invullen", "invullen/werkmap"),
    "mapping": ("export", "export"),
    "answers": ("", "lijst"),
}
"""Page with the form, and address to which it is sent, below the round."""
MOST_MEMORY = 200_000
"""Kilobytes by which a process may grow over all files of a place."""


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr(name, content)
    return out.getvalue()


def many_rows(data: bytes) -> bytes:
    """A workbook of a few kilobytes with a million rows."""
    row = b'<row><c t="inlineStr"><is><t>x</t></is></c></row>'
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for one in before.namelist():
            text = before.read(one)
            if one == "xl/worksheets/sheet1.xml":
                text = text.replace(b"</sheetData>", row * 1_000_000 + b"</sheetData>")
            after.writestr(one, text)
    return out.getvalue()


BOOK = mapped_export.saved(as_workbook([pupil(0), pupil(1)]))
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "password": (lambda: (PROJECT / "tests" / "vectors" / "workbooks" / "password.xlsx").read_bytes(), "TABLE-028"),
    "old": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_000), "TABLE-005"),
    "macros": (lambda: with_part(BOOK, "xl/vbaProject.bin", b"x"), "TABLE-026"),
    "bomb": (lambda: with_part(BOOK, "xl/worksheets/sheet9.xml", b"<c " * 30_000_000), "TABLE-003"),
    "million rows": (lambda: many_rows(BOOK), "TABLE-003"),
    "cut": (lambda: BOOK[:-200], "TABLE-002"),
    "pdf": (lambda: b"%PDF-1.7\n", "TABLE-006"),
    "page": (lambda: b"<html><table><tr><td>", "TABLE-007"),
    "other program": (lambda: with_part(b"", "content.xml", b"<x/>"), "TABLE-009"),
}


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("uploads"), is_forked=False) as made:
        yield made


def kept(school: School) -> list[tuple[int, ...]]:
    with psycopg.connect(school.home.owner_dsn) as owner:
        return owner.execute(
            "select (select count(*) from overstap.school_mapping), (select count(*) from overstap.typed_dossier), "
            "(select count(*) from overstap.roster_pupil), (select count(*) from overstap.review_decision), "
            "(select count(*) from overstap.audit_line)"
        ).fetchall()


def memory(school: School) -> int:
    """Return the most memory that the pages' process has had, in kilobytes."""
    assert school.process is not None
    status = Path(f"/proc/{school.process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def sent(client: httpx.Client, school: School, place: str, content: bytes, name: str) -> httpx.Response:
    form, to = PLACES[place]
    there = f"/ronde/{school.review_round.round_id}"
    page = client.get(f"{there}/{form}".rstrip("/")).text
    data = {"formulier": hidden(page, "formulier"), "doe": "kijk"}
    if ground := re.search('<select id="grond" name="grond"><option value="([^"]+)"', page):
        data["grond"] = ground[1]
    return client.post(f"{there}/{to}", data=data, files={"bestand": (name, content)}, timeout=120)


@pytest.mark.parametrize("place", PLACES)
def test_what_cannot_be_read_is_told_with_its_cure_and_nothing_is_kept(school: School, place: str) -> None:
    with closing(signed_in(school)) as client:
        # What is loaded for the first file is no matter of the file
        sent(client, school, place, b"a;b\n1;2\n", "eerst.csv")
        sent(client, school, place, BOOK[:-100], "eerst.xlsx")
        before, least = kept(school), memory(school)
        for what, (made, code) in FILES.items():
            answer = sent(client, school, place, made(), "lijst.xlsx")
            assert answer.status_code in (413, 422), (what, answer.status_code)
            text = unescape(re.sub(r"\s+", " ", answer.text))
            # A roster that is markup is taken for EDEXML, and told as such
            words = sentences()["INTAKE-082" if (place, what) == ("roster", "page") else code]
            for key in ("nl", "do_nl"):
                assert re.search(re.sub(r"\\{.*?\\}", ".{1,40}", re.escape(words[key])), text), (what, text[-3000:])
        assert kept(school) == before
        assert memory(school) - least < MOST_MEMORY
    assert "Traceback" not in school.log


def test_a_million_lines_of_text_are_told_to_be_too_many(school: School) -> None:
    lines = b";".join([b"x"] * 4) + b"\n"
    with closing(signed_in(school)) as client:
        before, least = kept(school), memory(school)
        for place in PLACES:
            answer = sent(client, school, place, b"a;b;c;d\n" + lines * 1_000_000, "lijst.csv")
            assert answer.status_code in (413, 422), place
            assert re.search("te groot|groter dan|te veel|hoogstens|andere kolommen|kolom", answer.text), place
        assert kept(school) == before
        assert memory(school) - least < MOST_MEMORY


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_an_export_in_each_encoding_is_read(school: School, encoding: str) -> None:
    with closing(signed_in(school)) as client:
        content = as_csv([pupil(0, Achternaam="Zoë", Woonplaats="Curaçao")], encoding=encoding)
        answer = sent(client, school, "mapping", content, "export.csv")
        assert "20 kolommen" in answer.text
        assert "Gevuld: 1 cel. Bruikbaar: 1." in answer.text


def test_a_sheet_that_is_protected_and_no_more_is_read(school: School) -> None:
    """Excel's protection against typing is no encryption."""
    book = load_workbook(io.BytesIO(BOOK))
    for sheet in book.worksheets:
        sheet.protection.set_password("geheim")
    with closing(signed_in(school)) as client:
        assert "20 kolommen" in sent(client, school, "mapping", mapped_export.saved(book), "export.xlsx").text
