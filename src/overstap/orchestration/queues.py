"""Queues of tasks by what a worker must hold for them; an executor without queues takes no notice of them."""

from enum import StrEnum


class Queue(StrEnum):
    """A queue; each worker serves one or more (docs/scaling.md)."""

    FILES = "files"
    """Workers with the drop folders and the agreements: they read what schools and the region hand in, and write what
    coordinators agreed on."""
    KEYS = "keys"
    """Workers with certificates and signing keys, the outbox and the checkpoints: they seal, send, verify and sign."""
    DEFAULT = "default"
    """All other tasks. Airflow calls the queue of a task that names none so, too."""


_QUEUES = {
    Queue.FILES: ("registrations", "collect", "collect_guests", "collect_early", "receivers", "apply_agreement"),
    Queue.KEYS: (
        "seal",
        "deliver",
        "take_answers",
        "watch_deliveries",
        "close",
        "hand_out",
        # They look when certificates end
        "plan_day",
        "tell",
        "delivery_questions",
    ),
}
_OF_TASK = {task: queue for queue, tasks in _QUEUES.items() for task in tasks}


def queue_of(task: str) -> Queue:
    """Return the queue of a task.

    Args:
        task: task id, the same in every DAG.
    """
    return _OF_TASK.get(task, Queue.DEFAULT)


def queued_tasks() -> dict[Queue, tuple[str, ...]]:
    """Return the task ids of each queue but the default one."""
    return dict(_QUEUES)
