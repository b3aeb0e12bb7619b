"""Pages between schools in a browser: advice, places, warm handover, a class list, progress and support.

On a desk, a telephone of 320 pixels, light and dark; a table's words stay whole, and a cell on a
telephone says what it is.
"""

from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import psycopg
import pytest
from collecting_school import deliver, enrol, on_page, press
from playwright.sync_api import Browser, Page, expect
from school_service import ACCOUNT, OTHER, School, school_service

from overstap_tools.local.postgres import EmbeddedPostgres

from .school_pages import DESK, NARROWEST, PHONE, sound

_BROKEN = """() => [...document.querySelectorAll("main table thead th")].filter(one => {
    if (!one.offsetParent) return false;
    const ruler = document.createElement("span");
    ruler.style.cssText = "position:absolute;white-space:nowrap;font-weight:600";
    one.append(ruler);
    const widths = one.innerText.split(/\\s+/).map(word => (ruler.textContent = word, ruler.offsetWidth));
    ruler.remove();
    return Math.max(...widths) > one.clientWidth;
}).map(one => one.innerText)"""
"""Heads of columns with a word that does not fit on a line."""
_UNNAMED = """() => [...document.querySelectorAll("main table.pupils td")].filter(
    one => one.offsetParent && /^(-|[\\d ]+)$/.test(one.innerText.trim()) && !one.dataset.head).length"""
"""Cells with a number or a dash alone, of which nobody knows what they are where there is no head of the column."""


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        deliver(made)
        with psycopg.connect(made.home.owner_dsn, autocommit=True) as owner:
            owner.execute(
                "insert into overstap.advice_flag (region, school_year, pupil, primary_school, flag, dossier) "
                "select d.region, o.school_year, d.pupil, d.primary_school, 'contact', d.dossier "
                "from overstap.dossier d join overstap.round o using (round_id) "
                "where d.primary_school = %s order by d.dossier limit 3",
                [made.review_round.school],
            )
        yield made


def looked_at(
    browser: Browser, school: School, client: httpx.Client, serious: Callable[[Page], list[str]], paths: list[str]
) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport=DESK, locale="nl-NL", color_scheme=scheme)
        context.set_default_timeout(60_000)
        context.add_cookies(
            [{"name": one.name, "value": str(one.value), "url": school.address} for one in client.cookies.jar]
        )
        page = context.new_page()
        for path in paths:
            answer = page.goto(f"{school.address}{path}")
            assert answer is not None
            assert answer.status == 200, path
            expect(page.locator("main h1")).to_be_visible()
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            name = path.strip("/").replace("/", "-").rpartition("advice-")[2]
            sound(page, serious, f"{name}-{scheme}")
            assert page.evaluate(_BROKEN) == [], path
            for size in (PHONE, NARROWEST):
                page.set_viewport_size(size)
                assert page.evaluate(_UNNAMED) == 0, path
            page.set_viewport_size(DESK)
        context.close()


def test_pages_of_the_receiving_school(school: School, browser: Browser, serious: Callable[[Page], list[str]]) -> None:
    with closing(enrol(school, OTHER)) as person:
        first = on_page(person)[0]
        press(person, "bestand", [first], vorm="xml")
        press(person, "bevestigen", [first], zeker="ja")
        context = browser.new_context(viewport=PHONE, locale="nl-NL")
        context.set_default_timeout(60_000)
        context.add_cookies(
            [{"name": one.name, "value": str(one.value), "url": school.address} for one in person.cookies.jar]
        )
        page = context.new_page()
        page.goto(f"{school.address}/plaatsen")
        page.get_by_label("Locatie").fill("Lange Houtstraat 112a")
        page.get_by_label("Plaatsen", exact=True).fill("30")
        page.get_by_label("Geplaatst").fill("28")
        page.get_by_role("button", name="Opslaan").click()
        expect(page.get_by_label("Soort aanbod")).to_be_focused()  # nothing was chosen, and nothing is guessed
        page.get_by_label("Soort aanbod").select_option(label="havo")
        page.get_by_role("button", name="Opslaan").click()
        expect(page.get_by_text("De plaatsen zijn opgeslagen.")).to_be_visible()
        context.close()
        looked_at(
            browser,
            school,
            person,
            serious,
            ["/plaatsen", "/overdracht", "/overdracht/klassenlijst", "/terugkoppeling", "/aanmeldingen", "/ophalen"],
        )


def test_pages_of_the_primary_school(school: School, browser: Browser, serious: Callable[[Page], list[str]]) -> None:
    here = f"/ronde/{school.review_round.round_id}"
    with closing(enrol(school, ACCOUNT)) as person:
        looked_at(
            browser,
            school,
            person,
            serious,
            [f"{here}/advies", here, "/overdracht", "/terugkoppeling", "/ondersteuning"],
        )
