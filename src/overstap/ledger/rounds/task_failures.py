"""Failed tasks of Airflow, with school, cause, and who must act."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from overstap.errors import OverstapError
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class TaskInstanceRef:
    """A task instance of Airflow.

    Args:
        dag_id: id of the DAG.
        run_id: id of the run.
        task_id: id of the task.
        map_index: index of a mapped task, else -1.
        round_id: the round of the task; None: none.
        school: BRIN and branch of the task's school; None: none.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    round_id: str | None = None
    school: str | None = None


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """A failed task that has not succeeded since."""

    task: TaskInstanceRef
    code: str
    facts: dict[str, Any] = field(repr=False)
    who: str
    """Who must act: school, supplier, region or administrator."""
    will_retry: bool
    """Whether Airflow retries it; else it stays failed until somebody clears it."""
    at: datetime

    @property
    def error(self) -> OverstapError:
        """The error with its sentences in both languages."""
        return OverstapError(self.code, **self.facts)


def note(unit: UnitOfWork, task: TaskInstanceRef, error: OverstapError, *, will_retry: bool) -> None:
    """Record the failure of a task, which replaces an earlier one of the same task.

    Args:
        unit: the transaction.
        task: the task instance.
        error: the error with which it failed.
        will_retry: whether Airflow retries it.
    """
    end(unit, task)
    unit.run(
        "insert into overstap.task_failure "
        "(region, round_id, dag_id, run_id, task, map_index, school, code, facts, who, will_retry) values "
        "(%(region)s, %(round)s, %(dag)s, %(run)s, %(task)s, %(index)s, %(school)s, %(code)s, %(facts)s::jsonb, "
        "%(who)s, %(retry)s)",
        region=unit.region,
        round=task.round_id,
        dag=task.dag_id,
        run=task.run_id,
        task=task.task_id,
        index=task.map_index,
        school=task.school,
        code=error.code,
        facts=json.dumps(error.facts, default=str),
        who=error.who,
        retry=will_retry,
    )


def end(unit: UnitOfWork, task: TaskInstanceRef) -> int:
    """Record that a task succeeded, in any run of its DAG; return the number of failures that this ends."""
    return unit.run(
        "update overstap.task_failure set ended_at = clock_timestamp() where dag_id = %(dag)s and task = %(task)s "
        "and round_id is not distinct from %(round)s and ended_at is null and case when %(school)s::text is null "
        "then map_index = %(index)s else school = %(school)s end",
        dag=task.dag_id,
        round=task.round_id,
        task=task.task_id,
        school=task.school,
        index=task.map_index,
    )


def open_failures(unit: UnitOfWork, round_id: str | None = None) -> list[TaskFailure]:
    """Return the tasks that failed and have not succeeded since, the oldest first.

    Args:
        unit: the transaction.
        round_id: of one round only.
    """
    return [
        TaskFailure(TaskInstanceRef(dag_id, run_id, task, index, found_round, school), code, facts, who, will_retry, at)
        for dag_id, run_id, task, index, found_round, school, code, facts, who, will_retry, at in unit.rows(
            "select dag_id, run_id, task, map_index, round_id, school, code, facts, who, will_retry, at "
            "from overstap.task_failure where ended_at is null "
            "and (%(round)s::text is null or round_id = %(round)s) order by at, task, map_index",
            round=round_id,
        )
    ]
