"""Waiting for another process, with a deadline and progress messages."""

import time
from collections.abc import Callable
from contextvars import ContextVar

from overstap.errors import OverstapError
from overstap_tools.local import ports
from overstap_tools.local.services import Service

_POLL_SECONDS = 0.25
_PART_OF_WAIT = 0.1
_SELDOM_SECONDS = 2.0
"""Who has waited for long looks less often: after a tenth of what the wait has lasted, at most this. Each look takes
the other process some hundredths of a second of a processor."""
TOLD_EVERY = 20.0
"""Seconds after which a wait is told, again and again."""
STARTS_SECONDS = 300.0
"""How long a service may take to listen. On a machine that is busy with other things a start takes minutes."""

tell_waits: ContextVar[Callable[[str, int], None] | None] = ContextVar("tell_waits", default=None)
"""Is given what is waited for, and for how many seconds so far; nothing is told where it is None."""


class Wait:
    """One wait: tells how long it lasts so far, and when its time is up.

    Args:
        what: what is waited for, in words without pupil data; a function is asked each time.
        seconds: how long to wait at most.
    """

    def __init__(self, what: str | Callable[[], str], seconds: float) -> None:
        self._what = what
        self._seconds = seconds
        self._begun = self._told = time.monotonic()

    @property
    def what(self) -> str:
        """What is waited for."""
        return self._what if isinstance(self._what, str) else self._what()

    def go_on(self, poll_seconds: float = _POLL_SECONDS) -> None:
        """Wait a moment.

        Args:
            poll_seconds: how long; longer, up to `_SELDOM_SECONDS`, when this has been waited for a while.

        Raises:
            OverstapError: LOCAL-010 when the time is up.
        """
        at = time.monotonic()
        if at > self._begun + self._seconds:
            raise OverstapError("LOCAL-010", seconds=int(self._seconds), what=self.what)
        tell = tell_waits.get()
        if tell is not None and at >= self._told + TOLD_EVERY:
            self._told = at
            tell(self.what, int(at - self._begun))
        time.sleep(max(poll_seconds, min((at - self._begun) * _PART_OF_WAIT, _SELDOM_SECONDS)))


def wait_until(
    is_done: Callable[[], bool], what: str | Callable[[], str], seconds: float, poll_seconds: float = _POLL_SECONDS
) -> None:
    """Ask again and again until the answer is yes.

    Args:
        is_done: the question.
        what: what is waited for, in words without pupil data; a function is asked when something is told.
        seconds: how long to wait at most.
        poll_seconds: between two questions, at first.

    Raises:
        OverstapError: LOCAL-010 when the time is up.
    """
    wait = Wait(what, seconds)
    while not is_done():
        wait.go_on(poll_seconds)


def wait_until_listening(service: Service, port: int) -> None:
    """Wait until a service that was started listens on its port.

    Args:
        service: the service.
        port: on 127.0.0.1.

    Raises:
        OverstapError: LOCAL-005 when it ended instead, LOCAL-010 when it does neither.
    """
    wait_until(lambda: not service.is_running or not ports.is_free(port), f"start: {service.name}", STARTS_SECONDS)
    if not service.is_running:
        raise OverstapError("LOCAL-005", service=service.name, log=str(service.log))
