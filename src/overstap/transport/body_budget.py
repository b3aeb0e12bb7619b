"""Memory limit for request bodies, per caller and for all connections of a server together (CWE-400)."""

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from overstap.transport.server_limits import ServerLimits


class Lease:
    """The share of the budget that one request holds until its response is sent.

    Args:
        budget: the budget of the server.
        caller: OIN of the caller.
    """

    def __init__(self, budget: "BodyBudget", caller: str) -> None:
        self._budget = budget
        self._caller = caller
        self._held = 0

    def take(self, size: int) -> bool:
        """Reserve `size` bytes; return False, and reserve nothing, when the budget has no room for them."""
        if not self._budget.take(self._caller, size):
            return False
        self._held += size
        return True

    def release(self) -> None:
        """Return all reserved bytes to the budget."""
        self._budget.release(self._caller, self._held)
        self._held = 0


class BodyBudget:
    """ASGI middleware that gives each request a lease as `request.state.lease`.

    Args:
        application: the wrapped application; `body_of` reserves memory through the lease.
        limits: the limits, in bytes.
    """

    def __init__(self, application: ASGIApp, limits: ServerLimits) -> None:
        self._application = application
        self._limits = limits
        self._held: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        lease = Lease(self, str(scope["state"].get("caller")))
        scope["state"]["lease"] = lease
        try:
            await self._application(scope, receive, send)
        finally:
            lease.release()

    def take(self, caller: str, size: int) -> bool:
        """Reserve `size` bytes for a caller; return False when there is no room. Call this on the event loop only."""
        limits = self._limits
        if self._held[caller] + size > limits.body_bytes_per_caller or self._held.total() + size > limits.body_bytes:
            return False
        self._held[caller] += size
        return True

    def release(self, caller: str, size: int) -> None:
        """Return `size` bytes of a caller to the budget."""
        self._held[caller] -= size
        if not self._held[caller]:
            del self._held[caller]
