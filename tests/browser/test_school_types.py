"""A school without any system types a pupil in: by keyboard, without a script, measured."""

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, Page, expect
from school_service import ACCOUNT, School, school_service
from typed_pupil import plain_pupil

from overstap_tools.local.postgres import EmbeddedPostgres

from .guide import Walk
from .school_pages import signed_in, sound


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        yield made


@pytest.fixture
def page(school: School, browser: Browser) -> Iterator[Page]:
    with signed_in(browser, school, ACCOUNT) as opened:
        yield opened


class Keyboard:
    """Somebody who touches no mouse: Tab to the next field, type, Enter."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.keys = 0
        self.typed = 0

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.keys += 1

    def at(self) -> str:
        return str(self.page.evaluate("document.activeElement.name || ''"))

    def reach(self, name: str) -> None:
        for _ in range(60):
            if self.at() == name:
                return
            self.press("Tab")
        raise AssertionError(f"no field {name} is reached with the keyboard; at {self.at()}")

    def answer(self, name: str, text: str) -> None:
        self.reach(name)
        kind = self.page.evaluate("document.activeElement.type")
        if kind == "radio":
            self.press("Space" if text == "true" else "ArrowRight")
        elif kind == "select-one":
            label = self.page.evaluate(
                "value => [...document.activeElement.options].find(one => one.value === value).label", text
            )
            self.page.keyboard.type(label)
            self.typed += len(label)
        else:
            self.page.keyboard.type(text)
            self.typed += len(text)


def test_a_plain_pupil_by_keyboard(page: Page, school: School, serious: Callable[[Page], list[str]]) -> None:
    page.goto(f"{school.address}/ronde/{school.review_round.round_id}/invullen")
    sound(page, serious, "typed-none")
    hand, began = Keyboard(page), time.monotonic()
    page.get_by_role("button", name="Nieuwe leerling").focus()
    hand.press("Enter")
    pupil = plain_pupil()
    for step in ("leerling", "oudersverzorgers"):
        page.wait_for_url(f"**/stap/{step}")
        for name, text in pupil[step].items():
            hand.answer(name, text)
        hand.press("Enter")  # the page saves and goes on, also from a field
    page.wait_for_url("**/stap/schoolloopbaan")
    hand.press("Enter")
    page.wait_for_url("**/stap/overstapadvies")
    for name, text in pupil["overstapadvies"].items():
        hand.answer(name, text)
    hand.press("Enter")
    page.wait_for_url("**/stap/school")
    for name, text in pupil["school"].items():
        if page.locator(f'[name="{name}"]').input_value() == "":
            hand.answer(name, text)
    hand.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sanne van de Zonneveld")
    page.get_by_role("button", name="Aanleveren").focus()
    hand.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Het dossier is aangeleverd")
    print(
        f"a plain pupil: no click, {hand.keys} keys besides {hand.typed} characters, "
        f"{time.monotonic() - began:.1f} seconds of the pages"
    )


def test_steps_with_what_is_wrong_with_more_and_with_two_people(
    page: Page, school: School, serious: Callable[[Page], list[str]]
) -> None:
    page.goto(f"{school.address}/ronde/{school.review_round.round_id}/invullen")
    page.get_by_role("button", name="Nieuwe leerling").click()
    sound(page, serious, "typed-step")
    page.get_by_label("Achternaam").first.fill("Zonneveld")
    page.get_by_label("Geboortedatum").first.fill("gisteren")
    page.get_by_role("button", name="Bewaren en verder").last.click()
    expect(page.get_by_text("Dit is geen datum.")).to_be_visible()
    expect(page.get_by_label("Voornaam").first).to_be_focused()
    sound(page, serious, "typed-wrong")
    page.get_by_role("button", name="Nog één toevoegen: Adres").click()
    expect(page.get_by_role("group", name="Adres 2")).to_be_visible()
    sound(page, serious, "typed-more")
    page.get_by_role("button", name="Adres 2 weghalen").click()
    expect(page.get_by_role("group", name="Adres 2")).to_have_count(0)

    elsewhere = page.context.new_page()
    elsewhere.goto(page.url)
    elsewhere.get_by_label("Achternaam").first.fill("Zonneveld-Bos")
    elsewhere.get_by_role("button", name="Bewaren en toch verder").click()
    page.get_by_label("Achternaam").first.fill("Zonnevelt")
    page.get_by_role("button", name="Bewaren en toch verder").click()
    expect(page.get_by_role("alert")).to_contain_text("Twee mensen vulden hetzelfde in")
    expect(page.get_by_text("Intussen bewaard: Zonneveld-Bos")).to_be_visible()
    sound(page, serious, "typed-clash")
    page.get_by_label("Neem dit over").check()
    page.get_by_role("button", name="Bewaren en naar het overzicht").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Zonneveld-Bos")
    sound(page, serious, "typed-draft")
    there = page.url
    for step in ("ondersteuning", "toetsen", "schooladvies", "ouders"):
        page.get_by_role("link", name=f"Invullen of veranderen: {NAMES[step]}").click()
        sound(page, serious, f"typed-{step}")
        page.goto(there)
    page.get_by_role("link", name="Bekijken zoals de ouders het zien").click()
    sound(page, serious, "typed-parents")
    page.goto(f"{school.address}/ronde/{school.review_round.round_id}/invullen")
    sound(page, serious, "typed-list")


NAMES = {
    "ondersteuning": "Ondersteuning",
    "toetsen": "Toetsen",
    "schooladvies": "Schooladvies",
    "ouders": "Ouders en verzorgers",
}


def test_a_workbook_comes_back_with_its_faults_as_a_download(page: Page, school: School, tmp_path: Path) -> None:
    page.goto(f"{school.address}/ronde/{school.review_round.round_id}/invullen")
    with page.expect_download() as got:
        page.get_by_role("link", name="Werkmap downloaden").click()
    book = load_workbook(io.BytesIO(Path(got.value.path()).read_bytes()))
    sheet = book["Leerlingen"]
    sheet.cell(2, 4).value = "Zonder de rest"
    wrong = tmp_path / "leerlingen.xlsx"
    book.save(wrong)
    page.get_by_label("Ingevulde werkmap").set_input_files(wrong)
    page.get_by_role("button", name="Werkmap aanleveren").click()
    expect(page.get_by_role("status")).to_contain_text("Niet aangeleverd: 1 leerling")
    with page.expect_download() as copy:
        page.get_by_role("link", name="Werkmap met de fouten").click()
    back = load_workbook(io.BytesIO(Path(copy.value.path()).read_bytes()))
    assert back["Leerlingen"].cell(2, 4).value == "Zonder de rest"
    assert back["Leerlingen"].cell(2, 1).value


def test_what_the_guide_names_is_on_the_pages(page: Page, school: School) -> None:
    """Pressed above, and to their end in test_school_with_paper.py and test_school_maps.py."""
    word = Walk("invullen", {"Verbeteren", "Aanleveren", "Bewaren en aanleveren", "Alleen uw toewijzing bewaren"})
    page.get_by_role("link", name=word("Zelf invullen")).first.click()
    with page.expect_download():
        page.get_by_role("link", name=word("Werkmap downloaden")).click()
    page.get_by_role("link", name=word("Export aanleveren")).click()
    expect(page.get_by_role("button", name=word("Bekijk wat ervan wordt"))).to_be_visible()
    page.go_back()
    page.get_by_role("button", name=word("Nieuwe leerling")).click()
    expect(page.get_by_text(word("Meer vragen"), exact=True).first).to_be_visible()
    page.get_by_role("link", name="Naar het overzicht van dit dossier").click()
    expect(page.get_by_role("link", name=word("Bekijken zoals de ouders het zien"))).to_be_visible()
    word.has_all()
