"""Revocation lists fetched from the addresses in certificates: what is stored, and what leaves the folder as it was."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.pki import DevelopmentAuthority, TrustStore
from overstap.pki.crl_fetching import CrlFetchOutcome, crl_urls_of, fetch_revocation_lists, sentence
from overstap.pki.key_files import read_certificates, read_key
from overstap.texts import texts

SCHOOL = "98XA00"
AT = now()


class Place:
    """Where an authority publishes its list, and the trust folder of somebody who trusts it."""

    def __init__(self, folder: Path, server: ThreadingHTTPServer, files: dict[str, bytes]) -> None:
        self.folder, self.files = folder, files
        self.url = f"http://127.0.0.1:{server.server_port}/lists/Users.crl"
        self.authority = DevelopmentAuthority(folder, at=AT - timedelta(days=1), lists=self.url)
        self.authority.school(SCHOOL)
        (folder / "ca" / "issuing.crl").unlink()  # the root keeps its list

    def publish(self, *serials: int, days: int = 7, age: timedelta = timedelta(), folder: Path | None = None) -> None:
        """Put a list of the authority at its address; `folder` is that of another authority, which signs instead."""
        elsewhere = folder or self.folder
        kept = elsewhere / "ca" / "issuing.crl"
        DevelopmentAuthority(elsewhere, at=AT - age).publish_revocations(*serials, days=days)
        self.files["/lists/Users.crl"] = kept.read_bytes()
        kept.unlink()

    def fetch(self) -> CrlFetchOutcome | str:
        [one] = fetch_revocation_lists(TrustStore(self.folder, production=False), at=AT)
        assert one.url == self.url
        assert sentence(one)
        assert sentence(one, language="en") != sentence(one)
        return one.outcome

    @property
    def kept(self) -> bytes | None:
        [found] = list((self.folder / "ca").glob("fetched-users-*.crl")) or [None]
        return found.read_bytes() if found else None

    def says(self) -> str | None:
        try:
            TrustStore(self.folder, production=False).recipient(SCHOOL, at=AT)
        except OverstapError as error:
            return error.code
        return None


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    files: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in files else 404)
            self.end_headers()
            self.wfile.write(files.get(self.path, b""))

        def log_message(self, *arguments: object) -> None:
            """Keep the tests' output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Place(tmp_path / "trust", server, files)
    server.shutdown()
    server.server_close()


def test_a_fetched_list_lets_deliveries_go_on(place: Place) -> None:
    place.publish()
    assert place.says() == "TRUST-009"
    assert place.fetch() is CrlFetchOutcome.STORED
    assert place.says() is None
    assert place.fetch() is CrlFetchOutcome.UNCHANGED


def test_a_fetched_list_revokes(place: Place) -> None:
    place.publish()
    place.fetch()
    certificate = read_certificates(place.folder / "schools" / SCHOOL / "decryption-1.crt")[0]
    DevelopmentAuthority(place.folder, at=AT).publish_revocations(certificate.serial_number)
    place.files["/lists/Users.crl"] = (place.folder / "ca" / "issuing.crl").read_bytes()
    (place.folder / "ca" / "issuing.crl").unlink()
    assert place.says() is None
    assert place.fetch() is CrlFetchOutcome.STORED
    assert place.says() == "TRUST-008"


@pytest.mark.fault("F41")
def test_an_old_list_does_not_replace_a_newer_one(place: Place) -> None:
    """Whoever stands on the way may play the list of before a revocation again."""
    place.publish(age=timedelta(hours=5))
    recorded = place.files["/lists/Users.crl"]
    place.publish()
    place.fetch()
    newer = place.kept
    place.files["/lists/Users.crl"] = recorded
    assert place.fetch() is CrlFetchOutcome.OLDER
    assert place.kept == newer


def test_what_is_no_current_list_of_the_authority_is_not_stored(place: Place, tmp_path: Path) -> None:
    assert place.fetch() == "status"
    place.files["/lists/Users.crl"] = b"<html>maintenance</html>"
    assert place.fetch() is CrlFetchOutcome.UNREADABLE
    DevelopmentAuthority(tmp_path / "other", at=AT)
    place.publish(folder=tmp_path / "other")
    assert place.fetch() is CrlFetchOutcome.FOREIGN
    place.publish(age=timedelta(days=9), days=2)
    assert place.fetch() is CrlFetchOutcome.NOT_NOW
    place.publish(age=-timedelta(days=2))
    assert place.fetch() is CrlFetchOutcome.NOT_NOW
    assert place.kept is None
    assert place.says() == "TRUST-009"


def test_a_damaged_file_in_its_place_is_replaced(place: Place) -> None:
    place.publish()
    place.fetch()
    [path] = (place.folder / "ca").glob("fetched-*.crl")
    path.write_bytes(b"half")
    assert place.fetch() is CrlFetchOutcome.STORED
    assert place.says() is None


def test_lists_in_pem_are_kept_in_der(place: Place) -> None:
    place.publish()
    assert place.files["/lists/Users.crl"].startswith(b"-----BEGIN")
    place.fetch()
    assert place.kept == x509.load_pem_x509_crl(place.files["/lists/Users.crl"]).public_bytes(
        serialization.Encoding.DER
    )


def test_a_certificate_of_an_unknown_authority_names_no_address(place: Place, tmp_path: Path) -> None:
    """A school's file alone does not make this machine ask an address: an authority that is trusted chose it."""
    stranger = DevelopmentAuthority(tmp_path / "other", at=AT - timedelta(days=1), lists="http://127.0.0.1:9/x.crl")
    stranger.school("98XB00")
    folder = place.folder / "schools" / "98XB00"
    folder.mkdir()
    for path in (tmp_path / "other" / "schools" / "98XB00").glob("*.crt"):
        (folder / path.name).write_bytes(path.read_bytes())
    place.publish()
    assert place.fetch() is CrlFetchOutcome.STORED


def test_addresses_over_http_only(place: Place) -> None:
    certificate = read_certificates(place.folder / "schools" / SCHOOL / "signing-1.crt")[0]
    assert crl_urls_of(certificate) == [place.url]
    assert crl_urls_of(read_certificates(place.folder / "ca" / "root.crt")[0]) == []
    key = read_key(place.folder / "schools" / SCHOOL / "signing-1.key")
    names = ["ldap://x/cn=y", "http://a.example/1.crl", "file:///etc/passwd", "https://a.example/2.crl"]
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(one) for one in names], None, None, None)
    made = (
        x509.CertificateBuilder().subject_name(certificate.subject).issuer_name(certificate.issuer)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(AT).not_valid_after(AT + timedelta(days=1))
        .add_extension(x509.FreshestCRL([point]), critical=False)
        .sign(key, certificate.signature_hash_algorithm)  # type: ignore[arg-type]
    )  # fmt: skip
    assert crl_urls_of(made) == ["http://a.example/1.crl", "https://a.example/2.crl"]


def test_the_command_says_what_came_of_each_address(place: Place) -> None:
    from overstap.cli import app

    place.publish()
    done = CliRunner().invoke(app, ["trust", "fetch", "--trust", str(place.folder)])
    assert done.exit_code == 0, done.output
    assert f"{place.url}: opgehaald als fetched-users-" in done.output
    missing = place.url.replace("Users", "Others")
    done = CliRunner().invoke(app, ["trust", "fetch", missing, "--trust", str(place.folder)])
    assert done.exit_code == 1
    assert f"{missing}: de server geeft de lijst niet" in done.output
    assert f"{place.url}: ongewijzigd" in done.output


def test_every_outcome_has_its_sentence() -> None:
    from overstap.bounded_http import FetchProblem

    words = texts("trust/fetch")
    assert {*CrlFetchOutcome, *FetchProblem, "none"} == set(words)
