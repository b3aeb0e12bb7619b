"""Task logs without the frames of errors that were told already.

Airflow logs every exception of a task with all its frames. Below the sentences that say what is wrong and what to do,
they read as if Overstap itself had broken.
"""

import sys
from typing import Any

import structlog

from overstap.errors import OverstapError
from overstap.orchestration.failures import StopError


def leave_frames_out() -> None:
    """Have this process log our own errors without frames from now on; other exceptions keep them. Idempotent.

    Loggers that exist already share Airflow's list of processors, so the list itself is changed.
    """
    processors = structlog.get_config()["processors"]
    if without_frames not in processors:
        processors.insert(0, without_frames)


def without_frames(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Return a log event; one about our own error gets its code instead of its frames.

    Args:
        logger: the logger, unused.
        method: its level, unused.
        event: the event; `exc_info` is True, an exception, or a triple as of `sys.exc_info`.
    """
    given = event.get("exc_info")
    problem = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    error = problem.error if isinstance(problem, StopError) else problem
    if isinstance(error, OverstapError):
        del event["exc_info"]
        event["event"] = f"{error.code} | Niet gelukt: zie de regels hierboven. Failed: see the lines above."
    return event
