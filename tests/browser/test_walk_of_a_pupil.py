"""One pupil from application to progress, in a browser: secondary and primary school, partnership and coordinator.

The applications get their states, a double placement is answered, the dossier is collected, the schools agree a
handover and talk, the partnership decides, and a year later the secondary school tells how the pupil fares.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pyotp
import pytest
from collecting_school import deliver, receiver
from playwright.sync_api import Browser, Page, expect
from psycopg.conninfo import make_conninfo
from school_service import ACCOUNT, OTHER, PASSWORD, School, school_service

from overstap.agreements import Agreement, Milestones, RoundKind
from overstap.agreements.model.people import Coordinator
from overstap.clock import now
from overstap.ledger import accounts
from overstap.ledger.dossiers import dossiers, records
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import derive_board_keys, sha256
from overstap.ledger.rounds import registrations, rounds
from overstap.ledger.rounds.registrations import Registration
from overstap.oso import to_bytes
from overstap.oso.facts import DossierFacts
from overstap.oso.progress_fields import left_in
from overstap.pages.board import addresses
from overstap.pages.board.app import Board
from overstap.pages.board.person import BoardUser
from overstap.pages.school.passwords import hash_password
from overstap.pages.school.progress import this_year
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, past_milestones, write_agreement
from overstap_tools.bench.board import _StubAirflow
from overstap_tools.local.postgres import EmbeddedPostgres

from .school_pages import signed_in, sound
from .serving import pages_at, serve
from .serving import sound as sound_on_board

REGION = "alfa"
ALL = frozenset({REGION})
SWV = "zorg@swv.example"
LEFT = left_in(this_year(), 1)
_PICTURES = os.environ.get("OVERSTAP_TEST_IMAGES_FOLDER")


class _Airflow(_StubAirflow):
    @property
    def person(self) -> Callable[..., BoardUser]:
        return lambda: BoardUser("anna", "1", ALL, ALL, sees_dossiers=True, coordinates=ALL)


@dataclass
class Walk:
    """What stands, and the pupil."""

    school: School
    agreement: Agreement
    number: str
    sender: str
    """BRIN and branch of the primary school."""
    name: str
    board: str
    """Address of the board."""

    @property
    def placement(self) -> str:
        return self.agreement.round_id(RoundKind.PLACEMENT)

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.school.home.owner_dsn, autocommit=True) as owner:
            done = owner.execute(statement, values)
            return done.fetchall() if done.description else []


@pytest.fixture(scope="module")
def walk(postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("walk")
    with ExitStack() as stack:
        school = stack.enter_context(school_service(postgres, ledger_template, folder))
        place = school.review_round
        deliver(school)
        number, dossier = next((key, one) for key, one in place.made.items() if one.sender == place.school)
        agreement = _agreement(school)
        _prepare(school, agreement, number)
        write_agreement(agreement, folder / "regions")
        derive_board_keys(school.home.keys, folder / "board", REGION)
        database = psycopg.conninfo.conninfo_to_dict(school.home.owner_dsn)["dbname"]
        settings = Settings(
            ledger=make_conninfo(postgres.dsn("overstap_board", str(database))),
            regions=folder / "regions",
            keys=school.home.keys,
            board_keys=folder / "board",
            trust=None,
        )
        address = stack.enter_context(serve(Board(_Airflow([REGION]), lambda: settings)))
        name = str(dossier.surname)
        yield Walk(school, agreement, number, str(place.school), name, address)


def _agreement(school: School) -> Agreement:
    at = now()
    moments = Milestones(**{name: at + timedelta(days=place - 5) for place, name in enumerate(Milestones.model_fields)})
    kinds = {
        RoundKind.ADVICE: past_milestones(at),
        RoundKind.PLACEMENT: moments,
        RoundKind.SUPPORT: past_milestones(at),
    }
    made = agreement_of(school.review_round.region, kinds)
    people = (Coordinator(account="anna", name="Anna de Wit", email="anna@alfa-scholen.nl"),)
    return made.model_copy(update={"coordinators": people})


def _prepare(school: School, agreement: Agreement, number: str) -> None:
    """Open the rounds of placement and support; the pupil is placed at a second school, and left a year ago as well."""
    place = school.review_round
    [partnership] = [one.id for one in agreement.schools if one.kind == "SWV"]
    other = place.region.secondary[1].id
    everybody = [
        Registration(key, str(one.sender), receiver(school), "placed", now()) for key, one in place.made.items()
    ]
    with place.unit("prepare") as unit:
        for kind in (RoundKind.PLACEMENT, RoundKind.SUPPORT):
            rounds.open_round(unit, agreement, kind)
        accounts.put_account(unit, SWV, partnership, "Zorgteam", hash_password(PASSWORD))
        twice = Registration(number, place.school, other, "placed", now())
        registrations.record_registrations(unit, agreement.school_year, [*everybody, twice])
        registrations.record_registrations(unit, LEFT, everybody)
        content = to_bytes(place.made[number])
        item = dossiers.IncomingDossier(number, "LN-1", content, sha256(content), "2019.1", "drop_folder")
        dossiers.store(unit, agreement.round_id(RoundKind.SUPPORT), place.school, [item])
        [stored] = unit.one("select dossier from overstap.dossier where round_id like '%%support'")
        records.of(unit, [VersionRef(stored, 1)], DossierFacts)
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        owner.execute(
            "insert into overstap.delivery (message_id, region, round_id, dossier, number, secondary_school, serial, "
            "envelope, envelope_digest, manifest_digest, files_digest, state, attempts) select gen_random_uuid(), "
            "region, round_id, dossier, 1, %s, 0, 'x', sha256('x'), sha256('x'), sha256('x'), 'confirmed', 1 "
            "from overstap.dossier where dossier = %s",
            [partnership, stored],
        )
        owner.execute(
            "insert into overstap.advice_flag (region, school_year, pupil, primary_school, flag, dossier) "
            "select d.region, o.school_year, d.pupil, d.primary_school, 'contact', d.dossier from overstap.dossier d "
            "join overstap.round o using (round_id) where o.kind = 'advice' and d.pupil = "
            "(select pupil from overstap.dossier where dossier = %s)",
            [stored],
        )


@contextmanager
def as_school(walk: Walk, browser: Browser, account: str, secrets: dict[str, str]) -> Iterator[Page]:
    """Sign in, and set a second factor up or show it."""
    with signed_in(browser, walk.school, account) as page:
        if account in secrets:
            page.locator('input[name="code"]').fill(pyotp.TOTP(secrets[account]).now())
            page.get_by_role("button").first.click()
        else:
            page.goto(f"{walk.school.address}/beveiliging")
            page.locator('form[action="/beveiliging/app"] button').first.click()
            secrets[account] = page.locator("code.secret").inner_text().replace(" ", "")
            page.locator('input[name="code"]').fill(pyotp.TOTP(secrets[account]).now())
            page.locator('form[action="/beveiliging/app/bevestigen"] button').click()
        yield page


def picture(page: Page, name: str) -> None:
    if _PICTURES:
        page.screenshot(path=Path(_PICTURES) / f"walk-{name}.png", full_page=True)


def test_a_pupil_from_application_to_progress(
    walk: Walk, browser: Browser, serious: Callable[[Page], list[str]]
) -> None:
    home = walk.school.address
    secrets: dict[str, str] = {}
    with as_school(walk, browser, OTHER, secrets) as secondary:
        _apply(walk, secondary, serious)
        with pages_at(walk.board, browser) as visit:
            sign = _coordinate(walk, visit(), serious)
        _collect(walk, secondary)
        secondary.goto(f"{home}/overdracht")
        expect(secondary.get_by_role("heading", name="Overdracht")).to_be_visible()
        secondary.get_by_text("Momenten voorstellen").first.click()
        secondary.get_by_role("button", name="Voorstellen").first.click()
        expect(secondary.get_by_text("De momenten zijn voorgesteld.")).to_be_visible()
        sound(secondary, serious, "walk-proposed")
        picture(secondary, "proposed")
        with as_school(walk, browser, ACCOUNT, secrets) as primary:
            primary.goto(f"{home}/overdracht")
            primary.get_by_role("radio").first.check()
            primary.get_by_role("button", name="Dit moment afspreken").click()
            expect(primary.get_by_text("Het moment is afgesproken.")).to_be_visible()
            sound(primary, serious, "walk-agreed")
            picture(primary, "agreed")
            secondary.reload()
            secondary.goto(f"{home}/overdracht")
            secondary.get_by_text("Vastleggen of u elkaar sprak").first.click()
            secondary.get_by_label("Wij spraken elkaar").first.check()
            secondary.get_by_role("button", name="Vastleggen").first.click()
            expect(secondary.get_by_text("Het is vastgelegd.")).to_be_visible()
            _class_list(walk, secondary, serious)
            _decide(walk, browser, secrets, primary, serious)
            _progress(walk, secondary, primary, serious)
    with pages_at(walk.board, browser) as visit:
        page = visit()
        page.goto(addresses.home())
        page.get_by_role("link", name="Leerling zoeken").click()
        page.get_by_label("Nummer van de leerling").fill(sign)
        page.get_by_role("button", name="Zoeken").click()
        expect(page.get_by_role("heading", name="Dossiers per ronde")).to_be_visible()
        expect(page.get_by_text("ontvangen").first).to_be_visible()
        sound_on_board(page, serious, "walk-pupil")
    assert walk.number not in walk.school.log


def _apply(walk: Walk, page: Page, serious: Callable[[Page], list[str]]) -> None:
    """The secondary school gives the application its states, and reads the history."""
    page.goto(f"{walk.school.address}/aanmeldingen")
    for state in ("compleet", "toelaatbaar", "geplaatst"):
        page.get_by_label("Burgerservicenummers").fill(walk.number)
        page.get_by_role("button", name="Zoeken").click()
        page.locator('input[name="aanmelding"]').first.check()
        page.get_by_label("Nieuwe status").select_option(label=state)
        page.get_by_role("button", name="Vastleggen").click()
        expect(page.get_by_text("Vastgelegd: 1 aanmelding.")).to_be_visible()
    page.get_by_label("Burgerservicenummers").fill(walk.number)
    page.get_by_role("button", name="Zoeken").click()
    page.get_by_role("link", name="geschiedenis").first.click()
    for state in ("compleet", "toelaatbaar", "geplaatst"):
        expect(page.get_by_text(state).first).to_be_visible()
    sound(page, serious, "walk-history")
    picture(page, "history")


def _coordinate(walk: Walk, page: Page, serious: Callable[[Page], list[str]]) -> str:
    """The coordinator answers the double placement, and finds the pupil by number; return the pupil's code."""
    page.goto(addresses.round_page(walk.placement))
    expect(page.get_by_text("Van 1 leerling moet u nog zeggen")).to_be_visible()
    page.get_by_role("link", name="Kijk wie het zijn en kies").click()
    [(name,)] = walk.rows("select name from overstap.school where school = %s", receiver(walk.school))
    page.get_by_label(str(name)).check()
    page.get_by_label("Waarom").fill("Ouders kozen voor deze school")
    page.get_by_role("button", name="Vastleggen").click()
    expect(page.get_by_text("Uw keuze staat vast.")).to_be_visible()
    sound_on_board(page, serious, "walk-answered")
    page.goto(addresses.pupil_search(REGION))
    page.get_by_label("Nummer van de leerling").fill(walk.number)
    page.get_by_role("button", name="Zoeken").click()
    expect(page.get_by_role("cell", name="Advies")).to_be_visible()
    assert walk.number not in page.content()
    assert walk.name not in page.content()
    page.get_by_label("Notitie", exact=True).fill("Gebeld: gaat naar de eerste school.")
    page.get_by_role("button", name="Notitie bewaren").click()
    expect(page.get_by_text("De notitie is bewaard.")).to_be_visible()
    return page.get_by_role("heading", level=1).inner_text().removeprefix("Leerling ")


def _collect(walk: Walk, page: Page) -> None:
    """The secondary school collects every dossier, and confirms."""
    page.goto(f"{walk.school.address}/ophalen")
    with page.expect_download():
        page.locator('button[name="vorm"][value="xml"]').first.click()
    page.reload()
    page.locator('form:has(button:text-is("Bevestigen")) input[name="zeker"], input[name="zeker"]').first.check()
    page.locator('section[aria-labelledby="bevestigen"] button').click()
    page.goto(f"{walk.school.address}/ophalen")


def _class_list(walk: Walk, page: Page, serious: Callable[[Page], list[str]]) -> None:
    """A class list to print has birth dates day first."""
    page.goto(f"{walk.school.address}/overdracht/klassenlijst")
    page.locator('input[name="dossier"]').first.check()
    page.get_by_label("Naam van de klas").fill("1A")
    page.get_by_role("button", name="Als pagina om af te drukken").click()
    expect(page.locator("tbody td").first).to_have_text(re.compile(r"^\d\d-\d\d-20\d\d$"))
    sound(page, serious, "walk-class")
    picture(page, "class")


def _decide(
    walk: Walk, browser: Browser, secrets: dict[str, str], primary: Page, serious: Callable[[Page], list[str]]
) -> None:
    """The partnership grants support, and the primary school reads it."""
    with as_school(walk, browser, SWV, secrets) as partnership:
        partnership.goto(f"{walk.school.address}/ondersteuning")
        partnership.get_by_role("radio", name="toegekend").check()
        partnership.get_by_label("Beschikkingsnummer").fill("TLV-2027-0815")
        partnership.get_by_label("Geldig vanaf").fill("1-8-2027")
        partnership.get_by_label("Categorie").select_option(label="laag")
        partnership.get_by_role("button", name="Vastleggen en ondertekenen").click()
        expect(partnership.get_by_text("Het besluit is vastgelegd en ondertekend.")).to_be_visible()
        sound(partnership, serious, "walk-decided")
        picture(partnership, "decided")
    primary.goto(f"{walk.school.address}/ondersteuning")
    expect(primary.get_by_text("nummer TLV-2027-0815")).to_be_visible()
    expect(primary.get_by_text("Vastgelegd door Samenwerkingsverband Regio Alfa op")).to_be_visible()
    picture(primary, "decision-read")


def _progress(walk: Walk, secondary: Page, primary: Page, serious: Callable[[Page], list[str]]) -> None:
    """The secondary school tells how the pupil fares, and the primary school reads it."""
    secondary.goto(f"{walk.school.address}/terugkoppeling")
    form = secondary.locator('form[action="/terugkoppeling/opgeven"]')
    form.get_by_label("Van de basisschool vertrokken in").select_option(label=LEFT)
    form.get_by_label("Burgerservicenummer").fill(walk.number)
    form.get_by_label("Leerjaar").fill("1")
    form.get_by_label("Niveau").select_option(label="havo")
    form.get_by_role("button", name="Opgeven").click()
    expect(secondary.get_by_text("Opgeslagen: 1 leerling.")).to_be_visible()
    sound(secondary, serious, "walk-progress")
    picture(secondary, "progress")
    primary.goto(f"{walk.school.address}/terugkoppeling")
    expect(primary.get_by_role("cell", name="havo")).to_be_visible()
    sound(primary, serious, "walk-progress-read")
    picture(primary, "progress-read")
