"""Simulated clock of a rehearsal, which sets the ledger's clock and that of the steps to any later moment."""

from datetime import datetime
from typing import Protocol

from overstap.ledger.simulated_clock import set_clock
from overstap.pki import DevelopmentAuthority
from overstap.simulation.sandbox import Sandbox


class SimulatedClock(Protocol):
    """Clock that is moved from one moment to a later one, as the steps of a rehearsal need it."""

    at: datetime
    """Its present moment."""

    def __call__(self) -> datetime:
        """Return the present moment of the clock."""
        ...

    def move_to(self, at: datetime) -> None:
        """Move the clock forward; an earlier moment leaves it where it is."""
        ...


class MovingClock:
    """Clock that returns, when called, the moment to which it was moved last.

    Args:
        sandbox: the sandbox whose ledger follows it.
        at: the first moment.
    """

    def __init__(self, sandbox: Sandbox, at: datetime) -> None:
        self._sandbox = sandbox
        self.at = at
        self.move_to(at)

    def __call__(self) -> datetime:
        """Return the present moment of the clock."""
        return self.at

    def move_to(self, at: datetime) -> None:
        """Move the clock forward, and publish the revocation lists of that day."""
        self.at = max(at, self.at)
        set_clock(self._sandbox.owner_dsn, self.at)
        DevelopmentAuthority(self._sandbox.trust, at=self.at).publish_revocations()
