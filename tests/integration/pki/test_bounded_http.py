"""What an authority's server does to a request for OCSP or a revocation list, tried against real sockets."""

import contextlib
import gzip
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from overstap.bounded_http import FetchError, FetchProblem, RequestBounds, fetch

LIST = bytes(range(256)) * 40
SHORT = RequestBounds(seconds=0.4, max_bytes=64 * 1024, redirects=2)
AMPLE = RequestBounds(seconds=30, max_bytes=64 * 1024, redirects=2)


class Server:
    """A server on loopback that gives to each connection what a test says; keeps what was asked."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[bytes] = []
        self.over = threading.Event()
        self.give: Callable[[socket.socket, bytes], None] = lambda connection, asked: None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            asked = b""
            while b"\r\n\r\n" not in asked or (asked.startswith(b"POST") and not asked.endswith(b"what is asked")):
                asked += connection.recv(65536)
            self.asked.append(asked)
            self.give(connection, asked)

    def close(self) -> None:
        self.over.set()
        self._listener.close()

    def says(self, *lines: str, body: bytes = b"") -> None:
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()
        self.give = lambda connection, asked: connection.sendall(head + body)


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


def problem(url: str, bounds: RequestBounds, **more: str) -> FetchProblem:
    with pytest.raises(FetchError) as told:
        fetch(url, bounds, **more)  # type: ignore[arg-type]
    return told.value.problem


def test_a_list_comes_whole(server: Server) -> None:
    server.says("HTTP/1.1 200 OK", "Content-Type: application/pkix-crl", body=LIST)
    assert fetch(server.address + "/a.crl", AMPLE) == LIST
    assert server.asked[0].startswith(b"GET /a.crl ")


def test_a_request_is_posted_without_the_name_in_its_address(server: Server) -> None:
    server.says("HTTP/1.1 200 OK", "Content-Type: c/d; charset=x", body=b"yes")
    address = server.address.replace("//", "//somebody:secret@")
    assert fetch(address, AMPLE, method="POST", body=b"what is asked", kind="a/b", answer="c/d") == b"yes"
    assert b"what is asked" in server.asked[0]
    assert b"a/b" in server.asked[0]
    assert b"authorization" not in server.asked[0].lower()


@pytest.mark.fault("F41")
@pytest.mark.parametrize("part", ["head", "body", "nothing"])
def test_drops_do_not_stretch_the_deadline(part: str, server: Server) -> None:
    def drip(connection: socket.socket, asked: bytes) -> None:
        if part == "body":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while not server.over.wait(0.02):
            if part != "nothing":
                connection.sendall(b"H")

    server.give = drip
    assert problem(server.address, SHORT) is FetchProblem.LATE


@pytest.mark.parametrize("stated", [True, False])
def test_no_more_is_read_than_may_come(stated: bool, server: Server) -> None:
    sent = []

    def pour(connection: socket.socket, asked: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 9000000000\r\n\r\n" if stated else b"\r\n"))
        while not server.over.is_set():
            connection.sendall(bytes(65536))
            sent.append(65536)

    server.give = pour
    assert problem(server.address, AMPLE) is FetchProblem.TOO_LARGE
    assert sum(sent) < 100_000_000


def test_redirects_are_followed_so_far(server: Server) -> None:
    def pass_on(connection: socket.socket, asked: bytes) -> None:
        steps = int(asked.split(b" ")[1].strip(b"/") or 0)
        if steps:
            connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: /{steps - 1}\r\nContent-Length: 0\r\n\r\n".encode())
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")

    server.give = pass_on
    assert fetch(server.address + "/2", AMPLE) == b"yes"
    assert problem(server.address + "/3", AMPLE) is FetchProblem.REDIRECT
    assert problem(server.address + "/1", RequestBounds(30, 1000)) is FetchProblem.REDIRECT


@pytest.mark.parametrize(
    "target", ["https://127.0.0.1/a.crl", "file:///etc/passwd", "ldap://127.0.0.1/", "ftp://127.0.0.1/a.crl"]
)
def test_a_redirect_leads_to_no_other_scheme(target: str, server: Server) -> None:
    server.says("HTTP/1.1 301 Moved Permanently", f"Location: {target}")
    both = RequestBounds(30, 1000, redirects=2, schemes=frozenset({"http", "https"}))
    assert problem(server.address, both) is FetchProblem.REDIRECT
    assert len(server.asked) == 1


def test_the_environments_proxy_is_not_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Server()
    proxy.says("HTTP/1.1 200 OK", body=b"of the proxy")
    server.says("HTTP/1.1 200 OK", body=b"of the server")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert fetch(server.address, AMPLE) == b"of the server"
    assert not proxy.asked
    proxy.close()


def test_what_else_is_no_answer(server: Server) -> None:
    server.says("HTTP/1.1 404 Not Found", body=b"no")
    assert problem(server.address, AMPLE) is FetchProblem.STATUS
    server.says("HTTP/1.1 200 OK", "Content-Type: text/html", body=b"no")
    assert problem(server.address, AMPLE, answer="c/d") is FetchProblem.MEDIA_TYPE
    server.says("HTTP/1.1 200 OK", "Content-Encoding: gzip", body=gzip.compress(bytes(50_000_000)))
    assert problem(server.address, AMPLE) is FetchProblem.MEDIA_TYPE
    server.give = lambda connection, asked: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    assert problem(server.address, AMPLE) is FetchProblem.UNREACHABLE
    server.give = lambda connection, asked: connection.sendall(b"\x00\x01\x02\r\n\r\n")
    assert problem(server.address, AMPLE) is FetchProblem.UNREACHABLE
    server.close()
    assert problem(server.address, AMPLE) is FetchProblem.UNREACHABLE


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "file:///etc/passwd", "http:///x", "http://127.0.0.1:99999/", "ldap://x", "x", ""]
)
def test_other_addresses_are_not_asked(url: str) -> None:
    assert problem(url, AMPLE) is FetchProblem.ADDRESS
