"""ASGI middleware that gives Airflow's own pages an empty list where Airflow refuses the account a list of all regions.

Airflow's pages ask everybody for import errors, pools and asset events, which show more than one region, so that a
coordinator has no right to them. Its pages then show an error, or write one in the browser's console.
"""

import json
import re
from typing import Any

from overstap.pages.shared.guard import App, Message, Receive, Scope, Send

EMPTY: dict[str, dict[str, Any]] = {
    r"/api/v2/importErrors": {"import_errors": [], "total_entries": 0},
    r"/api/v2/pools": {"pools": [], "total_entries": 0},
    r"/api/v2/assets/events": {"asset_events": [], "total_entries": 0},
    r"/api/v2/dags/[^/]+/assets/queuedEvents": {"queued_events": [], "total_entries": 0},
    r"/ui/next_run_assets/[^/]+": {"events": []},
}
"""What is asked for, as a pattern of the path, and the answer with nothing in it."""
_PATHS = [(re.compile(f".*{path}/?"), json.dumps(empty).encode()) for path, empty in EMPTY.items()]
_REFUSED = 403
_OF_THE_BODY = frozenset({b"content-length", b"content-type", b"content-encoding", b"etag"})


class WithheldLists:
    """Middleware around Airflow's whole application; what Airflow grants passes unchanged, and so do other clients.

    Args:
        app: the application.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer a refusal of a list to a page of this site with the empty list."""
        empty = _empty(scope)
        if empty is None:
            await self.app(scope, receive, send)
            return
        is_refused = False

        async def answer(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start" and message["status"] == _REFUSED:
                is_refused = True
                kept = [one for one in message.get("headers", []) if one[0].lower() not in _OF_THE_BODY]
                told = [(b"content-type", b"application/json"), (b"content-length", str(len(empty)).encode())]
                await send({"type": "http.response.start", "status": 200, "headers": [*kept, *told]})
                await send({"type": "http.response.body", "body": empty})
            elif not is_refused:
                await send(message)

        await self.app(scope, receive, answer)


def _empty(scope: Scope) -> bytes | None:
    """Return the empty list, when a script of a page of this site asks for one that is known here."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    headers = {name.lower(): value for name, value in scope["headers"]}
    if (headers.get(b"sec-fetch-site"), headers.get(b"sec-fetch-dest")) != (b"same-origin", b"empty"):
        return None
    return next((empty for pattern, empty in _PATHS if pattern.fullmatch(scope["path"])), None)
