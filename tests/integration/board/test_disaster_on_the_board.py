"""Tests of a disaster on the board: nobody inspected, half the schools supplied nothing, and a receiver is down."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from owned import by_owner

from overstap.agreements import Milestones, RoundKind
from overstap.clock import now
from overstap.closing.undeliverable import undeliverable
from overstap.ledger import Ledger
from overstap.ledger.rounds import gate_holds
from overstap.ledger.rounds.gate_holds import ACCEPT_UNDELIVERABLE
from overstap.pages.board.airflow_port import GateQuestion, RunRef, TaskRef
from overstap.pages.board.app import Board
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.bench.filling import Filling, fill
from overstap_tools.local.postgres import EmbeddedPostgres

from .conftest import COORDINATOR, Alone

SCHOOLS, PUPILS = 40, 800
ROUND = "alfa.2026-2027.advice"
HERE = f"/ronde/{ROUND}"


class Stricken(Alone):
    """Airflow asks whether the round may close so."""

    def questions(self, dag_id: str) -> list[GateQuestion]:
        task = TaskRef("accept_undeliverable", 0, "x", None)
        return [GateQuestion("Afsluiten?", "/x", None, ACCEPT_UNDELIVERABLE, 1, "k", task, RunRef(dag_id, "r"))]


@pytest.fixture
def filled() -> None:
    """These fill their ledger themselves."""


@pytest.fixture
def airflow() -> Stricken:
    return Stricken()


@pytest.fixture
def board(
    airflow: Stricken, ledger: Ledger, owner_dsn: str, postgres: EmbeddedPostgres, ledger_database: str, tmp_path: Path
) -> Iterator[Board]:
    """The day before receipts are due."""
    at = now()
    region = make_region(11, PUPILS // 10, SCHOOLS, 4, today=at.date(), name="alfa", title="Regio Alfa")
    days = {"opens": -30, "data_due": -15, "review_opens": -13, "review_closes": -3, "delivers": -2, "receipts_due": 1}
    moments = Milestones(**{name: at + timedelta(days=day) for name, day in days.items()})
    agreement = agreement_of(region, {RoundKind.ADVICE: moments})
    write_agreement(agreement, tmp_path / "regions")
    states = {"not_inspected": 90, "sealed": 10}
    fill(
        ledger,
        owner_dsn,
        agreement,
        RoundKind.ADVICE,
        Filling(PUPILS, states, missing_per_cent=0, silent_every=2, troubled_every=1),
    )
    by_owner(ledger, "update overstap.delivery set problem = 'DELIVERY-003', attempts = 7 where state = 'sealed'")
    with ledger.unit("alfa", "test") as unit:
        gate_holds.update_holds(unit, ROUND, ACCEPT_UNDELIVERABLE, undeliverable(unit, ROUND))
    settings = Settings(ledger=postgres.dsn("overstap_board", ledger_database), regions=tmp_path / "regions")
    made = Board(airflow, lambda: settings)
    yield made
    made.read_only_ledger.close()


def said(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def test_nothing_looks_calm(client: TestClient, ledger: Ledger) -> None:
    home, page = said(client, "/"), said(client, HERE)
    for text in (home, page):
        assert f"{SCHOOLS} van de {SCHOOLS} scholen kunnen niet verder" in text
        assert "heeft nog niets aangeleverd" in text
        assert "Beantwoord" in text
    assert "Er wacht niets op u" not in home
    assert "Er wacht een vraag op u" in page
    assert "Bevestigd 0" in page
    # The same cause is one line for each receiving school, not one for each dossier
    assert page.count("Afgesloten") == 0
    silent = said(client, f"{HERE}?toon=probleem")
    assert silent.count("heeft nog niets aangeleverd") >= SCHOOLS // 2


def test_the_question_to_close_says_how_bad_it_is(client: TestClient, ledger: Ledger, airflow: Stricken) -> None:
    text = said(client, f"{HERE}/besluit/{ACCEPT_UNDELIVERABLE}/1")
    assert "Er is niets aangekomen. Verwacht van de scholen die hebben aangeleverd: " in text
    missing = re.search(r"(\d+) scholen hebben niets aangeleverd; verwacht aantal leerlingen: (\d+)", text)
    assert missing is not None
    assert int(missing[1]) == SCHOOLS // 2
    assert int(missing[2]) == PUPILS // 2
    assert "Verstuurd of klaargezet, en nog niet bevestigd:" in text
    assert "laat deze vraag dan tot dat moment staan" in text
    airflow.asks = COORDINATOR  # of another name than the agreement's: it reads, and has no button
    assert "Deze vraag beantwoordt Coördinator Regio Alfa." in text
