"""Tests of receivers that hang, send slowly, send endlessly or impersonate: each gives a coded error in time."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from overstap.clock import now
from overstap.envelope.receipt import ReceiptError, ReceiptFault, make_receipt
from overstap.errors import OverstapError
from overstap.pki import make_development_certificates
from overstap.transport.https_client import TransportProblem

from .conftest import OTHER, SCHOOL, free_port

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/cms\r\n"
Behaviour = Callable[[ssl.SSLSocket], None]


class Receiver:
    """A server on loopback that does one thing to every connection."""

    def __init__(self, certificate: Path, behaviour: Behaviour, *, raw: Callable[[socket.socket], None] | None = None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self.behaviour, self.raw = behaviour, raw
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}/v1/envelopes"
        self.over = threading.Event()
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            connection.settimeout(20)
            if self.raw:
                self.raw(connection)
                return
            with self.context.wrap_socket(connection, server_side=True) as secured:
                self.behaviour(secured)

    def close(self) -> None:
        self.over.set()
        self.listener.close()


def request(line: ssl.SSLSocket) -> bytes:
    """Read a whole request and return its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = line.recv(65536)
        if not part:
            raise OSError("gone")
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split()[0])
    while len(body) < length:
        body += line.recv(65536)
    return body


def answering(answer: bytes) -> Behaviour:
    def behave(line: ssl.SSLSocket) -> None:
        while True:
            request(line)
            line.sendall(answer)

    return behave


@pytest.fixture
def receiver(trust_folder: Path) -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def start(behaviour: Behaviour, *, school: str = SCHOOL, **options) -> Receiver:
        made.append(Receiver(trust_folder / "schools" / school / "tls-1.crt", behaviour, **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


def drip(before: bytes, drop: bytes) -> Behaviour:
    def behave(line: ssl.SSLSocket) -> None:
        request(line)
        line.sendall(before)
        while True:
            line.sendall(drop)
            time.sleep(0.05)

    return behave


def hang(line: ssl.SSLSocket) -> None:
    request(line)
    time.sleep(15)


def pour(line: ssl.SSLSocket) -> None:
    request(line)
    line.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        line.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def reset(line: ssl.SSLSocket) -> None:
    line.recv(100)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


CASES = {
    "hangs after the request": (hang, TransportProblem.TIMEOUT),
    "drips its status line": (drip(b"", b"H"), TransportProblem.TIMEOUT),
    "drips headers": (drip(HEAD, b"X: y\r\n"), TransportProblem.TIMEOUT),
    "drips a body": (drip(HEAD + b"Content-Length: 60000\r\n\r\n", b"x"), TransportProblem.TIMEOUT),
    "pours without end": (pour, TransportProblem.ANSWER_TOO_LARGE),
    "resets while the envelope goes": (reset, TransportProblem.DISCONNECTED),
    "answers 200 with nothing": (answering(HEAD + b"Content-Length: 0\r\n\r\n"), TransportProblem.NO_RECEIPT),
    "answers 200 with a page": (
        answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok"),
        TransportProblem.NO_RECEIPT,
    ),
    "answers 204": (answering(b"HTTP/1.1 204 No Content\r\n\r\n"), TransportProblem.WRONG_STATUS),
    "answers 500": (answering(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), TransportProblem.WRONG_STATUS),
    "sends elsewhere": (
        answering(b"HTTP/1.1 307 There\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
        TransportProblem.WRONG_STATUS,
    ),
    "speaks no HTTP": (answering(b"220 mail.example ESMTP\r\n\r\n"), TransportProblem.DISCONNECTED),
    "states a wrong length": (answering(HEAD + b"Content-Length: -1\r\n\r\n"), TransportProblem.DISCONNECTED),
}


@pytest.mark.fault("F12", "F22")
@pytest.mark.parametrize("case", CASES)
def test_each_ends_in_its_problem(case: str, receiver, pusher, make) -> None:
    behaviour, problem = CASES[case]
    message = make()
    answer = pusher(receiver(behaviour).url, deadline_seconds=1.0).push(message.sealed.envelope, message_id=message.id)
    assert (answer.problem, answer.receipt_unverified) == (problem, None)
    told = answer.error(school=SCHOOL, message_id=message.id)
    assert isinstance(told, OverstapError)
    assert SCHOOL in told.message_nl


@pytest.mark.fault("F22")
def test_a_handshake_that_never_ends(receiver, pusher, make) -> None:
    def raw(connection: socket.socket) -> None:
        connection.recv(5000)
        time.sleep(15)

    answer = pusher(receiver(hang, raw=raw).url, deadline_seconds=1.0).push(b"x", message_id=make().id)
    assert answer.problem is TransportProblem.TIMEOUT


def test_nobody_there(pusher, make) -> None:
    answer = pusher(f"https://127.0.0.1:{free_port()}/v1/envelopes").push(b"x", message_id=make().id)
    assert answer.problem is TransportProblem.UNREACHABLE


def test_plain_http(receiver, pusher, make) -> None:
    answer = pusher(receiver(hang, raw=lambda line: line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")).url).push(
        b"x", message_id=make().id
    )
    assert answer.problem in (TransportProblem.UNREACHABLE, TransportProblem.DISCONNECTED)


def test_another_school_never_sees_the_envelope(receiver, pusher, make) -> None:
    """Its certificate is good, chained and for this very address; but it is not the school."""
    seen: list[bytes] = []
    behaviour = lambda line: seen.append(line.recv(100))  # noqa: E731
    answer = pusher(receiver(behaviour, school=OTHER).url).push(make().sealed.envelope, message_id=make().id)
    assert (answer.problem, answer.cause) == (TransportProblem.IDENTITY, "TRUST-011")
    assert not any(seen)


def test_an_unknown_authority(tmp_path, pusher, make) -> None:
    make_development_certificates(tmp_path, schools=[SCHOOL], at=now())
    impostor = Receiver(tmp_path / "schools" / SCHOOL / "tls-1.crt", hang)
    answer = pusher(impostor.url).push(b"x", message_id=make().id)
    impostor.close()
    assert answer.problem is TransportProblem.IDENTITY


def test_the_school_at_an_address_it_does_not_have(receiver, pusher, make) -> None:
    """The certificate names localhost and 127.0.0.1; 127.0.0.2 reaches the same listener on no system here."""
    listener = receiver(hang)
    other = socket.create_server(("127.0.0.2", 0))
    made = Receiver.__new__(Receiver)
    made.__dict__ |= listener.__dict__ | {"listener": other}
    threading.Thread(target=made._accept, daemon=True).start()
    url = f"https://127.0.0.2:{other.getsockname()[1]}/v1/envelopes"
    answer = pusher(url).push(b"x", message_id=make().id)
    other.close()
    assert answer.problem is TransportProblem.IDENTITY


@pytest.mark.fault("F16", "F17", "F18")
@pytest.mark.parametrize(
    ("lie", "fault"),
    [
        ("another school signs", ReceiptFault.RECEIVER),
        ("another message", ReceiptFault.MESSAGE),
        ("another content", ReceiptFault.DIGEST),
        ("no signature", ReceiptFault.MALFORMED),
    ],
)
def test_receipts_that_lie(lie: str, fault: ReceiptFault, receiver, pusher, make, trust) -> None:
    """F16 to F18, through the whole way: the push succeeds, the receipt does not count."""
    message, other = make(), make(content=b"<other/>")
    about = other if lie == "another message" else message
    receipt = make_receipt(
        trust.signing_identity(OTHER if lie == "another school signs" else SCHOOL, at=now()),
        message_id=about.id,
        envelope_sha256=(other if lie == "another content" else about).sealed.envelope_sha256,
        manifest_sha256=about.sealed.manifest_sha256,
        at=now(),
    )
    body = b'{"outcome":"accepted"}' if lie == "no signature" else receipt
    behaviour = answering(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    answer = pusher(receiver(behaviour).url).push(message.sealed.envelope, message_id=message.id)
    with pytest.raises(ReceiptError) as refused:
        message.receipt(answer.receipt_unverified)
    assert refused.value.fault is fault


def test_one_connection_for_many_and_a_new_one_after_a_break(receiver, pusher, make) -> None:
    good = HEAD + b"Content-Length: 1\r\n\r\nx"
    listener = receiver(answering(good))
    line = pusher(listener.url)
    for _ in range(5):
        assert line.push(b"x", message_id=make().id).receipt_unverified == b"x"
    assert listener.connections == 1

    def once(connection: ssl.SSLSocket) -> None:
        request(connection)
        connection.sendall(good)

    listener = receiver(once)
    line = pusher(listener.url)
    assert line.push(b"x", message_id=make().id).problem is None
    time.sleep(0.2)
    assert line.push(b"x", message_id=make().id).problem is None
    assert listener.connections == 2


@pytest.mark.fault("F22")
def test_a_hanging_receiver_harms_only_its_own(endpoint, receiver, pusher, make) -> None:
    release = threading.Event()

    def until_released(connection: ssl.SSLSocket) -> None:
        request(connection)
        release.wait(60)

    slow = pusher(receiver(until_released).url, deadline_seconds=60)
    answers: dict[str, object] = {}
    thread = threading.Thread(target=lambda: answers.update(slow=slow.push(b"x", message_id=make().id)))
    thread.start()
    line = pusher(endpoint.url)
    for _ in range(20):
        message = make()
        assert message.receipt(line.push(message.sealed.envelope, message_id=message.id).receipt_unverified)
    assert not answers
    release.set()
    thread.join()
    assert answers["slow"].problem is TransportProblem.DISCONNECTED
