"""A school from outside the region makes its account behind an invitation: phone and desk, checked by axe."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect
from school_service import PASSWORD, School, school_service

from overstap.ledger import guests
from overstap.ledger.guests import GuestAsked
from overstap_tools.local.postgres import EmbeddedPostgres

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1200, "height": 900}
_PICTURES = os.environ.get("OVERSTAP_TEST_PICTURES")


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        yield made


def sound(page: Page, serious: Callable[[Page], list[str]], name: str) -> None:
    """Axe finds nothing, and a phone of 320 pixels needs no scrolling sideways."""
    assert serious(page) == [], name
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
    for kind, size in (("phone", PHONE), ("desk", DESK)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        if _PICTURES:
            page.screenshot(path=Path(_PICTURES) / f"guest-{name}-{kind}.png", full_page=True)


def test_an_invited_school_makes_its_account(
    school: School, browser: Browser, serious: Callable[[Page], list[str]]
) -> None:
    place = school.review_round
    guest, asked = uuid4(), GuestAsked("directie@verre.example", ("Sam Zonneveld, 3 mei 2014",))
    with place.unit(place.agreement.coordinators[0].account) as unit:
        guests.invite(unit, unit.keys, place.round_id, guest, "98ZZ00", "De Verre Kim", asked)
        secret = guests.new_address(unit, guest)
    context = browser.new_context(viewport=DESK, locale="nl-NL")  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(f"{school.address}/uitnodiging/{secret}")
    sound(page, serious, "form")
    page.get_by_label("Uw naam").fill("J. de Gast")
    page.get_by_label("Kies een wachtwoord").fill(PASSWORD)
    page.get_by_label("Nog een keer het wachtwoord").fill("iets anders dan dat")
    page.get_by_role("button", name="Account maken").click()
    expect(page.get_by_role("alert")).to_contain_text("twee verschillende wachtwoorden")
    sound(page, serious, "mistake")
    page.get_by_label("Kies een wachtwoord").fill(PASSWORD)
    page.get_by_label("Nog een keer het wachtwoord").fill(PASSWORD)
    page.get_by_role("button", name="Account maken").click()
    sound(page, serious, "made")
    login = re.search(r"gast-98zz00-[0-9a-f]{6}", page.inner_text("main"))
    assert login is not None
    page.get_by_role("link", name="Inloggen").click()
    page.get_by_label("Account").fill(login[0])
    page.get_by_label("Wachtwoord").fill(PASSWORD)
    page.get_by_role("button", name="Inloggen").click()
    expect(page.get_by_role("heading", name="Van deze leerlingen vragen wij het dossier")).to_be_visible()
    sound(page, serious, "asked")
    page.goto(f"{school.address}/uitnodiging/{secret}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Deze uitnodiging werkt niet (meer)")
    sound(page, serious, "over")
    context.close()
