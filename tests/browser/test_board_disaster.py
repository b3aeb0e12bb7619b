"""A disaster in a real browser: nobody inspected, half the schools supplied nothing, and no receiver answers."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from overstap.agreements import Milestones, RoundKind
from overstap.agreements.model.people import Coordinator
from overstap.clock import now
from overstap.closing.undeliverable import undeliverable
from overstap.ledger import Ledger
from overstap.ledger.migrate import add_region
from overstap.ledger.region_keys import create_keys, derive_board_keys
from overstap.ledger.rounds import gate_holds
from overstap.ledger.rounds.gate_holds import ACCEPT_UNDELIVERABLE
from overstap.pages.board import addresses
from overstap.pages.board.airflow_port import GateQuestion, RunRef, TaskRef
from overstap.pages.board.app import Board
from overstap.pages.board.person import BoardUser
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.bench.board import _StubAirflow
from overstap_tools.bench.filling import Filling, fill
from overstap_tools.local.postgres import EmbeddedPostgres

from .serving import pages_at, serve, sound

REGION = "ramp"
ALL = frozenset({REGION})
SCHOOLS, DOSSIERS = 40, 800


class _Stricken(_StubAirflow):
    """Airflow asks whether the round may close so."""

    @property
    def person(self) -> Callable[..., BoardUser]:
        return lambda: BoardUser("anna", "1", ALL, ALL, sees_dossiers=True, coordinates=ALL)

    def questions(self, dag_id: str) -> list[GateQuestion]:
        task = TaskRef("accept_undeliverable", 0, "x", None)
        return [GateQuestion("Afsluiten?", "/x", None, ACCEPT_UNDELIVERABLE, 1, "k", task, RunRef(dag_id, "r"))]


@dataclass
class _Disaster:
    address: str
    round_id: str


@pytest.fixture(scope="module")
def disaster(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[_Disaster]:
    """The day before receipts are due."""
    name, folder, at = f"disaster_{secrets.token_hex(4)}", tmp_path_factory.mktemp("disaster"), now()
    postgres.copy_database(name, ledger_template)
    owner = postgres.superuser_dsn(name)
    add_region(owner, REGION)
    create_keys(folder / "keys", REGION, "1")
    derive_board_keys(folder / "keys", folder / "board", REGION)
    region = make_region(11, DOSSIERS // 10, SCHOOLS, 4, today=at.date(), name=REGION, title="Regio Ramp")
    days = {"opens": -30, "data_due": -15, "review_opens": -13, "review_closes": -3, "delivers": -2, "receipts_due": 1}
    moments = Milestones(**{moment: at + timedelta(days=day) for moment, day in days.items()})
    agreement = agreement_of(region, {RoundKind.ADVICE: moments})
    people = (Coordinator(account="anna", name="Anna de Wit", email="anna@ramp-scholen.nl"),)
    agreement = agreement.model_copy(update={"coordinators": people})
    write_agreement(agreement, folder / "regions")
    ledger, round_id = Ledger(postgres.dsn("overstap_app", name), folder / "keys"), agreement.round_id(RoundKind.ADVICE)
    states = {"not_inspected": 90, "sealed": 10}
    filling = Filling(DOSSIERS, states, missing_per_cent=0, silent_every=2, troubled_every=1)
    fill(ledger, owner, agreement, RoundKind.ADVICE, filling)
    with psycopg.connect(owner) as connection:
        connection.execute("update overstap.delivery set problem = 'DELIVERY-003', attempts = 7 where state = 'sealed'")
    with ledger.unit(REGION, "test") as unit:
        gate_holds.update_holds(unit, round_id, ACCEPT_UNDELIVERABLE, undeliverable(unit, round_id))
    ledger.close()
    settings = Settings(
        ledger=postgres.dsn("overstap_board", name), regions=folder / "regions", board_keys=folder / "board", trust=None
    )
    with serve(Board(_Stricken([REGION]), lambda: settings)) as address:
        yield _Disaster(address, round_id)


@pytest.fixture
def coordinator(disaster: _Disaster, browser: Browser) -> Iterator[Page]:
    with pages_at(disaster.address, browser) as page:
        yield page()


def test_a_coordinator_sees_how_bad_it_is_and_what_to_do(
    disaster: _Disaster, coordinator: Page, serious: Callable[[Page], list[str]]
) -> None:
    coordinator.goto(addresses.home())
    expect(coordinator.get_by_text(f"{SCHOOLS} van de {SCHOOLS} scholen kunnen niet verder").first).to_be_visible()
    sound(coordinator, serious, "disaster-home")

    coordinator.goto(addresses.round_page(disaster.round_id))
    expect(coordinator.get_by_role("heading", name="Er wacht een vraag op u")).to_be_visible()
    sound(coordinator, serious, "disaster-round", is_long=True)

    # Whoever supplied nothing gets a message, all at once
    coordinator.get_by_role("link", name="Te laat").click()
    rows = coordinator.locator("table.schools tbody tr")
    expect(rows).to_have_count(SCHOOLS // 2)
    sound(coordinator, serious, "disaster-late", is_long=True)
    coordinator.get_by_role("link", name="Bericht aan deze scholen").click()
    expect(coordinator.get_by_role("checkbox", checked=True)).to_have_count(SCHOOLS // 2)

    # One of them, with what to do
    coordinator.goto(f"{addresses.round_page(disaster.round_id)}?toon=te-laat#scholen")
    rows.first.get_by_role("link").first.click()
    expect(coordinator.get_by_text("heeft nog niets aangeleverd").first).to_be_visible()
    expect(coordinator.get_by_role("heading", name="Wie u belt")).to_be_visible()
    sound(coordinator, serious, "disaster-school")

    # The receivers that answer nothing
    coordinator.goto(f"{addresses.round_page(disaster.round_id)}#ontvangers")
    receivers = coordinator.get_by_role("region", name="Ontvangende scholen").locator("tbody tr")
    expect(receivers).to_have_count(4)
    receivers.first.get_by_role("link").first.click()
    expect(coordinator.get_by_role("button", name="Gesprek vastleggen")).to_be_visible()

    # And the question, which says that nothing arrived and lets nobody close it in passing
    coordinator.goto(addresses.question(disaster.round_id, ACCEPT_UNDELIVERABLE, 1))
    expect(coordinator.get_by_text("Er is niets aangekomen.").first).to_be_visible()
    expect(coordinator.get_by_text("laat deze vraag dan tot dat moment staan").first).to_be_visible()
    sound(coordinator, serious, "disaster-question")
