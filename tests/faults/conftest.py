"""Fixtures of fault tests: a region before each stage, as a ledger copied per test, and stages as processes to kill."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from forked import Process, popen
from integration.round.deployment import RegionDeployment, build, copy_ledger

from overstap.agreements import Agreement
from overstap.clock import dutch_time, now
from overstap.ledger.dossiers.dossiers import contents, verdicts
from overstap.ledger.review.decisions import ReviewDecision, record
from overstap.ledger.rounds.round_agreements import add_version
from overstap.rounds import collection, delivering, opening, reviewing
from overstap.rounds.context import Context
from overstap.simulation.synthetic.region import make_region
from overstap_tools.local.postgres import EmbeddedPostgres

from .receiving_ends import receiving_end as receiving_end  # a fixture of the folder

PUPILS = 240


@pytest.fixture(scope="session")
def server(state_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server of our own: it is stopped in the middle of things."""
    found = EmbeddedPostgres(state_folder / "faults" / "postgres", is_durable=False, in_memory=True)
    found.start()
    yield found
    found.destroy()


@pytest.fixture(scope="session")
def brinks(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RegionDeployment]]:
    """The same deployment before collecting, before judging, before release, before sealing and before sending."""
    region = make_region(
        1, PUPILS, 1, 2, today=dutch_time(now()).date(), name="alfa", late=0, faulty=0, littered=0, database=0
    )
    deployment = build(tmp_path_factory.mktemp("faults"), server, region, review=timedelta(hours=1), las=False)
    found = {}
    opened(deployment)
    found["opened"] = replace(deployment, database=copy_ledger(deployment), endpoints={})
    collect(deployment)
    found["collected"] = replace(deployment, database=copy_ledger(deployment), endpoints={})
    accepted(deployment)
    found["accepted"] = replace(deployment, database=copy_ledger(deployment), endpoints={})
    answered(deployment)
    found["inspected"] = replace(deployment, database=copy_ledger(deployment), endpoints={})
    with deployment.step() as context:
        delivering.seal(context)
    found["sealed"] = replace(deployment, endpoints={})
    yield found
    for one in found.values():
        one.close()


@pytest.fixture
def at_brink(brinks: dict[str, RegionDeployment], tmp_path: Path) -> Iterator[Callable[[str], RegionDeployment]]:
    """Take a copy of the deployment at a brink; its endpoints keep what they receive for this test alone."""
    made: list[RegionDeployment] = []

    def take(name: str) -> RegionDeployment:
        deployment = brinks[name]
        folder = tmp_path / f"deployment{len(made)}"
        folder.mkdir()
        for part in ("keys", "trust", "region"):
            (folder / part).symlink_to(deployment.folder / part)
        made.append(replace(deployment, folder=folder, database=copy_ledger(deployment), endpoints={}))
        return made[-1]

    yield take
    for one in made:
        one.close()


Stage = Callable[..., Process]
_LOADS = {"check": ("overstap.quality.region", "overstap.rounds.checking", "great_expectations")}
"""What a stage takes seconds to load."""


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Stage]:
    """Begin a stage as a process; returns when it is about to work. `before` are words in front of the command."""
    begun: list[Process] = []

    def run(
        deployment: RegionDeployment, stage: str, school: str = "-", before: Sequence[str] = (), **settings: str
    ) -> Process:
        with (tmp_path / f"{stage}.log").open("a") as log:
            words = [str(Path(__file__).with_name("stage.py")), stage, deployment.round_id, school]
            env = os.environ | deployment.settings | {"OVERSTAP_REVIEW_ADDRESS": "https://ouders.example"} | settings
            said, loads = subprocess.PIPE, _LOADS.get(stage, ())
            process = popen(words, env=env, stdout=said, stderr=log, text=True, before=before, loads=loads)
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "begin\n", (tmp_path / f"{stage}.log").read_text()
        return process

    yield run
    for process in begun:
        process.kill()
        process.wait()


def opened(deployment: RegionDeployment) -> None:
    with deployment.ledger() as ledger:
        opening.open_round(Context(deployment.sandbox.settings(), ledger), deployment.round_id)
        with deployment.step(ledger) as context:
            collection.register(context)


def collect(deployment: RegionDeployment) -> None:
    """Collect from the one school of the deployment."""
    [school] = deployment.agreement.primary_schools
    with deployment.step() as context:
        collection.collect(context, school.id)


def accepted(deployment: RegionDeployment) -> None:
    """Let quality accept every dossier."""
    with deployment.ledger() as ledger, ledger.unit("alfa", "check") as unit:
        verdicts(unit, {content.ref: [] for content in contents(unit, deployment.round_id, ["supplied"])})


def inspected(deployment: RegionDeployment) -> None:
    """Bring every dossier to the brink of sealing; quality accepts all."""
    collect(deployment)
    accepted(deployment)
    answered(deployment)


def answered(deployment: RegionDeployment) -> None:
    """Release what was accepted, and let every family answer."""
    [school] = deployment.agreement.primary_schools
    with deployment.ledger() as ledger:
        with deployment.step(ledger) as context, context.unit(deployment.coordinator) as unit:
            reviewing.release(
                context, unit, approved=True, decided_by=deployment.coordinator, reason="", answer_key="1"
            )
        decisions = [
            ReviewDecision(
                pupil.las_key, deployment.region.today, "Ja", "Wij zien het anders." if place % 9 == 0 else None
            )
            for place, pupil in enumerate(deployment.region.pupils())
        ]
        with ledger.unit("alfa", school.id) as unit:
            record(unit, deployment.round_id, school.id, decisions, ground="school_list")


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

    def run(deployment: RegionDeployment, task: str, *arguments: str, **settings: str) -> Any:
        assert worker.stdin is not None
        assert worker.stdout is not None
        order = {"task": task, "arguments": arguments, "settings": deployment.settings | settings}
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

    def run(deployment: RegionDeployment, *, times: int = 1, **settings: str) -> list[dict[str, int]]:
        year = deployment.agreement.school_year
        return [run_task(deployment, "watch_deliveries", year, **settings) for _ in range(times)]

    return run


def agreed_anew(deployment: RegionDeployment, agreement: Agreement) -> Agreement:
    """Let another agreement hold for the round from now on, as a form or a changed file does."""
    with deployment.ledger() as ledger, ledger.unit("alfa", deployment.coordinator) as unit:
        add_version(
            *(unit, deployment.round_id, agreement),
            origin="form",
            offered_digest=agreement.digest,
            taken_by=deployment.coordinator,
        )
    return agreement


def moved(deployment: RegionDeployment, **moments: datetime) -> Agreement:
    """Return the agreement with other moments in its round."""
    changed = deployment.round.milestones.model_copy(update=moments)
    agreed = deployment.round.model_copy(update={"milestones": changed})
    return deployment.agreement.model_copy(update={"rounds": {**deployment.agreement.rounds, deployment.kind: agreed}})
