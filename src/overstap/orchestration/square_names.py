"""Labels of mapped tasks that did not run yet: Airflow renders `map_index_template` only when a task runs.

A square of a task that never ran, because an earlier one failed, would show a number instead of its school.
"""

import logging
from typing import TYPE_CHECKING

from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from overstap.orchestration.titles import school_label

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

log = logging.getLogger(__name__)


def task_instance_mutation_hook(task_instance: "TaskInstance", dag_run: "DagRun | None" = None) -> None:
    """Label an instance that is mapped over the agreement's schools when the scheduler makes it.

    A task that runs replaces the label by its own. Instances that are mapped over what another task returned are made
    when that is known, and stay as they are.

    With any policy of this name Airflow 3.3.2 makes instances one by one, and leaves out the title of the task that it
    copies when it makes them in bulk (`TaskInstance.insert_mapping`); so this copies the title.

    An error would end the scheduler, and a number is readable too. So what a list of another shape, a title that is
    missing, unreadable texts and a table without these columns raise is logged.

    Args:
        task_instance: the instance, with its task.
        dag_run: its run; not needed.
    """
    try:
        _name(task_instance)
    except (LookupError, TypeError, ValueError, OSError, SQLAlchemyError):
        log.exception("task %s has no label before it runs", task_instance.task_id)


def _name(task_instance: "TaskInstance") -> None:
    task = task_instance.task
    if task is not None:
        _fill(task_instance, "task_display_name", task.task_display_name)
    each = getattr(getattr(task, "expand_input", None), "value", None)
    if isinstance(each, (list, tuple)) and 0 <= task_instance.map_index < len(each):
        told = each[task_instance.map_index]
        said = school_label(task_instance.task_id, told["label"], told["school"])
        _fill(task_instance, "rendered_map_index", said)


def _fill(task_instance: "TaskInstance", column: str, value: str) -> None:
    """Fill a column that is empty.

    Airflow's model has no attribute that sets it: `task_instance.rendered_map_index` can be read only. Its table has
    the names of Airflow's API, and SQLAlchemy tells which attribute holds a column.
    """
    mapper = inspect(task_instance).mapper
    attribute = mapper.get_property_by_column(mapper.local_table.columns[column]).key
    if getattr(task_instance, attribute) is None:
        setattr(task_instance, attribute, value)
