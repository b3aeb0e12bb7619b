"""ASGI middleware that gives each request a trace id and records its duration."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from overstap.telemetry.export import HttpRecorder
from overstap.telemetry.trace import HEADER, read_traceparent, traced

Message = MutableMapping[str, Any]
Application = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_HEADER = HEADER.encode()


class Traced:
    """Middleware of a server; put it outside all others.

    Args:
        app: the application.
        record: records each request; None: nothing is recorded.
    """

    def __init__(self, app: Application, record: HttpRecorder | None = None) -> None:
        self.app = app
        self._record = record

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Pass a request on, under the caller's trace id or a new one."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent = next((value for name, value in scope["headers"] if name == _HEADER), b"")
        status = 500  # what the server answers when the application fails before it has begun
        begin = time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with traced(read_traceparent(sent.decode("latin-1"))):
            try:
                await self.app(scope, receive, noted)
            finally:
                if self._record is not None:
                    method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
                    self._record(method, status, time.perf_counter() - begin)
