"""Asks a virus scanner about attachments: clamd, over its socket (`man clamd`, command INSTREAM)."""

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
    """A clamd that runs somewhere.

    Args:
        address: path of its Unix socket, or `host:port`.
    """

    address: str

    def must_answer(self) -> None:
        """Ask whether it is there.

        Raises:
            OverstapError: INTAKE-057 when it is not.
        """
        if self._ask(b"zPING\0", ()) != b"PONG":
            raise OverstapError("INTAKE-057")

    def must_be_clean(self, dossier: Dossier) -> None:
        """Have all attachments of a dossier looked at, packed as they are: the scanner unpacks them itself.

        Args:
            dossier: the dossier, cut to what goes along.

        Raises:
            OverstapError: INTAKE-056 when something was found in one; INTAKE-057 when the scanner says nothing about
                it: what nobody looked at is not taken in.
        """
        for _, block in documents(dossier):
            try:
                packed = b64decode(block.text("bestandsinhoud") or "")
            except ValueError:
                continue  # no Base64: told as ATTACHMENT-001, and never handed out
            said = self._ask(b"zINSTREAM\0", (packed[at : at + _PART] for at in range(0, len(packed), _PART)))
            if said.endswith(b" FOUND"):
                raise OverstapError("INTAKE-056")
            if said != b"stream: OK":
                raise OverstapError("INTAKE-057")

    def _ask(self, command: bytes, parts: Iterable[bytes]) -> bytes:
        try:
            with closing(self._connected()) as line:
                line.sendall(command)
                if command.startswith(b"zINSTREAM"):
                    for part in parts:
                        line.sendall(struct.pack(">I", len(part)) + part)
                    line.sendall(struct.pack(">I", 0))
                said = b""
                while not said.endswith(b"\0") and len(said) < _MAX_ANSWER and (part := line.recv(_MAX_ANSWER)):
                    said += part
        except OSError as problem:
            raise OverstapError("INTAKE-057") from problem
        return said.rstrip(b"\0").strip()

    def _connected(self) -> socket.socket:
        if self.address.startswith("/"):
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.settimeout(_SECONDS)
            line.connect(self.address)
            return line
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host, int(port) if port.isdigit() else 0), _SECONDS)
