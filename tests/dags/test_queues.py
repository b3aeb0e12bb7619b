"""Every task of every DAG carries the queue of what a worker must hold for it."""

from typing import Any

from overstap.orchestration.queues import Queue, queue_of, queued_tasks


def test_tasks_carry_their_queue(dags: dict[str, Any]) -> None:
    found = {(task.task_id, task.queue) for dag in dags.values() for task in dag.tasks}
    assert {(task, queue) for task, queue in found if queue != queue_of(task)} == set()
    named = {task for tasks in queued_tasks().values() for task in tasks}
    assert named - {task for task, _ in found} == set()
    assert {queue for _, queue in found} == {queue.value for queue in Queue}
