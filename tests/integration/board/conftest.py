"""Fixtures: filled rounds on PostgreSQL, and clients of the board for several accounts."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from fastapi import HTTPException, Request
from fastapi.testclient import TestClient

from overstap.agreements import Milestones, RoundKind
from overstap.clock import now
from overstap.doctor import examine
from overstap.ledger import Ledger
from overstap.pages.board.airflow_port import FailedTask, GateQuestion, PausedDag, RunRef, TaskRef
from overstap.pages.board.app import Board, make_app
from overstap.pages.board.health import HealthLine
from overstap.pages.board.person import BoardUser
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.bench.filling import UNDER_WAY, Filling, fill, milestones_around
from overstap_tools.local.postgres import EmbeddedPostgres

HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> \"De 🦊\" ‮مدرسة"
COORDINATOR = BoardUser("c.alfa", "1", frozenset({"alfa"}), frozenset({"alfa"}), sees_dossiers=True)
VIEWER = BoardUser("v.alfa", "2", frozenset({"alfa"}))
ADMINISTRATOR = BoardUser("a", "3", frozenset({"alfa", "beta", "demo"}), is_administrator=True)


class Alone:
    """An Airflow in which nothing runs: pages that only look ask no more of it. Rights are tested on a booted one."""

    base = ""

    def __init__(self) -> None:
        self.asks: BoardUser | None = COORDINATOR

    @property
    def person(self) -> Callable[..., BoardUser]:
        def who() -> BoardUser:
            if self.asks is None:
                raise HTTPException(401)
            return self.asks

        return who

    def login(self, request: Request) -> str:
        return f"/auth/login/?next={request.url.path}"

    def run(self, dag_id: str) -> RunRef | None:
        return None

    def questions(self, dag_id: str) -> list[GateQuestion]:
        return []

    async def respond(self, request: Request, question: GateQuestion, choice: str) -> None:
        raise NotImplementedError

    def questions_task(self, run: RunRef, gate: str) -> TaskRef | None:
        return None

    def paused(self) -> list[PausedDag]:
        return []

    def collect_task(self, run: RunRef, school: str, *, is_guest: bool = False) -> TaskRef | None:
        return None

    async def clear(
        self, request: Request, run: RunRef, task: TaskRef, *, note: str, is_rehearsal: bool
    ) -> Sequence[TaskRef]:
        raise NotImplementedError

    def health(self, now: datetime) -> list[HealthLine]:
        return []

    def red_tasks(self) -> list[FailedTask]:
        return []

    def secret(self) -> str:
        return "s" * 40


@pytest.fixture
def airflow() -> Alone:
    return Alone()


@pytest.fixture
def board(
    airflow: Alone, ledger: Ledger, owner_dsn: str, postgres: EmbeddedPostgres, ledger_database: str, tmp_path: Path
) -> Iterator[Board]:
    """Region alfa under way, with a hostile name; beta as well; demo with a round that has not opened."""
    dsn = postgres.dsn("overstap_board", ledger_database)
    made = filled_board(airflow, ledger, owner_dsn, dsn, tmp_path, ("alfa", "beta", "demo"), 200)
    yield made
    made.read_only_ledger.close()


def filled_board(
    airflow: Alone, ledger: Ledger, owner_dsn: str, dsn: str, folder: Path, regions: Sequence[str], dossiers: int
) -> Board:
    """Return a board over filled regions."""
    at = now()
    planned = {RoundKind.ADVICE: Milestones(**{name: at + timedelta(days=9) for name in Milestones.model_fields})}
    for place, name in enumerate(regions):
        region = make_region(5 + place, 40, 5, 2, today=at.date(), name=name, title=f"Regio {name.title()}")
        under_way = {RoundKind.ADVICE: milestones_around(at)}
        agreement = agreement_of(region, planned if name == "demo" else under_way)
        if name == "alfa":
            schools = tuple(
                school.model_copy(update={"name": HOSTILE}) if number == 0 else school
                for number, school in enumerate(agreement.schools)
            )
            agreement = agreement.model_copy(update={"schools": schools})
        write_agreement(agreement, folder / "regions")
        if name != "demo":
            fill(ledger, owner_dsn, agreement, RoundKind.ADVICE, Filling(dossiers, UNDER_WAY, troubled_every=1))
    settings = Settings(ledger=dsn, regions=folder / "regions", trust=None)
    return Board(airflow, lambda: settings, examine=examine)


@pytest.fixture
def client(board: Board) -> Iterator[TestClient]:
    """The board's pages."""
    with TestClient(make_app(board), follow_redirects=False) as found:
        yield found


@pytest.fixture
def counted(owner_dsn: str) -> Callable[[str], int]:
    """Return a count that the owner makes, beside the board."""

    def count(query: str) -> int:
        with psycopg.connect(owner_dsn) as connection:
            found = connection.execute(query).fetchone()
        assert found is not None
        return int(found[0])

    return count
