"""A school with only paper does what its page of the guide says, in a browser: in clicks, seconds and pictures."""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from school_service import ACCOUNT, PASSWORD, School, school_service
from typed_pupil import plain_pupil

from overstap_tools.local.postgres import EmbeddedPostgres

from .guide import GUIDE, Walk
from .school_pages import sound

PICTURES = GUIDE / "beeld" if os.environ.get("OVERSTAP_TEST_IMAGES") else None
"""Where the page's pictures go when they are asked for."""
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        yield made


@pytest.fixture
def page(school: School, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1000, "height": 760}, locale="nl-NL")
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


class Mouse:
    """Somebody who clicks on each field and button."""

    def __init__(self) -> None:
        self.clicks = 0
        self.typed = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1

    def answer(self, page: Page, name: str, text: str) -> None:
        fields = page.locator(f'[name="{name}"]')
        kind = fields.first.evaluate("one => one.type")
        if kind == "radio":
            self.click(page.locator(f'[name="{name}"][value="{text}"]'))
            return
        self.clicks += 1
        if kind == "select-one":
            fields.select_option(text)
            self.clicks += 1
            return
        fields.fill(text)
        self.typed += len(text)


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    if PICTURES is not None:
        page.screenshot(path=PICTURES / f"papier-{name}.png", full_page=whole)


def sign_in(page: Page, word: Walk) -> None:
    page.get_by_label("Account").fill(ACCOUNT)
    page.get_by_label("Wachtwoord").fill(PASSWORD)
    page.get_by_role("button", name=word("Inloggen"), exact=True).click()


def test_what_the_page_for_a_school_with_only_paper_says(
    page: Page, school: School, serious: Callable[[Page], list[str]], tmp_path: Path
) -> None:
    word, hand, pupil = Walk("papier"), Mouse(), plain_pupil()
    page.goto(school.address)
    sign_in(page, word)
    page.get_by_role("link", name=word("Zelf invullen")).click()
    picture(page, "lijst")

    began = time.monotonic()
    hand.click(page.get_by_role("button", name=word("Nieuwe leerling")))
    for name, text in pupil["leerling"].items():
        hand.answer(page, name, text)
    expect(page.get_by_text(word("Meer vragen")).first).to_be_visible()
    page.evaluate("window.scrollTo(0, 0)")
    picture(page, "leerling")
    onward = word("Bewaren en verder")
    for step in ("oudersverzorgers", "schoolloopbaan", "overstapadvies", "school"):
        hand.click(page.get_by_role("button", name=onward).last)
        page.wait_for_url(f"**/stap/{step}")
        for name, text in pupil[step].items():
            if page.locator(f'[name="{name}"]').first.evaluate("one => one.type === 'radio' || !one.value"):
                hand.answer(page, name, text)
    hand.click(page.get_by_role("button", name=onward).last)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sanne van de Zonneveld")
    there = page.url

    see = page.get_by_role("link", name=word("Bekijken zoals de ouders het zien"))
    hand.click(see)
    expect(page.get_by_text("Zonneveld").first).to_be_visible()
    page.go_back()
    hand.clicks += 1
    hand.click(page.get_by_role("button", name=word("Aanleveren")))
    expect(page.get_by_role("status")).to_contain_text("Het dossier is aangeleverd")
    print(f"a plain pupil: {hand.clicks} clicks, {hand.typed} characters, {time.monotonic() - began:.1f} seconds")
    assert hand.clicks < 60, "a plain pupil takes no more than a click for each question and a dozen besides"
    picture(page, "klaar")

    page.goto(there)
    page.get_by_role("button", name=word("Verbeteren")).click()
    page.get_by_role("link", name=re.compile("Handelingsplannen")).click()
    page.get_by_label("Begin van het plan").fill("1 september 2026")
    page.get_by_label("Gericht op").fill("Lezen: vlotter en met meer plezier.")
    page.get_by_text(word("Meer vragen"), exact=True).last.click()
    page.get_by_role("button", name=f"{word('Toevoegen:')} Document").click()
    scan = tmp_path / "handelingsplan.pdf"
    scan.write_bytes(PDF)
    page.get_by_label("Inhoud").set_input_files(scan)
    picture(page, "bijlage")
    page.get_by_role("button", name=word("Bewaren en naar het overzicht")).click()
    page.get_by_role("link", name=re.compile("Handelingsplannen")).click()
    expect(page.get_by_text("handelingsplan.pdf").first).to_be_visible()
    page.goto(there)
    page.get_by_role("button", name="Aanleveren").click()
    expect(page.get_by_role("status")).to_contain_text("Het dossier is aangeleverd")
    for words in ("Werkmap downloaden", "Werkmap aanleveren"):
        expect(page.get_by_text(word(words))).to_be_visible()

    page.get_by_role("button", name="Nieuwe leerling").click()
    page.get_by_label("Achternaam").first.fill("Verbeek")
    page.get_by_label("Geboortedatum").first.fill("gisteren")
    page.get_by_role("button", name="Bewaren en verder").last.click()
    expect(page.get_by_text("Dit is geen datum.")).to_be_visible()
    page.get_by_text("Dit is geen datum.").scroll_into_view_if_needed()
    picture(page, "fout")
    page.get_by_label("Geboortedatum").first.fill("4 mei 2015")
    page.get_by_role("button", name=word("Bewaren en toch verder")).click()
    page.get_by_role("link", name="Naar het overzicht van dit dossier").click()
    page.get_by_role("link", name=re.compile("Invullen of veranderen: Leerling$")).click()

    page.get_by_label("Roepnaam").first.fill("Bewaard-na-een-half-uur")
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        owner.execute("update overstap.school_stay set used_at = used_at - interval '31 minutes'")
    page.get_by_role("button", name="Bewaren en verder").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("U bent uitgelogd, wat u invulde is er nog")
    sound(page, serious, "typed-kept")
    page.set_viewport_size({"width": 1000, "height": 760})
    picture(page, "uitgelogd")
    after_all = word("Alsnog bewaren")
    page.get_by_role("button", name=after_all).click()
    expect(page.get_by_role("alert")).to_contain_text("U bent nog niet ingelogd")
    sound(page, serious, "typed-kept-not-yet")
    page.set_viewport_size({"width": 1000, "height": 760})
    with page.context.expect_page() as window:
        page.get_by_role("link", name=word("Inloggen in een nieuw venster")).click()
    sign_in(window.value, word)
    window.value.get_by_role("link", name=word("Leerlingen")).first.wait_for()
    page.get_by_role("button", name=after_all).click()
    expect(page.get_by_label("Roepnaam").first).to_have_value("Bewaard-na-een-half-uur")
    word.has_all()
