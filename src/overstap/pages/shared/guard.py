"""Response headers and request checks of all pages, as ASGI middleware.

No script, style, picture or frame from elsewhere and none within a page (Content-Security-Policy); nothing is kept by
browsers or proxies; a form of another site is refused before the application sees it.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from overstap.pages.shared.networks import networks_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not "no-referrer": with that a browser sends "Origin: null" with our own forms too.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
_SAFE = frozenset({"GET", "HEAD"})
_MAX_ARRIVING = 40
"""Bodies that arrive from one network at once; one more, and the oldest ends, or they take the places of all others."""


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How much a request may be.

    Args:
        body_bytes: its body.
        body_seconds: how long the body may take to arrive.
    """

    body_bytes: int = 65_536
    body_seconds: float = 15.0


class Guard:
    """Wraps an application.

    Args:
        app: the application.
        limits: how much a request may be.
        is_secure: whether visitors come by HTTPS, so that browsers are told to do so always.
        static: paths below this prefix may be kept by browsers.
        larger: asked before a larger body is read: how much this request may be, None for no more than any other.
    """

    def __init__(
        self,
        app: App,
        limits: RequestLimits = RequestLimits(),
        *,
        is_secure: bool = False,
        static: str = "/static/",
        larger: Callable[[Request], Awaitable[RequestLimits | None]] | None = None,
    ) -> None:
        self.app = app
        self.limits = limits
        self.larger = larger
        self.static = static
        self._arriving: dict[str, dict[asyncio.Timeout, None]] = {}
        self.headers = [*_HEADERS]
        if is_secure:
            self.headers.append((b"strict-transport-security", b"max-age=63072000; includeSubDomains"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = self._dressed(scope, send)
        if not scope["path"].isprintable():  # no path of ours; files and the database take no NUL
            await _refuse(send, 404)
            return
        if scope["method"] in _SAFE:
            await self.app(scope, receive, send)
            return
        if scope["method"] != "POST":
            await _refuse(send, 405)
        elif not _is_own(scope):
            await _refuse(send, 403)
        else:
            try:
                body = await self._arrived(scope, receive)
            except TimeoutError:
                await _refuse(send, 408)
                return
            if body is None:
                await _refuse(send, 413)
                return
            await self.app(scope, _replay(body, receive), send)

    def _dressed(self, scope: Scope, send: Send) -> Send:
        is_static = scope["path"].startswith(self.static)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message.get("headers", [])}
                extra = [*self.headers]
                if b"content-security-policy" not in own:
                    extra.append((b"content-security-policy", POLICY.encode()))
                if b"cache-control" not in own:
                    is_kept = is_static and message["status"] in (200, 304)  # what is not there yet may come
                    kept = b"public, max-age=31536000, immutable" if is_kept else b"no-store"
                    extra.append((b"cache-control", kept))
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        return dressed

    async def _limits(self, scope: Scope) -> RequestLimits:
        said = _header(scope, b"content-length")
        is_small = said is not None and said.isdigit() and len(said) <= 12 and int(said) <= self.limits.body_bytes
        if is_small or self.larger is None:
            return self.limits
        return await self.larger(Request(scope)) or self.limits

    async def _arrived(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body; where many of one network arrive at once, the oldest of them has no more time."""
        network = networks_of(Request(scope)).narrow
        async with asyncio.timeout(None) as deadline:
            arriving = self._arriving.setdefault(network, {})
            arriving[deadline] = None
            if len(arriving) > _MAX_ARRIVING:
                oldest = next(iter(arriving))
                del arriving[oldest]
                oldest.reschedule(0)
            try:
                return await self._body(scope, receive, await self._limits(scope))
            finally:
                arriving.pop(deadline, None)
                if not arriving:
                    self._arriving.pop(network, None)

    async def _body(self, scope: Scope, receive: Receive, limits: RequestLimits) -> bytes | None:
        """Return the whole body; None when it is too large, also where its length is not said or a lie."""
        said = _header(scope, b"content-length")
        if said is not None and (not said.isdigit() or len(said) > 12 or int(said) > limits.body_bytes):
            return None
        parts: list[bytes] = []
        room = limits.body_bytes
        async with asyncio.timeout(limits.body_seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                room -= len(message.get("body", b""))
                if room < 0:
                    return None
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    return b"".join(parts)


def _is_own(scope: Scope) -> bool:
    """Whether a form comes of our own pages, as far as the browser says; old ones say nothing, and have the token."""
    site = _header(scope, b"sec-fetch-site")
    if site is not None and site not in (b"same-origin", b"none"):
        return False
    origin, host = _header(scope, b"origin"), _header(scope, b"host")
    if origin is None or host is None:
        return True
    try:
        return urlsplit(origin.decode("latin-1")).netloc.encode("latin-1") == host
    except ValueError:  # "http://[" is no address at all
        return False


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(send: Send, status: int) -> None:
    text = f"{status}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": text})
