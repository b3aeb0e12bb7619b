"""ASGI middleware that rate-limits Airflow's password endpoints, of which the token endpoint has no limit.

A sign-in by a person at night, by password or at a provider, is an alarm; a token for a script is not.

No client is locked out. A network has a few concurrent attempts, and after some failures each further failure is
answered with a longer delay, which leaves a few guesses a minute.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request

from overstap.alarms import raise_alarm
from overstap.clock import dutch_time, now
from overstap.pages.shared.delays import MAX_SECONDS, DelayQueue, delay_seconds
from overstap.pages.shared.guard import App, Message, Receive, Scope, Send
from overstap.pages.shared.networks import networks_of

_TAKES_PASSWORDS = ("/auth/token", "/auth/token/cli", "/auth/login")
_FORM = "/auth/login"
_SIGN_IN = "/auth/login"
_FROM_PROVIDER = "/auth/oauth-authorized/"
"""Where a provider sends a person back (Flask-AppBuilder)."""
MORNING = 5
"""Hour of Dutch time from which a sign-in is not at an odd hour; the same for schools in `code/13_operations.sql`."""
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
        clock: returns the present moment, aware.
    """

    def __init__(
        self, app: App, free: int = _FREE, at_once: int = _AT_ONCE, clock: Callable[[], datetime] = now
    ) -> None:
        self.app = app
        self._clock = clock
        self._free = free
        self._at_once = at_once
        self._failed: dict[str, deque[float]] = {}
        self._under_way: Counter[str] = Counter()
        self._room = DelayQueue(per_network=at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and delay the answer to repeated failures."""
        if scope["type"] == "http" and _SIGN_IN in str(scope["path"]):
            scope = _without_way_back_to_the_form(scope)
        if scope["type"] == "http" and _FROM_PROVIDER in str(scope["path"]):
            await self.app(scope, receive, self._watched(send))
            return
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
            elif kept and str(scope["path"]).rstrip("/").endswith(_FORM) and _has_signed_in(kept[0]):
                self._note_hour()
        finally:
            self._under_way[network] -= 1
            if not self._under_way[network]:
                del self._under_way[network]
        for message in kept:
            await send(message)

    def _watched(self, send: Send) -> Send:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and _has_signed_in(message):
                self._note_hour()
            await send(message)

        return watched

    def _note_hour(self) -> None:
        if dutch_time(self._clock()).hour < MORNING:
            raise_alarm("odd_hours", service="airflow")

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
    return start["status"] >= 400 or start["status"] == 200 or (_leads_on(start) and _leads_to_form(start))


def _has_signed_in(start: Message) -> bool:
    """Tell whether a person was let in.

    Flask redirects an address that is written otherwise (a slash too few or too many) with 308, without looking at
    anybody's password: who may cause that is everybody.
    """
    return _leads_on(start) and not _leads_to_form(start)


def _leads_on(start: Message) -> bool:
    return start["status"] in (302, 303)


def _leads_to_form(start: Message) -> bool:
    to = next((value for name, value in start.get("headers", []) if name.lower() == b"location"), b"")
    return f"{_SIGN_IN}/" in f"{urlsplit(to.decode('latin-1')).path}/"


def _without_way_back_to_the_form(scope: Scope) -> Scope:
    """Return a request that names no form as the page to go to next.

    Whoever signs in is sent there, and whoever is refused to the form: a sign-in that leads to the form looks refused.
    """
    given = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in given if name != "next" or _SIGN_IN not in value]
    return scope if kept == given else {**scope, "query_string": urlencode(kept).encode()}


async def _refuse(send: Send) -> None:
    text = b'{"detail":"too many attempts at once"}'
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(text)).encode()),
        (b"retry-after", str(round(MAX_SECONDS)).encode()),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": text})
