"""Choice of free TCP ports on 127.0.0.1."""

import socket
from dataclasses import dataclass

from overstap.errors import OverstapError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class PortChoice:
    """A port that was free when it was chosen.

    Attributes:
        port: the one to use.
        usual: the one that is used when nothing else has it.
    """

    port: int
    usual: int

    @property
    def is_moved(self) -> bool:
        """Whether the usual port was taken, which the user should be told."""
        return self.port != self.usual


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def any_free() -> int:
    """Return a port that the operating system has free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def choose(usual: int, wanted: int | None, purpose: str) -> PortChoice:
    """Choose a port.

    Args:
        usual: taken when it is free; else any free one.
        wanted: what the user asked for; None for no wish.
        purpose: what it is for, for the message.

    Raises:
        OverstapError: LOCAL-001 when the port that the user asked for is taken.
    """
    if wanted is not None:
        if not is_free(wanted):
            raise OverstapError("LOCAL-001", port=wanted, purpose=purpose)
        return PortChoice(wanted, wanted)
    return PortChoice(usual if is_free(usual) else any_free(), usual)
