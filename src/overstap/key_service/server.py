"""Server process of the key service: a socket for each client, in a folder that only that client's container has."""

import json
import logging
import os
import signal
import socket
import socketserver
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from overstap.errors import OverstapError
from overstap.key_service.operations import KeyOperations
from overstap.key_service.permissions import CLIENTS
from overstap.key_wire import BrokenFrameError, receive, send
from overstap.pki import TrustStore
from overstap.settings import Settings
from overstap.telemetry.logs import configure_logs

_log = logging.getLogger(__name__)
SOCKET = "keys.sock"
MAX_CONNECTIONS = 64
"""Connections of one client at once; a further one waits for its turn."""
_IDLE_SECONDS = 600
_COUNT_SECONDS = 60


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Server of one client's socket: a thread per connection, at most `MAX_CONNECTIONS`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: Path, operations: KeyOperations) -> None:
        self.operations = operations
        self._places = threading.Semaphore(MAX_CONNECTIONS)
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Connection)
        path.chmod(0o600)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        self._places.acquire()
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        super().shutdown_request(request)
        self._places.release()


class _Connection(socketserver.BaseRequestHandler):
    """One connection, until the client closes it or is silent for ten minutes."""

    def handle(self) -> None:
        operations: KeyOperations = self.server.operations  # type: ignore[attr-defined]
        connection: socket.socket = self.request
        connection.settimeout(_IDLE_SECONDS)
        try:
            while (frame := receive(connection)) is not None:
                _answer(connection, operations, *frame)
        except (OSError, BrokenFrameError) as problem:
            _log.info("a connection ended: %s", type(problem).__name__)


def _answer(connection: socket.socket, operations: KeyOperations, asked: Mapping[str, str], content: bytes) -> None:
    try:
        told, data = operations.answer(asked, content)
    except OverstapError as error:
        _log.warning("%s", error)
        facts = {name: value for name, value in error.facts.items() if isinstance(value, str | int)}
        told, data = {"error": error.code, "facts": json.dumps(facts)}, b""
    except (KeyError, ValueError) as problem:  # an id is missing, or the bytes are no text
        _log.warning("a request that is none: %s", type(problem).__name__)
        facts = {"client": "", "operation": "", "kind": "malformed"}
        told, data = {"error": "KEYS-002", "facts": json.dumps(facts)}, b""
    send(connection, told, data)


def serve(settings: Settings, folder: Path) -> None:
    """Serve every client until the process is stopped.

    Args:
        settings: with the keys folder, and the trust folder for signing proofs.
        folder: folder with a folder for each client that is to be served, in which its socket is made.

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
            one = KeyOperations(name, CLIENTS[name], keys, trust)
            operations.append((name, one))
            server = open_servers.enter_context(_Server(folder / name / SOCKET, one))
            threading.Thread(target=server.serve_forever, name=name, daemon=True).start()
            open_servers.callback(server.shutdown)
        _log.info("serves %s", ", ".join(served))
        is_ended = False
        while not is_ended:
            is_ended = ended.wait(_COUNT_SECONDS)
            for name, one in operations:
                _tell(name, one)


def _tell(client: str, operations: KeyOperations) -> None:
    """Log how often what was done in the last minute, for whoever watches for what is unusual."""
    counted, operations.done = operations.done, type(operations.done)()
    for (operation, region, kind), count in sorted(counted.items()):
        _log.info("%s: %s %s %s: %d", client, operation, region, kind, count)
