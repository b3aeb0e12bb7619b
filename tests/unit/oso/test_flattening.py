"""Flattened PDF: of every disguise of the attachments' tests nothing that acts is left; stock tools read it."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fpdf import FPDF
from generated_dossiers import packed
from PIL import Image
from pypdf import PdfReader
from test_attachment_pdf import ACTIVE, FETCHING, HEAVY, INNOCENT, PLAIN, codes, encrypted, raw

from overstap.oso.building import build
from overstap.oso.pdf_objects import inspect_pdf
from overstap.pdf import flattening
from overstap.pdf.flattening import MOST_PAGES, NotFlattenedError, draw, flattened
from overstap.review.copies import viewable_files

FILES = {**ACTIVE, **INNOCENT, **FETCHING}


def letter(pages: int = 1, size: tuple[float, float] = (595, 842)) -> bytes:
    made = FPDF(unit="pt")
    for number in range(pages):
        made.add_page(format=size)
        made.set_font("helvetica", size=40)
        made.cell(text=f"Verslag {number}", link="https://example.org/")
    return bytes(made.output())


@pytest.mark.parametrize("name", FILES)
def test_nothing_that_acts_is_left(name: str) -> None:
    try:
        made = draw(FILES[name])
    except NotFlattenedError:
        return  # pdfium draws nothing of it, so nothing is handed on
    found = inspect_pdf(made)
    assert not found.is_active
    assert not found.is_fetching
    assert codes(made) == []
    for sign in (
        b"/JavaScript",
        b"/JS",
        b"/OpenAction",
        b"/AA",
        b"/Launch",
        b"/URI",
        b"/EmbeddedFile",
        b"/AcroForm",
        b"/Annots",
    ):
        assert sign not in made


def test_most_disguises_are_drawn_and_not_dropped() -> None:
    drawn = 0
    for content in FILES.values():
        try:
            drawn += bool(draw(content))
        except NotFlattenedError:
            continue
    assert drawn > 0.6 * len(FILES), (drawn, len(FILES))


def test_what_is_drawn_is_what_stood_there(tmp_path: Path) -> None:
    before, after = letter(2), flattened(letter(2))
    assert PdfReader(io.BytesIO(before)).pages[0].annotations
    read = PdfReader(io.BytesIO(after))
    assert [(round(page.mediabox.width), round(page.mediabox.height)) for page in read.pages] == [(595, 842)] * 2
    for page in read.pages:
        assert page.annotations is None
        assert page.extract_text() == ""
        [picture] = page.images
        assert Image.open(io.BytesIO(picture.data)).convert("L").getextrema()[0] < 60, "an empty page"


@pytest.mark.skipif(shutil.which("pdfinfo") is None, reason="needs pdfinfo (apt-get install poppler-utils)")
def test_pdfinfo_finds_no_script_and_no_form(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(flattened(letter(3)))
    said = subprocess.run(["pdfinfo", str(tmp_path / "a.pdf")], capture_output=True, text=True, check=True).stdout
    lines = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    assert lines["JavaScript"].strip() == "no"
    assert lines["Form"].strip() == "none"
    assert lines["Pages"].strip() == "3"


@pytest.mark.parametrize(
    "content",
    [b"", b"%PDF-1.7\n", b"niets", encrypted("geheim"), PLAIN[:200], letter(MOST_PAGES + 1)],
    ids=["empty", "head", "text", "locked", "cut", "too many pages"],
)
def test_what_cannot_be_drawn_is_not_handed_on(content: bytes) -> None:
    with pytest.raises(NotFlattenedError):
        flattened(content)


def test_a_poster_is_drawn_with_fewer_points(monkeypatch: pytest.MonkeyPatch) -> None:
    made = PdfReader(io.BytesIO(flattened(letter(1, (14_000, 9_000)))))
    assert max(Image.open(io.BytesIO(made.pages[0].images[0].data)).size) <= 2_601


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_file_ends_its_own_process_at_most(name: str) -> None:
    try:
        assert flattened(raw(*PARTS, HEAVY[name]())).startswith(b"%PDF-")
    except NotFlattenedError:
        return


PARTS = (
    b"<</Type/Catalog/Pages 2 0 R>>",
    b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
)


def test_the_process_that_draws_knows_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    (tmp_path / "python").write_text(f"#!/bin/bash\nenv > {seen}\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("OVERSTAP_LEDGER", "postgresql://x:geheim@y/z")
    with pytest.raises(NotFlattenedError):
        flattened(PLAIN)
    assert "geheim" not in seen.read_text()
    assert os.environ["PATH"] in seen.read_text()


def test_one_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python").write_text("#!/bin/bash\nexec sleep 600\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(flattening, "_SECONDS", 1)
    with pytest.raises(NotFlattenedError):
        flattened(PLAIN)


def test_only_where_it_is_agreed_and_only_what_can_be_drawn() -> None:
    given = {"a.pdf": letter(), "b.txt": b"Verslag"}
    documents = [{"bestandsnaam": name, "bestandsinhoud": packed(name, given[name])} for name in given]
    pupil = {"achternaam": "Vis", "overigdocumentlijst": {"document": documents}}
    dossier = build({"huidigeschool": {"leerling": pupil}})
    plain, drawn = ([one.content for one in viewable_files(dossier, flattens=flattens)] for flattens in (False, True))
    assert plain == list(given.values())
    assert drawn[1] == b"Verslag"
    assert inspect_pdf(drawn[0]).is_readable
    assert drawn[0] != plain[0]
