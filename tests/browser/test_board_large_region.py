"""Every page of the board in a real browser, for a region of 150 schools; and a coordinator who calls and mails."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from overstap.agreements import Milestones, RoundKind
from overstap.agreements.model.people import Coordinator
from overstap.clock import now
from overstap.ledger import Ledger
from overstap.ledger.migrate import add_region
from overstap.ledger.region_keys import create_keys, derive_board_keys
from overstap.notifications.updating import update_notices
from overstap.pages.board import addresses
from overstap.pages.board.airflow_port import GateQuestion, RunRef, TaskRef
from overstap.pages.board.app import Board
from overstap.pages.board.person import BoardUser
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.bench.board import _StubAirflow
from overstap_tools.bench.filling import UNDER_WAY, Filling, fill, milestones_around
from overstap_tools.local.postgres import EmbeddedPostgres

from .serving import pages_at, serve, sound

REGION = "groot"
ALL = frozenset({REGION})
PRIMARY, SECONDARY, DOSSIERS = 138, 12, 1_500
_PATIENCE_SECONDS = 20.0
"""Nobody waits longer for a page, on a busy machine of two processors (docs/rates.md has the budget)."""


class _Airflow(_StubAirflow):
    """An Airflow with one run, a question in it, and a task per school."""

    @property
    def person(self) -> Callable[..., BoardUser]:
        def who() -> BoardUser:
            return BoardUser("anna", "1", ALL, ALL, sees_dossiers=True, is_administrator=True, coordinates=ALL)

        return who

    def run(self, dag_id: str) -> RunRef | None:
        return RunRef(dag_id, "scheduled__2027")

    def questions(self, dag_id: str) -> list[GateQuestion]:
        if not dag_id.endswith("advice"):
            return []
        task = TaskRef("release_for_review", 0, "Vrijgeven", "awaiting_input")
        asked = f"/dags/{dag_id}/runs/x"
        title = "Dossiers vrijgeven voor inzage door ouders?"
        return [GateQuestion(title, asked, now(), "release_for_review", 1, "key", task, RunRef(dag_id, "x"))]

    def collect_task(self, run: RunRef, school: str, *, is_guest: bool = False) -> TaskRef | None:
        return TaskRef("collect", 0, school, "success")


@dataclass
class _Large:
    address: str
    ledger: Ledger
    round_id: str
    schools: list[str]
    receivers: list[str]


@pytest.fixture(scope="module")
def large(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[_Large]:
    name, folder = f"large_{secrets.token_hex(4)}", tmp_path_factory.mktemp("large")
    postgres.copy_database(name, ledger_template)
    owner = postgres.superuser_dsn(name)
    add_region(owner, REGION)
    create_keys(folder / "keys", REGION, "1")
    derive_board_keys(folder / "keys", folder / "board", REGION)
    at = now()
    region = make_region(21, 900, PRIMARY, SECONDARY, today=at.date(), name=REGION, title="Regio Groot")
    later = {moment: at + timedelta(days=50 + 9 * step) for step, moment in enumerate(Milestones.model_fields)}
    agreement = agreement_of(
        region, {RoundKind.ADVICE: milestones_around(at), RoundKind.PLACEMENT: Milestones(**later)}
    )
    people = (Coordinator(account="anna", name="Anna de Wit", email="anna@groot-scholen.nl"),)
    schools = tuple(
        one.model_copy(update={"board": f"Stichting {number % 9}"}) for number, one in enumerate(agreement.schools)
    )
    agreement = agreement.model_copy(update={"coordinators": people, "schools": schools})
    write_agreement(agreement, folder / "regions")
    ledger = Ledger(postgres.dsn("overstap_app", name), folder / "keys")
    fill(ledger, owner, agreement, RoundKind.ADVICE, Filling(DOSSIERS, UNDER_WAY, silent_every=11))
    settings = Settings(
        ledger=postgres.dsn("overstap_board", name),
        drafts=postgres.dsn("overstap_drafts", name),
        regions=folder / "regions",
        board_keys=folder / "board",
        trust=None,
    )
    board = Board(_Airflow([REGION]), lambda: settings)
    with serve(board) as address:
        yield _Large(
            address,
            ledger,
            agreement.round_id(RoundKind.ADVICE),
            [one.id for one in agreement.primary_schools],
            [one.id for one in agreement.secondary_schools],
        )
    ledger.close()


@pytest.fixture
def visit_large(large: _Large, browser: Browser) -> Iterator[Callable[..., Page]]:
    with pages_at(large.address, browser) as page:
        yield page


def pages_of(large: _Large) -> dict[str, str]:
    """Every page of the board that a coordinator or an administrator can open."""
    this, school = large.round_id, large.schools[3]
    return {
        "home": addresses.home(),
        "administration": addresses.administration(),
        "round": addresses.round_page(this),
        "round-late": f"{addresses.round_page(this)}?toon=te-laat&op=naam",
        "planned": addresses.round_page(this.replace("advice", "placement")),
        "school": addresses.school_page(this, school),
        "rerun": addresses.rerun_page(this, school),
        "question": addresses.question(this, "release_for_review", 1),
        "agreement": addresses.agreement_changes(this),
        "calendar": addresses.calendar(REGION),
        "drafts": addresses.agreements(REGION),
        "second": addresses.supervision(REGION),
        "contacts": addresses.contacts(this),
        "contact": addresses.contact(this, school),
        "contact-receiver": addresses.contact(this, large.receivers[0]),
        "contact-board": addresses.contact(this, "board:Stichting 3"),
        "message": f"{addresses.message(this)}?toon=alle",
    }


def test_every_page_of_150_schools(
    large: _Large, visit_large: Callable[..., Page], serious: Callable[[Page], list[str]]
) -> None:
    light, dark = visit_large(), visit_large(scheme="dark")
    for name, path in pages_of(large).items():
        begin = time.monotonic()
        answer = light.goto(path)
        assert answer is not None
        assert answer.status == 200, (name, light.content()[:2000])
        assert time.monotonic() - begin < _PATIENCE_SECONDS, name
        sound(light, serious, f"large-{name}", is_long="round" in name or "contacts" in name)
        dark.goto(path)
        assert serious(dark) == [], f"{name}, dark"
    light.goto(addresses.round_page(large.round_id))
    expect(light.locator("table.schools tbody tr")).to_have_count(PRIMARY)
    light.goto(addresses.contacts(large.round_id))
    expect(light.locator("tbody tr")).to_have_count(PRIMARY + SECONDARY + 9)


def test_a_coordinator_calls_and_mails(
    large: _Large, visit_large: Callable[..., Page], serious: Callable[[Page], list[str]]
) -> None:
    page = visit_large()
    school = large.schools[0]
    page.goto(addresses.school_page(large.round_id, school))
    page.get_by_role("link", name="Contact en gesprekken").click()
    page.get_by_label("Naam").fill("Marja Jansen")
    page.get_by_label("Functie").fill("intern begeleider")
    page.get_by_label("Telefoon").fill("070 123 45 67")
    page.get_by_role("button", name="Bewaren").click()
    expect(page.get_by_text("Bewaard.")).to_be_visible()
    page.get_by_label("Wat is er besproken").fill("Levert morgen aan.\nBel anders de directeur.")
    page.get_by_role("button", name="Gesprek vastleggen").click()
    expect(page.get_by_text("Anna de Wit belde met Marja Jansen")).to_be_visible()
    sound(page, serious, "contact-filled")
    page.goto(addresses.school_page(large.round_id, school))
    expect(page.get_by_role("link", name="070 123 45 67").first).to_be_visible()

    page.goto(f"{addresses.round_page(large.round_id)}?toon=te-laat#scholen")
    late = page.locator("table.schools tbody tr").count()
    assert late > 1, "some schools of the region supply nothing"
    page.get_by_role("link", name="Bericht aan deze scholen").click()
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(late)
    page.get_by_label("Onderwerp").fill("Aanleveren voor de overstap")
    page.get_by_label("Bericht", exact=True).fill("Wilt u vandaag nog aanleveren?\nLukt het niet? Bel mij.")
    page.get_by_role("button", name="Voorbeeld bekijken").click()
    expect(page.get_by_text(f"Totaal: {late} mails.")).to_be_visible()
    expect(page.get_by_text("Coördinator van de overstap, Regio Groot")).to_be_visible()
    sound(page, serious, "message-preview")
    page.get_by_role("button", name="Nog aanpassen").click()
    expect(page.get_by_label("Onderwerp")).to_have_value("Aanleveren voor de overstap")
    page.get_by_role("button", name="Voorbeeld bekijken").click()
    page.get_by_role("button", name="Versturen").click()
    expect(page.get_by_text("Het bericht wordt nu verstuurd.")).to_be_visible()
    done = update_notices(large.ledger, REGION, at=now(), expiring=(), board=lambda one: one, actor="tell")
    assert done["messages"] == late
