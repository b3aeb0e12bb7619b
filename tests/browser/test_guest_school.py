"""A school from outside the region makes its account behind an invitation: phone and desk, checked by axe."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from guest_school import exported
from playwright.sync_api import Browser, FilePayload, Page, expect
from school_service import OTHER, PASSWORD, School, school_service

from overstap.agreements import Milestones, RoundKind
from overstap.agreements.model.people import Coordinator
from overstap.agreements.model.registrations import RegistrationStage
from overstap.clock import now
from overstap.intake.applications import Application
from overstap.intake.registrations import SourceRegistrations, collect_registrations
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

from . import school_pages
from .guide import Walk
from .serving import pages_at, serve, sound
from .test_board_placements import REGION, _Airflow
from .test_board_placements import ledger as ledger

AT_SCHOOLS = {"Dossiers ophalen", "Uploaden en aanleveren"}
"""What the guide says of the schools' pages: pressed above, and in test_school_collects.py."""


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        yield made


def test_an_invited_school_makes_its_account(
    school: School, browser: Browser, serious: Callable[[Page], list[str]]
) -> None:
    place = school.review_round
    guest, asked = uuid4(), GuestAsked("directie@verre.example", ("Sam Zonneveld, 3 mei 2014",))
    with place.unit(place.agreement.coordinators[0].account) as unit:
        guests.invite(unit, unit.keys, place.round_id, guest, "98ZZ00", "De Verre Kim", asked)
        secret = guests.new_address(unit, guest)
    context = browser.new_context(viewport=school_pages.DESK, locale="nl-NL")
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(f"{school.address}/uitnodiging/{secret}")
    school_pages.sound(page, serious, "guest-form")
    page.get_by_label("Uw naam").fill("J. de Gast")
    page.get_by_label("Kies een wachtwoord").fill(PASSWORD)
    page.get_by_label("Nog een keer het wachtwoord").fill("iets anders dan dat")
    page.get_by_role("button", name="Account maken").click()
    expect(page.get_by_role("alert")).to_contain_text("twee verschillende wachtwoorden")
    school_pages.sound(page, serious, "guest-mistake")
    page.get_by_label("Kies een wachtwoord").fill(PASSWORD)
    page.get_by_label("Nog een keer het wachtwoord").fill(PASSWORD)
    page.get_by_role("button", name="Account maken").click()
    school_pages.sound(page, serious, "guest-made")
    login = re.search(r"gast-98zz00-[0-9a-f]{6}", page.inner_text("main"))
    assert login is not None
    page.get_by_role("link", name="Inloggen").click()
    page.get_by_label("Account").fill(login[0])
    page.get_by_label("Wachtwoord").fill(PASSWORD)
    page.get_by_role("button", name="Inloggen").click()
    expect(page.get_by_role("heading", name="Van deze leerlingen vragen wij het dossier")).to_be_visible()
    school_pages.sound(page, serious, "guest-asked")
    files = exported("98ZZ00")
    sent: list[FilePayload] = [
        {"name": f"export-{n}.xml", "mimeType": "text/xml", "buffer": one} for n, one in enumerate(files, start=1)
    ]
    wrong: FilePayload = {"name": "verkeerde-school.xml", "mimeType": "text/xml", "buffer": exported("98YY00", 1)[0]}
    page.get_by_label("Eén of meer OSO-bestanden").set_input_files([*sent, wrong])
    page.get_by_role("button", name="Uploaden en aanleveren").click()
    expect(page.get_by_role("alert")).to_contain_text("3 dossiers zijn aangeleverd")
    expect(page.get_by_role("alert")).to_contain_text("verkeerde-school.xml")
    school_pages.sound(page, serious, "guest-uploaded")
    page.locator("table.pupils a").first.click()
    expect(page.get_by_text("geüpload als OSO-bestand")).to_be_visible()
    school_pages.sound(page, serious, "guest-file")
    page.goto(f"{school.address}/uitnodiging/{secret}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Deze uitnodiging werkt niet (meer)")
    school_pages.sound(page, serious, "guest-over")
    context.close()


def test_a_secondary_school_asks_and_withdraws(
    school: School, browser: Browser, serious: Callable[[Page], list[str]]
) -> None:
    place = school.review_round
    to = place.region.secondary[0].id
    found = [
        Application(number, None, school_id, to, RegistrationStage.APPLIED, now() - timedelta(days=1))
        for number, school_id in (("999990019", "97ZZ00"), ("999990020", "97ZZ00"), ("999990032", "96ZZ00"))
    ]
    collect_registrations(place.ledger, place.agreement, [SourceRegistrations("file", found, [])], "x")
    with school_pages.signed_in(browser, school, OTHER) as page:
        with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
            owner.execute("update overstap.school_stay set has_shown = true where account = %s", [OTHER])
        page.goto(f"{school.address}/ophalen")
        page.get_by_role("link", name="Een basisschool van buiten de regio vragen").click()
        school_pages.sound(page, serious, "guest-ask-new")
        card = page.locator("section[aria-labelledby=s-97ZZ00]")
        card.get_by_label("Naam van de school").fill("Basisschool De Verre Kim")
        card.get_by_label("E-mailadres van iemand").fill("directie@verre.example")
        card.get_by_label("Om welke leerlingen").fill("Sam Zonneveld, 3 mei 2014")
        card.get_by_role("button", name="Vragen om dossiers").click()
        expect(page.get_by_role("status")).to_contain_text("Uw vraag is vastgelegd")
        card.locator("summary", has_text="Vraag intrekken").click()
        expect(card.get_by_text("Dossiers die al zijn aangeleverd, blijven")).to_be_visible()
        school_pages.sound(page, serious, "guest-ask-asked")
        card.get_by_role("button", name="Ja, vraag intrekken").click()
        expect(page.get_by_role("status")).to_contain_text("Uw vraag is ingetrokken")
        school_pages.sound(page, serious, "guest-ask-withdrawn")


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
        word, page = Walk("gastschool", AT_SCHOOLS), visit()
        page.goto(addresses.contacts(round_id))
        page.get_by_role("link", name=word("Scholen van buiten de regio")).click()
        sound(page, serious, "guests-none")
        invite = page.locator("section[aria-labelledby=nieuw]")
        invite.get_by_label("BRIN en vestiging").fill("98zz 00")
        invite.get_by_label("Naam van de school").fill("Basisschool De Verre Kim met een lange naam")
        invite.get_by_label("E-mailadres van iemand").fill("directie@verre.example")
        invite.get_by_label("Om welke leerlingen").fill("Sam Zonneveld, 3 mei 2014")
        invite.get_by_role("button", name=word("Uitnodigen"), exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("De school is uitgenodigd")
        page.locator("summary").first.click()
        sound(page, serious, "guests")
        page.get_by_role("button", name=word("Nieuwe uitnodiging mailen")).click()
        expect(page.get_by_role("status")).to_be_visible()
        collect = page.locator("section[aria-labelledby=ophalen]")
        collect.get_by_label("BRIN en vestiging").fill("95zz00")
        collect.get_by_label("Naam van de school").fill("Verre College")
        collect.get_by_label("E-mailadres van iemand").fill("directie@verrecollege.example")
        collect.get_by_label("dossiers", exact=False).last.fill("AAAA-BBBB")
        expect(collect.get_by_role("button", name=word("Laten ophalen"))).to_be_visible()
        sound(page, serious, "guests-collect")
        page.goto(addresses.school_page(round_id, "98ZZ00"))
        expect(page.get_by_text("van buiten de regio")).to_be_visible()
        page.goto(addresses.guests(round_id))
        page.locator("summary", has_text=word("Deelname beëindigen")).click()
        page.get_by_role("button", name="Ja, beëindigen").click()
        expect(page.get_by_role("status")).to_be_visible()
        word.has_all()
