"""Makes tasks of a round's steps: id, Dutch title, queue, label per school, retries and time limit."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from overstap.agreements import RoundId, School
from overstap.orchestration.failures import KEPT
from overstap.orchestration.queues import queue_of
from overstap.orchestration.step_operator import StepOperator
from overstap.orchestration.titles import LABEL, title

LONGEST = timedelta(hours=2)
"""No step takes this long; waits and gates, which take as long as people take, have no such limit."""


AGAIN = {
    "retries": 5,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(hours=1),
    **KEPT,
}
"""How a task is tried again by itself; what a person must mend fails at once (see `round_context.failures_told`).

Five times with growing waits is a quarter of an hour at least, whatever part Airflow adds by chance: a database that is
away for ten minutes needs nobody to clear a task.

That it failed is kept in the ledger (see `failures`)."""


def daily_steps(region: str, school_year: str) -> "Steps":
    """Return what makes the tasks of a region's day, which are about all of its rounds."""
    return Steps(None, {"region": region, "school_year": school_year})


def round_steps(ref: RoundId) -> "Steps":
    """Return what makes the tasks of one round."""
    return Steps(ref, {"region": ref.region, "school_year": ref.school_year, "kind": ref.kind.value})


class Steps:
    """Makes the tasks of one DAG.

    Args:
        ref: the round, for operators that know it themselves.
        which: what every task is told.
    """

    def __init__(self, ref: RoundId | None, which: dict[str, str]) -> None:
        self.ref = ref
        self._which = which

    def once(self, name: str, function: Callable[..., Any], **options: Any) -> Any:
        """Return the task of a step that is done once for the region.

        Args:
            name: task id; its title is `task.<name>`.
            function: what it does.
            options: further arguments of the operator.
        """
        return StepOperator(**self._arguments(name, function), **options).output

    def per_school(
        self,
        name: str,
        function: Callable[..., Any],
        schools: Sequence[School],
        operator: type[StepOperator] = StepOperator,
    ) -> Any:
        """Return the mapped task of a step that is done for each school, labelled by school.

        Args:
            name: task id; an instance's label is `task.<name>.map`.
            function: what it does for one school.
            schools: for which.
            operator: how it is run.
        """
        each = [{"school": school.id, "label": school.label} for school in schools]
        return self.per(name, function, each, operator)

    def per(
        self, name: str, function: Callable[..., Any], each: Any, operator: type[StepOperator] = StepOperator
    ) -> Any:
        """Return the mapped task of a step; `each` is a list of arguments with a label, or the task that gives it."""
        arguments = self._arguments(name, function)
        return operator.partial(map_index_template=LABEL, **arguments).expand_kwargs(each)

    def add(self, operator: Callable[..., Any], name: str, **options: Any) -> Any:
        """Return the task of an operator that knows the round itself: a wait or a gate.

        Args:
            operator: its class.
            name: task id; its title is `task.<name>`.
            options: further arguments of the operator.
        """
        return operator(
            task_id=name, task_display_name=title(f"task.{name}"), queue=queue_of(name), ref=str(self.ref), **options
        )

    def each(self, operator: Callable[..., Any], name: str, *, over: dict[str, Any], **options: Any) -> Any:
        """Return the mapped task of an operator that knows the round itself.

        Args:
            operator: its class.
            name: task id; an instance's label is `task.<name>.map`.
            over: name of the argument that differs, with the task that gives its values.
            options: further arguments of the operator.
        """
        return operator.partial(  # type: ignore[attr-defined]
            task_id=name,
            task_display_name=title(f"task.{name}"),
            queue=queue_of(name),
            map_index_template=LABEL,
            ref=str(self.ref),
            **options,
        ).expand(**over)

    def _arguments(self, name: str, function: Callable[..., Any]) -> dict[str, Any]:
        return {
            "task_id": name,
            "task_display_name": title(f"task.{name}"),
            "queue": queue_of(name),
            "python_callable": function,
            "execution_timeout": LONGEST,
            **self._which,
        }
