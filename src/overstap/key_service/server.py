"""Server process of the key service: a socket for each client, in a folder that only that client's container has."""

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from overstap.errors import OverstapError
from overstap.key_client import KEY_ID_HEADER, MAX_CONTENT_BYTES, SECONDS, SOCKET, refusal
from overstap.key_service.operations import KeyOperations
from overstap.key_service.permissions import CLIENTS
from overstap.pki import TrustStore
from overstap.settings import Settings
from overstap.telemetry.logs import configure_logs

_log = logging.getLogger(__name__)
_WAITING = 128
"""Connections that wait for their turn."""
_CONNECTIONS = 400
"""Connections of one client; its pages have two hundred at the most."""
_AT_ONCE = 3
"""Requests that are carried out at once, until their answer was sent: a small one can ask for 64 MB."""
_LARGE_BYTES = 2 * 1024 * 1024
"""Size from which requests are carried out one after the other."""
_PIECE_BYTES = 256 * 1024
_IDLE_SECONDS = 600
_COUNT_SECONDS = 60
_END_SECONDS = 5


class BoundedMemory:
    """Middleware that lets few requests at once be read and answered, so that a client fills no memory.

    Who sends or reads slowly holds a place, and is ended after a minute.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._large = asyncio.Semaphore(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on when there is a place."""
        async with AsyncExitStack() as held:
            if _is_large(scope):
                await held.enter_async_context(self._large)
            await held.enter_async_context(self._places)
            try:
                async with asyncio.timeout(SECONDS):
                    await self.app(scope, receive, _in_pieces(send))
            except TimeoutError:
                _log.warning("a request that took too long was ended")


def _in_pieces(send: Send) -> Send:
    """Send a body in pieces: uvicorn waits for a slow reader between two of them, and keeps a whole one in memory."""

    async def pieces(message: Message) -> None:
        body = message.get("body", b"")
        if message["type"] != "http.response.body" or len(body) <= _PIECE_BYTES:
            await send(message)
            return
        for start in range(0, len(body), _PIECE_BYTES):
            is_last = start + _PIECE_BYTES >= len(body)
            more = not is_last or message.get("more_body", False)
            await send({**message, "body": body[start : start + _PIECE_BYTES], "more_body": more})

    return pieces


def _is_large(scope: Scope) -> bool:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return not length.isdigit() or len(length) > 9 or int(length) > _LARGE_BYTES


def application(operations: KeyOperations) -> ASGIApp:
    """Return the application that answers one client.

    Args:
        operations: what this client may have done.
    """

    async def answer(request: Request) -> Response:
        content = await _body_of(request)
        asked = dict(request.query_params) | {"operation": request.path_params["operation"]}
        if content is None:
            operations.note_refusal()
            return _refused("KEYS-002", {"client": "", "operation": "", "kind": "too large"}, "a request is too large")
        try:
            key_id, data = await run_in_threadpool(operations.answer, asked, content)
        except OverstapError as error:
            return _refused(error.code, error.facts, str(error))
        except (KeyError, ValueError) as problem:  # an id is missing, or the bytes are no text
            operations.note_refusal()
            facts = {"client": "", "operation": "", "kind": "malformed"}
            return _refused("KEYS-002", facts, f"a request that is none: {type(problem).__name__}")
        return Response(
            data, media_type="application/octet-stream", headers={KEY_ID_HEADER: key_id} if key_id else None
        )

    return BoundedMemory(Starlette(routes=[Route("/{operation:path}", answer, methods=["POST"])]))


def _refused(code: str, facts: Mapping[str, object], said: str) -> Response:
    _log.warning("%s", said)
    return Response(refusal(code, facts), status_code=403, media_type="application/json")


async def _body_of(request: Request) -> bytes | None:
    """Return the body; None when it is larger than any content."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_CONTENT_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def serve(settings: Settings, folder: Path, regions: Collection[str] = ()) -> None:
    """Serve every client until the process is stopped.

    Args:
        settings: with the keys folder, and the trust folder for signing proofs.
        folder: folder with a folder for each client that is to be served, in which its socket is made.
        regions: the regions that are served; none: all.

    Raises:
        OverstapError: KEYS-003 when the folder has none for any client.
    """
    configure_logs("keys", settings.log_format)
    keys = settings.need_path("keys")
    trust = TrustStore(settings.trust, production=settings.production) if settings.trust else None
    served = [name for name in CLIENTS if (folder / name).is_dir()]
    if not served:
        raise OverstapError("KEYS-003", folder=str(folder), clients=", ".join(CLIENTS))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    os.umask(0o077)
    with ExitStack() as open_servers:
        operations = []
        for name in served:
            one = KeyOperations(name, CLIENTS[name], keys, trust, frozenset(regions) or None)
            try:
                listening = open_servers.enter_context(_listening(folder / name / SOCKET))
            except OSError as problem:  # a client can put something else there: the others are served
                _log.error("cannot listen for %s: %s", name, problem.strerror)
                continue
            operations.append((name, one))
            open_servers.callback(_started(one, listening, name))
        if not operations:
            raise OverstapError("KEYS-003", folder=str(folder), clients=", ".join(served))
        _log.info("serves %s", ", ".join(name for name, _ in operations))
        is_ended = False
        while not is_ended:
            is_ended = ended.wait(_COUNT_SECONDS)
            for name, one in operations:
                _tell(name, one)


def _listening(path: Path) -> socket.socket:
    """Return a socket that listens in a client's folder; one that an earlier process left is replaced."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX)
    # The right of the socket comes from the mask: changing it by its path would follow a link that the client put there
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    finally:
        os.umask(before)
    made.listen(_WAITING)
    return made


def _started(operations: KeyOperations, listening: socket.socket, name: str) -> Callable[[], None]:
    """Serve a client in a thread of its own; return what ends it."""
    config = uvicorn.Config(
        application(operations),
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        log_config=None,
        log_level="warning",
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_END_SECONDS,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name=name, daemon=True)
    thread.start()

    def end() -> None:
        server.should_exit = True
        thread.join(2 * _END_SECONDS)

    return end


def _tell(client: str, operations: KeyOperations) -> None:
    """Log how often what was done in the last minute, for whoever watches for what is unusual."""
    for (operation, region, kind), count in sorted(operations.take_counts().items()):
        _log.info("%s: %s %s %s: %d", client, operation, region, kind, count)
