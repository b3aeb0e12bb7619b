"""A school at its own pages, in a real browser and as an attacker would: signs in, prints, records, answers."""

import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pypdf
import pytest
from families import Family
from openpyxl import Workbook, load_workbook
from playwright.sync_api import Browser, Page, expect
from school_service import ACCOUNT, OTHER, PASSWORD, School, school_service, signed_in

from overstap.clock import dutch_time, now
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.review import parent_requests, proof_requests
from overstap.review.code_keys import PageSession, code_keys, read_code
from overstap.simulation.synthetic.numbers import bsn
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.project import PROJECT

from .paper import keep_paper

CODE = re.compile(r"\b(?:[0-9A-Z]{4}-){4}[0-9A-Z]{4}\b")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1200, "height": 900}
_IMAGES = PROJECT / "docs" / "images" if os.environ.get("OVERSTAP_TEST_IMAGES") else None


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        yield made


@pytest.fixture(scope="module")
def families(school: School) -> list[Family]:
    return school.review_round.families()


@pytest.fixture
def page(school: School, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=DESK, locale="nl-NL", accept_downloads=True)
    context.set_default_timeout(20_000)
    opened = context.new_page()
    opened.goto(school.address)
    opened.get_by_label("Account").fill(ACCOUNT)
    opened.get_by_label("Wachtwoord").fill(PASSWORD)
    opened.get_by_role("button", name="Inloggen").click()
    yield opened
    context.close()


def picture(page: Page, name: str) -> None:
    """Keep pictures for the documentation, when they are asked for."""
    if _IMAGES is not None:
        for kind, size in (("desk", DESK), ("phone", PHONE)):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.screenshot(path=_IMAGES / f"school-{name}-{kind}.png", full_page=True)
        page.set_viewport_size(DESK)  # type: ignore[arg-type]


def sound(page: Page, serious: Callable[[Page], list[str]], name: str) -> None:
    """Axe finds nothing, and a phone of 320 pixels needs no scrolling sideways."""
    assert serious(page) == [], name
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    picture(page, name)


def downloaded(page: Page, press: Callable[[], None]) -> bytes:
    with page.expect_download() as got:
        press()
    return Path(got.value.path()).read_bytes()


def read(file: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(file))


def test_a_school_supplies_its_roster_and_decides_about_it(
    page: Page, school: School, serious: Callable[[Page], list[str]]
) -> None:
    def upload(count: int) -> None:
        rows = [f"{bsn(4000 + one)};De Vries {one};2015-03-{one + 1:02};Noor;8{'AB'[one % 2]}" for one in range(count)]
        table = "\n".join(("leerlingnummer;achternaam;geboortedatum;roepnaam;groep", *rows)).encode()
        page.get_by_label("Bestand").set_input_files({"name": "lijst.csv", "mimeType": "text/csv", "buffer": table})
        page.get_by_role("button", name="Lijst inlezen").click()

    page.get_by_role("link", name="Leerlingenlijst").click()
    expect(page.get_by_text("nog geen leerlingenlijst aangeleverd")).to_be_visible()
    upload(12)
    expect(page.get_by_role("status")).to_contain_text("12 leerlingen verlaten de school dit jaar")
    sound(page, serious, "roster")
    page.get_by_role("link", name="Noor De Vries 0").click()
    page.get_by_label("verhuisd").check()
    sound(page, serious, "roster-pupil")
    page.get_by_role("button", name="Van de lijst halen").click()
    expect(page.get_by_role("status")).to_contain_text("Vastgelegd")
    upload(3)
    expect(page.get_by_role("heading", name="Hebben deze leerlingen uw school verlaten?")).to_be_visible()
    expect(page.get_by_role("heading", name="Staat Noor De Vries 0 weer op de lijst?")).to_be_visible()
    sound(page, serious, "roster-asks")
    page.get_by_role("button", name="Nee, de nieuwste lijst was niet volledig").click()
    expect(page.locator("table.pupils tbody tr")).to_have_count(11)


def test_a_school_does_its_work(
    page: Page, school: School, families: list[Family], serious: Callable[[Page], list[str]]
) -> None:
    family = families[0]
    expect(page.get_by_role("heading", level=1)).to_contain_text("Advies")
    expect(page.locator("table.pupils tbody tr")).to_have_count(len(families))
    sound(page, serious, "pupils")

    letters = downloaded(page, page.get_by_role("button", name="Brieven maken").click)
    if _IMAGES is not None:
        keep_paper(letters, "letter")
    persons = sum(len(one.persons) for one in families)
    assert len(pypdf.PdfReader(io.BytesIO(letters)).pages) == persons
    page.reload()
    expect(page.get_by_text("Iedereen die nu mag inzien, heeft een brief")).to_be_visible()
    page.get_by_text("Bent u het bestand met brieven kwijt?").click()
    anew = downloaded(page, page.get_by_role("button", name="Brieven opnieuw maken").click)
    codes = [set(CODE.findall("".join(one.extract_text() for one in read(file).pages))) for file in (letters, anew)]
    assert len(codes[0]) == len(codes[1]) == persons
    assert not codes[0] & codes[1]

    page.goto(f"{school.address}/ronde/{school.review_round.round_id}/leerling/{family.dossier}")
    page.get_by_role("button", name="Vastleggen").click()
    expect(page.get_by_role("alert")).to_contain_text("Vul een datum in")
    page.get_by_label("Hoe is het dossier ingezien?").select_option("meeting")
    page.get_by_label("Datum van inzage").fill(f"{dutch_time(now()):%d-%m-%Y}")
    page.get_by_label("Gezien en niet eens").check()
    page.get_by_label("Zienswijze").fill("Wij zien het anders: <b>havo</b> & meer.")
    sound(page, serious, "record")
    page.get_by_role("button", name="Vastleggen").click()
    expect(page.get_by_role("status")).to_contain_text("De inzage is vastgelegd")
    with school.review_round.unit() as unit:
        rows = unit.rows(
            "select agreed, ground, recorded_by from overstap.review_decision where dossier = %(id)s", id=family.dossier
        )
    assert rows == [("Nee", "meeting", f"school:{ACCOUNT}")]

    pdf = downloaded(page, page.get_by_role("button", name="Afdruk voor").first.click)
    assert "Inzage op school" in "".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    pack = downloaded(page, page.get_by_role("button", name="Bewijs maken").click)
    packed = zipfile.ZipFile(io.BytesIO(pack))
    assert len(packed.namelist()) == 4
    if _IMAGES is not None:
        keep_paper(packed.read(next(name for name in packed.namelist() if name.endswith(".pdf"))), "proof")
    page.reload()
    sound(page, serious, "pupil")
    page.get_by_role("button", name="Uitloggen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("U bent uitgelogd")
    sound(page, serious, "ended")


def test_a_list_is_read_and_its_faults_told(
    page: Page, school: School, families: list[Family], serious: Callable[[Page], list[str]]
) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(("leerlingid", "inzagedatum", "akkoord", "zienswijze"))
    sheet.append((families[1].las_key, dutch_time(now()).date(), "Ja", None))
    sheet.append(("bestaat niet", dutch_time(now()).date(), "Ja", None))
    sheet.append((families[2].las_key, "nooit", "Ja", None))
    out = io.BytesIO()
    book.save(out)
    page.get_by_label("Bestand").set_input_files(
        {"name": "lijst.xlsx", "mimeType": "application/octet-stream", "buffer": out.getvalue()}
    )
    page.get_by_label("Hoe is het dossier ingezien?").select_option("paper_list")
    page.get_by_role("button", name="Lijst inlezen").click()
    expect(page.get_by_role("status")).to_contain_text("Vastgelegd: 1. Stond er al: 0. Niet vastgelegd: 2.")
    expect(page.get_by_role("status")).to_contain_text("regel 3")
    sound(page, serious, "list")
    page.get_by_role("button", name="Lijst inlezen").click()
    expect(page.get_by_role("alert")).to_contain_text("Kies eerst een bestand")


def test_a_question_of_a_parent_is_answered(
    page: Page, school: School, families: list[Family], serious: Callable[[Page], list[str]]
) -> None:
    with school.review_round.unit("parent") as unit:
        ref = VersionRef(families[3].dossier, 1)
        parent_requests.ask(unit, ref, kind="question", text="Wie leest dit?", person=families[3].persons[0])
        parent_requests.ask(unit, ref, kind="correction", text="De naam klopt niet.", person=families[3].persons[0])
    wish(school, families[4])
    page.get_by_role("link", name="Vragen van ouders").click()
    sound(page, serious, "requests")
    question = page.get_by_role("article").filter(has_text="Wie leest dit?")
    question.get_by_role("button", name="Beantwoorden").click()
    expect(page.get_by_role("alert")).to_contain_text("Er staat niets in het tekstvak")
    question.get_by_label("Uw antwoord").fill("Alleen de nieuwe school.")
    question.get_by_role("button", name="Beantwoorden").click()
    expect(page.get_by_role("status")).to_contain_text("De ouder ziet het")
    mend = page.get_by_role("article").filter(has_text="De naam klopt niet.")
    expect(mend.get_by_role("button", name="Het dossier is verbeterd")).to_have_count(0)
    expect(mend).to_contain_text("Lever het dossier eerst opnieuw aan")
    page.get_by_role("button", name="Maak het bewijs voor").click()
    expect(page.get_by_role("status")).to_contain_text("staat klaar op de oudersite")
    expect(page.get_by_role("button", name="Maak het bewijs voor")).to_have_count(0)
    with school.review_round.unit() as unit:
        assert proof_requests.open_requests(unit, school.review_round.round_id, school.review_round.school) == []


def wish(school: School, family: Family) -> None:
    """A parent asks for a proof, as the parents' pages do."""
    school.review_round.give_codes([family])
    keys, stay = code_keys(read_code(family.code) or "", family.born), PageSession.new()
    with psycopg.connect(school.home.review_dsn, autocommit=True) as connection:
        held = stay.seal_key(keys.copy_key)
        signed = [keys.lookup_token, keys.proof_token, "203.0.113.5", "203.0.113.0/24", stay.token, held]
        connection.execute("select overstap.review_sign_in(%s, %s, %s, %s, %s, %s)", signed)
        assert connection.execute("select overstap.review_wish(%s)", [stay.token]).fetchone() != (None,)


def test_another_school_sees_and_does_nothing_here(school: School, families: list[Family]) -> None:
    other = signed_in(school, OTHER)
    base = f"/ronde/{school.review_round.round_id}"
    page = other.get(base).text
    assert all(family.surname not in page for family in families)
    key = page.partition('name="formulier" value="')[2].partition('"')[0]
    one = f"{base}/leerling/{families[0].dossier}"
    assert other.get(one).status_code == 404
    for path in ("vastleggen", "brief", "afdruk", "bewijs"):
        form = {"formulier": key, "grond": "meeting", "datum": "01-11-2026", "antwoord": "eens", "wie": ""}
        answer = other.post(f"{one}/{path}", data=form)
        assert answer.status_code == 404, path
        assert families[0].surname not in answer.text
    assert other.get("/ronde/beta.2026-2027.advice").status_code == 404


@pytest.mark.fault("F71")
@pytest.mark.parametrize("path", ["brieven", "lijst", "leerling/{dossier}/brief", "leerling/{dossier}/bewijs"])
def test_a_form_without_the_stays_token_does_nothing(school: School, families: list[Family], path: str) -> None:
    client = signed_in(school)
    address = f"/ronde/{school.review_round.round_id}/{path.format(dossier=families[0].dossier)}"
    assert client.post(address, data={"formulier": "0" * 64}).status_code == 403
    assert client.post(address, headers={"origin": "https://evil.example"}).status_code == 403
    assert httpx.post(school.address + address, data={"formulier": "x"}).status_code == 403


def test_pages_are_kept_nowhere_and_load_nothing(school: School) -> None:
    client = signed_in(school)
    answer = client.get(f"/ronde/{school.review_round.round_id}")
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in answer.text.replace(school.address, "").replace("https://inzage.example.org", "")
    book = load_workbook(io.BytesIO(client.get(f"/ronde/{school.review_round.round_id}/fouten.xlsx").content))
    assert "LN-1" in str([row for sheet in book for row in sheet.iter_rows(values_only=True)])
    assert signed_in(school, OTHER).get(f"/ronde/{school.review_round.round_id}/fouten.xlsx").status_code == 404


def test_a_stay_cannot_be_chosen_by_somebody_else(school: School) -> None:
    planted = httpx.Client(base_url=school.address, timeout=60)
    planted.cookies.set("school", "A" * 43 + "=")
    key = planted.get("/").text.partition('name="formulier" value="')[2].partition('"')[0]
    form = {"formulier": key, "account": ACCOUNT, "wachtwoord": PASSWORD}
    answer = planted.post("/inloggen", data=form)
    given = answer.headers.get_list("set-cookie")[0]
    assert "A" * 43 not in given
    assert "HttpOnly" in given
    assert "SameSite=strict" in given
    thief = httpx.Client(base_url=school.address, cookies={"school": "A" * 43 + "="})
    assert thief.get("/rondes").status_code in (303, 403)
    mine = signed_in(school)
    token = mine.cookies["school"]
    page = mine.get(f"/ronde/{school.review_round.round_id}").text
    mine.post("/uitloggen", data={"formulier": page.partition('name="formulier" value="')[2].partition('"')[0]})
    copied = httpx.Client(base_url=school.address, cookies={"school": token})
    assert copied.get(f"/ronde/{school.review_round.round_id}").status_code == 403, "over for its copies too"


def workbook_with(sheet: bytes) -> bytes:
    """Return a workbook whose first sheet is what somebody made of it."""
    good = io.BytesIO()
    book = Workbook()
    assert book.active is not None
    book.active.append(("leerlingid", "inzagedatum", "akkoord", "zienswijze"))
    book.save(good)
    out = io.BytesIO()
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            target.writestr(part.filename, sheet if part.filename.endswith("sheet1.xml") else source.read(part))
    return out.getvalue()


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
ENTITY = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
ROW = '<row r="1"><c r="A1" t="inlineStr"><is><t>&a;</t></is></c></row>'
HOSTILE = {
    "entity": (ENTITY + SHEET.format(ROW)).encode(),
    "entity after a long comment": ("<!--" + "x" * 9_000 + "-->" + ENTITY + SHEET.format(ROW)).encode(),
    "entity in UTF-16": ('<?xml version="1.0" encoding="UTF-16"?>' + ENTITY + SHEET.format(ROW)).encode("utf-16"),
    "entity in EBCDIC": ('<?xml version="1.0" encoding="IBM037"?>' + ENTITY + SHEET.format(ROW)).encode("cp037"),
    "bomb": SHEET.format(" " * 60_000_000).encode(),
    "no sheet at all": b"<x/>",
}


@pytest.mark.parametrize("attempt", HOSTILE)
def test_a_hostile_workbook_is_no_list(school: School, attempt: str) -> None:
    client = signed_in(school)
    address = f"/ronde/{school.review_round.round_id}"
    key = client.get(address).text.partition('name="formulier" value="')[2].partition('"')[0]
    files = {"bestand": ("../../lijst.xlsx", workbook_with(HOSTILE[attempt]), "text/html")}
    answer = client.post(f"{address}/lijst", data={"formulier": key, "grond": "paper_list"}, files=files)
    assert answer.status_code == 422, answer.text
    assert "root:" not in answer.text


def test_uploads_have_a_limit(school: School) -> None:
    client = signed_in(school)
    address = f"/ronde/{school.review_round.round_id}"
    key = client.get(address).text.partition('name="formulier" value="')[2].partition('"')[0]
    form = {"formulier": key, "grond": "paper_list"}
    large = {"bestand": ("lijst.csv", b"x" * 10_100_000)}
    assert client.post(f"{address}/lijst", data=form, files=large).status_code == 413
    many = [("bestand", (f"{number}.csv", b"x")) for number in range(30)]
    assert client.post(f"{address}/lijst", data=form, files=many).status_code in (400, 403)
    fields = form | {f"veld{number}": "x" for number in range(200)}
    assert client.post(f"{address}/lijst", data=fields, files={"bestand": ("a.csv", b"x")}).status_code in (400, 403)
    unknown = form | {"grond": "attested'; drop table overstap.dossier; --"}
    answer = client.post(
        f"{address}/lijst", data=unknown, files={"bestand": ("a.csv", b"leerlingid;inzagedatum;akkoord;zienswijze\n")}
    )
    assert answer.status_code in (409, 422)
    assert client.get(address).status_code == 200


def test_the_log_names_nobody(school: School, families: list[Family]) -> None:
    signed_in(school).get(f"/ronde/{school.review_round.round_id}/leerling/{families[0].dossier}")
    for word in (*(family.surname for family in families if len(family.surname) > 4), PASSWORD, ACCOUNT):
        assert word not in school.log
