"""A supplier's server that answers as no server should, with a right certificate or another one."""

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import test_registrations
from overstap.ledger.invariants import check
from overstap.pki import make_development_certificates
from overstap.test_chain.registering import Registrar

from .conftest import REGION, SCHOOL, SUPPLIER, WAITS, YEAR
from .test_mended_mandates import agreed

HEAD = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"


@contextmanager
def answering(
    trust_folder: Path, answer: bytes, name: str = f"conductor/{SUPPLIER}/tls-1", *, held: bool = False
) -> Iterator[str]:
    """A server that reads what comes and answers these bytes, then closes, or holds the line."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trust_folder / f"{name}.crt", trust_folder / f"{name}.key")
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)

        def serve() -> None:
            while not stop.is_set():
                try:
                    plain, _ = listening.accept()
                except TimeoutError:
                    continue
                plain.settimeout(WAITS)
                try:
                    with context.wrap_socket(plain, server_side=True) as line:
                        got = b""
                        while b"\r\n\r\n" not in got or not got.rstrip().endswith(b"}"):
                            part = line.recv(65536)
                            if not part:
                                break
                            got += part
                        line.sendall(answer)
                        if held:
                            stop.wait()
                except OSError:
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}/v1.1"
        finally:
            stop.set()
            thread.join(WAITS)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (HEAD + b"Content-Length: 7\r\n\r\n\xff\x00{{{{]", None),
        (HEAD + b"Content-Length: 99999999\r\n\r\n", None),  # it took what was sent, whatever it says of it
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFF\r\n" + b"x" * 200_000, None),
        (HEAD + b"Content-Length: 500\r\n\r\n{", "TESTS-011"),
        (HEAD + b"Content-Length: -5\r\n\r\n{}", "TESTS-011"),
        (
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            "TESTS-009",
        ),
        (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", "TESTS-009"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "TESTS-009"),
        (b"HTTP/1.1 99999 X\r\n\r\n", "TESTS-011"),
        (b"", "TESTS-011"),
        (b"Vis Noor\r\n\r\n", "TESTS-011"),
        (HEAD + b"X: y\r\n" * 500 + b"\r\n", "TESTS-011"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, "TESTS-011"),
    ],
)
def test_what_it_answers_is_judged_by_its_status_alone(
    registrar: Registrar,
    opened: Ledger,
    trust_folder: Path,
    caplog: pytest.LogCaptureFixture,
    answer: bytes,
    code: str | None,
) -> None:
    with answering(trust_folder, answer) as url, caplog.at_level(logging.DEBUG):
        agreed(opened, "{test_suppliers,0,url}", url)
        if code is None:
            assert registrar.register(SCHOOL).sent == 3
        else:
            with pytest.raises(OverstapError) as raised:
                registrar.register(SCHOOL)
            assert raised.value.code == code
            assert (
                "Vis" not in f"{raised.value} {raised.value.message_nl} {raised.value.message_en} {raised.value.facts}"
            )
    assert "Vis" not in caplog.text
    with opened.unit(REGION, "test") as unit:
        taken = [bool(one.taken_digest) for one in test_registrations.known(unit, YEAR, SCHOOL)]
        assert check(unit) == []
    assert taken == [code is None] * 3


def test_an_answer_without_end_ends(registrar: Registrar, opened: Ledger, trust_folder: Path) -> None:
    with answering(trust_folder, HEAD + b"Content-Length: 30000\r\n\r\n" + b"x", held=True) as url:
        agreed(opened, "{test_suppliers,0,url}", url)
        with pytest.raises(OverstapError, match="TESTS-011"):
            replace(registrar, deadline_seconds=1).register(SCHOOL)


def test_the_right_number_by_another_authority_gets_nothing(
    registrar: Registrar, opened: Ledger, tmp_path: Path
) -> None:
    make_development_certificates(tmp_path, schools=[], regions=[SUPPLIER], at=now())
    with answering(tmp_path, HEAD + b"Content-Length: 2\r\n\r\n{}") as url:
        agreed(opened, "{test_suppliers,0,url}", url)
        with pytest.raises(OverstapError, match="TESTS-008"):
            registrar.register(SCHOOL)
