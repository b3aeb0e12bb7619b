"""Airflow's folder, environment and database for a deployment, and the process that plays rounds in it."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overstap_tools.local import ports
from overstap_tools.local.environment import AirflowFolders, environment
from overstap_tools.local.passwords import Passwords
from overstap_tools.project import PROJECT

from .deployment import RegionDeployment

DATABASE = "airflow_round"


@dataclass
class Played:
    """How a run ended."""

    state: str
    tasks: dict[str, str]
    """State of each task instance, mapped ones with their index."""
    labels: dict[str, str]
    """What a coordinator reads at a mapped one."""
    log: str = field(repr=False)
    """What its tasks logged."""


@dataclass
class Airflow:
    """A process that plays the rounds of a deployment."""

    deployment: RegionDeployment
    process: subprocess.Popen[str]
    home: Path
    temporary: Path
    log: Path
    greeting: dict[str, Any] = field(default_factory=dict)

    def play(
        self,
        *,
        answer: dict[str, str] | None = None,
        account: str | None = None,
        mark_success: str | None = None,
        skip: str | None = None,
        only: list[str] | None = None,
        dag: str = "round__{region}__{kind}",
        conf: dict[str, Any] | None = None,
        by: str | None = None,
        reason: str = "Afgesproken",
    ) -> Played:
        """Play a DAG from its first task, or some tasks of it each by itself, and wait for its end.

        Args:
            answer: answers to gates, by task; a gate without one is let through.
            account: who answers.
            mark_success: pattern of tasks that are marked a success instead of run.
            skip: the gate whose question is marked as skipped, by Airflow's API, instead of answered.
            only: run these alone.
            dag: which; the round's.
            conf: what was filled in on the form of the run.
            by: the account that started it; Airflow's scheduler when left out.
            reason: the words that go with each answer.
        """
        said_before = self.log.stat().st_size
        told = {
            "dag": dag.format(region=self.deployment.region.name, kind=self.deployment.kind.value),
            "answer": answer or {},
            "account": account or self.deployment.coordinator,
            "mark_success": mark_success,
            "skip": skip,
            "only": only,
            "conf": conf,
            "by": by,
            "reason": reason,
        }
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        said = self._listen()
        tasks = {name: str(state) for name, (state, _) in said["tasks"].items()}
        labels = {name: label for name, (_, label) in said["tasks"].items() if label}
        with self.log.open("rb") as log:
            log.seek(said_before)
            return Played(said["state"], tasks, labels, log.read().decode(errors="replace"))

    def close(self) -> None:
        """End it. There is nothing to lose: all that it made is thrown away."""
        self.process.kill()
        self.process.wait()

    def _listen(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text()[-5000:]
        return json.loads(line)


def open_airflow(deployment: RegionDeployment) -> Airflow:
    """Make an Airflow for a deployment, in its folder, on its server."""
    home, temporary = deployment.folder / "airflow", deployment.folder / "tmp"
    home.mkdir()
    temporary.mkdir()
    deployment.server.create_role(DATABASE)
    deployment.server.create_database(DATABASE, DATABASE)
    database = deployment.server.dsn(DATABASE, DATABASE, scheme="postgresql+psycopg")
    place = AirflowFolders(home, PROJECT / "dags", PROJECT / "plugins", database, ports.any_free(), 2)
    extra = deployment.settings | {"TMPDIR": str(temporary)}
    log = deployment.folder / "player.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("player.py")), str(PROJECT / "dags")],
            # Kept with the server: Airflow's database stays from one region to the next, with triggers under it.
            env=environment(place, Passwords(deployment.server.folder), extra) | {"COLUMNS": "200"},
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
        )
    airflow = Airflow(deployment, process, home, temporary, log)
    airflow.greeting = airflow._listen()
    return airflow
