"""Delta lists and lists of limited scope: what they say is heard, and nothing else is taken from them."""

import itertools
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from hypothesis import given
from hypothesis import strategies as st

from overstap.errors import OverstapError
from overstap.pki import TrustStore, make_development_certificates
from overstap.pki.key_files import read_certificates, read_key

AT = datetime(2027, 3, 12, 15, tzinfo=UTC)
VO = "98XA00"
EARLIER = AT - timedelta(days=3)
POINT = "http://crl.example.nl/users.crl"
REVOKED, HOLD, GOOD = "TRUST-008", "TRUST-009", None


class Authority:
    """An issuing authority of which tests make any list."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_development_certificates(folder, schools=[VO], at=AT - timedelta(days=30))
        (folder / "ca" / "issuing.crl").unlink()
        self.issuer = read_certificates(folder / "ca" / "issuing.crt")[0]
        self.key = read_key(folder / "ca" / "issuing.key")
        self.certificate = read_certificates(folder / "schools" / VO / "decryption-1.crt")[0]
        self._numbers = itertools.count(1)

    def publish(
        self,
        name: str,
        *revoked: int,
        number: int | None = None,
        base: int | None = None,
        scope: dict[str, object] | None = None,
        since: datetime = AT - timedelta(hours=1),
        days: int = 7,
        reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise,
        critical: bool = False,
        about: x509.Name | None = None,
        freshest: bool = False,
    ) -> None:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.issuer.subject)
            .last_update(since)
            .next_update(since + timedelta(days=days))
            .add_extension(x509.CRLNumber(number or next(self._numbers)), critical=False)
        )
        if base is not None:
            builder = builder.add_extension(x509.DeltaCRLIndicator(base), critical=True)
        if scope is not None:
            stated: dict[str, object] = {
                "full_name": None, "relative_name": None, "only_contains_user_certs": False,
                "only_contains_ca_certs": False, "only_some_reasons": None, "indirect_crl": False,
                "only_contains_attribute_certs": False, **scope,
            }  # fmt: skip
            builder = builder.add_extension(x509.IssuingDistributionPoint(**stated), critical=True)  # type: ignore[arg-type]
        if freshest:  # says that there are delta lists: openssl looks at none without
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(POINT)], None, None, None)
            builder = builder.add_extension(x509.FreshestCRL([point]), critical=False)
        if critical:
            unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.1"), b"\x05\x00")
            builder = builder.add_extension(unknown, critical=True)
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(EARLIER)
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            if about is not None:
                entry = entry.add_extension(x509.CertificateIssuer([x509.DirectoryName(about)]), critical=True)
            builder = builder.add_revoked_certificate(entry.build())
        made = builder.sign(self.key, hashes.SHA256())
        (self.folder / "ca" / f"{name}.crl").write_bytes(made.public_bytes(serialization.Encoding.DER))

    def says(self, at: datetime = AT) -> str | None:
        """Return the code with which a school's certificate is refused; None when it is taken."""
        try:
            TrustStore(self.folder, production=False, clock=lambda: at).recipient(VO, at=at)
        except OverstapError as error:
            return error.code
        return None


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "trust")


def test_a_complete_list(authority: Authority) -> None:
    assert authority.says() == HOLD
    authority.publish("full")
    assert authority.says() == GOOD
    authority.publish("full", authority.certificate.serial_number)
    assert authority.says() == REVOKED


def test_a_delta_list_that_is_newer_than_its_base_does_not_hide_it(authority: Authority) -> None:
    authority.publish("base", authority.certificate.serial_number, number=5, since=AT - timedelta(days=2))
    authority.publish("delta", number=6, base=5)
    assert authority.says() == REVOKED


def test_a_delta_list_adds_to_its_base_and_takes_off_it(authority: Authority) -> None:
    serial = authority.certificate.serial_number
    authority.publish("base", number=5, since=AT - timedelta(days=2))
    authority.publish("delta", serial, number=6, base=5)
    assert authority.says() == REVOKED
    authority.publish("base", serial, number=5, since=AT - timedelta(days=2), reason=x509.ReasonFlags.certificate_hold)
    authority.publish("delta", serial, number=6, base=5, reason=x509.ReasonFlags.remove_from_crl)
    assert authority.says() == GOOD


def test_a_delta_list_without_its_base_proves_nothing_and_condemns(authority: Authority) -> None:
    authority.publish("delta", number=6, base=5)
    assert authority.says() == HOLD
    authority.publish("delta", authority.certificate.serial_number, number=6, base=5)
    assert authority.says() == REVOKED
    # to another base than the one that lies there
    authority.publish("delta", number=9, base=8)
    authority.publish("base", number=5, since=AT - timedelta(days=9), days=2)
    assert authority.says() == HOLD


def test_a_base_list_that_has_ended_counts_with_a_delta_list_that_has_not(authority: Authority) -> None:
    authority.publish("base", number=5, since=AT - timedelta(days=9), days=2)
    assert authority.says() == HOLD
    authority.publish("delta", number=6, base=5)
    assert authority.says() == GOOD


@pytest.mark.parametrize(
    ("scope", "alone"),
    [
        ({"only_contains_user_certs": True}, GOOD),
        ({"only_contains_ca_certs": True}, HOLD),
        ({"only_contains_attribute_certs": True}, HOLD),
        ({"full_name": [x509.UniformResourceIdentifier(POINT)]}, HOLD),  # of another distribution point
        ({"only_some_reasons": frozenset({x509.ReasonFlags.key_compromise})}, HOLD),
        ({"indirect_crl": True}, GOOD),
    ],
    ids=["users", "authorities", "attributes", "point", "reasons", "indirect"],
)
def test_a_list_of_limited_scope(authority: Authority, scope: dict[str, object], alone: str | None) -> None:
    authority.publish("limited", scope=scope)
    assert authority.says() == alone
    # Newer than a complete list that revokes: it does not stand in its place
    authority.publish("full", authority.certificate.serial_number, since=AT - timedelta(days=2))
    assert authority.says() == REVOKED
    # ... and than one that does not
    authority.publish("full", since=AT - timedelta(days=2))
    assert authority.says() == GOOD
    authority.publish("limited", authority.certificate.serial_number, scope=scope)
    assert authority.says() == REVOKED


def test_lists_for_some_reasons_cover_together(authority: Authority) -> None:
    every = frozenset(x509.ReasonFlags) - {x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl}
    some = frozenset({x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise})
    authority.publish("some", scope={"only_some_reasons": some})
    authority.publish("others", scope={"only_some_reasons": every - some})
    assert authority.says() == GOOD


def test_an_indirect_list_has_entries_of_other_authorities(authority: Authority) -> None:
    other = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "another authority")])
    authority.publish("indirect", authority.certificate.serial_number, scope={"indirect_crl": True}, about=other)
    assert authority.says() == GOOD


def test_a_list_with_what_is_not_known_here_is_not_used(authority: Authority) -> None:
    authority.publish("strange", critical=True)
    assert authority.says() == HOLD


def test_the_watch_tells_until_when_the_lists_about_users_count(authority: Authority) -> None:
    authority.publish("authorities", scope={"only_contains_ca_certs": True}, days=90)
    authority.publish("users", scope={"only_contains_user_certs": True}, days=3)
    store = TrustStore(authority.folder, production=False)
    ends = {one.subject: until for one, until in store.authorities()}
    assert ends[authority.issuer.subject] == AT - timedelta(hours=1) + timedelta(days=3)


@pytest.mark.parametrize("revoked", [False, True])
@pytest.mark.parametrize("kind", ["full", "users", "delta"])
def test_openssl_says_the_same(authority: Authority, tmp_path: Path, kind: str, revoked: bool) -> None:
    serial = [authority.certificate.serial_number] if revoked else []
    if kind == "delta":
        authority.publish("a", number=5, since=AT - timedelta(days=2), freshest=True)
        authority.publish("b", *serial, number=6, base=5)
    else:
        authority.publish("a", *serial, scope={"only_contains_user_certs": True} if kind == "users" else None)
    ca = authority.folder / "ca"
    lists = tmp_path / "lists.pem"
    for path in sorted(ca.glob("?.crl")):
        pem = x509.load_der_x509_crl(path.read_bytes()).public_bytes(serialization.Encoding.PEM)
        with lists.open("ab") as out:
            out.write(pem)
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", ca / "root.crt", "-untrusted", ca / "issuing.crt", "-CRLfile", lists,
         "-crl_check", "-extended_crl", *(["-use_deltas"] if kind == "delta" else []),
         "-attime", str(int(AT.timestamp())), authority.folder / "schools" / VO / "decryption-1.crt"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) == (authority.says() is None), done.stderr
    assert ("certificate revoked" in done.stderr) == (authority.says() == REVOKED), done.stderr


PART = "issuingDistributionPoint=critical,@p\n[p]\nfullname=URI:http://crl.example.nl/2.crl\nonlyuser=TRUE"
FORMS = {
    "as openssl makes it without settings (version 1)": ("", "", "DER", GOOD),
    "version 1, revoked": ("", "", "DER", REVOKED),
    "key of the authority": ("authorityKeyIdentifier=keyid", "", "DER", GOOD),
    "with a reason": ("authorityKeyIdentifier=keyid", ",superseded", "DER", REVOKED),
    "on hold": ("authorityKeyIdentifier=keyid", ",holdInstruction,holdInstructionReject", "DER", REVOKED),
    "with the moment of compromise": ("authorityKeyIdentifier=keyid", ",keyTime,20270301000000Z", "DER", REVOKED),
    "PEM": ("authorityKeyIdentifier=keyid", "", "PEM", REVOKED),
    "PEM below its text": ("authorityKeyIdentifier=keyid", "", "TEXT", REVOKED),
    "Microsoft's version and next publication": (
        "1.3.6.1.4.1.311.21.1=DER:020100\n1.3.6.1.4.1.311.21.4=ASN1:UTCTIME:270401000000Z", "", "DER", GOOD
    ),
    "EJBCA's note that ended certificates stay on it": ("2.5.29.60=ASN1:GENTIME:20200101000000Z", "", "DER", GOOD),
    "EJBCA, a part of its users": (
        PART, "", "DER", HOLD
    ),
    "EJBCA, a part, revoked": (
        PART, "", "DER", REVOKED
    ),
    "for authorities": ("issuingDistributionPoint=critical,@p\n[p]\nonlyCA=TRUE", "", "DER", HOLD),
    "with what is not known here": ("1.2.3.4=critical,DER:0500", "", "DER", HOLD),
}  # fmt: skip


def by_openssl(authority: Authority, extensions: str, revoked: str | None, form: str) -> bytes:
    """Return a list that openssl makes with the authority's key."""
    place = authority.folder.parent / "openssl"
    place.mkdir(exist_ok=True)
    serial = f"{authority.certificate.serial_number:X}"
    serial = serial.zfill(len(serial) + len(serial) % 2)
    row = "" if revoked is None else f"R\t300101000000Z\t270309150000Z{revoked}\t{serial}\tunknown\t/CN=x\n"
    (place / "index.txt").write_text(row)
    (place / "number").write_text("05\n")
    stated = "crl_extensions=e\n" if extensions else ""
    (place / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={place}/index.txt\ncrlnumber={place}/number\ndefault_md=sha256\n{stated}"
        f"[e]\n{extensions}\n"
    )
    ca = authority.folder / "ca"
    subprocess.run(
        ["openssl", "ca", "-gencrl", "-config", place / "ca.cnf", "-cert", ca / "issuing.crt", "-keyfile",
         ca / "issuing.key", "-crl_lastupdate", "20270312120000Z", "-crl_nextupdate", "20270330120000Z",
         "-out", place / "list.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    wanted = ["-outform", "DER"] if form == "DER" else ["-text"] if form == "TEXT" else []
    return subprocess.run(
        ["openssl", "crl", "-in", place / "list.pem", *wanted], check=True, capture_output=True
    ).stdout


@pytest.mark.parametrize("form", FORMS)
def test_lists_as_openssl_and_others_make_them(authority: Authority, form: str) -> None:
    extensions, reason, coding, expected = FORMS[form]
    made = by_openssl(authority, extensions, reason if expected == REVOKED else None, coding)
    (authority.folder / "ca" / "issuing.crl").write_bytes(made)
    assert authority.says() == expected


def test_every_list_of_a_file_counts_and_every_ending(authority: Authority) -> None:
    """A file in PEM may hold several lists, and Windows writes its ending in capitals."""
    ca = authority.folder / "ca"
    first = by_openssl(authority, "issuingDistributionPoint=critical,@p\n[p]\nonlyCA=TRUE", None, "PEM")
    second = by_openssl(authority, "authorityKeyIdentifier=keyid", "", "PEM")
    (ca / "both.crl").write_bytes(b"\xef\xbb\xbf" + first + second.replace(b"\n", b"\r\n"))
    assert authority.says() == REVOKED
    (ca / "both.crl").unlink()
    (ca / "USERS.CRL").write_bytes(second)
    assert authority.says() == REVOKED


@pytest.mark.parametrize("data", [b"", b"<html>404</html>", b"-----BEGIN X509 CRL-----\nMIIB", b"PK\x03\x04"])
def test_a_file_that_holds_no_list_is_told(authority: Authority, data: bytes) -> None:
    authority.publish("full")
    (authority.folder / "ca" / "other.crl").write_bytes(data)
    assert authority.says() == "TRUST-014"


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, bytes]:
    authority = Authority(tmp_path_factory.mktemp("crl") / "trust")
    authority.publish("full", authority.certificate.serial_number, scope={"only_contains_user_certs": True})
    return authority, (authority.folder / "ca" / "full.crl").read_bytes()


@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=3))
def test_no_damaged_list_is_a_traceback_or_a_pass(
    damaged: tuple[Authority, bytes], changes: list[tuple[int, int]]
) -> None:
    authority, sound = damaged
    content = bytearray(sound)
    for place, flip in changes:
        content[place % len(content)] ^= flip
    (authority.folder / "ca" / "full.crl").write_bytes(bytes(content))
    assert authority.says() in (REVOKED, HOLD, "TRUST-014")
