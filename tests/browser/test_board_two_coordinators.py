"""Two coordinators at one question in two browsers; and a page that is open while PostgreSQL is started anew."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from fastapi import Request
from playwright.sync_api import Browser, Page, expect

from overstap.agreements import RoundKind
from overstap.agreements.model.people import Coordinator
from overstap.clock import now
from overstap.ledger import Ledger
from overstap.ledger.migrate import LOGINS, add_region, migrate, set_password
from overstap.ledger.region_keys import create_keys
from overstap.pages.board import addresses
from overstap.pages.board.airflow_port import GateQuestion, RunRef, TaskRef
from overstap.pages.board.app import Board
from overstap.pages.board.person import BoardUser
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.bench.board import _StubAirflow
from overstap_tools.bench.filling import Filling, fill, milestones_around
from overstap_tools.local.postgres import EmbeddedPostgres

from .serving import serve, sound

REGION = "samen"
ALL = frozenset({REGION})
PEOPLE = {"anna": "Anna de Wit", "bas": "Bas Vermeer"}
GATE = "release_for_review"
DOSSIERS = 90


class _Asking(_StubAirflow):
    """Airflow asks one question until it is answered; the cookie says who asks for a page."""

    def __init__(self) -> None:
        super().__init__([REGION])
        self.answers: list[str] = []

    @property
    def person(self) -> Callable[..., BoardUser]:
        def who(request: Request) -> BoardUser:
            account = request.cookies["account"]
            return BoardUser(account, account, ALL, ALL, sees_dossiers=True, coordinates=ALL)

        return who

    def questions(self, dag_id: str) -> list[GateQuestion]:
        if self.answers:
            return []
        task = TaskRef("release", 0, "Vrijgeven", "awaiting_input")
        return [GateQuestion("Dossiers vrijgeven?", "/x", now(), GATE, 1, "asked 1", task, RunRef(dag_id, "r"))]

    async def respond(self, request: Request, question: GateQuestion, choice: str) -> None:
        self.answers.append(choice)

    async def clear(
        self, request: Request, run: RunRef, task: TaskRef, *, note: str, is_rehearsal: bool
    ) -> Sequence[TaskRef]:
        raise AssertionError("nobody takes anything back here")


@dataclass
class _Served:
    address: str
    round_id: str
    airflow: _Asking
    postgres: EmbeddedPostgres
    owner: str

    @property
    def question(self) -> str:
        return addresses.question(self.round_id, GATE, 1)

    def decided(self) -> list[tuple[str, bool]]:
        with psycopg.connect(self.owner) as connection:
            return connection.execute(
                "select decided_by, approved from overstap.gate_decision where decided_by = any(%s)", [list(PEOPLE)]
            ).fetchall()

    def released(self) -> int:
        with psycopg.connect(self.owner) as connection:
            found = connection.execute("select count(*) from overstap.dossier where state = 'in_review'").fetchone()
        assert found is not None
        return int(found[0])


def _served(postgres: EmbeddedPostgres, database: str, folder: Path) -> Iterator[_Served]:
    owner = postgres.superuser_dsn(database)
    add_region(owner, REGION)
    create_keys(folder / "keys", REGION, "1")
    region = make_region(31, 30, 6, 2, today=now().date(), name=REGION, title="Regio Samen")
    agreement = agreement_of(region, {RoundKind.ADVICE: milestones_around(now())})
    people = tuple(
        Coordinator(account=account, name=name, email=f"{account}@samen.nl") for account, name in PEOPLE.items()
    )
    agreement = agreement.model_copy(update={"coordinators": people})
    write_agreement(agreement, folder / "regions")
    ledger = Ledger(postgres.dsn("overstap_app", database), folder / "keys")
    fill(
        ledger,
        owner,
        agreement,
        RoundKind.ADVICE,
        Filling(DOSSIERS, {"accepted": 100}, missing_per_cent=0, silent_every=0),
    )
    ledger.close()
    with psycopg.connect(owner) as connection:
        connection.execute("delete from overstap.gate_decision")
        connection.execute("delete from overstap.audit_line")
    settings = Settings(ledger=postgres.dsn("overstap_board", database), regions=folder / "regions", trust=None)
    airflow = _Asking()
    with serve(Board(airflow, lambda: settings)) as address:
        yield _Served(address, agreement.round_id(RoundKind.ADVICE), airflow, postgres, owner)


@pytest.fixture
def served(postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path) -> Iterator[_Served]:
    name = f"two_{secrets.token_hex(4)}"
    postgres.copy_database(name, ledger_template)
    yield from _served(postgres, name, tmp_path)


@pytest.fixture
def served_alone(state_folder: Path, tmp_path: Path) -> Iterator[_Served]:
    """On a server of its own, which is ended and started without harm to others."""
    server = EmbeddedPostgres(state_folder / "alone" / "postgres")
    server.start()
    try:
        server.create_database("ledger", "postgres")
        migrate(server.superuser_dsn("ledger"))
        for login in LOGINS:
            set_password(server.superuser_dsn("ledger"), login, server.password(login))
        yield from _served(server, "ledger", tmp_path)
    finally:
        server.destroy()


@pytest.fixture
def visit_as(browser: Browser) -> Iterator[Callable[[_Served, str], Page]]:
    """Return a browser of its own for an account."""
    contexts = []

    def page(at: _Served, account: str) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="nl-NL", base_url=at.address)
        context.set_default_timeout(30_000)
        context.add_cookies([{"name": "account", "value": account, "url": at.address}])
        contexts.append(context)
        return context.new_page()

    yield page
    for context in contexts:
        context.close()


def test_of_two_browsers_the_second_reads_who_answered(
    served: _Served, visit_as: Callable[[_Served, str], Page], serious: Callable[[Page], list[str]]
) -> None:
    anna, bas = visit_as(served, "anna"), visit_as(served, "bas")
    for page in (anna, bas):
        page.goto(addresses.home())
        page.get_by_role("link", name="Beantwoord").first.click()
        expect(page.get_by_role("button", name="Vrijgeven")).to_be_visible()
    anna.get_by_label("Reden of opmerking").fill("Nagekeken")
    anna.get_by_role("button", name="Vrijgeven").click()
    expect(anna.get_by_text("Uw besluit staat vast.")).to_be_visible()
    bas.get_by_label("Reden of opmerking").fill("Liever niet")
    bas.get_by_role("button", name="Nog niet").click()
    expect(bas.get_by_text("Deze vraag wacht niet meer op een antwoord.")).to_be_visible()
    expect(bas.get_by_text("Anna de Wit").first).to_be_visible()
    sound(bas, serious, "second-of-two")
    assert served.decided() == [("anna", True)]
    assert served.released() == DOSSIERS
    bas.goto(addresses.round_page(served.round_id))
    expect(bas.get_by_text(f"Anna de Wit heeft {DOSSIERS} dossiers vrijgegeven").first).to_be_visible()


def test_two_who_press_at_the_same_moment_decide_once(
    served: _Served, visit_as: Callable[[_Served, str], Page]
) -> None:
    pages = {account: visit_as(served, account) for account in PEOPLE}
    for page in pages.values():
        page.goto(served.question)
    for account, page in pages.items():
        name = "Vrijgeven" if account == "anna" else "Nog niet"
        # The press comes when this script is already at the other browser
        page.get_by_role("button", name=name).evaluate("button => void setTimeout(() => button.click(), 400)")
    for page in pages.values():
        expect(
            page.get_by_text("Uw besluit staat vast.")
            .or_(page.get_by_text("Uw antwoord telt niet mee"))
            .or_(page.get_by_text("Deze vraag wacht niet meer op een antwoord."))
            .first
        ).to_be_visible()
    [(account, is_approved)] = served.decided()
    assert is_approved == (account == "anna")
    assert served.released() == (DOSSIERS if is_approved else 0)
    heard = {name for name, page in pages.items() if page.get_by_text("Uw besluit staat vast.").count()}
    assert heard == {account}, "the other one reads that it did not count"
    assert set(served.airflow.answers) == {"approve" if is_approved else "reject"}, "Airflow hears the one that counts"


def test_a_page_that_is_open_while_the_database_is_started_anew_says_so_and_goes_on(
    served_alone: _Served, visit_as: Callable[[_Served, str], Page], serious: Callable[[Page], list[str]]
) -> None:
    served = served_alone
    anna = visit_as(served, "anna")
    anna.goto(served.question)
    served.postgres.stop()
    anna.get_by_label("Reden of opmerking").fill("Nagekeken")
    anna.get_by_role("button", name="Vrijgeven").click()
    expect(anna.get_by_role("heading", name="Het is niet zeker of dit is gelukt")).to_be_visible()
    expect(anna.get_by_text("LEDGER-006")).to_be_visible()
    sound(anna, serious, "database-away-pressed")
    anna.goto(addresses.home())
    expect(anna.get_by_text("De database is even niet bereikbaar.")).to_be_visible()
    sound(anna, serious, "database-away")
    assert served.airflow.answers == [], "Airflow hears of no decision that the ledger does not have"

    served.postgres.start()
    anna.reload()
    expect(anna.get_by_role("heading", name="Vandaag")).to_be_visible()
    assert served.decided() == []
    anna.get_by_role("link", name="Beantwoord").first.click()

    # A restart between two clicks costs nobody anything: what was open before is looked at before it is used
    served.postgres.stop()
    served.postgres.start()
    anna.get_by_role("button", name="Vrijgeven").click()
    expect(anna.get_by_text("Uw besluit staat vast.")).to_be_visible()
    assert served.decided() == [("anna", True)]
    assert served.released() == DOSSIERS
