"""Client of the virus scanner clamd for attachments (`man clamd`, command INSTREAM)."""

import socket
import struct
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from pybase64 import b64decode

from overstap.errors import OverstapError
from overstap.oso.model import Dossier
from overstap.oso.traversal import documents

_PART = 256 * 1024
_SECONDS = 60.0
_MAX_ANSWER = 4_096


@dataclass(frozen=True, slots=True)
class VirusScanner:
    """Client of one clamd.

    Args:
        address: path of its Unix socket, or `host:port`.
    """

    address: str

    def check_available(self) -> None:
        """Check that the scanner responds.

        Raises:
            OverstapError: INTAKE-057 when it does not.
        """
        if self._send(b"zPING\0", ()) != b"PONG":
            raise OverstapError("INTAKE-057")

    def check_attachments(self, dossier: Dossier) -> None:
        """Scan all attachments of a dossier, as ZIP archives, which the scanner unpacks itself.

        Args:
            dossier: the minimised dossier.

        Raises:
            OverstapError: INTAKE-056 when the scanner found a virus; INTAKE-057 when it gave no result, since an
                attachment that was not scanned must not be accepted.
        """
        for _, block in documents(dossier):
            try:
                packed = b64decode(block.text("bestandsinhoud") or "")
            except ValueError:
                continue  # not Base64: reported as ATTACHMENT-001, and never delivered
            reply = self._send(b"zINSTREAM\0", (packed[at : at + _PART] for at in range(0, len(packed), _PART)))
            if reply.endswith(b" FOUND"):
                raise OverstapError("INTAKE-056")
            if reply != b"stream: OK":
                raise OverstapError("INTAKE-057")

    def _send(self, command: bytes, parts: Iterable[bytes]) -> bytes:
        try:
            with closing(self._connect()) as connection:
                connection.sendall(command)
                if command.startswith(b"zINSTREAM"):
                    for part in parts:
                        connection.sendall(struct.pack(">I", len(part)) + part)
                    connection.sendall(struct.pack(">I", 0))
                reply = b""
                while not reply.endswith(b"\0") and len(reply) < _MAX_ANSWER and (part := connection.recv(_MAX_ANSWER)):
                    reply += part
        except OSError as problem:
            raise OverstapError("INTAKE-057") from problem
        return reply.rstrip(b"\0").strip()

    def _connect(self) -> socket.socket:
        if self.address.startswith("/"):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(_SECONDS)
            connection.connect(self.address)
            return connection
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host, int(port) if port.isdigit() else 0), _SECONDS)
