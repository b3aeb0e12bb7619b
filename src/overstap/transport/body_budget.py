"""How much memory request bodies may hold, over all connections of a server and per caller."""

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from overstap.transport.server_limits import ServerLimits


class Lease:
    """What one request holds of the budget; given back when its answer is out.

    Args:
        budget: of the server.
        caller: OIN.
    """

    def __init__(self, budget: "BodyBudget", caller: str) -> None:
        self._budget = budget
        self._caller = caller
        self._held = 0

    def take(self, size: int) -> bool:
        """Take bytes; return False, and take nothing, when there is no room for them."""
        if not self._budget.take(self._caller, size):
            return False
        self._held += size
        return True

    def release(self) -> None:
        """Give everything back."""
        self._budget.give(self._caller, self._held)
        self._held = 0


class BodyBudget:
    """An ASGI application around another one, which gives each request a lease as `request.state.lease`.

    Args:
        application: what deals with requests; `body_of` takes from the lease.
        limits: how much there is.
    """

    def __init__(self, application: ASGIApp, limits: ServerLimits) -> None:
        self._application = application
        self._limits = limits
        self._held: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Deal with one request."""
        lease = Lease(self, str(scope["state"].get("caller")))
        scope["state"]["lease"] = lease
        try:
            await self._application(scope, receive, send)
        finally:
            lease.release()

    def take(self, caller: str, size: int) -> bool:
        """Take bytes for a caller, if there is room. Called on the event loop only."""
        limits = self._limits
        if self._held[caller] + size > limits.body_bytes_per_caller or self._held.total() + size > limits.body_bytes:
            return False
        self._held[caller] += size
        return True

    def give(self, caller: str, size: int) -> None:
        """Take bytes back."""
        self._held[caller] -= size
        if not self._held[caller]:
            del self._held[caller]
