"""Airflow's folder, environment and database for a deployment, and the process that plays rounds in it."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from overstap_tools.local import ports
from overstap_tools.local.environment import AirflowFolders, environment
from overstap_tools.local.passwords import Passwords
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.project import PROJECT

from .deployment import RegionDeployment

DATABASE = "airflow_round"


@dataclass
class Played:
    """How a run ended."""

    state: str
    run: str
    """Airflow's id of it; other deployments play runs of the same DAG in the same database."""
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
    speaking: TextIO = field(repr=False)
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
        on_board: bool = False,
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
            on_board: answer on the pages of the board, as Airflow serves it, instead of by Airflow's API.
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
            "on_board": on_board,
        }
        self.speaking.write(json.dumps(told) + "\n")
        self.speaking.flush()
        said = self.listen()
        tasks = {name: str(state) for name, (state, _) in said["tasks"].items()}
        labels = {name: label for name, (_, label) in said["tasks"].items() if label}
        with self.log.open("rb") as log:
            log.seek(said_before)
            return Played(said["state"], said["run"], tasks, labels, log.read().decode(errors="replace"))

    def close(self) -> None:
        """End it. There is nothing to lose: all that it made is thrown away."""
        with suppress(ProcessLookupError):
            os.kill(self.greeting["pid"], signal.SIGKILL)
        self.speaking.close()

    def listen(self) -> dict[str, Any]:
        """Return the next line that it says."""
        line = self.speaking.readline()
        assert line, self.log.read_text()[-5000:]
        return json.loads(line)


class Players:
    """The process that players of deployments on one server are forked from; it is started when one is asked for.

    Args:
        server: where Airflow's database is made. It stays from one deployment to the next, with triggers under it.
    """

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def environment(self, home: Path) -> dict[str, str]:
        """Return the settings of Airflow alone.

        Args:
            home: its folder.
        """
        database = self._server.dsn(DATABASE, DATABASE, scheme="postgresql+psycopg")
        place = AirflowFolders(home, PROJECT / "dags", PROJECT / "plugins", database, ports.any_free(), 2)
        return environment(place, Passwords(self._server.folder), {}) | {"COLUMNS": "200"}

    def open(self, deployment: RegionDeployment) -> Airflow:
        """Make an Airflow for a deployment, in its folder, on its server."""
        home, temporary = deployment.folder / "airflow", deployment.folder / "tmp"
        home.mkdir()
        temporary.mkdir()
        told = {
            "folder": str(home),
            "environment": self.environment(home) | deployment.settings | {"TMPDIR": str(temporary)},
        }
        path = deployment.folder / "player.log"
        ours, theirs = socket.socketpair()
        with path.open("ab") as log, theirs:
            socket.send_fds(self._started(), [json.dumps(told).encode()], [theirs.fileno(), log.fileno()])
        airflow = Airflow(deployment, ours.makefile("rw", encoding="utf-8"), home, temporary, path)
        ours.close()  # the file keeps it
        airflow.greeting = airflow.listen()
        return airflow

    def close(self) -> None:
        """End the process; it has no players any more, or they end by themselves."""
        if self._control is not None and self._process is not None:
            self._control.close()
            self._process.kill()
            self._process.wait()

    def _started(self) -> socket.socket:
        if self._control is None:
            self._server.create_role(DATABASE)
            self._server.create_database(DATABASE, DATABASE)
            home = self._server.folder.parent / "airflow"
            home.mkdir(parents=True)
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs, (home / "players.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, str(Path(__file__).with_name("player.py")), str(theirs.fileno())],
                    env=self.environment(home),
                    cwd=home,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[theirs.fileno()],
                )
        return self._control
