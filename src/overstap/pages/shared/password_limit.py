"""ASGI middleware that rate-limits Airflow's password endpoints, of which the token endpoint has no limit.

No client is locked out. A network has a few concurrent attempts, and after some failures each further failure is
answered with a longer delay, which leaves a few guesses a minute.
"""

import time
from collections import Counter, deque

from starlette.requests import Request

from overstap.alarms import raise_alarm
from overstap.pages.shared.delays import MAX_SECONDS, DelayQueue, delay_seconds
from overstap.pages.shared.guard import App, Message, Receive, Scope, Send
from overstap.pages.shared.networks import networks_of

_TAKES_PASSWORDS = ("/auth/token", "/auth/token/cli", "/auth/login")
_REMEMBERED_SECONDS = 1_800.0
_FREE = 10
_AT_ONCE = 3
_ALARMS = frozenset({60, 600, 6_000})
_MAX_NETWORKS = 10_000


class PasswordLimit:
    """Middleware around Airflow's whole application; other requests pass unchanged.

    Args:
        app: the application.
        free: failures of a network in half an hour without delay.
        at_once: concurrent attempts of a network; one more gets HTTP 429.
    """

    def __init__(self, app: App, free: int = _FREE, at_once: int = _AT_ONCE) -> None:
        self.app = app
        self._free = free
        self._at_once = at_once
        self._failed: dict[str, deque[float]] = {}
        self._under_way: Counter[str] = Counter()
        self._room = DelayQueue(per_network=at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and delay the answer to repeated failures."""
        if scope["type"] != "http" or scope["method"] != "POST" or not _takes_password(scope):
            await self.app(scope, receive, send)
            return
        network = networks_of(Request(scope)).narrow
        if self._under_way[network] >= self._at_once:
            await _refuse(send)
            return
        self._under_way[network] += 1
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        try:
            await self.app(scope, receive, keep)
            if kept and _has_failed(kept[0]):
                failed = self._note(network)
                await self._room.wait(network, delay_seconds(failed, self._free))
        finally:
            self._under_way[network] -= 1
            if not self._under_way[network]:
                del self._under_way[network]
        for message in kept:
            await send(message)

    def _note(self, network: str) -> int:
        now = time.monotonic()
        found = self._failed.pop(network, None) or deque(maxlen=_MAX_NETWORKS)
        while found and found[0] < now - _REMEMBERED_SECONDS:
            found.popleft()
        found.append(now)
        self._failed[network] = found  # moved to the end: the newest last
        if len(self._failed) > _MAX_NETWORKS:
            self._failed.pop(next(iter(self._failed)))
        if len(found) in _ALARMS:
            raise_alarm("account_guessed", service="airflow", failed=len(found))
        return len(found)


def _takes_password(scope: Scope) -> bool:
    return str(scope["path"]).rstrip("/").endswith(_TAKES_PASSWORDS)


def _has_failed(start: Message) -> bool:
    """Tell whether an attempt failed: an error status, or a redirect to the form (Flask-AppBuilder sends 302)."""
    if start["status"] >= 400 or start["status"] == 200:
        return True
    to = next((value for name, value in start.get("headers", []) if name.lower() == b"location"), b"")
    return start["status"] in (302, 303) and b"/login" in to


async def _refuse(send: Send) -> None:
    text = b'{"detail":"too many attempts at once"}'
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(text)).encode()),
        (b"retry-after", str(round(MAX_SECONDS)).encode()),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": text})
