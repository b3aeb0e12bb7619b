"""F41, F42: an authority's OCSP service behind the revocation list. The service is `openssl ocsp`, asked over loopback.

`openssl ocsp -port` listens on every address of a machine, so a server on loopback hands each question to one.
"""

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from overstap.atomic_files import write_atomically
from overstap.bounded_http import RequestBounds
from overstap.clock import now
from overstap.errors import OverstapError
from overstap.pki import (
    REVOCATION_UNKNOWN,
    DevelopmentAuthority,
    KeyKind,
    Role,
    TrustStore,
    oin_of,
)
from overstap.pki.authority import new_key
from overstap.pki.key_files import key_bytes, read_certificates, read_key
from overstap.pki.ocsp import BOUNDS

SCHOOL, OTHER = "98XA00", "98XB00"


@dataclass
class Service:
    """An authority's OCSP service, and what a liar in its place would do."""

    folder: Path
    index: Path
    signer: Path
    """Certificate and key (`.crt`, `.key`) of who signs."""
    asked: int = 0
    minutes: int = 30
    lie: Callable[[bytes, Callable[[bytes], bytes]], bytes | None] | None = None
    extra: list[str] = field(default_factory=list)

    def answer(self, question: bytes) -> bytes:
        command = ["openssl", "ocsp", "-index", str(self.index), "-CA", str(self.folder / "ca" / "issuing.crt")]
        command += ["-rsigner", str(self.signer), "-rkey", str(self.signer.with_suffix(".key"))]
        command += ["-reqin", "-", "-respout", "-", "-nmin", str(self.minutes), *self.extra]
        with contextlib.ExitStack() as stack:
            asked, said = (stack.enter_context(_file(self.index, name)) for name in ("asked", "said"))
            asked.write_bytes(question)
            command[command.index("-reqin") + 1], command[command.index("-respout") + 1] = str(asked), str(said)
            done = subprocess.run(command, capture_output=True, check=False)
            assert said.exists(), done.stderr
            return said.read_bytes()

    def state(self, certificate: x509.Certificate, letter: str, *, revoked: datetime | None = None) -> None:
        """Write the authority's index: V good, R revoked; without a line it is unknown."""
        end = f"{certificate.not_valid_after_utc:%y%m%d%H%M%SZ}"
        on = f"{revoked:%y%m%d%H%M%SZ}" if revoked else ""
        serial = f"{certificate.serial_number:X}"
        serial = serial.zfill(len(serial) + len(serial) % 2)
        with self.index.open("a") as out:
            out.write(f"{letter}\t{end}\t{on}\t{serial}\tunknown\t/CN=x\n")


@contextlib.contextmanager
def _file(beside: Path, name: str) -> Iterator[Path]:
    path = beside.with_name(f"{name}-{threading.get_ident()}.der")
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    folder = tmp_path / "trust"
    index = tmp_path / "index.txt"
    index.touch()
    found = Service(folder, index, folder / "ca" / "issuing.crt")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = self.rfile.read(int(self.headers["Content-Length"]))
            found.asked += 1
            said = found.lie(question, found.answer) if found.lie else found.answer(question)
            if said is None:
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/ocsp-response")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(said)

        def log_message(self, *arguments: object) -> None:
            """Keep the tests' output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    authority = DevelopmentAuthority(
        folder, at=now() - timedelta(days=1), ocsp=f"http://127.0.0.1:{server.server_port}/ocsp"
    )
    for school in (SCHOOL, OTHER):
        authority.school(school)
    (folder / "ca" / "issuing.crl").unlink()  # the root keeps its list; about schools only the service knows
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def store(service: Service) -> TrustStore:
    return TrustStore(service.folder, production=False)


@pytest.fixture
def certificate(service: Service) -> x509.Certificate:
    return read_certificates(service.folder / "schools" / SCHOOL / "decryption-1.crt")[0]


def code(store: TrustStore, at: datetime | None = None) -> str:
    with pytest.raises(OverstapError) as told:
        store.recipient(SCHOOL, at=at or now())
    return told.value.code


def test_good_and_asked_once(service: Service, store: TrustStore, certificate: x509.Certificate) -> None:
    service.state(certificate, "V")
    for _ in range(3):
        assert store.recipient(SCHOOL, at=now()).certificate == certificate
    assert service.asked == 1


def test_a_list_that_covers_the_moment_spares_the_question(service: Service, store: TrustStore) -> None:
    DevelopmentAuthority(service.folder, at=now()).publish_revocations()
    assert store.recipient(SCHOOL, at=now())
    assert service.asked == 0


@pytest.mark.fault("F40")
def test_revoked_from_its_moment_on(service: Service, store: TrustStore, certificate: x509.Certificate) -> None:
    revoked = now() - timedelta(hours=2)
    service.state(certificate, "R", revoked=revoked)
    assert code(store) == "TRUST-008"
    store.check(certificate, role=Role.DECRYPTION, oin=oin_of(SCHOOL), at=revoked - timedelta(minutes=1))


@pytest.mark.fault("F42")
def test_unknown_means_hold(service: Service, store: TrustStore, certificate: x509.Certificate) -> None:
    """F42. It is known a moment later: a certificate that was just issued."""
    assert code(store) == code(store) == "TRUST-019"
    assert service.asked == 1
    assert {"TRUST-019", "TRUST-009"} == REVOCATION_UNKNOWN
    service.state(certificate, "V")
    assert TrustStore(service.folder, production=False).recipient(SCHOOL, at=now())


def appoint(service: Service, *, uses: list[x509.ObjectIdentifier], is_excused: bool = True, days: int = 5) -> Path:
    """Let the authority appoint somebody to sign for it."""
    ca = service.folder / "ca"
    issuer, key = read_certificates(ca / "issuing.crt")[0], new_key(KeyKind.RSA3072)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "responder")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=4))
        .not_valid_after(now() - timedelta(days=4) + timedelta(days=days))
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    )
    if is_excused:
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
    made = builder.sign(read_key(ca / "issuing.key"), hashes.SHA256())
    path = service.folder.parent / "responder.crt"
    write_atomically(path, made.public_bytes(serialization.Encoding.PEM), mode=0o644)
    write_atomically(path.with_suffix(".key"), key_bytes(key), mode=0o600)
    return path


def test_somebody_appointed_signs(service: Service, store: TrustStore, certificate: x509.Certificate) -> None:
    service.state(certificate, "V")
    service.signer = appoint(service, uses=[ExtendedKeyUsageOID.OCSP_SIGNING])
    for named_by in ([], ["-resp_key_id"]):  # by name, and by the digest of the key
        service.extra = named_by
        assert TrustStore(service.folder, production=False).recipient(SCHOOL, at=now())
    assert service.asked == 2


@pytest.mark.parametrize("wrong", ["not for this", "not excused", "ended", "another school", "digest"])
def test_whoever_else_signs_says_nothing(
    wrong: str, service: Service, store: TrustStore, certificate: x509.Certificate
) -> None:
    service.state(certificate, "V")
    if wrong == "another school":
        service.signer = service.folder / "schools" / OTHER / "signing-1.crt"
    elif wrong == "digest":
        service.extra = ["-rmd", "sha1"]
    else:
        service.signer = appoint(
            service,
            uses=[
                ExtendedKeyUsageOID.EMAIL_PROTECTION if wrong == "not for this" else ExtendedKeyUsageOID.OCSP_SIGNING
            ],
            is_excused=wrong != "not excused",
            days=3 if wrong == "ended" else 5,
        )
    assert code(store) == "TRUST-009"
    assert service.asked == 1


def test_an_old_answer_to_another_question(service: Service, store: TrustStore, certificate: x509.Certificate) -> None:
    """What was recorded before the revocation and is played again has another nonce, or has ended."""
    service.state(certificate, "V")
    recorded: list[bytes] = []
    service.lie = lambda question, answer: recorded.append(answer(question)) or recorded[0]
    assert store.recipient(SCHOOL, at=now())
    again = TrustStore(service.folder, production=False)
    assert code(again) == "TRUST-009"
    later = TrustStore(service.folder, production=False, clock=lambda: now() + timedelta(minutes=40))
    service.lie = None
    assert code(later) == "TRUST-009"  # past its end, and so is the service's clock
    early = TrustStore(service.folder, production=False, clock=lambda: now() - timedelta(minutes=10))
    assert code(early) == "TRUST-009"  # from the future


def test_an_answer_about_another_certificate(
    service: Service, store: TrustStore, certificate: x509.Certificate
) -> None:
    """It says good, signed by the right one; but of whom?"""
    from cryptography.x509 import ocsp

    issuer = read_certificates(service.folder / "ca" / "issuing.crt")[0]
    other = read_certificates(service.folder / "schools" / OTHER / "decryption-1.crt")[0]
    service.state(other, "V")

    def swap(question: bytes, answer: Callable[[bytes], bytes]) -> bytes:
        nonce = ocsp.load_der_ocsp_request(question).extensions.get_extension_for_class(x509.OCSPNonce).value
        asked = ocsp.OCSPRequestBuilder().add_certificate(other, issuer, hashes.SHA1())  # noqa: S303
        asked = asked.add_extension(nonce, False)
        return answer(asked.build().public_bytes(serialization.Encoding.DER))

    service.lie = swap
    assert code(store) == "TRUST-009"


@pytest.mark.fault("F41")
@pytest.mark.parametrize("way", ["nothing", "no DER", "error", "huge", "slow"])
def test_a_service_that_fails_means_hold_and_is_left_alone(
    way: str, service: Service, certificate: x509.Certificate
) -> None:
    """F41: neither says good, so nothing is sent; thousands of dossiers do not wait for it one by one."""
    service.state(certificate, "V")
    over = threading.Event()
    answers: dict[str, Callable[[bytes, Callable[[bytes], bytes]], bytes | None]] = {
        "nothing": lambda question, answer: None,
        "no DER": lambda question, answer: b"<html>",
        "error": lambda question, answer: bytes.fromhex("30030a0102"),  # internalError
        "huge": lambda question, answer: bytes(1_000_000),
        "slow": lambda question, answer: over.wait(30) and None,
    }
    service.lie = answers[way]
    bounds = RequestBounds(seconds=0.3, max_bytes=64 * 1024) if way == "slow" else BOUNDS
    store = TrustStore(service.folder, production=False, ocsp=bounds)
    assert code(store) == "TRUST-009"
    over.set()
    asked = service.asked
    if way not in ("no DER", "error"):
        assert code(store) == "TRUST-009"
        assert service.asked == asked
    service.lie = None
    assert TrustStore(service.folder, production=False).recipient(SCHOOL, at=now())
