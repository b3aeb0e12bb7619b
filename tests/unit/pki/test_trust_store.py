"""Every check of the trust store, each with a certificate or key that fails just that one."""

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from overstap.atomic_files import write_atomically
from overstap.errors import OverstapError
from overstap.pki import (
    DevelopmentAuthority,
    KeyKind,
    Role,
    TrustStore,
    make_development_certificates,
    oin_of,
    school_of,
)
from overstap.pki.certificates import is_for_development
from overstap.pki.key_files import key_bytes, read_certificates, read_key
from overstap.pki.roles import extended_key_usage, key_usage

AT = datetime(2027, 3, 12, 15, tzinfo=UTC)
PO, VO = "99AB00", "98XA00"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_development_certificates(
        tmp_path / "trust", schools=[PO, VO], regions=["waterland"], at=AT - timedelta(days=30)
    )
    return tmp_path / "trust"


@pytest.fixture
def store(folder: Path) -> TrustStore:
    return TrustStore(folder, production=False)


def code(function, *arguments, **options) -> str:
    with pytest.raises(OverstapError) as raised:
        function(*arguments, **options)
    return raised.value.code


def own(folder: Path, key, *, role: Role = Role.SIGNING, oin: str = oin_of(PO), without_use: bool = False):
    """Let the folder's authority certify any key for anything."""
    authority = DevelopmentAuthority(folder, at=AT)
    name = x509.Name([x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, oin)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(authority._issuing.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(AT - timedelta(days=1))
        .not_valid_after(AT + timedelta(days=100))
    )
    if not without_use:
        builder = builder.add_extension(key_usage(role, rsa_key=False), critical=True)
        builder = builder.add_extension(extended_key_usage(role), critical=False)
    return builder.sign(authority._issuing_key, hashes.SHA256())


def test_who_makes_many_is_told_how_far_it_has_come(tmp_path: Path) -> None:
    told: list[int] = []
    make_development_certificates(tmp_path, schools=[PO, VO], regions=["waterland"], at=AT, advance=told.append)
    assert told == [1, 1, 1]


def test_layout_and_modes(folder: Path) -> None:
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    for school in (PO, VO):
        for stem in ("signing-1", "decryption-1", "tls-1"):
            assert {f"schools/{school}/{stem}.crt", f"schools/{school}/{stem}.key"} <= found
    assert {"ca/root.crt", "ca/issuing.crt", "ca/issuing.crl", "ca/root.crl", "conductor/waterland/tls-1.key"} <= found
    for key in folder.rglob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_making_again_changes_nothing(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    make_development_certificates(folder, schools=[PO, VO], regions=["waterland"], at=AT)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("kind", list(KeyKind))
def test_identities_of_every_kind(tmp_path: Path, kind: KeyKind) -> None:
    make_development_certificates(tmp_path, schools=[VO], at=AT, kind=kind)
    store = TrustStore(tmp_path, production=False)
    identity = store.signing_identity(VO, at=AT)
    assert (identity.school, identity.oin) == (VO, "0000000700098XA00000")
    assert store.recipient(VO, at=AT).certificate == next(iter(store.keyring(VO, at=AT))).certificate
    assert store.tls_identity(VO, at=AT).key_file.name == "tls-1.key"
    size = getattr(identity.key, "key_size", None)
    assert size == {"p256": 256, "rsa3072": 3072, "rsa4096": 4096}[kind]


def test_callers(store: TrustStore) -> None:
    identity = store.conductor_identity("waterland", at=AT)
    assert store.conductor_oins() == {identity.oin}
    assert code(store.conductor_identity, "elders", at=AT) == "TRUST-001"
    assert code(store.conductor_identity, "../schools/99AB00", at=AT) == "TRUST-015"
    assert code(store.check, identity.certificate, role=Role.SIGNING, oin=identity.oin, at=AT) == "TRUST-010"


def test_unknown_school_and_bad_ids(store: TrustStore) -> None:
    assert code(store.recipient, "98ZZ99", at=AT) == "TRUST-001"
    for school in ("../98XA00", "98XA0", "98xa00", "98XA00\n", ""):
        assert code(store.signing_identity, school, at=AT) == "TRUST-015"


@pytest.mark.fault("F47")
def test_missing_key(folder: Path, store: TrustStore) -> None:
    """F47."""
    (folder / "schools" / PO / "signing-1.key").unlink()
    assert code(store.signing_identity, PO, at=AT) == "TRUST-002"
    assert store.recipient(PO, at=AT), "other roles go on"


@pytest.mark.fault("F47")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_key_that_others_may_read(folder: Path, store: TrustStore, mode: int) -> None:
    """F47, also when the mode changes after the key was first read."""
    store.signing_identity(PO, at=AT)
    (folder / "schools" / PO / "signing-1.key").chmod(mode)
    assert code(store.signing_identity, PO, at=AT) == "TRUST-003"


@pytest.mark.fault("F47")
def test_key_of_another_certificate(folder: Path, store: TrustStore) -> None:
    write_atomically(
        folder / "schools" / PO / "signing-1.key", key_bytes(ec.generate_private_key(ec.SECP256R1())), mode=0o600
    )
    assert code(store.signing_identity, PO, at=AT) == "TRUST-004"


@pytest.mark.parametrize("name", ["schools/99AB00/signing-1.crt", "schools/99AB00/signing-1.key", "ca/issuing.crl"])
def test_unreadable_files(folder: Path, store: TrustStore, name: str) -> None:
    (folder / name).write_bytes(b"no PEM")
    assert code(store.signing_identity, PO, at=AT) == "TRUST-014"


@pytest.mark.fault("F45")
def test_another_authority(folder: Path, store: TrustStore, tmp_path: Path) -> None:
    """F45: the same names, another root."""
    make_development_certificates(tmp_path / "other", schools=[PO], at=AT - timedelta(days=30))
    for suffix in ("crt", "key"):
        data = (tmp_path / "other" / "schools" / PO / f"signing-1.{suffix}").read_bytes()
        write_atomically(folder / "schools" / PO / f"signing-1.{suffix}", data, mode=0o600)
    assert code(store.signing_identity, PO, at=AT) == "TRUST-005"


def test_no_authority_at_all(folder: Path, store: TrustStore) -> None:
    (folder / "ca" / "root.crt").unlink()
    assert code(store.recipient, VO, at=AT) == "TRUST-005"


@pytest.mark.fault("F38", "F39")
def test_expiry(folder: Path, store: TrustStore) -> None:
    """F38, F39: not sealed for a certificate that ends soon; what was sealed is opened to its last day."""
    DevelopmentAuthority(folder, at=AT).publish_revocations(days=5000)
    end = store.recipient(VO, at=AT).certificate.not_valid_after_utc
    assert store.recipient(VO, at=end - timedelta(days=14))
    assert code(store.recipient, VO, at=end - timedelta(days=14) + timedelta(seconds=1)) == "TRUST-007"
    assert store.recipient(VO, at=end - timedelta(days=13), days=10)
    assert list(store.keyring(VO, at=end))
    assert code(store.recipient, VO, at=end + timedelta(seconds=1)) == "TRUST-006"
    assert code(store.keyring, VO, at=end + timedelta(seconds=1)) == "TRUST-001"
    assert code(store.signing_identity, PO, at=AT - timedelta(days=40)) == "TRUST-001"


def test_rotation(folder: Path, store: TrustStore) -> None:
    """The newest signs and is sealed to, every unexpired one opens; no restart."""
    first = store.recipient(VO, at=AT).certificate
    DevelopmentAuthority(folder, at=AT).renew(VO, Role.DECRYPTION)
    second = store.recipient(VO, at=AT).certificate
    assert second != first
    assert [one.certificate for one in store.keyring(VO, at=AT)] == [second, first]
    DevelopmentAuthority(folder, at=AT).renew(VO, Role.DECRYPTION, days=1)
    DevelopmentAuthority(folder, at=AT + timedelta(days=7)).renew(VO, Role.DECRYPTION)
    numbers = [one.certificate for one in store.keyring(VO, at=AT + timedelta(days=8))]
    assert len(numbers) == 3, "the one of a day is over; the one from next week counts by then"
    assert store.recipient(VO, at=AT, days=0).certificate.not_valid_after_utc < AT + timedelta(days=2)


def test_ten_certificates_sort_as_numbers(folder: Path, store: TrustStore) -> None:
    authority = DevelopmentAuthority(folder, at=AT)
    for _ in range(10):
        newest = authority.renew(PO, Role.SIGNING)
    assert newest.name == "signing-11.crt"
    found = x509.load_pem_x509_certificate(newest.read_bytes())
    assert store.signing_identity(PO, at=AT).certificate == found


@pytest.mark.fault("F40")
def test_revocation(folder: Path, store: TrustStore) -> None:
    """F40: refused from the moment of revocation; what was signed before stays provable; seen without restart."""
    identity = store.signing_identity(PO, at=AT)
    DevelopmentAuthority(folder, at=AT + timedelta(hours=1)).revoke(identity.certificate)
    assert code(store.signing_identity, PO, at=AT + timedelta(hours=2)) == "TRUST-008"
    store.check(identity.certificate, role=Role.SIGNING, oin=oin_of(PO), at=AT)
    DevelopmentAuthority(folder, at=AT + timedelta(days=1)).publish_revocations()
    assert code(store.signing_identity, PO, at=AT + timedelta(days=2)) == "TRUST-008", (
        "a new list keeps the old entries"
    )


@pytest.mark.fault("F41")
def test_unknown_revocation(folder: Path, store: TrustStore) -> None:
    """F41: no list, a stale list, or a list that somebody else signed all mean: hold."""
    assert code(store.recipient, VO, at=AT + timedelta(days=70)) == "TRUST-009"
    good = (folder / "ca" / "issuing.crl").read_bytes()
    (folder / "ca" / "issuing.crl").unlink()
    assert code(store.recipient, VO, at=AT) == "TRUST-009"
    forged = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(x509.load_pem_x509_crl(good).issuer)
        .last_update(AT)
        .next_update(AT + timedelta(days=9))
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    (folder / "ca" / "issuing.crl").write_bytes(forged.public_bytes(serialization.Encoding.DER))
    assert code(store.recipient, VO, at=AT) == "TRUST-009"
    (folder / "ca" / "issuing.crl").write_bytes(good)
    assert store.recipient(VO, at=AT)


def test_revoked_issuer(folder: Path, store: TrustStore) -> None:
    ca = folder / "ca"
    issuing = read_certificates(ca / "issuing.crt")[0]
    entry = x509.RevokedCertificateBuilder().serial_number(issuing.serial_number).revocation_date(AT).build()
    found = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuing.issuer)
        .last_update(AT)
        .next_update(AT + timedelta(days=9))
        .add_revoked_certificate(entry)
        .sign(read_key(ca / "root.key"), hashes.SHA256())
    )
    (ca / "root.crl").write_bytes(found.public_bytes(serialization.Encoding.DER))
    assert code(store.recipient, VO, at=AT) == "TRUST-008"


@pytest.mark.fault("F43")
def test_wrong_purpose(folder: Path, store: TrustStore) -> None:
    """F43: each role's certificate fails for each other role."""
    certificates = {
        Role.SIGNING: store.signing_identity(PO, at=AT).certificate,
        Role.DECRYPTION: store.recipient(PO, at=AT).certificate,
        Role.TLS: store.tls_identity(PO, at=AT).certificate,
    }
    for role, certificate in certificates.items():
        for other in certificates:
            if other is not role:
                assert code(store.check, certificate, role=other, oin=oin_of(PO), at=AT) == "TRUST-010"
    silent = own(folder, ec.generate_private_key(ec.SECP256R1()), without_use=True)
    assert code(store.check, silent, role=Role.SIGNING, oin=oin_of(PO), at=AT) == "TRUST-010"


@pytest.mark.fault("F44")
def test_another_schools_certificate(folder: Path, store: TrustStore) -> None:
    """F44: a good certificate in the wrong school's folder, and one without an OIN of a school."""
    for suffix in ("crt", "key"):
        data = (folder / "schools" / VO / f"decryption-1.{suffix}").read_bytes()
        write_atomically(folder / "schools" / PO / f"decryption-2.{suffix}", data, mode=0o600)
    assert code(store.recipient, PO, at=AT) == "TRUST-011"
    assert code(store.keyring, PO, at=AT) == "TRUST-011"


@pytest.mark.fault("F48")
@pytest.mark.parametrize(
    "key",
    [
        pytest.param(lambda: rsa.generate_private_key(65537, 2048), id="RSA 2048"),
        pytest.param(lambda: rsa.generate_private_key(3, 3072), id="RSA 3072, exponent 3"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP384R1()), id="P-384"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP256K1()), id="secp256k1"),
    ],
)
def test_weak_and_other_keys(folder: Path, store: TrustStore, key) -> None:
    """F48."""
    found = own(folder, key())
    assert code(store.check, found, role=Role.SIGNING, oin=oin_of(PO), at=AT) == "TRUST-012"


def test_production_refuses_development(folder: Path) -> None:
    store = TrustStore(folder, production=True)
    assert code(store.signing_identity, PO, at=AT) == "TRUST-013"
    assert code(store.recipient, VO, at=AT) == "TRUST-013"
    assert code(store.keyring, VO, at=AT) == "TRUST-013"
    assert code(store.tls_identity, VO, at=AT) == "TRUST-013"
    assert code(store.authorities_file, at=AT) == "TRUST-013"
    unmarked = own(folder, ec.generate_private_key(ec.SECP256R1()))  # says nothing of itself, its issuer does
    assert code(store.check, unmarked, role=Role.SIGNING, oin=oin_of(PO), at=AT) == "TRUST-013"
    assert is_for_development(unmarked), "by its issuer's name, also where nobody looks at the whole chain"


def test_an_authority_made_elsewhere_is_not_mixed_with(folder: Path) -> None:
    (folder / "ca" / "issuing.key").unlink()
    assert code(make_development_certificates, folder, schools=[PO], at=AT) == "TRUST-016"


def test_a_file_written_anew_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    write_atomically(target, b"one", mode=0o600)
    os.utime(target, (0, 0))
    write_atomically(target, b"two", mode=0o644)
    assert target.read_bytes() == b"two"
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert [path.name for path in target.parent.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("oin", "school"),
    [
        ("0000000700099AB00000", "99AB00"),
        ("0000000700099AB00931", "99AB00"),
        ("00000003123456780000", None),
        ("0000000700099ab00000", None),
        ("0000000700099AB0000", None),
    ],
)
def test_schools_in_oins(oin: str, school: str | None) -> None:
    """Length and prefix as in the OIN-Stelsel; a routing suffix names the same school."""
    assert school_of(oin) == school
