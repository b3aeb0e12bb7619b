"""A sandbox's clock that moves to any later moment: the ledger's, and what the steps are told."""

from datetime import datetime

from overstap.ledger.simulated_clock import set_clock
from overstap.pki import DevelopmentAuthority
from overstap.simulation.sandbox import Sandbox


class MovingClock:
    """Says the moment to which it was moved last; call it for that moment.

    Args:
        sandbox: whose ledger follows it.
        at: what it says at first.
    """

    def __init__(self, sandbox: Sandbox, at: datetime) -> None:
        self._sandbox = sandbox
        self.at = at
        self.move_to(at)

    def __call__(self) -> datetime:
        """Return what the clock says."""
        return self.at

    def move_to(self, at: datetime) -> None:
        """Move the clock, which never goes back, and publish the revocation lists of that day."""
        self.at = max(at, self.at)
        set_clock(self._sandbox.owner_dsn, self.at)
        DevelopmentAuthority(self._sandbox.trust, at=self.at).publish_revocations()
