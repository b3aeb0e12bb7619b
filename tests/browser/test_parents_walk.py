"""Parents in a real browser: every page checked by axe-core, walked by keyboard, on a phone and on a desk.

With OVERSTAP_TEST_IMAGES=1 in the environment the pictures of docs/inspection.md are made anew.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from families import Family, Home, ReviewRound, home, open_review_round
from playwright.sync_api import Browser, BrowserContext, Page, expect
from served import Served

from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.project import PROJECT

from .paper import keep_paper
from .sign_in_walks import Walk

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1200, "height": 900}
NARROW = {"width": 320, "height": 640}
_IMAGES = PROJECT / "docs" / "images" if os.environ.get("OVERSTAP_TEST_IMAGES") else None


@pytest.fixture(scope="module")
def at_home(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    with home(postgres, tmp_path_factory.mktemp("parents"), ledger_template) as found:
        yield found


@pytest.fixture(scope="module")
def review_round(at_home: Home) -> ReviewRound:
    return open_review_round(at_home.ledger, 12)


@pytest.fixture(scope="module")
def families(review_round: ReviewRound) -> list[Family]:
    found = review_round.families()
    review_round.give_codes(found)
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
        kind = "phone" if size["width"] < 600 else "desk"
        page.screenshot(path=_IMAGES / f"parents-{name}-{kind}.png", full_page=whole)


def sign_in(page: Page, address: str, family: Family, person: int = 0) -> None:
    page.goto(f"{address}/nl/")
    is_phone = (page.viewport_size or {"width": 0})["width"] < 600
    walk = Walk(f"parent, code and date of birth, {'phone' if is_phone else 'desk'}", page)
    born = {"Dag": family.born.day, "Maand": family.born.month, "Jaar": family.born.year}
    for label, text in {"Code uit de brief": family.codes[family.persons[person]], **born}.items():
        page.get_by_label(label).fill(str(text))
        walk.typed(str(text))
    walk.picture(f"parent-{'phone' if is_phone else 'desk'}")
    page.get_by_role("button", name="Dossier openen").click()
    walk.clicked()
    page.wait_for_url("**/overzicht")
    walk.tell()


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
    expect(page.get_by_role("alert")).to_be_visible()
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
    expect(page.get_by_text("U hebt het dossier gezien en u bent het er niet mee eens")).to_be_visible()
    assert serious(page) == []
    picture(page, "receipt")
    page.get_by_role("link", name="Terug naar het overzicht").click()
    page.get_by_role("link", name="Stel een vraag of meld een fout").click()
    assert serious(page) == []
    page.get_by_label("Er staat iets in dat niet klopt").check()
    page.get_by_label("Uw bericht").fill("Bij Verzuim moet 2 staan, en geen 4.")
    page.get_by_role("button", name="Bericht versturen").click()
    page.wait_for_url("**/vraag?verstuurd")
    expect(page.get_by_role("status")).to_be_visible()
    assert serious(page) == []
    picture(page, "ask")
    page.get_by_role("button", name="Uitloggen").click()
    expect(page.get_by_role("heading", name="U bent uitgelogd")).to_be_visible()
    assert serious(page) == []
    page.go_back()
    assert family.surname not in page.content()
    assert elsewhere == []
    assert noise == []


def test_by_keyboard_with_the_code_in_the_link(browser: Browser, served: Served, families: list[Family]) -> None:
    """The QR code's link fills in the code and takes it out of the address; the rest goes by keys alone."""
    context = browser.new_context(viewport=DESK, locale="nl-NL")
    page = context.new_page()
    family = families[4]
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url))
    page.goto(f"{served.address}/#{family.code}")
    page.wait_for_function("document.activeElement.id === 'dag'")
    assert page.get_by_label("Code uit de brief").input_value() == family.code
    assert family.code not in page.url
    assert not [url for url in sent if family.code in url]
    walk = Walk("parent, code from the letter's QR code, by keyboard", page)
    for text, key in ((family.born.day, "Tab"), (family.born.month, "Tab"), (family.born.year, "Enter")):
        page.keyboard.type(str(text))
        walk.typed(str(text))
        page.keyboard.press(key)
        walk.pressed()
    page.wait_for_url("**/overzicht")
    walk.tell()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.get_by_text("Naar de inhoud").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    press_to(page, "Geef uw antwoord")
    page.keyboard.press("Enter")
    page.wait_for_url("**/antwoord")
    press_to(page, "eens", by_id=True)
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Space")
    press_to(page, "Antwoord versturen")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ontvangstbewijs?ontvangen")
    expect(page.get_by_text("U hebt het dossier gezien en u bent het ermee eens")).to_be_visible()
    context.close()


def press_to(page: Page, wanted: str, *, by_id: bool = False) -> None:
    """Press Tab until something has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "document.activeElement.id" if by_id else "document.activeElement.innerText || document.activeElement.value"
        )
        if found.strip() == wanted:
            return
    raise AssertionError(f"{wanted} was not reached")


def test_every_mistake_on_a_small_phone_without_scripts(
    browser: Browser, served: Served, families: list[Family], review_round: ReviewRound, at_home: Home
) -> None:
    context = browser.new_context(viewport=NARROW, locale="nl-NL", java_script_enabled=False, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    page = context.new_page()
    family, other = families[5], families[6]

    def try_with(code: str, day: str, month: str, year: str) -> None:
        page.goto(f"{served.address}/nl/")
        page.get_by_label("Code uit de brief").fill(code)
        page.get_by_label("Dag").fill(day)
        page.get_by_label("Maand").fill(month)
        page.get_by_label("Jaar").fill(year)
        page.get_by_role("button", name="Dossier openen").click()

    born = (str(family.born.day), str(family.born.month), str(family.born.year))
    wrong = family.born + timedelta(days=1)
    for typed, said in (
        (("kort", *born), "De code heeft 20 letters en cijfers."),
        ((family.code, "31", "2", "2015"), "Vul een geldige geboortedatum in"),
        ((family.code, str(wrong.day), str(wrong.month), str(wrong.year)), "horen niet bij elkaar"),
        (("0000-0000-0000-0000-0000", *born), "horen niet bij elkaar"),
    ):
        try_with(*typed)
        expect(page.get_by_role("alert").get_by_text(said)).to_be_visible()
        assert page.get_by_label("Code uit de brief").input_value() == ""
    try_with(family.code.lower().replace("-", " "), *born)
    assert page.url.endswith("/nl/overzicht")
    for name in ("overzicht", "dossier", "antwoord", "vraag", "uitleg", "ontvangstbewijs", ""):
        page.goto(f"{served.address}/nl/{name}")
        assert scrolls_sideways(page) is False, name
    page.goto(f"{served.address}/nl/antwoord")
    page.get_by_role("button", name="Antwoord versturen").click()
    expect(page.get_by_role("alert").get_by_text("Kies een antwoord.")).to_be_visible()
    page.goto(f"{served.address}/nl/antwoord")
    page.get_by_label("ik ben het ermee eens").check()
    page.get_by_role("button", name="Antwoord versturen").click()
    expect(page.get_by_role("heading", name="Uw antwoord is ontvangen")).to_be_visible()
    # Back, and sent once more; then back and another answer.
    page.go_back()
    page.get_by_role("button", name="Antwoord versturen").click()
    expect(page.get_by_role("heading", name="Uw antwoord is ontvangen")).to_be_visible()
    page.goto(f"{served.address}/nl/antwoord")
    page.get_by_label("niet mee eens").check()
    page.get_by_role("button", name="Antwoord versturen").click()
    expect(page.get_by_text("U hebt het dossier gezien en u bent het er niet mee eens")).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="Confirmation of your answer")).to_be_visible()

    # The window closes while somebody types.
    page.context.clear_cookies()
    family = other
    try_with(other.code, str(other.born.day), str(other.born.month), str(other.born.year))
    page.goto(f"{served.address}/nl/antwoord")
    page.get_by_label("niet mee eens").check()
    page.get_by_label("Uw zienswijze").fill("Net te laat")
    with psycopg.connect(at_home.owner_dsn) as owner:
        owner.execute(
            "update overstap.dossier set review_closes_at = clock_timestamp() where dossier = %s", [other.dossier]
        )
    page.get_by_role("button", name="Antwoord versturen").click()
    expect(page.get_by_role("heading", name="De inzagetermijn is voorbij")).to_be_visible()
    expect(page.get_by_text("telt daarom niet mee")).to_be_visible()
    assert page.locator("#typed").input_value() == "Net te laat"
    picture(page, "closed")
    try_with(other.code, str(other.born.day), str(other.born.month), str(other.born.year))
    expect(page.get_by_text("U hebt niet op tijd geantwoord.")).to_be_visible()
    with review_round.unit() as unit:
        assert unit.rows("select 1 from overstap.review_decision where dossier = %(d)s", d=other.dossier) == []
    context.close()


def scrolls_sideways(page: Page) -> bool:
    """Whether a page is wider than the window, measured without a script of the page."""
    return page.locator("body").bounding_box()["width"] > page.viewport_size["width"] or bool(
        page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    )


def test_at_two_hundred_percent(browser: Browser, served: Served, families: list[Family]) -> None:
    """Text at twice its size, and the same as a window half as wide: nothing is cut off or hidden."""
    context = browser.new_context(viewport={"width": 640, "height": 450}, device_scale_factor=2, locale="nl-NL")
    page = context.new_page()
    sign_in(page, served.address, families[7])
    for name in ("overzicht", "dossier", "antwoord", "uitleg"):
        page.goto(f"{served.address}/nl/{name}")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), name
    context.close()


def test_every_other_page_and_the_english_ones(
    browser: Browser,
    served: Served,
    families: list[Family],
    review_round: ReviewRound,
    at_home: Home,
    serious: Callable[[Page], list[str]],
) -> None:
    """The log, what is shown too early, too late and in between, and all of it in English."""
    context = browser.new_context(viewport=PHONE, locale="en-GB")
    context.set_default_timeout(20_000)
    page = context.new_page()
    family, early, renewed = families[8], families[9], families[10]

    def sound(address: str, heading: str) -> None:
        page.goto(f"{served.address}/{address}")
        assert page.get_by_role("heading", level=1).inner_text().startswith(heading), address
        assert serious(page) == [], address

    page.goto(served.address)
    assert page.url.endswith("/en/")
    assert serious(page) == []
    page.get_by_label("Code in the letter").fill(family.code)
    for label, value in (("Day", family.born.day), ("Month", family.born.month), ("Year", family.born.year)):
        page.get_by_label(label).fill(str(value))
    page.get_by_role("button", name="Open the file").click()
    page.wait_for_url("**/en/overzicht")
    for address, heading in (
        *(("en/overzicht", "File of"), ("en/dossier", "Everything that"), ("en/antwoord", "Your answer")),
        *(("en/ontvangstbewijs", "Confirmation"), ("en/vraag", "Ask"), ("en/uitleg", "Explanation")),
        *(("en/nowhere", "This page"), ("nl/nergens", "Deze pagina"), ("en/logboek", "Who opened")),
    ):
        sound(address, heading)
        if address == "en/dossier":
            picture(page, "english", whole=False)
    if _IMAGES is not None:
        keep_paper(page.request.get(f"{served.address}/nl/dossier.pdf").body(), "parents-pdf")
    page.get_by_role("button", name="Ask for the proof").click()
    page.wait_for_url("**/logboek")
    expect(page.get_by_role("status").get_by_text("You asked for the proof")).to_be_visible()
    sound("nl/logboek", "Wie opende")
    picture(page, "log")

    with psycopg.connect(at_home.owner_dsn, autocommit=True) as owner, owner.transaction():
        owner.execute("lock table overstap.review_session in access exclusive mode")
        cancelling = threading.Thread(target=cancel_who_waits, args=(at_home.owner_dsn,))
        cancelling.start()
        sound("nl/overzicht", "De site is even")
        cancelling.join()
    with psycopg.connect(at_home.owner_dsn, autocommit=True) as owner:
        owner.execute(
            "update overstap.dossier set review_closes_at = clock_timestamp() where dossier = %s", [family.dossier]
        )
        owner.execute(
            "update overstap.review_access set opens_at = opens_at + interval '1 day' where dossier = %s",
            [early.dossier],
        )
    sound("nl/overzicht", "De inzagetermijn is voorbij")
    page.get_by_role("link", name="Bekijk het logboek").click()
    expect(page.get_by_text("U hebt het hier bekeken.").first).to_be_visible()
    sound("en/overzicht", "The inspection period is over")

    def changed(pupil) -> None:
        advice = pupil["overstapadvies"][0]
        advice["advies"] = ["60"] if advice["advies"] != ["60"] else ["53"]

    review_round.supply(review_round.changed(renewed, changed))
    for one, heading in ((early, "U kunt het dossier nog niet bekijken"), (renewed, "De school past het dossier aan")):
        context.clear_cookies()
        page.goto(f"{served.address}/nl/")
        page.get_by_label("Code uit de brief").fill(one.code)
        for label, value in (("Dag", one.born.day), ("Maand", one.born.month), ("Jaar", one.born.year)):
            page.get_by_label(label).fill(str(value))
        page.get_by_role("button", name="Dossier openen").click()
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert serious(page) == [], heading
    context.close()


def cancel_who_waits(owner_dsn: str) -> None:
    """End the query of the pages that waits for a lock, as a database in need does."""
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        for _ in range(400):
            found = owner.execute(
                "select pg_cancel_backend(pid) from pg_stat_activity where usename = 'overstap_review' "
                "and datname = current_database() and wait_event_type = 'Lock'"
            ).fetchall()
            if found:
                return
            time.sleep(0.02)
