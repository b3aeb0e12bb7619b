"""A secondary school gives applications a state in a browser, reads a history, and looks pupils up by number."""

import re
from collections.abc import Callable, Iterator

import pyotp
import pytest
from collecting_school import deliver
from playwright.sync_api import Browser, Page, expect
from school_service import ACCOUNT, OTHER, School, school_service

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


def test_a_secondary_school_says_how_applications_stand(
    school: School, page: Page, serious: Callable[[Page], list[str]]
) -> None:
    of_coordinators = {  # test_board_large_region.py
        "Kijk wie ook in een andere regio is aangemeld",
        "Ik zoek dit uit",
        "Aanmeldingen, met codes (CSV)",
        "Aanmeldingen, met codes (Excel)",
    }
    word = Walk("aanmeldingen", of_coordinators)
    of_places = Walk("plaatsen", {"Plaatsen en vrije plaatsen", "Bestanden"})
    page.get_by_role("link", name=word("Aanmeldingen")).click()
    expect(page.get_by_role("heading", name="Eerst een tweede stap")).to_be_visible()
    sound(page, serious, "applications-factor")
    page.get_by_role("link", name="Tweede stap instellen").click()
    page.locator('form[action="/beveiliging/app"] button').first.click()
    secret = page.locator("code.secret").inner_text().replace(" ", "")
    page.locator('input[name="code"]').fill(pyotp.TOTP(secret).now())
    page.locator('form[action="/beveiliging/app/bevestigen"] button').click()
    page.goto(f"{school.address}/aanmeldingen")
    boxes = page.locator('input[name="aanmelding"]')
    assert boxes.count() == len(school.review_round.made)

    boxes.nth(0).check()
    boxes.nth(1).check()
    page.get_by_label("Nieuwe status").select_option(label="geweigerd")
    page.get_by_role("button", name=word("Vastleggen")).click()
    expect(page.get_by_text("Kies een reden")).to_be_visible()
    boxes.nth(0).check()
    page.get_by_label("Nieuwe status").select_option(label="geweigerd")
    page.get_by_label("Reden").select_option(label="geen plaats")
    page.get_by_role("button", name="Vastleggen").click()
    expect(page.get_by_text("Vastgelegd: 1 aanmelding.")).to_be_visible()
    boxes.nth(1).check()
    page.get_by_label("Nieuwe status").select_option(label="ondersteuning in onderzoek")
    page.get_by_role("button", name="Vastleggen").click()
    sound(page, serious, "applications")
    for words in ("Aanmeldingen ophalen (CSV)", "Aanmeldingen ophalen (Excel)"):
        with page.expect_download() as file:
            page.get_by_role("button", name=word(words)).click()
        assert file.value.suggested_filename.startswith("aanmeldingen-")
        assert file.value.path().stat().st_size > 500

    page.get_by_role("link", name=re.compile(f"^{word('geschiedenis')}", re.IGNORECASE)).first.click()
    expect(page.get_by_text("geen plaats")).to_be_visible()
    sound(page, serious, "application-history")
    page.get_by_role("link", name="Terug naar de aanmeldingen").click()
    page.get_by_label("Burgerservicenummers").fill("\n".join([*list(school.review_round.made)[:2], "13"]))
    page.get_by_role("button", name="Zoeken").click()
    expect(page.get_by_text("Geen geldig nummer: 1 regel.")).to_be_visible()
    assert boxes.count() == 2
    sound(page, serious, "applications-found")

    page.get_by_role("link", name=of_places("Plaatsen")).click()
    page.get_by_label("Locatie").fill("Markt 1")
    page.get_by_label("Soort aanbod").select_option(label="havo")
    page.get_by_label("Plaatsen", exact=True).fill("veel")
    page.get_by_role("button", name="Opslaan").click()
    expect(page.get_by_text("Vul hele getallen in")).to_be_visible()
    page.get_by_label("Locatie").fill("Markt 1")
    page.get_by_label("Soort aanbod").select_option(label="havo")
    page.get_by_label("Plaatsen", exact=True).fill("30")
    page.get_by_label("Geplaatst", exact=True).fill("28")
    page.get_by_role("button", name="Opslaan").click()
    expect(page.get_by_text("De plaatsen zijn opgeslagen.")).to_be_visible()
    page.get_by_label("Datum van de loting").fill("18-3-2027")
    page.get_by_label("Ingeloot").fill("28")
    page.get_by_label("Uitgeloot").fill("7")
    page.get_by_label("Wie deed de loting?").fill("Notaris De Wit")
    page.get_by_role("button", name="Uitslag vastleggen").click()
    expect(page.get_by_text("28 ingeloot, 7 uitgeloot, door Notaris De Wit")).to_be_visible()
    sound(page, serious, "places")
    word.has_all()
    of_places.has_all()


def test_a_primary_school_sees_advice_beside_test(
    school: School, browser: Browser, serious: Callable[[Page], list[str]]
) -> None:
    with signed_in(browser, school, ACCOUNT) as page:
        word = Walk("advies")
        page.get_by_role("link", name=word("Advies en toets")).click()
        expect(page.get_by_role("heading", name="Advies en toets")).to_be_visible()
        assert page.locator("table.pupils tbody tr").count() > 0
        sound(page, serious, "advice")
        word.has_all()
