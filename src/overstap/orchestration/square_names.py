"""Labels of mapped tasks that did not run yet: Airflow renders `map_index_template` only when a task runs.

A square of a task that never ran, because an earlier one failed, would show a number instead of its school.
"""

import logging
from typing import TYPE_CHECKING

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

    Args:
        task_instance: the instance, with its task.
        dag_run: its run; not needed.
    """
    task = task_instance.task
    if task_instance._task_display_property_value is None and task is not None:
        task_instance._task_display_property_value = task.task_display_name
    if task_instance.map_index < 0 or task_instance._rendered_map_index is not None:
        return
    try:
        each = getattr(getattr(task, "expand_input", None), "value", None)
        if isinstance(each, (list, tuple)) and task_instance.map_index < len(each):
            told = each[task_instance.map_index]
            said = school_label(task_instance.task_id, told["label"], told["school"])
            task_instance._rendered_map_index = said
    except Exception:  # an error here would end the scheduler, and a number is readable too
        log.exception("task %s has no label before it runs", task_instance.task_id)
