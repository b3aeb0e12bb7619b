"""A school from outside the region makes its account behind an invitation: phone and desk, checked by axe."""

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from guest_school import exported
from playwright.sync_api import Browser, Page, expect
from school_service import PASSWORD, School, school_service

from overstap.agreements import Milestones, RoundKind
from overstap.agreements.model.people import Coordinator
from overstap.clock import now
from overstap.ledger import Ledger, guests
from overstap.ledger.guests import GuestAsked
from overstap.ledger.region_keys import derive_board_keys
from overstap.ledger.rounds import rounds
from overstap.pages.board import addresses
from overstap.pages.board.app import Board
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.local.postgres import EmbeddedPostgres

from .serving import pages_at, serve, sound
from .test_board_placements import REGION, _Airflow
from .test_board_placements import ledger as ledger

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1200, "height": 900}
_PICTURES = os.environ.get("OVERSTAP_TEST_PICTURES")


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        yield made


def looks_sound(page: Page, serious: Callable[[Page], list[str]], name: str) -> None:
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
    looks_sound(page, serious, "form")
    page.get_by_label("Uw naam").fill("J. de Gast")
    page.get_by_label("Kies een wachtwoord").fill(PASSWORD)
    page.get_by_label("Nog een keer het wachtwoord").fill("iets anders dan dat")
    page.get_by_role("button", name="Account maken").click()
    expect(page.get_by_role("alert")).to_contain_text("twee verschillende wachtwoorden")
    looks_sound(page, serious, "mistake")
    page.get_by_label("Kies een wachtwoord").fill(PASSWORD)
    page.get_by_label("Nog een keer het wachtwoord").fill(PASSWORD)
    page.get_by_role("button", name="Account maken").click()
    looks_sound(page, serious, "made")
    login = re.search(r"gast-98zz00-[0-9a-f]{6}", page.inner_text("main"))
    assert login is not None
    page.get_by_role("link", name="Inloggen").click()
    page.get_by_label("Account").fill(login[0])
    page.get_by_label("Wachtwoord").fill(PASSWORD)
    page.get_by_role("button", name="Inloggen").click()
    expect(page.get_by_role("heading", name="Van deze leerlingen vragen wij het dossier")).to_be_visible()
    looks_sound(page, serious, "asked")
    files = exported("98ZZ00")
    sent = [{"name": f"export-{n}.xml", "mimeType": "text/xml", "buffer": one} for n, one in enumerate(files, start=1)]
    wrong = {"name": "verkeerde-school.xml", "mimeType": "text/xml", "buffer": exported("98YY00", 1)[0]}
    page.get_by_label("Eén of meer OSO-bestanden").set_input_files([*sent, wrong])  # type: ignore[list-item]
    page.get_by_role("button", name="Uploaden en aanleveren").click()
    expect(page.get_by_role("alert")).to_contain_text("3 dossiers zijn aangeleverd")
    expect(page.get_by_role("alert")).to_contain_text("verkeerde-school.xml")
    looks_sound(page, serious, "uploaded")
    page.locator("table.pupils a").first.click()
    expect(page.get_by_text("geüpload als OSO-bestand")).to_be_visible()
    looks_sound(page, serious, "file")
    page.goto(f"{school.address}/uitnodiging/{secret}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Deze uitnodiging werkt niet (meer)")
    looks_sound(page, serious, "over")
    context.close()


def test_a_coordinator_invites_on_the_board(
    ledger: Ledger, postgres: EmbeddedPostgres, tmp_path: Path, browser: Browser, serious: Callable[[Page], list[str]]
) -> None:
    at = now()
    region = make_region(21, 30, 3, 3, today=at.date(), name=REGION, title="Regio Alfa", school_year="2025-2026")
    moments = Milestones(**{name: at + timedelta(days=place - 5) for place, name in enumerate(Milestones.model_fields)})
    people = (Coordinator(account="anna", name="Anna de Wit", email="anna@alfa-scholen.nl"),)
    agreement = agreement_of(region, {RoundKind.PLACEMENT: moments}).model_copy(update={"coordinators": people})
    write_agreement(agreement, tmp_path / "regions")
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, agreement, RoundKind.PLACEMENT)
        database = str(unit.one("select current_database()")[0])
    derive_board_keys(tmp_path / "keys", tmp_path / "board", REGION)
    settings = Settings(
        ledger=postgres.dsn("overstap_board", database), regions=tmp_path / "regions", board_keys=tmp_path / "board"
    )
    round_id = agreement.round_id(RoundKind.PLACEMENT)
    with serve(Board(_Airflow([REGION]), lambda: settings)) as address, pages_at(address, browser) as visit:
        page = visit()
        page.goto(addresses.contacts(round_id))
        page.get_by_role("link", name="Scholen van buiten de regio").click()
        sound(page, serious, "guests-none")
        invite = page.locator("section[aria-labelledby=nieuw]")
        invite.get_by_label("BRIN en vestiging").fill("98zz 00")
        invite.get_by_label("Naam van de school").fill("Basisschool De Verre Kim met een lange naam")
        invite.get_by_label("E-mailadres van iemand").fill("directie@verre.example")
        invite.get_by_label("Om welke leerlingen").fill("Sam Zonneveld, 3 mei 2014")
        invite.get_by_role("button", name="Uitnodigen", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("De school is uitgenodigd")
        page.locator("summary").first.click()
        sound(page, serious, "guests")
        page.goto(addresses.school_page(round_id, "98ZZ00"))
        expect(page.get_by_text("van buiten de regio")).to_be_visible()
