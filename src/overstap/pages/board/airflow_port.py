"""Interface of the board to Airflow: the user of a request, gates, clearing of tasks with the user's rights, health."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fastapi import Request

from overstap.pages.board.health import HealthLine
from overstap.pages.board.person import BoardUser


@dataclass(frozen=True, slots=True)
class TaskRef:
    """One task instance of Airflow."""

    task_id: str
    map_index: int
    title: str
    state: str | None


@dataclass(frozen=True, slots=True)
class RunRef:
    """One DAG run of a round."""

    dag_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class FailedTask:
    """A task instance that failed and was not cleared since."""

    dag_id: str
    task_id: str
    label: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class GateQuestion:
    """A gate (Human-in-the-loop task) that waits for an answer.

    Args:
        title: the question, with its number of dossiers.
        path: of the page in Airflow on which it can be answered as well.
        since: since when it waits.
        gate: name of the gate in the ledger.
        number: number of the gate's question, from 1.
        key: idempotency key of the answer to this asking.
        task: the task that asks.
        run: its run.
    """

    title: str
    path: str
    since: datetime | None
    gate: str = ""
    number: int = 1
    key: str = ""
    task: TaskRef | None = None
    run: RunRef | None = None


class AirflowRefusedError(Exception):
    """Airflow did not do what was asked with this user's rights; the message is Airflow's own, for the page."""


@dataclass(frozen=True, slots=True)
class PausedDag:
    """A DAG that somebody paused.

    Args:
        region: id of its region.
        title: as Airflow shows it.
        path: of its page in Airflow, where it is unpaused.
    """

    region: str
    title: str
    path: str


class AirflowPort(Protocol):
    """The part of Airflow that the board uses."""

    @property
    def base(self) -> str:
        """URL path below which Airflow is served; usually empty."""

    @property
    def person(self) -> Callable[..., BoardUser]:
        """FastAPI dependency that returns the user of a request, or raises HTTPException 401 without one."""

    def login(self, request: Request) -> str:
        """Return the address of the login page, with the requested page as its return address."""

    def run(self, dag_id: str) -> RunRef | None:
        """Return the DAG run of a round; None when there is none."""

    def questions(self, dag_id: str) -> list[GateQuestion]:
        """Return the gates of a round's newest run that wait for an answer."""

    async def respond(self, request: Request, question: GateQuestion, choice: str) -> None:
        """Pass on the answer that the ledger has, through Airflow's own endpoint, with the request's credentials.

        A question that Airflow has an answer to already, or asks no longer, needs none.

        Raises:
            AirflowRefusedError: Airflow did not do it.
        """

    def questions_task(self, run: RunRef, gate: str) -> TaskRef | None:
        """Return the task that finds what a gate has to ask; None when the run has no such task."""

    def paused(self) -> list[PausedDag]:
        """Return the paused DAGs of agreements in use: their schedule starts no run."""

    def collect_task(self, run: RunRef, school: str, *, is_guest: bool = False) -> TaskRef | None:
        """Return the task that collects from a school; of a guest school without one, the one that looks for guests."""

    async def clear(
        self, request: Request, run: RunRef, task: TaskRef, *, note: str, is_rehearsal: bool
    ) -> Sequence[TaskRef]:
        """Clear a task and its downstream tasks through Airflow's own endpoint, with the credentials of the request.

        Raises:
            AirflowRefusedError: Airflow did not do it.
        """

    def health(self, now: datetime) -> list[HealthLine]:
        """Return the health of Airflow's components, queue and database."""

    def red_tasks(self) -> list[FailedTask]:
        """Return the failed tasks of rounds that were not cleared."""

    def secret(self) -> str:
        """Return a secret that all processes of the api-server share, to sign form tokens with."""
