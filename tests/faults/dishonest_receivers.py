"""Receiving servers with a valid certificate that answer every envelope with one kind of false answer."""

import contextlib
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from integration.round.deployment import RegionDeployment

from overstap.clock import now
from overstap.envelope import several
from overstap.envelope.envelope import open_envelope
from overstap.envelope.receipt import make_receipt

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/cms\r\n"
DishonestReceiver = Callable[[ssl.SSLSocket, UUID, bytes], None]
DishonestAboutSeveral = Callable[[ssl.SSLSocket, list[tuple[UUID, bytes]]], None]


@dataclass
class Server:
    """Answers every envelope with one lie; and a request with several with another, when it says that it takes them."""

    deployment: RegionDeployment
    school: str
    lie: DishonestReceiver
    lie_of_several: DishonestAboutSeveral | None = None
    seen: list[UUID] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    """How many envelopes each request with several had."""

    def __post_init__(self) -> None:
        certificate = self.deployment.folder / "trust" / "schools" / self.school / "tls-1.crt"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self.listener = socket.create_server(("127.0.0.1", self.deployment.ports[self.school]))
        self.over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self.over.is_set():
                connection, _ = self.listener.accept()
                with contextlib.suppress(OSError, ValueError), connection:
                    connection.settimeout(10)
                    with self.context.wrap_socket(connection, server_side=True) as line:
                        self._serve(line)

    def _serve(self, line: ssl.SSLSocket) -> None:
        while True:
            data = b""
            while b"\r\n\r\n" not in data:
                part = line.recv(65536)
                if not part:
                    return
                data += part
            head, _, body = data.partition(b"\r\n\r\n")
            headers = dict(one.lower().split(b": ", 1) for one in head.split(b"\r\n")[1:])
            while len(body) < int(headers[b"content-length"]):
                body += line.recv(65536)
            if headers[b"content-type"] == several.MEDIA_TYPE.encode():
                assert self.lie_of_several is not None, "nobody said that it takes several"
                envelopes = several.read_envelopes(body, count=99)
                self.requests.append(len(envelopes))
                self.seen.extend(message for message, _ in envelopes)
                self.lie_of_several(line, envelopes)
                continue
            message = UUID(headers[b"overstap-message-id"].decode())
            self.seen.append(message)
            self.lie(line, message, body)

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def answer(line: ssl.SSLSocket, body: bytes) -> None:
    line.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def answer_and_tell(line: ssl.SSLSocket, body: bytes) -> None:
    """Answer one envelope, and say that several are taken in one request."""
    told = "".join(f"{name}: {value}\r\n" for name, value in several.AtOnce(50, 8_000_000).headers().items())
    line.sendall(HEAD + told.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def answer_several(line: ssl.SSLSocket, body: bytes, *, status: bytes = b"200 OK") -> None:
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\n" % (status, several.ANSWERS_TYPE.encode())
    line.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def receipt_of(deployment: RegionDeployment, school: str, message: UUID, envelope: bytes, **other: object) -> bytes:
    """Make the receipt that an honest receiver would, but for what `other` says."""
    opened = open_envelope(
        envelope,
        keyring=deployment.trust().keyring(school, at=now()),
        trust=deployment.trust(),
        school=school,
        at=now(),
    )
    said = {
        "message_id": message,
        "envelope_sha256": hashlib.sha256(envelope).digest(),
        "manifest_sha256": opened.manifest_sha256,
        "at": now(),
    }
    signer = str(other.pop("signer", school))
    return make_receipt(deployment.trust().signing_identity(signer, at=now()), **said | other)  # type: ignore[arg-type]


def reset(line: ssl.SSLSocket, message: UUID, envelope: bytes) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise OSError("gone")
