"""ASGI middleware that hides, from who only looks, the buttons of Airflow's pages that Airflow would refuse.

Airflow's pages show everybody the same buttons. Its theme, which is styles for all pages, is in an answer for which
each page asks with its account, so that an account's own styles can be added there.
"""

import json
from typing import Any

from overstap.pages.shared.guard import App, Message, Receive, Scope, Send
from overstap.resources import INCLUDE

STYLES = INCLUDE / "airflow" / "theme_of_readers.json"
_CONFIG, _MENUS = "/ui/config", "/ui/auth/menus"
_ACTS = frozenset({"Required Actions", "Connections"})
"""Pages of Airflow that coordinators and administrators have, and who only looks has not (`orchestration.roles`)."""


class ReadersTheme:
    """Middleware around Airflow's whole application.

    Args:
        app: the application.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self._styles: dict[str, Any] = json.loads(STYLES.read_text(encoding="utf-8"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; add the styles to the theme of an account that may change nothing."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].endswith(_CONFIG):
            await self.app(scope, receive, send)
            return
        start, body = await self._ask(scope, scope["path"])
        if start["status"] == 200 and await self._only_looks(scope):
            body = self._with_styles(body)
            kept = [one for one in start["headers"] if one[0].lower() != b"content-length"]
            start = {**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def _only_looks(self, scope: Scope) -> bool:
        """Tell whether Airflow gives the account none of the pages of who acts; not when it does not say."""
        path = f"{scope['path'].removesuffix(_CONFIG)}{_MENUS}"
        start, body = await self._ask(scope, path)
        return start["status"] == 200 and not _ACTS.intersection(json.loads(body)["authorized_menu_items"])

    def _with_styles(self, body: bytes) -> bytes:
        told = json.loads(body)
        theme = told.get("theme") or {}
        told["theme"] = theme | {"globalCss": (theme.get("globalCss") or {}) | self._styles}
        return json.dumps(told).encode()

    async def _ask(self, scope: Scope, path: str) -> tuple[Message, bytes]:
        """Ask the application as the same account; return the begin of its answer, and the content as it is."""
        headers = [one for one in scope["headers"] if one[0].lower() not in (b"accept-encoding", b"content-length")]
        asked = {**scope, "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers}
        said: list[Message] = []

        async def nothing() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def keep(message: Message) -> None:
            said.append(message)

        await self.app(asked, nothing, keep)
        content = b"".join(one.get("body", b"") for one in said if one["type"] == "http.response.body")
        return said[0], content
