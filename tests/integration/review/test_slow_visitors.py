"""Tests of silent, slow and non-reading clients, which delay nobody else, over real sockets.

The attackers come from another address of loopback than the visitor whom they try to keep out.
"""

import contextlib
import socket
from collections.abc import Iterator

import httpx
import pytest
from school_service import School, school_service

from overstap_tools.local.postgres import EmbeddedPostgres

MANY = 260
"""More than the schools' pages serve at once."""
WAITS = 120
"""Seconds after which a test says that something did not happen; nothing is said of what is faster."""
POST = b"POST /inloggen HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\na="


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("slow")) as made:
        yield made


@contextlib.contextmanager
def attackers(school: School, said: bytes, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            line = socket.create_connection(("127.0.0.1", school.port), WAITS, source_address=("127.0.0.2", 0))
            with contextlib.suppress(OSError):  # closed for a newer one already
                line.sendall(said)
            found.append(stack.enter_context(line))
        yield found


def is_ended(line: socket.socket) -> bool:
    try:
        while line.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def pour(line: socket.socket, asked: bytes) -> bool:
    """Ask without reading an answer until the other end closes; False when it does not."""
    try:
        while True:
            line.sendall(asked)
    except TimeoutError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize(
    "said", [b"", b"GET / HTTP/1.1\r\nX-a: b\r\n", POST], ids=["nothing", "half a head", "half a body"]
)
def test_hundreds_who_say_nothing_keep_nobody_out(school: School, said: bytes) -> None:
    """The schools' pages serve two hundred connections: as many of one stranger once closed them for every school."""
    with attackers(school, said, MANY) as lines:
        for _ in range(3):
            assert httpx.get(f"{school.address}/", timeout=WAITS).status_code == 200
        assert all(map(is_ended, lines))


def test_a_second_head_that_never_ends_is_ended(school: School) -> None:
    with attackers(school, b"GET /gezond HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nX-a: ", 1) as [line]:
        assert is_ended(line)


def test_who_does_not_read_is_ended(school: School) -> None:
    """Thousands of requests on one connection, and no answer is read: what was written once waited for ever."""
    style = next(one for one in httpx.get(f"{school.address}/").text.split('"') if one.startswith("/static/"))
    asked = f"GET {style} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with attackers(school, b"", 1) as [line]:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        assert pour(line, asked), "nothing goes in any more, and the other end does not close"
    assert httpx.get(f"{school.address}/", timeout=WAITS).status_code == 200
