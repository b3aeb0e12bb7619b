"""Requests to the key service over a Unix socket: a line of JSON with ids, then bytes; the answer has the same form."""

import json
import socket
import struct
import threading
from collections.abc import Mapping
from pathlib import Path

from overstap.errors import OverstapError

_LENGTHS = struct.Struct("!II")
MAX_FACTS_BYTES = 4096
MAX_CONTENT_BYTES = 65 * 1024 * 1024
"""A little more than the largest content that the ledger holds (`ledger.region_keys`)."""
SECONDS = 60
"""How long either side waits for the other."""

Facts = Mapping[str, str]


class BrokenFrameError(Exception):
    """The other side sent something that is no frame, or too large a one."""


def send(connection: socket.socket, facts: Facts, content: bytes = b"") -> None:
    """Send one frame: two lengths, facts as JSON, content."""
    said = json.dumps(dict(facts)).encode()
    connection.sendall(_LENGTHS.pack(len(said), len(content)) + said + content)


def receive(connection: socket.socket) -> tuple[Facts, bytes] | None:
    """Return the next frame; None when the other side has closed the connection.

    Raises:
        BrokenFrameError: it is no frame, or larger than is accepted.
    """
    head = _exactly(connection, _LENGTHS.size)
    if head is None:
        return None
    facts_bytes, content_bytes = _LENGTHS.unpack(head)
    if facts_bytes > MAX_FACTS_BYTES or content_bytes > MAX_CONTENT_BYTES:
        raise BrokenFrameError
    said, content = _exactly(connection, facts_bytes), _exactly(connection, content_bytes)
    if said is None or content is None:
        raise BrokenFrameError
    try:
        facts = json.loads(said)
    except ValueError as error:
        raise BrokenFrameError from error
    if not isinstance(facts, dict) or not all(isinstance(one, str) for one in facts.values()):
        raise BrokenFrameError
    return facts, content


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    """Return this many bytes; None when the connection was closed before the first."""
    parts, missing = [], size
    while missing:
        part = connection.recv(min(missing, 1 << 20))
        if not part and missing == size:
            return None
        if not part:
            raise BrokenFrameError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


class KeyClient:
    """Client of the key service, with a connection per thread. What is asked may be asked twice: nothing is stored.

    Args:
        path: the service's socket (setting OVERSTAP_KEY_SERVICE).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = threading.local()

    def ask(self, operation: str, content: bytes = b"", **facts: str) -> tuple[Facts, bytes]:
        """Ask for one operation.

        Args:
            operation: one of `key_service.operations`.
            content: what is encrypted, decrypted or signed.
            facts: ids that the operation needs.

        Raises:
            OverstapError: what the service refused with, by its code; KEYS-001 when it does not answer.
        """
        request = {"operation": operation, **facts}
        try:
            answer = self._asked(request, content) or self._asked(request, content)
        except (OSError, BrokenFrameError) as problem:
            self._close()
            raise OverstapError("KEYS-001", kind=type(problem).__name__) from problem
        if answer is None:
            raise OverstapError("KEYS-001", kind="closed")
        told, data = answer
        if "error" in told:
            raise OverstapError(told["error"], **json.loads(told["facts"]))
        return told, data

    def _asked(self, request: Facts, content: bytes) -> tuple[Facts, bytes] | None:
        """Return the answer; None when the kept connection had ended, as by a restart of the service."""
        kept: socket.socket | None = getattr(self._own, "connection", None)
        connection = kept or self._connected()
        try:
            send(connection, request, content)
            answer = receive(connection)
        except (BrokenPipeError, ConnectionResetError):
            answer = None
        if answer is None:
            self._close()
        return answer

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(SECONDS)
        try:
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        self._own.connection = connection
        return connection

    def _close(self) -> None:
        kept: socket.socket | None = getattr(self._own, "connection", None)
        if kept is not None:
            kept.close()
            self._own.connection = None
