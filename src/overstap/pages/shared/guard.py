"""ASGI middleware of all pages: security headers, origin check of forms, limits on bodies.

No script, style, picture or frame of another origin and none inline (Content-Security-Policy); no caching by browsers
or proxies; a form of another site is refused before the application sees it.
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
    # Not "no-referrer": browsers would send "Origin: null" with forms of the same origin too.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
_SAFE = frozenset({"GET", "HEAD"})
_MAX_ARRIVING = 40
"""Bodies that one network may send at once; one more ends the oldest, so that a network cannot occupy all places."""


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits of a request's body.

    Args:
        body_bytes: largest size.
        body_seconds: time within which it must arrive.
    """

    body_bytes: int = 65_536
    body_seconds: float = 15.0


class Guard:
    """Middleware around an ASGI application.

    Args:
        app: the application.
        limits: limits of a request's body.
        is_secure: whether visitors come by HTTPS; adds Strict-Transport-Security (RFC 6797).
        static: path prefix of files that browsers may cache.
        limits_of: called before a body above `limits` is read; returns the limits of the request, None for `limits`.
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
        self.limits_of = larger
        self.static = static
        self._arriving: dict[str, dict[asyncio.Timeout, None]] = {}
        self.headers = [*_HEADERS]
        if is_secure:
            self.headers.append((b"strict-transport-security", b"max-age=63072000; includeSubDomains"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = self._with_headers(scope, send)
        if not scope["path"].isprintable():  # no valid path; files and the database accept no NUL
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
                body = await self._received(scope, receive)
            except TimeoutError:
                await _refuse(send, 408)
                return
            if body is None:
                await _refuse(send, 413)
                return
            await self.app(scope, _replay(body, receive), send)

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        is_static = scope["path"].startswith(self.static)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message.get("headers", [])}
                extra = [*self.headers]
                if b"content-security-policy" not in own:
                    extra.append((b"content-security-policy", POLICY.encode()))
                if b"cache-control" not in own:
                    is_kept = is_static and message["status"] in (200, 304)  # a missing file may be added later
                    kept = b"public, max-age=31536000, immutable" if is_kept else b"no-store"
                    extra.append((b"cache-control", kept))
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        return dressed

    async def _limits(self, scope: Scope) -> RequestLimits:
        length = _header(scope, b"content-length")
        is_small = (
            length is not None and length.isdigit() and len(length) <= 12 and int(length) <= self.limits.body_bytes
        )
        if is_small or self.limits_of is None:
            return self.limits
        return await self.limits_of(Request(scope)) or self.limits

    async def _received(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body; when one network sends too many at once, the oldest of them is ended."""
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
        """Return the whole body; None when it is too large, also when its Content-Length is missing or wrong."""
        length = _header(scope, b"content-length")
        if length is not None and (not length.isdigit() or len(length) > 12 or int(length) > limits.body_bytes):
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
    """Tell whether a form has the same origin, by Fetch Metadata or Origin; without both, the form's token decides."""
    site = _header(scope, b"sec-fetch-site")
    if site is not None and site not in (b"same-origin", b"none"):
        return False
    origin, host = _header(scope, b"origin"), _header(scope, b"host")
    if origin is None or host is None:
        return True
    try:
        return urlsplit(origin.decode("latin-1")).netloc.encode("latin-1") == host
    except ValueError:  # "http://[" is no valid URL
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
