"""Interface of the board to Airflow: who asks, clearing with that person's rights, health."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fastapi import Request

from overstap.pages.board.health import HealthLine
from overstap.pages.board.person import BoardUser


@dataclass(frozen=True, slots=True)
class TaskRef:
    """One task instance as Airflow has it."""

    task_id: str
    map_index: int
    title: str
    state: str | None


@dataclass(frozen=True, slots=True)
class RunRef:
    """The run of a round's DAG."""

    dag_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class RedTask:
    """A task that failed and was not cleared since."""

    dag_id: str
    task_id: str
    label: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Question:
    """A gate that waits for an answer.

    Args:
        title: the question, with its number of dossiers.
        path: where in Airflow it is answered.
        since: since when it waits.
    """

    title: str
    path: str
    since: datetime | None


class RefusedError(Exception):
    """Airflow refused what this person asked: its words, for the page."""


@dataclass(frozen=True, slots=True)
class PausedDag:
    """A DAG that somebody switched off.

    Args:
        region: whose it is.
        title: as Airflow shows it.
        path: of its page, where it is switched on again.
    """

    region: str
    title: str
    path: str


class AirflowPort(Protocol):
    """Airflow as the board sees it."""

    @property
    def base(self) -> str:
        """Path below which Airflow is served; mostly empty."""

    @property
    def person(self) -> Callable[..., BoardUser]:
        """What FastAPI calls to learn who asks; it raises an HTTP error 401 when nobody is signed in."""

    def login(self, request: Request) -> str:
        """Return where one signs in, and comes back from to the page that was asked for."""

    def run(self, dag_id: str) -> RunRef | None:
        """Return the run of a round; None when it has none."""

    def questions(self, dag_id: str) -> list[Question]:
        """Return the gates of a round's newest run that wait for an answer."""

    def paused(self) -> list[PausedDag]:
        """Return the DAGs of agreements in use that are paused: nothing of them starts."""

    def collect_task(self, run: RunRef, school: str) -> TaskRef | None:
        """Return the task that collects from a school."""

    async def clear(
        self, request: Request, run: RunRef, task: TaskRef, *, note: str, is_rehearsal: bool
    ) -> Sequence[TaskRef]:
        """Clear a task with what follows it through Airflow's own endpoint, with the credentials of the request.

        Raises:
            RefusedError: Airflow did not do it.
        """

    def health(self, now: datetime) -> list[HealthLine]:
        """Return how Airflow's parts stand."""

    def red_tasks(self) -> list[RedTask]:
        """Return what is red in rounds now."""

    def secret(self) -> str:
        """Return a secret that all processes of the api-server share, for the marks of forms."""
