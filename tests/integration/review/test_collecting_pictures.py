"""A school that collects on its page may have PDF attachments as pictures of their pages, which cannot act."""

import base64
import io
import zipfile
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from collecting_school import deliver, on_page, press
from fpdf import FPDF
from pypdf import PdfReader
from school_service import School, school_service

from overstap.oso.attachments import unpack
from overstap.oso.reading import read
from overstap.oso.traversal import documents
from overstap_tools.local.postgres import EmbeddedPostgres


def letter() -> bytes:
    made = FPDF()
    made.add_page()
    made.set_font("helvetica", size=40)
    made.cell(text="Verslag", link="https://example.org/")
    return bytes(made.output())


def packed(content: bytes) -> dict[str, list[str]]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("verslag.pdf", (2020, 1, 1, 0, 0, 0)), content)
    return {
        "bestandsnaam": ["verslag.pdf"],
        "bestandsinhoud": [base64.b64encode(out.getvalue()).decode()],
    }


LETTER = letter()


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        place = made.review_round

        def attach(pupil) -> None:  # type: ignore[no-untyped-def]
            pupil["overigdocumentlijst"] = [{"document": [packed(LETTER), packed(LETTER[: len(LETTER) // 2])]}]

        place.supply(place.changed(place.families()[0], attach))
        place.release()
        deliver(made)
        yield made


def files(answer: httpx.Response) -> dict[str, bytes]:
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    return {name.partition("/")[2]: archive.read(name) for name in archive.namelist() if "Verslag" not in name}


def with_attachment(person: httpx.Client) -> str:
    """The delivery with the letter; its version has no record, as one of before there were records."""
    for one in on_page(person):
        found = documents(read(press(person, "bestand", [one], vorm="xml").content))
        if any(node.text("bestandsnaam") == "verslag.pdf" for _, node in found):
            return one
    raise AssertionError("no dossier has the letter")


def test_pictures_where_they_are_chosen_and_the_file_itself_where_not(school: School, person: httpx.Client) -> None:
    one = with_attachment(person)
    plain = files(press(person, "bestand", [one], vorm="both"))
    assert plain["bijlage-1.pdf"] == LETTER
    flat = files(press(person, "bestand", [one], vorm="both", afbeeldingen="ja"))
    [page] = PdfReader(io.BytesIO(flat["bijlage-1.pdf"])).pages
    assert page.annotations is None
    assert page.extract_text() == ""
    assert len(page.images) == 1
    assert LETTER[-200:] not in flat["bijlage-1.pdf"]
    assert "bijlage-2.pdf" not in flat, "what cannot be drawn is not handed out"
    # The dossier itself stays as it was sent and signed
    kept = [unpack(path, node.text("bestandsinhoud") or "") for path, node in documents(read(flat["dossier.xml"]))]
    assert kept[0].file.data == LETTER


def test_it_is_ticked_where_the_region_agreed_on_pictures(school: School, person: httpx.Client) -> None:
    ticked = 'name="afbeeldingen" value="ja" checked'
    assert ticked not in person.get("/ophalen").text
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        agreed = "update overstap.round_agreement set agreement = agreement"
        owner.execute(agreed + """ || '{"pdf_attachments": "flattened"}'""")
    assert ticked in person.get("/ophalen").text
