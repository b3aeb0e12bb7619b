"""nginx with the shipped configuration: what it logs, and what reaches the pages of a request that is oddly framed."""

import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from overstap.deployment.choices import Choices
from overstap.deployment.proxy import configuration
from overstap_tools.local import ports
from overstap_tools.local.waiting import wait_until

SCHOOL = "scholen.example.nl"
NAMES = ("overstap.example.nl", "inzage.example.nl", SCHOOL)
pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="there is no nginx on this machine")


@dataclass
class Pages:
    """Stands where the schools' pages listen, keeps each byte, and takes one request a connection."""

    listening: socket.socket
    received: list[bytes] = field(default_factory=list)

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(1)
                got = b""
                try:
                    while part := connection.recv(65_536):
                        got += part
                        if b"\r\n\r\n" in got and _is_whole(got):
                            break
                except TimeoutError:
                    pass
                self.received.append(got)
                if b"weg" not in got.partition(b"\r\n")[0]:  # as a page that died in the middle of a request
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


def _is_whole(got: bytes) -> bool:
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    return len(body) >= (int(length[1]) if length else 0) and b"chunked" not in head.lower()


@dataclass
class Proxied:
    """A running nginx."""

    place: Path
    port: int
    pages: Pages

    def send(self, *pieces: bytes) -> bytes:
        """Send raw bytes over TLS, as a browser of the schools' pages would; return all that comes back."""
        context = ssl.create_default_context(cafile=str(self.place / f"{SCHOOL}.crt"))
        context.check_hostname = False
        with (
            socket.create_connection(("127.0.0.1", self.port)) as plain,
            context.wrap_socket(plain, server_hostname=SCHOOL) as secured,
        ):
            secured.settimeout(5)
            for piece in pieces:
                secured.sendall(piece)
            answer = b""
            try:
                while part := secured.recv(65_536):
                    answer += part
            except (TimeoutError, OSError):
                pass
            return answer

    @property
    def logs(self) -> str:
        return "".join(path.read_text(errors="replace") for path in self.place.glob("*.log"))


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    place = tmp_path_factory.mktemp("nginx")
    listening = socket.create_server(("127.0.0.1", 0))
    pages, school_port = Pages(listening), listening.getsockname()[1]
    threading.Thread(target=pages.serve, daemon=True).start()
    for name in NAMES:
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        new += ["-days", "2", "-subj", f"/CN={name}", "-keyout", f"{place}/{name}.key", "-out", f"{place}/{name}.crt"]
        subprocess.run(new, check=True, capture_output=True)
    https, http = ports.any_free(), ports.any_free()
    choices = Choices(*(f"https://{name}" for name in NAMES), school_port=school_port)
    made = configuration(choices, certificates=place, http_port=http, https_port=https)
    made = "\n".join(line for line in made.splitlines() if "listen [::]" not in line).replace(
        "/var/log/nginx", str(place)
    )
    made = made.replace("listen ", "listen 127.0.0.1:")
    (place / "site.conf").write_text(made)
    (place / "nginx.conf").write_text(
        f"daemon off; pid {place}/pid; error_log {place}/error.log; worker_processes 1;\n"
        f"events {{}}\nhttp {{ access_log {place}/access.log; include {place}/site.conf; }}\n"
    )
    process = subprocess.Popen(["nginx", "-c", f"{place}/nginx.conf"])
    try:
        wait_until(lambda: not ports.is_free(https), "nginx", 60)
        yield Proxied(place, https, pages)
    finally:
        process.terminate()
        process.wait()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {SCHOOL}\r\nConnection: close\r\n\r\n".encode()


def test_what_lets_somebody_in_is_in_no_log(proxied: Proxied) -> None:
    secret = "G" + "s" * 43
    assert proxied.send(get("/rondes")).endswith(b"ok")
    assert proxied.send(get(f"/uitnodiging/{secret}")).endswith(b"ok")
    assert proxied.send(get("/schoolaccount/terug?state=x&code=geheim")).endswith(b"ok")
    assert b"502" in proxied.send(get("/weg"))
    assert b"502" in proxied.send(get(f"/uitnodiging/{secret}/weg"))
    assert "/rondes" in proxied.logs
    assert "/weg" in proxied.logs
    assert secret not in proxied.logs
    assert "geheim" not in proxied.logs


HEAD = f"POST /inloggen HTTP/1.1\r\nHost: {SCHOOL}\r\n".encode()
HIDDEN = b"GET /verstopt HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + HIDDEN,
        HEAD + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        HEAD + b"Content-Length: +%d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        HEAD + b"Content-Length: 0x%x\r\n\r\n" % len(HIDDEN) + HIDDEN,
        HEAD + b"Content-Length : %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        HEAD + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + HIDDEN,
        HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        HEAD + b"X: y\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        HEAD + b"X: y\rContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0;x=\nGET /verstopt\r\n\r\n" + HIDDEN,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;a\r\nX\r\n0\r\nX-Trailer: y\r\n\r\n" + HIDDEN,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + HIDDEN,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + HIDDEN,
        HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        f"GET http://elders.example/ HTTP/1.1\r\nHost: {SCHOOL}\r\nContent-Length: 0\r\n\r\n".encode() + HIDDEN,
        f"GET / HTTP/1.1\r\nHost: {SCHOOL}\r\nHost: elders.example\r\n\r\n".encode() + HIDDEN,
        f"GET /\x20HTTP/1.1\r\nX:\x20 HTTP/1.1\r\nHost: {SCHOOL}\r\n\r\n".encode() + HIDDEN,
    ],
)
def test_one_request_of_a_visitor_is_one_request_of_the_pages(proxied: Proxied, request_bytes: bytes) -> None:
    """Whatever reaches the pages has one length that both sides understand, and is a visitor's own or none."""
    proxied.pages.received.clear()
    proxied.send(request_bytes)
    for got in proxied.pages.received:
        head, _, body = got.partition(b"\r\n\r\n")
        names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
        assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1, got
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        assert len(body) == (int(length[1]) if length else 0), got
        assert b"\n" not in head.replace(b"\r\n", b""), got
        assert names.count(b"host") == 1
        assert names.count(b"x-forwarded-for") == 1


def test_where_a_visitor_comes_from_is_not_for_the_visitor_to_say(proxied: Proxied) -> None:
    proxied.pages.received.clear()
    more = (
        "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nX_Forwarded_For: 9.9.9.9\r\nForwarded: for=1.2.3.4\r\n"
    )
    more += "X-Forwarded-Proto: http\r\nX-Forwarded-Host: elders.example\r\n"
    proxied.send(f"GET / HTTP/1.1\r\nHost: {SCHOOL}\r\n{more}Connection: close, X-Forwarded-For\r\n\r\n".encode())
    [got] = proxied.pages.received
    lines = [line.lower() for line in got.decode().split("\r\n")]
    assert [line for line in lines if line.startswith("x-forwarded-for")] == ["x-forwarded-for: 127.0.0.1"]
    assert "x-forwarded-proto: https" in lines
    assert f"x-forwarded-host: {SCHOOL}" in lines
    assert not any("1.2.3.4" in line or "elders" in line or "9.9.9.9" in line for line in lines)
