"""A coordinator says in a browser which placement holds of pupils who are placed at two schools."""

import re
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from overstap.agreements import Milestones, RoundKind
from overstap.agreements.model.people import Coordinator
from overstap.clock import now
from overstap.ledger import Ledger
from overstap.ledger.migrate import add_region
from overstap.ledger.region_keys import create_keys, derive_board_keys
from overstap.ledger.rounds import offers, placements, registrations, rounds
from overstap.pages.board import addresses
from overstap.pages.board.app import Board
from overstap.pages.board.person import BoardUser
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.bench.board import _StubAirflow
from overstap_tools.local.postgres import EmbeddedPostgres

from .guide import Walk
from .serving import pages_at, serve, sound

REGION = "alfa"
ALL = frozenset({REGION})
WITHDRAWN_AT_ONE = {"Bij deze school intrekken", "Kijk om welke dossiers het gaat en trek ze daar in"}
"""Shown where a school has a dossier of a pupil who does not go there."""
AT_SCHOOL = {"Plaatsen"}
"""What the guide says of the schools' pages: test_school_applications.py goes there."""


class _Airflow(_StubAirflow):
    @property
    def person(self) -> Callable[..., BoardUser]:
        return lambda: BoardUser("anna", "1", ALL, ALL, sees_dossiers=True, coordinates=ALL)


@pytest.fixture
def ledger(postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path) -> Iterator[Ledger]:
    name = f"placements_{secrets.token_hex(4)}"
    postgres.copy_database(name, ledger_template)
    add_region(postgres.superuser_dsn(name), REGION)
    create_keys(tmp_path / "keys", REGION, "1")
    found = Ledger(postgres.dsn("overstap_app", name), tmp_path / "keys")
    yield found
    found.close()


@pytest.fixture
def visit_round(
    ledger: Ledger, postgres: EmbeddedPostgres, tmp_path: Path, browser: Browser
) -> Iterator[tuple[Callable[..., Page], str]]:
    """A placement round with three pupils who are placed at two schools."""
    at = now()
    region = make_region(
        21,
        30,
        3,
        3,
        today=at.date(),
        name=REGION,
        title="Regio Alfa",
        school_year="2025-2026",
        late=0,
        faulty=0,
        littered=0,
    )
    moments = Milestones(**{name: at + timedelta(days=place - 5) for place, name in enumerate(Milestones.model_fields)})
    agreement = agreement_of(region, {RoundKind.PLACEMENT: moments})
    people = (Coordinator(account="anna", name="Anna de Wit", email="anna@alfa-scholen.nl"),)
    agreement = agreement.model_copy(update={"coordinators": people})
    write_agreement(agreement, tmp_path / "regions")
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, agreement, RoundKind.PLACEMENT)
        stated = [
            registrations.Registration(pupil.number, pupil.school.id, school.id, "placed", at)
            for pupil in list(region.pupils())[:3]
            for school in agreement.secondary_schools[:2]
        ]
        others = [
            registrations.Registration(pupil.number, pupil.school.id, school.id, "applied", at - timedelta(days=day))
            for pupil, day in zip(list(region.pupils())[3:9], (300, 43, 41, 38, 30, 1), strict=True)
            for school in agreement.secondary_schools[2:]
        ]  # whose periods ran out, or do so this week and later
        registrations.record_registrations(unit, agreement.school_year, [*stated, *others])
        known = [
            offers.StatedOffer(school.id, "Markt 1", kind, 30, 20 + place, at)
            for school in agreement.secondary_schools[:2]
            for place, kind in enumerate(("kb", "havo", "vwo"))
        ]
        offers.take(unit, agreement.school_year, known)
        database = str(unit.one("select current_database()")[0])
    dsn = postgres.dsn("overstap_board", database)
    derive_board_keys(tmp_path / "keys", tmp_path / "board", REGION)
    settings = Settings(
        ledger=dsn, regions=tmp_path / "regions", trust=None, keys=tmp_path / "keys", board_keys=tmp_path / "board"
    )
    board = Board(_Airflow([REGION]), lambda: settings)
    with serve(board) as address, pages_at(address, browser) as page:
        yield page, agreement.round_id(RoundKind.PLACEMENT)


def test_a_coordinator_chooses_and_sees_what_was_chosen(
    visit_round: tuple[Callable[..., Page], str], ledger: Ledger, serious: Callable[[Page], list[str]]
) -> None:
    visit, round_id = visit_round
    word, page = Walk("leerlingenlijst", WITHDRAWN_AT_ONE), visit()
    page.goto(addresses.round_page(round_id))
    expect(page.get_by_text("Van 3 leerlingen moet u nog zeggen")).to_be_visible()
    expect(page.get_by_text("De ontvangende school besluit binnen 6 weken")).to_be_visible()
    sound(page, serious, "placements-round")
    with page.expect_download() as signs:
        page.get_by_role("link", name=word("Codes van deze leerlingen (CSV)")).first.click()
    assert signs.value.suggested_filename.endswith(".csv")
    page.get_by_role("button", name=word("Ik zoek dit uit")).first.click()
    expect(page.get_by_text("Anna de Wit zoekt het uit").first).to_be_visible()
    page.get_by_role("link", name=word("Kijk wie het zijn en kies")).click()
    expect(page.get_by_role("link", name=word("Vraag over de levering opnieuw stellen"))).to_be_visible()
    expect(page.get_by_label(word("Alle genoemde scholen")).first).to_be_visible()
    sound(page, serious, "placements")
    first = page.locator("form").first
    first.get_by_role("radio").nth(1).check()
    first.get_by_label("Waarom").fill("Ouders kozen voor deze school")
    first.get_by_role("button").click()
    expect(page.get_by_text("Uw keuze staat vast.")).to_be_visible()
    expect(page.get_by_text("Anna de Wit koos op")).to_be_visible()
    sound(page, serious, "placements-answered")
    word.has_all()
    with ledger.unit(REGION, "test") as unit:
        found = placements.placed_twice(unit, round_id)
    [answered] = [one for one in found if one.answer]
    assert answered.answer is not None
    assert answered.answer.holds == answered.schools[1:]


def test_the_places_of_the_region_and_its_files(
    visit_round: tuple[Callable[..., Page], str], serious: Callable[[Page], list[str]]
) -> None:
    visit, round_id = visit_round
    word = Walk("plaatsen", AT_SCHOOL)
    page = visit()
    page.goto(addresses.round_page(round_id))
    page.get_by_role("link", name=word("Plaatsen en vrije plaatsen")).click()
    expect(page.get_by_role("heading", name=word("Bestanden"))).to_be_visible()
    expect(page.get_by_text("Vrije plaatsen in de regio: 54.")).to_be_visible()
    assert page.locator("tbody tr").count() == 6
    sound(page, serious, "places")
    with page.expect_download() as download:
        page.get_by_role("link", name="Pdf").click()
    assert download.value.suggested_filename == "vrij-2025-2026.pdf"
    word.has_all()


def test_a_coordinator_finds_a_pupil_by_number_and_keeps_notes(
    visit_round: tuple[Callable[..., Page], str], ledger: Ledger, serious: Callable[[Page], list[str]]
) -> None:
    visit, round_id = visit_round
    word, page = Walk("leerling-zoeken"), visit()
    with ledger.unit(REGION, "test") as unit:
        school = unit.rows("select min(primary_school) from overstap.application")[0][0]
    number = next(
        pupil.number
        for pupil in make_region(21, 30, 3, 3, today=now().date(), name=REGION, late=0, faulty=0, littered=0).pupils()
    )
    page.goto(addresses.home())
    page.get_by_role("link", name=word("Leerling zoeken")).click()
    field = page.get_by_label("Nummer van de leerling")
    field.fill("123456782")
    page.get_by_role("button", name=word("Zoeken")).click()
    expect(page.get_by_role("heading", name="Niet gevonden")).to_be_visible()
    expect(field).to_have_value("")
    sound(page, serious, "pupil-search")
    field.fill(number)
    page.get_by_role("button", name="Zoeken").click()
    expect(page.get_by_role("heading", name=re.compile("^Leerling [0-9A-Z]{4}-[0-9A-Z]{4}$"))).to_be_visible()
    expect(page.get_by_role("cell", name="geplaatst").first).to_be_visible()
    assert number not in page.content()
    assert number not in page.url
    expect(page.get_by_role("heading", name=word("Notities"))).to_be_visible()
    page.get_by_label("Notitie", exact=True).fill("Ouder belt morgen terug.")
    page.get_by_role("button", name=word("Notitie bewaren")).click()
    expect(page.get_by_text("Ouder belt morgen terug.")).to_be_visible()
    expect(page.get_by_text("Anna de Wit schreef")).to_be_visible()
    sound(page, serious, "pupil")
    page.get_by_text("Tekst verwijderen").first.click()
    page.get_by_role("button", name="Ja, de tekst verwijderen").click()
    expect(page.get_by_text("De tekst van de notitie is verwijderd.")).to_be_visible()

    page.goto(f"{addresses.contacts(round_id)}/{school}")
    page.get_by_label("Notitie", exact=True).fill("Directeur met verlof.")
    page.get_by_role("button", name="Notitie bewaren").click()
    expect(page.get_by_text("Directeur met verlof.")).to_be_visible()
    sound(page, serious, "contact-notes")
    page.goto(addresses.home())
    page.get_by_role("link", name="Jaarcijfers").click()
    expect(page.get_by_role("heading", name="Aanmeldingen")).to_be_visible()
    sound(page, serious, "yearly")
    word.has_all()
