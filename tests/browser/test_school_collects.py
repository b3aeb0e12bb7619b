"""A secondary school without a system collects its dossiers in a browser: without a factor, to collect, to confirm."""

import zipfile
from collections.abc import Callable, Iterator

import pyotp
import pytest
from collecting_school import deliver, receiver
from playwright.sync_api import Browser, Page, expect
from school_service import OTHER, School, school_service

from overstap.ledger.rounds import registrations
from overstap_tools.local.postgres import EmbeddedPostgres

from .guide import Walk
from .school_pages import signed_in, sound


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        deliver(made)
        yield made


@pytest.fixture
def page(school: School, browser: Browser) -> Iterator[Page]:
    with signed_in(browser, school, OTHER) as opened:
        yield opened


def test_a_school_without_a_system_collects_and_confirms(
    school: School, page: Page, serious: Callable[[Page], list[str]]
) -> None:
    expect(page.get_by_role("heading", name="Eerst een tweede stap")).to_be_visible()
    sound(page, serious, "collect-factor")
    page.get_by_role("link", name="Tweede stap instellen").click()
    page.locator('form[action="/beveiliging/app"] button').first.click()
    secret = page.locator("code.secret").inner_text().replace(" ", "")
    page.locator('input[name="code"]').fill(pyotp.TOTP(secret).now())
    page.locator('form[action="/beveiliging/app/bevestigen"] button').click()
    page.locator(".masthead a.name").click()
    word = Walk("ophalen")
    expect(page.get_by_role("heading", name=word("Dossiers ophalen"))).to_be_visible()
    for kind in ("XML", "Pdf", "Overtypbladen"):
        expect(page.get_by_role("button", name=f"{word(kind)} ophalen", exact=True)).to_be_visible()
    sound(page, serious, "collect")
    boxes = page.locator('form[action="/ophalen/bestand"] input[name="dossier"]')
    for index in range(2, boxes.count()):
        boxes.nth(index).uncheck()
    with page.expect_download() as download:
        page.get_by_role("button", name="Overtypbladen ophalen").click()
    assert download.value.suggested_filename == "overtypbladen.pdf"
    as_pictures = page.get_by_label("Pdf-bijlagen als afbeeldingen van de bladzijden")
    expect(as_pictures).not_to_be_checked()
    as_pictures.check()
    sound(page, serious, "collect-pictures")
    with page.expect_download() as download:
        page.get_by_role("button", name="Pdf ophalen", exact=True).click()
    with zipfile.ZipFile(download.value.path()) as package:
        documents = [package.read(name) for name in package.namelist() if name.endswith(".pdf")]
    assert len(documents) >= 2
    assert all(one.startswith(b"%PDF-") for one in documents)
    page.reload()
    assert page.locator('form[action="/ophalen/bevestigen"] input[name="dossier"]').count() == 2
    sound(page, serious, "collect-confirm")
    page.get_by_role("button", name=word("Ontvangst bevestigen")).click()
    expect(page.get_by_text("Zet een vinkje bij de verklaring")).to_be_visible()
    sound(page, serious, "collect-statement")
    page.get_by_label("Ik bevestig namens mijn school").check()
    page.get_by_role("button", name="Ontvangst bevestigen").click()
    expect(page.get_by_text("Bevestigd: 2 dossiers")).to_be_visible()
    sound(page, serious, "collect-done")
    page.locator('form[action="/ophalen/terugmelden"] input[name="dossier"]').first.check()
    page.get_by_label("Wat meldt u?").select_option("placed")
    page.get_by_role("button", name=word("Terugmelden")).click()
    expect(page.get_by_text("Gemeld over 1 dossier.")).to_be_visible()
    sound(page, serious, "collect-result")
    word.has_all()
    asks_outside(page, school, serious)


def asks_outside(page: Page, school: School, serious: Callable[[Page], list[str]]) -> None:
    """Ask a primary school outside the region for the dossiers of two pupils who applied."""
    place = school.review_round
    stated = [(number, "98ZZ00", receiver(school), 1) for number in ("999990019", "999990020")]
    with place.unit("registrations") as unit:
        registrations.note_outside(unit, place.agreement.school_year, stated)
    page.goto(f"{school.address}/ophalen")
    page.get_by_role("link", name="Een basisschool van buiten de regio vragen").first.click()
    expect(page.get_by_text("2 leerlingen het eerst bij uw school aangemeld")).to_be_visible()
    sound(page, serious, "inviting")
    page.get_by_label("Naam van de school").fill("Basisschool De Verre Kim met een lange naam")
    page.get_by_label("E-mailadres van iemand").fill("directie@verre.example")
    page.get_by_label("Om welke leerlingen").fill("Sam Zonneveld, 3 mei 2014\nNoor Berg, 1-2-2014\nEen te veel")
    page.get_by_role("button", name="Vragen om dossiers").click()
    expect(page.get_by_role("alert")).to_contain_text("meer leerlingen dan")
    sound(page, serious, "inviting-mistake")
    page.get_by_label("Om welke leerlingen").fill("Sam Zonneveld, 3 mei 2014\nNoor Berg, 1-2-2014")
    page.get_by_role("button", name="Vragen om dossiers").click()
    expect(page.get_by_role("status")).to_contain_text("Uw vraag is vastgelegd")
    sound(page, serious, "inviting-done")
