"""Operator of a step: calls one function with plain values, none of which is ever rendered as a template."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import structlog
from airflow.sdk import BaseOperator, Context

from overstap.orchestration.failures import StopError
from overstap.orchestration.titles import school_label
from overstap.telemetry.trace import begin, trace_of_run


class StepOperator(BaseOperator):
    """Runs one step of a round, or of a region's day.

    Airflow's own `PythonOperator` and `@task` render `op_args` and `op_kwargs` with Jinja, with connections and
    variables in reach; names of schools reach a task as such arguments (docs/decisions).

    Args:
        python_callable: the step; it is called with the arguments below that were given, by name.
        region: region id.
        school_year: school year.
        kind: kind of the round, where the step is about one.
        school: BRIN and branch, where the step is about one school.
        label: how an instance of a mapped task is shown; it stands in the title `task.<task id>.map`.
    """

    template_fields: ClassVar[Sequence[str]] = ()
    template_ext: ClassVar[Sequence[str]] = ()

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        region: str,
        school_year: str,
        kind: str | None = None,
        school: str | None = None,
        label: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.python_callable = python_callable
        self.region = region
        self.school_year = school_year
        self.kind = kind
        self.school = school
        self.shown_as = label  # `label` itself is a property of Airflow's operators

    @property
    def arguments(self) -> dict[str, str]:
        """What the step is told."""
        told = {"region": self.region, "school_year": self.school_year, "kind": self.kind}
        told |= {"school": self.school, "label": self.shown_as}
        return {name: value for name, value in told.items() if value is not None}

    @property
    def shown(self) -> str:
        """How this instance is labelled in the grid."""
        return school_label(self.task_id, self.shown_as, self.school)

    def pre_execute(self, context: Any) -> None:
        """Log under the trace id of the run, which deliveries hand on to the receiving school's endpoint."""
        trace = trace_of_run(self.dag_id, str(context["run_id"]))
        begin(trace)
        structlog.contextvars.bind_contextvars(**{"trace.id": trace})

    def execute(self, context: Context) -> Any:
        """Run the step; return its counts, or the list that the next task is mapped over."""
        return self.run_step()

    def run_step(self, **more: Any) -> Any:
        """Call the step; what a person must mend ends the task in a few lines, without the frames it came through."""
        try:
            return self.python_callable(**self.arguments, **more)
        except StopError as problem:
            raise StopError(problem.error) from None
