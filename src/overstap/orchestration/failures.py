"""Airflow callbacks that record failed tasks in the ledger: subject, error, and who must act."""

import logging
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowTaskTimeout

from overstap.agreements import RoundId
from overstap.errors import OverstapError, storage_error
from overstap.ledger import Ledger
from overstap.ledger.rounds import task_failures
from overstap.ledger.rounds.task_failures import TaskInstanceRef
from overstap.settings import Settings

log = logging.getLogger(__name__)


class StopError(AirflowFailException):
    """A failure without retry, since a person has to act first.

    Args:
        error: the error.
    """

    def __init__(self, error: OverstapError) -> None:
        super().__init__(str(error))
        self.error = error


def told(problem: BaseException | None) -> OverstapError:
    """Return the error of a failed task as an `OverstapError`.

    Args:
        problem: the exception; None when the task's process was killed.
    """
    if isinstance(problem, OverstapError):
        return problem
    if isinstance(problem, StopError):
        return problem.error
    if isinstance(problem, AirflowTaskTimeout):
        return OverstapError("TASK-002")
    if isinstance(problem, OSError) and (full := storage_error(problem)):
        return full
    if isinstance(problem, Exception):
        return OverstapError(
            "TASK-001", kind=type(problem).__name__
        )  # its message may contain values, so only the class is used
    return OverstapError("TASK-003")


def keep_failure(context: Context) -> None:
    """Record that a task failed."""
    _keep(context, will_retry=False)


def keep_retry(context: Context) -> None:
    """Record that a task failed and will be retried."""
    _keep(context, will_retry=True)


def keep_waiting(context: Context, error: OverstapError) -> None:
    """Record what a task waits for while another DAG retries it.

    Args:
        context: Airflow's context of the task.
        error: the error of the last attempt.
    """
    _note(context, error, will_retry=True)


def keep_success(context: Context) -> None:
    """Record that a task no longer fails."""
    region, place = _where(context)
    ledger = _ledger()
    try:
        with ledger.unit(region, place.task_id) as unit:
            task_failures.end(unit, place)
    finally:
        ledger.close()


_ABOUT = ("region", "school_year", "kind")

KEPT = {"on_failure_callback": keep_failure, "on_retry_callback": keep_retry, "on_success_callback": keep_success}
"""Callbacks of every task. While the ledger cannot be reached, only Airflow shows the failure."""


def _keep(context: Context, *, will_retry: bool) -> None:
    problem = context.get("exception")
    _note(context, told(problem if isinstance(problem, BaseException) else None), will_retry=will_retry)


def _note(context: Context, error: OverstapError, *, will_retry: bool) -> None:
    region, place = _where(context)
    ledger = _ledger()
    try:
        with ledger.unit(region, place.task_id) as unit:
            task_failures.note(unit, place, error, will_retry=will_retry)
    finally:
        ledger.close()


def _ledger() -> Ledger:
    """Return the ledger without keys: the DAG processor, which has none, calls back for killed processes."""
    return Ledger(Settings().need("ledger"), None)


def _where(context: Context) -> tuple[str, TaskInstanceRef]:
    """Return region and task instance, also in a callback for a killed process."""
    ti: Any = context["ti"]
    task: Any = context["task"]
    index = int(ti.map_index if ti.map_index is not None else -1)
    arguments = _arguments(task, index)
    kind = arguments.get("kind")
    region = str(arguments["region"])
    round_id = RoundId.of(region, arguments["school_year"], kind) if kind else None
    return region, TaskInstanceRef(ti.dag_id, ti.run_id, ti.task_id, index, round_id, arguments.get("school"))


def _arguments(task: Any, index: int) -> dict[str, Any]:
    """Return the subject of a task: region, school year, and round and school where it has them."""
    if not getattr(task, "is_mapped", False):
        known = getattr(task, "ref", task)
        return {name: getattr(known, name, None) for name in _ABOUT} | {"school": getattr(task, "school", None)}
    # A task whose process was killed is called back for as it stands in the DAG, with all its instances in one.
    partial = task.partial_kwargs
    if "ref" in partial:
        return {name: getattr(RoundId(partial["ref"]), name) for name in _ABOUT}
    each = getattr(task.expand_input, "value", ())
    return {**partial, **(each[index] if isinstance(each, list) and 0 <= index < len(each) else {})}
