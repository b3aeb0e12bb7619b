"""Benchmark of the board: response time of each page, with a large region and with all regions of the country."""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx
import psycopg
from fastapi import FastAPI, Request
from rich.console import Console
from rich.table import Table

from overstap.agreements import Agreement, RoundKind
from overstap.clock import now
from overstap.pages.board import addresses
from overstap.pages.board.addresses import RoundFile
from overstap.pages.board.airflow_port import FailedTask, GateQuestion, PausedDag, RunRef, TaskRef
from overstap.pages.board.app import Board, make_app
from overstap.pages.board.health import HealthLine
from overstap.pages.board.person import BoardUser
from overstap.settings import Settings
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import punctual_region
from overstap_tools.bench.filling import UNDER_WAY, Filling, fill, milestones_around
from overstap_tools.bench.sandbox import SEED

ROUND = RoundKind.ADVICE
PUPILS, PRIMARY, SECONDARY = 5_000, 150, 12
"""A large region."""
REGION_BUDGET_MS, ALL_BUDGET_MS = 300, 1_000


def region_names(count: int) -> list[str]:
    """Return ids of regions."""
    return [f"region_{number:02}" for number in range(count)]


@dataclass(frozen=True, slots=True)
class PageTiming:
    """Response times of one page.

    Args:
        what: the page.
        milliseconds: time of each request, in order; the first opens a connection to the ledger.
        size_bytes: size of the response.
        budget_ms: largest permitted time; None for a peer.
    """

    what: str
    milliseconds: Sequence[float]
    size_bytes: int
    budget_ms: float | None

    @property
    def median(self) -> float:
        """Median time of a request, milliseconds."""
        return statistics.median(self.milliseconds)

    @property
    def is_kept(self) -> bool:
        """Whether the slowest request keeps the budget."""
        return self.budget_ms is None or max(self.milliseconds) <= self.budget_ms


class _StubAirflow:
    """Stub of Airflow with all permissions, so that only the board is measured."""

    base = ""

    def __init__(self, regions: Sequence[str], *, coordinates: bool = False) -> None:
        self._seen = frozenset(regions)
        self._coordinates = coordinates

    @property
    def person(self) -> Callable[..., BoardUser]:
        seen, coordinated = self._seen, self._seen if self._coordinates else frozenset[str]()

        def who() -> BoardUser:
            return BoardUser(
                "bench", "1", seen, seen, sees_dossiers=True, is_administrator=True, coordinates=coordinated
            )

        return who

    def login(self, request: Request) -> str:
        return "/"

    def run(self, dag_id: str) -> RunRef | None:
        return None

    def questions(self, dag_id: str) -> list[GateQuestion]:
        return []

    async def respond(self, request: Request, question: GateQuestion, choice: str) -> None:
        raise NotImplementedError

    def questions_task(self, run: RunRef, gate: str) -> TaskRef | None:
        return None

    def collect_task(self, run: RunRef, school: str, *, is_guest: bool = False) -> TaskRef | None:
        return None

    async def clear(
        self, request: Request, run: RunRef, task: TaskRef, *, note: str, is_rehearsal: bool
    ) -> Sequence[TaskRef]:
        return []

    def health(self, now: datetime) -> list[HealthLine]:
        return []

    def paused(self) -> list[PausedDag]:
        return []

    def red_tasks(self) -> list[FailedTask]:
        return []

    def secret(self) -> str:
        return "bench"


def run(console: Console, sandbox: Sandbox, *, regions: int, runs: int) -> list[PageTiming]:
    """Fill the ledger, ask for every page, print how long each took, and return that.

    Args:
        console: where to print.
        sandbox: the sandbox; its ledger knows `region_names(regions)`.
        regions: how many regions of `PUPILS` pupils there are; the pages of one region are asked of the last.
        runs: how often each page is asked for.
    """
    names = region_names(regions)
    begin = time.monotonic()
    ledger = sandbox.ledger()
    for position, name in enumerate(names):
        agreement = _agreement(position, name)
        write_agreement(agreement, sandbox.folder / "regions")
        fill(ledger, sandbox.owner_dsn, agreement, ROUND, Filling(PUPILS, UNDER_WAY))
    ledger.close()
    with psycopg.connect(sandbox.owner_dsn, autocommit=True) as connection:
        connection.execute("vacuum analyze")
    console.print(
        f"{regions * PUPILS:,} pupils of {regions * PRIMARY:,} schools were filled in {time.monotonic() - begin:.0f} s"
    )
    settings = Settings(ledger=sandbox.application_dsn, regions=sandbox.folder / "regions", trust=None)
    mine = names[-1:]
    round_id = agreement.round_id(ROUND)
    here, school = addresses.round_page(round_id), agreement.primary_schools[4].id
    app, ready = _app(mine, settings)
    pages = {
        "all rounds of a region": addresses.home(),
        "a round": here,
        "a round, searched and sorted": f"{here}?zoek=de&op=ontbreekt",
        "a round's schools as CSV": addresses.round_file(round_id, RoundFile.SCHOOLS, "csv"),
        "a round's schools as a spreadsheet": addresses.round_file(round_id, RoundFile.SCHOOLS, "xlsx"),
        "a school, with its dossiers": addresses.school_page(round_id, school),
        "what a rerun does": addresses.rerun_page(round_id, school),
    }
    found = [_timed(app, what, path, runs, REGION_BUDGET_MS) for what, path in pages.items()]
    everything, _ = _app(names, settings)
    found.append(_timed(everything, "all regions", addresses.administration(), runs, ALL_BUDGET_MS))
    found.append(_peer(sandbox, runs))
    _show(console, found, regions, ready)
    return found


def _agreement(position: int, name: str) -> Agreement:
    region = punctual_region(
        SEED + position,
        PRIMARY,
        PRIMARY,
        SECONDARY,
        today=now().date(),
        name=name,
    )
    return agreement_of(region, {ROUND: milestones_around(now())})


def _app(regions: Sequence[str], settings: Settings) -> tuple[FastAPI, float]:
    """Return a prepared application, as after a start of Airflow, and the duration of its preparation, ms."""
    board = Board(_StubAirflow(regions), lambda: settings)
    begin = time.perf_counter()
    board.prepare()
    took = (time.perf_counter() - begin) * 1000
    app = FastAPI()
    app.mount(addresses.PREFIX, make_app(board))
    return app, took


def _timed(app: FastAPI, what: str, path: str, runs: int, budget_ms: float) -> PageTiming:
    async def ask() -> tuple[list[float], int]:
        took = []
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://bench") as client:
            for _ in range(runs + 1):
                begin = time.perf_counter()
                answer = await client.get(path)
                took.append((time.perf_counter() - begin) * 1000)
                if answer.status_code not in (200, 409):
                    raise RuntimeError(f"{path}: {answer.status_code}")
        return took, len(answer.content)

    took, size = asyncio.run(ask())
    return PageTiming(what, took, size, budget_ms)


def _peer(sandbox: Sandbox, runs: int) -> PageTiming:
    """Count all dossiers by region and state in one statement: the lower bound for a page over all regions."""
    took = []
    with psycopg.connect(sandbox.owner_dsn) as connection:
        for _ in range(runs + 1):
            begin = time.perf_counter()
            connection.execute("select region, state, count(*) from overstap.dossier group by 1, 2").fetchall()
            took.append((time.perf_counter() - begin) * 1000)
    return PageTiming("PostgreSQL, one count of all dossiers by state", took, 0, None)


def _show(console: Console, found: Sequence[PageTiming], regions: int, ready: float) -> None:
    table = Table(
        title=f"The board, on the server, ms; a region of {PUPILS:,} pupils and {PRIMARY} schools among {regions}",
        title_justify="left",
    )
    table.add_column("page")
    for name in ("first", "median", "slowest", "budget", "kB"):
        table.add_column(name, justify="right")
    table.add_column("")
    for one in found:
        budget = "" if one.budget_ms is None else f"{one.budget_ms:,.0f}"
        kept = "" if one.budget_ms is None else "kept" if one.is_kept else "NOT KEPT"
        size = f"{one.size_bytes / 1000:,.0f}" if one.size_bytes else ""
        first, slowest = one.milliseconds[0], max(one.milliseconds[1:])
        table.add_row(one.what, f"{first:,.0f}", f"{one.median:,.0f}", f"{slowest:,.0f}", budget, size, kept)
    console.print(table)
    console.print(
        f"first: as after a start of the api-server, beside which the board reads all agreements and templates in "
        f"{ready:,.0f} ms"
    )
