"""Failed tasks: for which school, why, and who must act."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from overstap.errors import OverstapError
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class TaskInstanceRef:
    """Which task instance it is about.

    Args:
        dag_id: the DAG.
        run_id: its run.
        task: task id.
        map_index: of a mapped task, else -1.
        round_id: the round, where the task is about one.
        school: BRIN and branch, where the task is about one school.
    """

    dag_id: str
    run_id: str
    task: str
    map_index: int = -1
    round_id: str | None = None
    school: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that failed and has not succeeded since."""

    place: TaskInstanceRef
    code: str
    facts: dict[str, Any] = field(repr=False)
    who: str
    """Who must act: school, supplier, region or administrator."""
    will_retry: bool
    """Airflow tries again by itself; else it stays red until somebody clears it."""
    at: datetime

    @property
    def error(self) -> OverstapError:
        """What failed, with its sentences in both languages."""
        return OverstapError(self.code, **self.facts)


def note(unit: UnitOfWork, place: TaskInstanceRef, error: OverstapError, *, will_retry: bool) -> None:
    """Keep that a task failed; what was kept of the same task before ends with it.

    Args:
        unit: the transaction.
        place: which task instance.
        error: what it failed with.
        will_retry: whether Airflow tries again by itself.
    """
    end(unit, place)
    unit.run(
        "insert into overstap.task_failure "
        "(region, round_id, dag_id, run_id, task, map_index, school, code, facts, who, will_retry) values "
        "(%(region)s, %(round)s, %(dag)s, %(run)s, %(task)s, %(index)s, %(school)s, %(code)s, %(facts)s::jsonb, "
        "%(who)s, %(retry)s)",
        region=unit.region,
        round=place.round_id,
        dag=place.dag_id,
        run=place.run_id,
        task=place.task,
        index=place.map_index,
        school=place.school,
        code=error.code,
        facts=json.dumps(error.facts, default=str),
        who=error.who,
        retry=will_retry,
    )


def end(unit: UnitOfWork, place: TaskInstanceRef) -> int:
    """Keep that a task is red no longer, in whichever run of its DAG it succeeded; return how many failures end."""
    return unit.run(
        "update overstap.task_failure set ended_at = clock_timestamp() where dag_id = %(dag)s and task = %(task)s "
        "and round_id is not distinct from %(round)s and ended_at is null and case when %(school)s::text is null "
        "then map_index = %(index)s else school = %(school)s end",
        dag=place.dag_id,
        round=place.round_id,
        task=place.task,
        school=place.school,
        index=place.map_index,
    )


def standing(unit: UnitOfWork, round_id: str | None = None) -> list[Failure]:
    """Return what failed and has not succeeded since, the oldest first.

    Args:
        unit: the transaction.
        round_id: of one round only.
    """
    return [
        Failure(TaskInstanceRef(dag_id, run_id, task, index, found_round, school), code, facts, who, will_retry, at)
        for dag_id, run_id, task, index, found_round, school, code, facts, who, will_retry, at in unit.rows(
            "select dag_id, run_id, task, map_index, round_id, school, code, facts, who, will_retry, at "
            "from overstap.task_failure where ended_at is null "
            "and (%(round)s::text is null or round_id = %(round)s) order by at, task, map_index",
            round=round_id,
        )
    ]
