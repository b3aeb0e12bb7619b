"""How a step of a round becomes a task: its id, its Dutch title, its school's label in the grid."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import task

from overstap.agreements import School
from overstap.orchestration.titles import label_template, title
from overstap.orchestration.workplace import RoundRef

LONGEST = timedelta(hours=2)
"""No step takes this long; waits and gates, which take as long as people take, have no such limit."""


class Steps:
    """Makes the tasks of one round.

    Args:
        ref: the round, which every task gets.
    """

    def __init__(self, ref: RoundRef) -> None:
        self.ref = ref
        self._which = {"region": ref.region, "school_year": ref.school_year, "kind": ref.kind}

    def once(self, name: str, function: Callable[..., Any], **options: Any) -> Any:
        """Return the task of a step that is done once for the region.

        Args:
            name: task id; its title is `task.<name>`.
            function: what it does.
            options: further arguments of the operator.
        """
        return self._task(name, function, **options)(**self._which)

    def per_school(self, name: str, function: Callable[..., Any], schools: Sequence[School], **options: Any) -> Any:
        """Return the mapped task of a step that is done for each school, labelled by school.

        Args:
            name: task id; an instance's label is `task.<name>.map`.
            function: what it does for one school.
            schools: for which.
            options: further arguments of the operator.
        """
        made = self._task(name, function, map_index_template=label_template(f"task.{name}.map"), **options)
        return made.partial(**self._which).expand_kwargs(
            [{"school": school.id, "label": school.label} for school in schools]
        )

    def add(self, operator: Callable[..., Any], name: str, **options: Any) -> Any:
        """Return the task of an operator that knows the round itself: a wait or a gate.

        Args:
            operator: its class.
            name: task id; its title is `task.<name>`.
            options: further arguments of the operator.
        """
        return operator(task_id=name, task_display_name=title(f"task.{name}"), ref=self.ref, **options)

    def each(self, operator: Callable[..., Any], name: str, *, over: dict[str, Any], **options: Any) -> Any:
        """Return the mapped task of an operator that knows the round itself.

        Args:
            operator: its class.
            name: task id; an instance's label is `task.<name>.map`.
            over: name of the argument that differs, with the task that gives its values.
            options: further arguments of the operator.
        """
        label = title(f"task.{name}.map", **{key: f"{{{{ task.{key} }}}}" for key in over})
        return operator.partial(  # type: ignore[attr-defined]
            task_id=name,
            task_display_name=title(f"task.{name}"),
            map_index_template=label,
            ref=self.ref,
            **options,
        ).expand(**over)

    def _task(self, name: str, function: Callable[..., Any], **options: Any) -> Any:
        return task(task_id=name, task_display_name=title(f"task.{name}"), execution_timeout=LONGEST, **options)(
            function
        )
