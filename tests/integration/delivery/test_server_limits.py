"""Tests of the mTLS server's limits against silent, slow, large and unauthorised clients.

With real sockets. Two hundred connections on which nobody says anything once stopped an endpoint for everybody.
"""

import contextlib
import hashlib
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overstap.clock import now
from overstap.delivery.desk import server as desk
from overstap.pki import TrustStore
from overstap.pki.certificates import oin_in
from overstap.receiver import endpoint
from overstap.receiver.folder_store import FolderStore
from overstap.receiver.reception import Reception
from overstap.transport import mtls_server
from overstap.transport.mtls_server import BusyError, body_of
from overstap.transport.server_limits import ServerLimits

from .conftest import OTHER, REGION, SCHOOL

CALLER, ANOTHER, STRANGER = f"conductor/{REGION}/tls-1", "conductor/elders/tls-1", f"schools/{OTHER}/tls-1"
MANY = 250
WAITS = 30
"""Seconds after which a test says that something did not happen; nothing is said of what is faster."""
HASTY = ServerLimits(
    handshake_seconds=1,
    admission_seconds=5,
    head_seconds=1,
    body_seconds=1,
    answer_seconds=2,
    idle_seconds=1,
    closing_seconds=0.2,
)


class Running:
    """A server in a thread."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.server = make()
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> int:
        self.thread.start()
        for _ in range(WAITS * 100):
            if self.server.started:
                return self.server.servers[0].sockets[0].getsockname()[1]
            time.sleep(0.01)
        raise AssertionError("the server did not start")

    def __exit__(self, *problem: object) -> None:
        self.server.should_exit = True
        self.thread.join(WAITS)
        assert not self.thread.is_alive()


@pytest.fixture
def clients(trust_folder: Path) -> Iterator[Callable[..., ssl.SSLSocket]]:
    """Connect, with a certificate or without TLS at all; everything is closed afterwards."""
    with contextlib.ExitStack() as stack:

        def connect(port: int, name: str | None = CALLER) -> socket.socket:
            plain = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=WAITS))
            if name is None:
                return plain
            context = ssl.create_default_context(cafile=trust_folder / "ca" / "authorities.pem")
            context.load_cert_chain(trust_folder / f"{name}.crt", trust_folder / f"{name}.key")
            return stack.enter_context(context.wrap_socket(plain, server_hostname="127.0.0.1"))

        yield connect


def is_ended(connection: socket.socket) -> bool:
    """Read until the other end closes; False when it does not."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def answer(connection: socket.socket, request: bytes = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n") -> tuple[int, bytes]:
    """Ask, and return status and body."""
    connection.sendall(request)
    said = b""
    while b"\r\n\r\n" not in said:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError(said)
        said += part
    head, _, body = said.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1]), body


def small_server(trust: TrustStore, limits: ServerLimits, admit: Callable[..., str | None] | None = None):
    """Return a server that takes bodies of up to 8 MB, which it holds until told to let go."""

    async def take(request: Request) -> Response:
        try:
            body = await body_of(request, 8_000_000)
        except TimeoutError:
            return mtls_server.problem(408, "too_slow")
        except BusyError:
            return mtls_server.problem(503, "busy")
        return JSONResponse({"sha256": hashlib.sha256(body or b"").hexdigest(), "caller": request.state.caller})

    def health(request: Request) -> Response:
        return JSONResponse({"caller": request.state.caller})

    def much(request: Request) -> Response:
        return Response(bytes(64_000_000))

    def known(certificate: bytes | None, at: datetime) -> str | None:
        return mtls_server.authenticated_caller(
            certificate, trust=trust, admits=trust.conductor_oins().__contains__, at=at
        )

    return mtls_server.server(
        Starlette(routes=[Route("/health", health), Route("/much", much), Route("/take", take, methods=["POST"])]),
        identity=trust.tls_identity(SCHOOL, at=now()),
        trust=trust,
        admit=admit or known,
        host="127.0.0.1",
        port=0,
        now=now,
        limits=limits,
    )


def school_endpoint(trust: TrustStore, folder: Path, **more: object):
    reception = Reception(SCHOOL, trust=trust, store=FolderStore(folder / "store"))
    return endpoint.server(reception, host="127.0.0.1", port=0, **more)


def region_desk(trust: TrustStore, folder: Path, **more: object):
    """Return a desk at which no question gets as far as the ledger."""

    def nobody() -> object:
        return None

    return desk.server(
        desk.Desks(nobody, workers=1),
        region=REGION,
        trust=trust,
        schools=lambda: frozenset({SCHOOL}),
        host="127.0.0.1",
        port=0,
        **more,
    )


@pytest.mark.parametrize(
    ("make", "caller", "stranger"),
    [(school_endpoint, CALLER, STRANGER), (region_desk, f"schools/{SCHOOL}/tls-1", STRANGER)],
    ids=["endpoint", "desk"],
)
@pytest.mark.parametrize("idle", ["before TLS", "of who may not call", "of the caller itself"])
def test_many_idle_connections_stop_nobody(trust, tmp_path, clients, make, caller, stranger, idle) -> None:
    names = {"before TLS": None, "of who may not call": stranger, "of the caller itself": caller}
    with Running(lambda: make(trust, tmp_path)) as port:
        kept = [clients(port, names[idle]) for _ in range(MANY)]
        status, _ = answer(clients(port, caller))
        assert status == 200
        assert len(kept) == MANY


def test_who_may_not_call_is_told_so_and_closed(trust, tmp_path, clients) -> None:
    with Running(lambda: school_endpoint(trust, tmp_path)) as port:
        silent = clients(port, STRANGER)
        said = b""
        with contextlib.suppress(OSError):
            while part := silent.recv(65536):
                said += part
        assert said.startswith(b"HTTP/1.1 403")
        assert json.loads(said.partition(b"\r\n\r\n")[2]) == {"problem": "caller"}


@pytest.mark.parametrize("case", ["no TLS", "no request", "half a head", "half a body", "a refused body", "idle"])
def test_who_is_slow_is_ended(trust, clients, case: str) -> None:
    """Each part of a conversation has a deadline, however many bytes drip in meanwhile."""
    with Running(lambda: small_server(trust, HASTY)) as port:
        slow = clients(port, None if case == "no TLS" else CALLER)
        drip = b""
        if case == "half a head":
            slow.sendall(b"GET /health HTTP/1.1\r\nHost: ")
            drip = b"x"
        elif case == "half a body":
            slow.sendall(b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
            drip = b"x"
        elif case == "a refused body":
            slow.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
            drip = b"x"
        elif case == "idle":
            assert answer(slow)[0] == 200
        ends = time.monotonic() + WAITS
        try:
            while drip and time.monotonic() < ends:
                slow.sendall(drip)
                time.sleep(0.05)
        except OSError:
            drip = b""
        assert not drip
        assert is_ended(slow)
        assert answer(clients(port))[0] == 200


def test_who_does_not_read_its_answer_is_ended(trust, clients) -> None:
    running = Running(lambda: small_server(trust, HASTY))
    with running as port:
        slow = clients(port)
        slow.sendall(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        assert slow.recv(1)
        ends = time.monotonic() + WAITS
        while running.server.server_state.connections and time.monotonic() < ends:
            time.sleep(0.05)
        assert not running.server.server_state.connections
        assert answer(clients(port))[0] == 200


def test_a_caller_holds_no_more_than_its_own_connections(trust, clients) -> None:
    limits = ServerLimits(per_caller=4)
    with Running(lambda: small_server(trust, limits)) as port:
        working = [clients(port) for _ in range(4)]
        for one in working:
            one.sendall(b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        status, ends = 200, time.monotonic() + WAITS
        while status != 503 and time.monotonic() < ends:  # until all four are at work
            status, said = answer(clients(port))
        assert json.loads(said) == {"problem": "too_many_connections"}
        assert answer(clients(port, ANOTHER))[0] == 200
        for one in working:
            assert answer(one, b"67890")[0] == 200


def _oin(trust: TrustStore) -> str | None:
    return oin_in(trust.conductor_identity(REGION, at=now()).certificate)


def test_who_is_being_checked_keeps_nobody_waiting(trust, clients) -> None:
    """An OCSP service that says nothing is waited for beside the others, not by all of them."""
    release, begun = threading.Event(), threading.Event()
    slow = _oin(trust)

    def admit(certificate: bytes | None, at: datetime) -> str | None:
        caller = mtls_server.authenticated_caller(
            certificate, trust=trust, admits=trust.conductor_oins().__contains__, at=at
        )
        if caller == slow:
            begun.set()
            release.wait(WAITS)
        return caller

    with Running(lambda: small_server(trust, ServerLimits(), admit)) as port:
        held = clients(port)
        held.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert begun.wait(WAITS)
        assert answer(clients(port, ANOTHER))[0] == 200
        release.set()
        assert answer(held, b"")[0] == 200  # what was sent ahead of the check is answered after it


def test_a_check_that_does_not_end_is_no_admission(trust, clients) -> None:
    release = threading.Event()

    def admit(certificate: bytes | None, at: datetime) -> str | None:
        release.wait(WAITS)
        return "00000007000"

    with Running(lambda: small_server(trust, ServerLimits(admission_seconds=0.5), admit)) as port:
        try:
            assert answer(clients(port))[0] == 503
        finally:
            release.set()


def test_a_check_that_breaks_is_no_admission(trust, clients) -> None:
    def admit(certificate: bytes | None, at: datetime) -> str | None:
        raise RuntimeError("the folder is gone")

    with Running(lambda: small_server(trust, ServerLimits(), admit)) as port:
        assert answer(clients(port))[0] == 503


def test_bodies_hold_no_more_memory_than_there_is(trust, clients) -> None:
    """A caller that pours gets no more than its part; the other's delivery finds room."""
    limits = ServerLimits(body_bytes=6_000_000, body_bytes_per_caller=4_000_000)
    head = b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    with Running(lambda: small_server(trust, limits)) as port:
        pouring = clients(port)
        pouring.sendall(head % 3_500_000 + bytes(3_000_000))
        over = clients(port)
        statuses = set()
        ends = time.monotonic() + WAITS
        while 503 not in statuses and time.monotonic() < ends:  # until the first body is there
            with contextlib.suppress(OSError):
                statuses.add(answer(over, head % 1_500_000 + bytes(1_500_000))[0])
            over = clients(port)
        assert 503 in statuses
        content = os.urandom(1_500_000)
        status, said = answer(clients(port, ANOTHER), head % len(content) + content)
        assert status == 200
        assert json.loads(said)["sha256"] == hashlib.sha256(content).hexdigest()
        assert answer(pouring, bytes(500_000))[0] == 200
        status, _ = answer(clients(port), head % 3_500_000 + bytes(3_500_000))  # what was held was given back
        assert status == 200


def test_strangers_push_out_strangers(trust, clients) -> None:
    """The oldest one of the busiest address goes when there are too many; who is known already stays."""
    limits = ServerLimits(unauthenticated=10)
    with Running(lambda: small_server(trust, limits)) as port:
        known = clients(port)
        assert answer(known)[0] == 200
        strangers = [clients(port, None) for _ in range(30)]
        assert is_ended(strangers[0])
        assert answer(known)[0] == 200
        assert answer(clients(port, ANOTHER))[0] == 200
