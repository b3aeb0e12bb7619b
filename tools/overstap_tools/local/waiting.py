"""Waiting for something that another process does in its own time."""

import time
from collections.abc import Callable

from overstap.errors import OverstapError

_POLL_SECONDS = 0.25


def wait_until(
    is_done: Callable[[], bool], what: str | Callable[[], str], seconds: float, poll_seconds: float = _POLL_SECONDS
) -> None:
    """Ask again and again until the answer is yes.

    Args:
        is_done: the question.
        what: what is waited for, for the message; no pupil data. A function is asked when the time is up.
        seconds: how long to wait at most.
        poll_seconds: between two questions.

    Raises:
        OverstapError: LOCAL-010 when the time is up.
    """
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            raise OverstapError("LOCAL-010", seconds=int(seconds), what=what if isinstance(what, str) else what())
        time.sleep(poll_seconds)
