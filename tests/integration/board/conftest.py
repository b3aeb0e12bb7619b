"""Fixtures: filled rounds on PostgreSQL, and clients of the board for several accounts."""

import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient

from overstap.agreements import Milestones, RoundKind
from overstap.clock import now
from overstap.doctor import examine
from overstap.ledger import Ledger
from overstap.ledger.region_keys import create_keys
from overstap.pages.board.airflow_port import FailedTask, GateQuestion, PausedDag, RunRef, TaskRef
from overstap.pages.board.app import Board, make_app
from overstap.pages.board.health import HealthLine
from overstap.pages.board.person import BoardUser
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.bench.filling import UNDER_WAY, Filling, fill, milestones_around
from overstap_tools.local.postgres import EmbeddedPostgres

REGIONS = ("alfa", "beta", "demo")
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


@dataclass(frozen=True)
class Filled:
    """Rounds that a test's ledger begins with: of which regions, and of how many dossiers; demo's has not opened."""

    regions: tuple[str, ...] = REGIONS
    dossiers: int = 200


@dataclass(frozen=True)
class Template:
    """A filled ledger that is copied for each test.

    Args:
        database: its database.
        folder: its keys and agreements.
    """

    database: str
    folder: Path


@pytest.fixture(scope="session")
def templates(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Filled], Template]:
    """Return the template with what is asked for; it is made once, which takes ten times what a copy takes."""

    @cache
    def made(filled: Filled) -> Template:
        template = Template(f"filled_{secrets.token_hex(6)}", tmp_path_factory.mktemp("filled"))
        postgres.copy_database(template.database, ledger_template)
        for region in REGIONS:
            create_keys(template.folder / "keys", region, "1")
        ledger = Ledger(postgres.dsn("overstap_app", template.database), template.folder / "keys")
        _fill(ledger, postgres.superuser_dsn(template.database), template.folder, filled)
        ledger.close()
        return template

    return made


@pytest.fixture
def filled() -> Filled | None:
    """What the ledgers of a module begin with; None for nothing."""
    return Filled()


@pytest.fixture
def template(filled: Filled | None, templates: Callable[[Filled], Template]) -> Template | None:
    return templates(filled) if filled else None


@pytest.fixture
def ledger_origin(template: Template | None, ledger_template: str) -> str:
    return template.database if template else ledger_template


@pytest.fixture
def keys_folder(template: Template | None, tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    if template:
        return Path(shutil.copytree(template.folder / "keys", folder))
    for region in REGIONS:
        create_keys(folder, region, "1")
    return folder


@pytest.fixture
def board(
    airflow: Alone, ledger: Ledger, template: Template, postgres: EmbeddedPostgres, ledger_database: str, tmp_path: Path
) -> Iterator[Board]:
    """Region alfa under way, with a hostile name; beta as well; demo with a round that has not opened."""
    regions = Path(shutil.copytree(template.folder / "regions", tmp_path / "regions"))
    settings = Settings(ledger=postgres.dsn("overstap_board", ledger_database), regions=regions, trust=None)
    made = Board(airflow, lambda: settings, examine=examine)
    yield made
    made.read_only_ledger.close()


def _fill(ledger: Ledger, owner_dsn: str, folder: Path, filled: Filled) -> None:
    at = now()
    planned = {RoundKind.ADVICE: Milestones(**{name: at + timedelta(days=9) for name in Milestones.model_fields})}
    for place, name in enumerate(filled.regions):
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
            filling = Filling(filled.dossiers, UNDER_WAY, troubled_every=1)
            fill(ledger, owner_dsn, agreement, RoundKind.ADVICE, filling)


class Lent:
    """The board of the test that runs, for pages that are made once: that takes longer than most tests ask of them."""

    def __init__(self) -> None:
        self.board: Board | None = None
        self.pages = make_app(cast(Board, self))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.board, name)

    @property
    def airflow(self) -> Any:
        return _LentAirflow(self)


@dataclass(frozen=True)
class _LentAirflow:
    lent: Lent

    def __getattr__(self, name: str) -> Any:
        assert self.lent.board is not None
        return getattr(self.lent.board.airflow, name)

    @property
    def person(self) -> Callable[[], BoardUser]:
        """Who asks, which the pages take when they are made: so it looks at each request whose Airflow it is."""
        return lambda: self.lent.board.airflow.person()  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def lent() -> Lent:
    return Lent()


@pytest.fixture
def pages(lent: Lent) -> Iterator[Callable[[Board], FastAPI]]:
    """Return the board's pages for a board; those of the board that was asked for last."""

    def of(board: Board) -> FastAPI:
        lent.board = board
        return lent.pages

    yield of
    lent.board = None


@pytest.fixture
def client(board: Board, pages: Callable[[Board], FastAPI]) -> Iterator[TestClient]:
    """The board's pages."""
    with TestClient(pages(board), follow_redirects=False) as found:
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
