"""Airflow callbacks that record failed tasks in the ledger: for whom, why, and who must act."""

import logging
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowTaskTimeout

from overstap.agreements import RoundId
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.rounds import task_failures
from overstap.ledger.rounds.task_failures import TaskInstanceRef
from overstap.settings import Settings

log = logging.getLogger(__name__)


class StopError(AirflowFailException):
    """A failure that no further try mends: a person has to act first.

    Args:
        error: what it is.
    """

    def __init__(self, error: OverstapError) -> None:
        super().__init__(str(error))
        self.error = error


def told(problem: BaseException | None) -> OverstapError:
    """Return what a task failed with, as one of our own errors.

    Args:
        problem: what Airflow caught; None when the task's process was ended from outside.
    """
    if isinstance(problem, OverstapError):
        return problem
    if isinstance(problem, StopError):
        return problem.error
    if isinstance(problem, AirflowTaskTimeout):
        return OverstapError("TASK-002")
    if isinstance(problem, Exception):
        return OverstapError("TASK-001", kind=type(problem).__name__)  # its words may hold values: the kind alone
    return OverstapError("TASK-003")


def keep_failure(context: Context) -> None:
    """Keep that a task is red."""
    _keep(context, will_retry=False)


def keep_retry(context: Context) -> None:
    """Keep that a task failed and will be tried again by itself."""
    _keep(context, will_retry=True)


def keep_waiting(context: Context, error: OverstapError) -> None:
    """Keep what a task waits for that is tried again by itself, elsewhere.

    Args:
        context: of the task.
        error: why it is not done.
    """
    _note(context, error, will_retry=True)


def keep_success(context: Context) -> None:
    """Keep that a task is red no longer."""
    region, place = _where(context)
    ledger = _ledger()
    try:
        with ledger.unit(region, place.task) as unit:
            task_failures.end(unit, place)
    finally:
        ledger.close()


_ABOUT = ("region", "school_year", "kind")

KEPT = {"on_failure_callback": keep_failure, "on_retry_callback": keep_retry, "on_success_callback": keep_success}
"""Arguments of every task. Where the ledger itself is away nothing can be kept: then Airflow's red square tells it."""


def _keep(context: Context, *, will_retry: bool) -> None:
    problem = context.get("exception")
    _note(context, told(problem if isinstance(problem, BaseException) else None), will_retry=will_retry)


def _note(context: Context, error: OverstapError, *, will_retry: bool) -> None:
    region, place = _where(context)
    ledger = _ledger()
    try:
        with ledger.unit(region, place.task) as unit:
            task_failures.note(unit, place, error, will_retry=will_retry)
    finally:
        ledger.close()


def _ledger() -> Ledger:
    """Return the ledger without keys: for a killed process the DAG processor calls back, which has none."""
    return Ledger(Settings().need("ledger"), None)


def _where(context: Context) -> tuple[str, TaskInstanceRef]:
    """Return the region, and which task instance it is; also where Airflow calls back for a killed process."""
    ti: Any = context["ti"]
    task: Any = context["task"]
    index = int(ti.map_index if ti.map_index is not None else -1)
    arguments = _arguments(task, index)
    kind = arguments.get("kind")
    region = str(arguments["region"])
    round_id = RoundId.of(region, arguments["school_year"], kind) if kind else None
    return region, TaskInstanceRef(ti.dag_id, ti.run_id, ti.task_id, index, round_id, arguments.get("school"))


def _arguments(task: Any, index: int) -> dict[str, Any]:
    """Return what a task is about: region, school year, and kind of round and school where it is about one."""
    if not getattr(task, "is_mapped", False):
        known = getattr(task, "ref", task)
        return {name: getattr(known, name, None) for name in _ABOUT} | {"school": getattr(task, "school", None)}
    # A task whose process was killed is called back for as it stands in the DAG, with all its instances in one.
    partial = task.partial_kwargs
    if "ref" in partial:
        return {name: getattr(RoundId(partial["ref"]), name) for name in _ABOUT}
    each = getattr(task.expand_input, "value", ())
    return {**partial, **(each[index] if isinstance(each, list) and 0 <= index < len(each) else {})}
