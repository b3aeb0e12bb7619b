"""ASGI middleware that writes an access and error log without personal data."""

import logging
import re
import time
import traceback

from overstap.pages.shared.guard import App, Message, Receive, Scope, Send

_log = logging.getLogger("overstap.pages.shared")
_PATH = re.compile(r"/[a-z0-9./-]{0,60}", re.ASCII)


class RequestLog:
    """Middleware that logs one line per request, and of an exception its type and stack frames without the message.

    Args:
        app: the application.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and log its status and duration."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 0
        begin = time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        # The application handles HEAD as GET; the server omits the body.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            await self.app(inner, receive, noted)
        except Exception as problem:
            place = " < ".join(f"{one.filename.rsplit('/', 1)[-1]}:{one.lineno}" for one in reversed(_frames(problem)))
            _log.error("%s at %s", type(problem).__name__, place)
            if status == 0:
                status = 500
                head = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
                await send({"type": "http.response.start", "status": 500, "headers": head})
                await send({"type": "http.response.body", "body": b"Er ging iets mis. | Something went wrong.\n"})
        # A path without a route may hold anything, line ends included.
        route = scope["path"] if _PATH.fullmatch(scope["path"]) and status not in (404, 405) else "-"
        _log.info("%s %s %d %.0f ms", scope["method"], route, status, (time.perf_counter() - begin) * 1000)


def _frames(problem: Exception) -> list[traceback.FrameSummary]:
    return traceback.extract_tb(problem.__traceback__)[-3:]
