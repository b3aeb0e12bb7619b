"""Parents in a real browser: every page checked by axe-core, walked by keyboard, on a phone and on a desk."""

import os
from collections.abc import Callable, Iterator

import pytest
from families import Family, Home, Place, home, open_place
from playwright.sync_api import Browser, BrowserContext, Page
from served import Served

from overstap.local.postgres import EmbeddedPostgres
from overstap.settings import PROJECT

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1200, "height": 900}
NARROW = {"width": 320, "height": 640}
_IMAGES = PROJECT / "docs" / "images" if os.environ.get("OVERSTAP_TEST_IMAGES") else None


@pytest.fixture(scope="module")
def at_home(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home(postgres, tmp_path_factory.mktemp("parents")) as found:
        yield found


@pytest.fixture(scope="module")
def place(at_home: Home) -> Place:
    return open_place(at_home.ledger, 12)


@pytest.fixture(scope="module")
def families(place: Place) -> list[Family]:
    found = place.families()
    place.give_codes(found)
    return found


@pytest.fixture(scope="module")
def served(at_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(at_home.review_dsn, tmp_path_factory.mktemp("served") / "review.log").start()
    yield found
    found.kill()


@pytest.fixture(params=["phone", "desk"])
def context(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport=PHONE if request.param == "phone" else DESK, locale="nl-NL")
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


def picture(page: Page, name: str, *, whole: bool = True) -> None:
    """Keep a picture for the documentation, when it is asked for."""
    if _IMAGES is not None:
        size = page.viewport_size or {"width": 0}
        kind = "phone" if size["width"] == PHONE["width"] else "desk"
        page.screenshot(path=_IMAGES / f"parents-{name}-{kind}.png", full_page=whole)


def sign_in(page: Page, address: str, family: Family, person: int = 0) -> None:
    page.goto(f"{address}/nl/")
    page.get_by_label("Code uit de brief").fill(family.codes[family.persons[person]])
    page.get_by_label("Dag").fill(str(family.born.day))
    page.get_by_label("Maand").fill(str(family.born.month))
    page.get_by_label("Jaar").fill(str(family.born.year))
    page.get_by_role("button", name="Dossier openen").click()
    page.wait_for_url("**/overzicht")


def test_a_parent_walks_it_all(
    context: BrowserContext, served: Served, families: list[Family], serious: Callable[[Page], list[str]]
) -> None:
    elsewhere: list[str] = []
    context.on("request", lambda sent: None if sent.url.startswith(served.address) else elsewhere.append(sent.url))
    page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda said: noise.append(said.text) if "Failed to load resource" not in said.text else None)
    family = families[2 if context.pages[0].viewport_size == PHONE else 3]

    page.goto(served.address)
    assert serious(page) == []
    picture(page, "start")
    page.get_by_role("button", name="Dossier openen").click()
    assert page.get_by_role("alert").is_visible()
    assert page.title().startswith("Er ging iets mis")
    assert serious(page) == []
    picture(page, "mistake")
    page.get_by_role("link", name="Uitleg en uw rechten").first.click()
    assert serious(page) == []
    picture(page, "explain")

    sign_in(page, served.address, family)
    assert serious(page) == []
    picture(page, "home")
    page.get_by_role("link", name="Lees het dossier").click()
    assert serious(page) == []
    picture(page, "dossier", whole=False)
    page.get_by_role("link", name="Naar uw antwoord").click()
    assert serious(page) == []
    picture(page, "answer")
    page.get_by_label("Ik heb het dossier gezien en ik ben het er niet mee eens").check()
    page.get_by_label("Uw zienswijze").fill("Wij vinden dat ons kind meer aankan dan dit advies zegt.")
    page.get_by_role("button", name="Antwoord versturen").click()
    page.wait_for_url("**/ontvangstbewijs?ontvangen")
    assert page.get_by_text("Gezien, en niet eens").is_visible()
    assert serious(page) == []
    picture(page, "receipt")
    page.get_by_role("link", name="Terug naar het overzicht").click()
    page.get_by_role("link", name="Stel een vraag of meld een fout").click()
    assert serious(page) == []
    page.get_by_label("Er staat iets in dat niet klopt").check()
    page.get_by_label("Uw bericht").fill("Bij Verzuim moet 2 staan, en geen 4.")
    page.get_by_role("button", name="Bericht versturen").click()
    page.wait_for_url("**/vraag?verstuurd")
    assert page.get_by_role("status").is_visible()
    assert serious(page) == []
    picture(page, "ask")
    page.get_by_role("button", name="Uitloggen").click()
    assert page.get_by_role("heading", name="U bent uitgelogd").is_visible()
    assert serious(page) == []
    page.go_back()
    assert family.surname not in page.content()
    assert elsewhere == []
    assert noise == []
