"""A region at the brink of each stage, as a ledger that is copied for each test; and stages as processes to kill."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from integration.round.house import House, build, copy_ledger

from overstap.agreements import Agreement
from overstap.clock import now, wall
from overstap.ledger.dossiers.dossiers import contents, verdicts
from overstap.ledger.review.decisions import ReviewDecision, record
from overstap.ledger.rounds.round_agreements import add_version
from overstap.rounds import collection, delivering, opening, reviewing
from overstap.rounds.context import Context
from overstap.simulation.synthetic.region import make_region
from overstap_tools.local.postgres import EmbeddedPostgres

from .places import place as place  # a fixture of the folder

PUPILS = 240
_DATABASES = ("opened", "inspected", "sealed")


@pytest.fixture
def random(request: pytest.FixtureRequest) -> Random:
    """Moments to strike. The seed is printed with a failure; OVERSTAP_SEED repeats it."""
    seed = int(os.environ.get("OVERSTAP_SEED") or Random().randrange(1_000_000))
    print(f"OVERSTAP_SEED={seed} pytest {request.node.nodeid}")
    return Random(seed)


@pytest.fixture(scope="session")
def server(state_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server of our own: it is stopped in the middle of things."""
    found = EmbeddedPostgres(state_folder / "faults" / "postgres", is_durable=False)
    found.start()
    yield found
    found.destroy()


@pytest.fixture(scope="session")
def brinks(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, House]]:
    """The same house before collecting, before sealing and before sending."""
    region = make_region(
        1, PUPILS, 1, 2, today=wall(now()).date(), name="alfa", late=0, faulty=0, littered=0, database=0
    )
    house = build(tmp_path_factory.mktemp("faults"), server, region, review=timedelta(hours=1), las=False)
    found = {}
    opened(house)
    found["opened"] = replace(house, database=copy_ledger(house), endpoints={})
    inspected(house)
    found["inspected"] = replace(house, database=copy_ledger(house), endpoints={})
    with house.step() as context:
        delivering.seal(context)
    found["sealed"] = replace(house, endpoints={})
    yield found
    for one in found.values():
        one.close()


@pytest.fixture
def at_brink(brinks: dict[str, House], tmp_path: Path) -> Iterator[Callable[[str], House]]:
    """Take a copy of the house at a brink; its endpoints keep what they receive for this test alone."""
    made: list[House] = []

    def take(name: str) -> House:
        house = brinks[name]
        folder = tmp_path / f"house{len(made)}"
        folder.mkdir()
        for part in ("keys", "trust", "region"):
            (folder / part).symlink_to(house.folder / part)
        made.append(replace(house, folder=folder, database=copy_ledger(house), endpoints={}))
        return made[-1]

    yield take
    for one in made:
        one.close()


Stage = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Stage]:
    """Begin a stage as a process; returns when it is about to work."""
    begun: list[subprocess.Popen[str]] = []

    def run(house: House, stage: str, school: str = "-") -> "subprocess.Popen[str]":
        with (tmp_path / f"{stage}.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("stage.py")), stage, house.round_id, school],
                env=os.environ | house.settings,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "begin\n", (tmp_path / f"{stage}.log").read_text()
        return process

    yield run
    for process in begun:
        process.kill()
        process.wait()


def opened(house: House) -> None:
    with house.ledger() as ledger:
        opening.open_round(Context(house.sandbox.settings(), ledger), house.round_id)
        with house.step(ledger) as context:
            collection.register(context)


def collect(house: House) -> None:
    """Collect from the one school of the house."""
    [school] = house.agreement.primary_schools
    with house.step() as context:
        collection.collect(context, school.id)


def inspected(house: House) -> None:
    """Bring every dossier to the brink of sealing; quality accepts all."""
    collect(house)
    [school] = house.agreement.primary_schools
    with house.ledger() as ledger:
        with ledger.unit("alfa", "check") as unit:
            verdicts(unit, {content.ref: [] for content in contents(unit, house.round_id, ["supplied"])})
        with house.step(ledger) as context, context.unit(house.coordinator) as unit:
            reviewing.release(context, unit, approved=True, decided_by=house.coordinator, reason="", answer_key="1")
        decisions = [
            ReviewDecision(pupil.las_key, house.region.today, "Ja", "Wij zien het anders." if place % 9 == 0 else None)
            for place, pupil in enumerate(house.region.pupils())
        ]
        with ledger.unit("alfa", school.id) as unit:
            record(unit, house.round_id, school.id, decisions, ground="school_list")


RunTask = Callable[..., Any]
Watch = Callable[..., list[dict[str, int]]]


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator["subprocess.Popen[str]"]:
    """A process that has Airflow, and runs a task when it is told to."""
    home = tmp_path_factory.mktemp("worker")
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("tasks.py"))],
            env=os.environ | {"AIRFLOW_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def run_task(worker: "subprocess.Popen[str]") -> RunTask:
    """Run a task of region alfa by its name, as a worker of Airflow calls it; return what it returns."""

    def run(house: House, task: str, *arguments: str, **settings: str) -> Any:
        assert worker.stdin is not None
        assert worker.stdout is not None
        order = {"task": task, "arguments": arguments, "settings": house.settings | settings}
        print(json.dumps(order), file=worker.stdin, flush=True)
        said = worker.stdout.readline()
        while said and not said.startswith("DONE "):
            said = worker.stdout.readline()
        assert said, "it failed: see its log"
        return json.loads(said.removeprefix("DONE "))

    return run


@pytest.fixture
def watch(run_task: RunTask) -> Watch:
    """Run the task of the deliveries' DAG, as often as is said; return what it did each time."""

    def run(house: House, *, times: int = 1, **settings: str) -> list[dict[str, int]]:
        year = house.agreement.school_year
        return [run_task(house, "watch_deliveries", year, **settings) for _ in range(times)]

    return run


def agreed_anew(house: House, agreement: Agreement) -> Agreement:
    """Let another agreement hold for the round from now on, as a form or a changed file does."""
    with house.ledger() as ledger, ledger.unit("alfa", house.coordinator) as unit:
        add_version(
            *(unit, house.round_id, agreement),
            origin="form",
            offered_digest=agreement.digest,
            taken_by=house.coordinator,
        )
    return agreement


def moved(house: House, **moments: datetime) -> Agreement:
    """Return the agreement with other moments in its round."""
    changed = house.round.milestones.model_copy(update=moments)
    agreed = house.round.model_copy(update={"milestones": changed})
    return house.agreement.model_copy(update={"rounds": {**house.agreement.rounds, house.kind: agreed}})
