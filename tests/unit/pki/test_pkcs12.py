"""A key in a PKCS#12 does all that a key in PEM files does: sign, open, TLS; and is held to the same modes."""

import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from overstap.errors import OverstapError
from overstap.pki import DevelopmentAuthority, Role, TrustStore, make_development_certificates

AT = datetime(2027, 3, 12, 15, tzinfo=UTC)
SCHOOL = "98XA00"
PASSWORD = "geheim & lang"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A school whose three keys are PKCS#12 files made by openssl; no PEM file is left."""
    make_development_certificates(tmp_path, schools=["99AB00", SCHOOL], at=AT - timedelta(days=9))
    for role in ("signing", "decryption", "tls"):
        bundle(tmp_path, f"{role}-1")
    return tmp_path


def bundle(
    folder: Path, stem: str, *, password: str = PASSWORD, keeps: bool = False, options: tuple[str, ...] = ()
) -> Path:
    school = folder / "schools" / SCHOOL
    command = ["openssl", "pkcs12", "-export", "-inkey", school / f"{stem}.key", "-in", school / f"{stem}.crt"]
    subprocess.run([*command, "-out", school / f"{stem}.p12", "-passout", f"pass:{password}", *options], check=True)
    (school / f"{stem}.p12").chmod(0o600)
    (school / f"{stem}.password").write_text(f"{password}\n")
    (school / f"{stem}.password").chmod(0o600)
    (school / f"{stem}.key").unlink()
    if not keeps:
        (school / f"{stem}.crt").unlink()
    return school / f"{stem}.p12"


@pytest.fixture
def store(folder: Path) -> TrustStore:
    return TrustStore(folder, production=False)


def code(store: TrustStore) -> str:
    with pytest.raises(OverstapError) as told:
        store.signing_identity(SCHOOL, at=AT)
    return told.value.code


def test_every_role(folder: Path, store: TrustStore) -> None:
    identity = store.signing_identity(SCHOOL, at=AT)
    assert identity.key.public_key() == identity.certificate.public_key()
    [opens] = store.keyring(SCHOOL, at=AT)
    assert opens.certificate == store.recipient(SCHOOL, at=AT).certificate
    tls = store.tls_identity(SCHOOL, at=AT)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_into(context)
    with pytest.raises(ssl.SSLError):
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate_file, tls.key_file)
    assert len(tls.chain) == 2, "with its authority, so that the other side can build the chain"


def test_key_in_a_bundle_beside_a_certificate_in_pem(tmp_path: Path) -> None:
    make_development_certificates(tmp_path, schools=[SCHOOL], at=AT - timedelta(days=9))
    bundle(tmp_path, "signing-1", keeps=True)
    assert TrustStore(tmp_path, production=False).signing_identity(SCHOOL, at=AT)


def test_rotation_from_one_form_to_the_other(folder: Path, store: TrustStore) -> None:
    first = store.recipient(SCHOOL, at=AT).certificate
    DevelopmentAuthority(folder, at=AT - timedelta(days=1)).renew(SCHOOL, Role.DECRYPTION)
    newest = sorted(path.name for path in (folder / "schools" / SCHOOL).glob("decryption-*"))
    assert newest == ["decryption-1.p12", "decryption-1.password", "decryption-2.crt", "decryption-2.key"]
    assert store.recipient(SCHOOL, at=AT).certificate != first
    assert len(list(store.keyring(SCHOOL, at=AT))) == 2


@pytest.mark.fault("F47")
@pytest.mark.parametrize("suffix", ["p12", "password"])
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_others_may_read_neither_it_nor_its_password(folder: Path, store: TrustStore, suffix: str, mode: int) -> None:
    """F47, also when the mode changes after it was first read."""
    store.signing_identity(SCHOOL, at=AT)
    (folder / "schools" / SCHOOL / f"signing-1.{suffix}").chmod(mode)
    assert code(store) == "TRUST-003"


def test_another_password(folder: Path, store: TrustStore) -> None:
    beside = folder / "schools" / SCHOOL / "signing-1.password"
    beside.write_text("iets anders\n")
    assert code(store) == "TRUST-020"
    beside.unlink()
    assert code(store) == "TRUST-020"
    with pytest.raises(OverstapError) as told:
        store.signing_identity(SCHOOL, at=AT)
    assert "iets anders" not in str(told.value)


def test_not_a_bundle(folder: Path, store: TrustStore) -> None:
    (folder / "schools" / SCHOOL / "signing-1.p12").write_bytes(b"no")
    assert code(store) == "TRUST-020"


def test_a_bundle_without_a_password(tmp_path: Path) -> None:
    make_development_certificates(tmp_path, schools=[SCHOOL], at=AT - timedelta(days=9))
    made = bundle(tmp_path, "signing-1", password="")
    made.with_suffix(".password").unlink()
    assert TrustStore(tmp_path, production=False).signing_identity(SCHOOL, at=AT)


def test_a_key_without_its_certificate(folder: Path, store: TrustStore, tmp_path: Path) -> None:
    school = folder / "schools" / SCHOOL
    shutil.copy(school / "tls-1.p12", school / "signing-1.p12")
    assert code(store) == "TRUST-010", "a bundle for another use"


@pytest.mark.parametrize("ending", ["p12", "P12", "pfx", "PFX", "Pfx"])
@pytest.mark.parametrize("keeps", [False, True], ids=["alone", "beside its certificate"])
def test_the_endings_that_windows_and_people_give_it(tmp_path: Path, ending: str, keeps: bool) -> None:
    make_development_certificates(tmp_path, schools=["99AB00", SCHOOL], at=AT - timedelta(days=9))
    made = bundle(tmp_path, "signing-1", keeps=keeps)
    made.rename(made.with_suffix(f".{ending}"))
    identity = TrustStore(tmp_path, production=False).signing_identity(SCHOOL, at=AT)
    assert identity.key.public_key() == identity.certificate.public_key()


@pytest.mark.parametrize("ending", ["CRT", "cer", "CER", "Crt"])
@pytest.mark.parametrize("coding", ["PEM", "DER"])
def test_certificates_as_windows_exports_them(tmp_path: Path, ending: str, coding: str) -> None:
    """Its endings, its DER, and a key whose ending is in capitals; authorities as well."""
    make_development_certificates(tmp_path, schools=["99AB00", SCHOOL], at=AT - timedelta(days=9))
    school = tmp_path / "schools" / SCHOOL
    for path in [*(tmp_path / "ca").glob("*.crt"), *school.glob("*.crt")]:
        made = subprocess.run(["openssl", "x509", "-in", path, "-outform", coding], check=True, capture_output=True)
        path.unlink()
        path.with_suffix(f".{ending}").write_bytes(made.stdout)
    for path in school.glob("*.key"):
        path.rename(path.with_suffix(".KEY"))
    store = TrustStore(tmp_path, production=False)
    assert store.signing_identity(SCHOOL, at=AT).school == SCHOOL
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    store.tls_identity(SCHOOL, at=AT).load_into(context)


MADE_BY = {
    "older Windows and Java": ("-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"),
    "certificates in the clear": ("-certpbe", "NONE"),
    "a friendly name": ("-name", "Zoë"),
    "without a check sum": ("-nomac",),
}


@pytest.mark.parametrize("make", MADE_BY)
def test_bundles_of_other_programs(tmp_path: Path, make: str) -> None:
    make_development_certificates(tmp_path, schools=["99AB00", SCHOOL], at=AT - timedelta(days=9))
    bundle(tmp_path, "signing-1", options=(*MADE_BY[make], "-certfile", str(tmp_path / "ca" / "issuing.crt")))
    assert TrustStore(tmp_path, production=False).signing_identity(SCHOOL, at=AT).school == SCHOOL


@pytest.mark.parametrize(
    "written",
    [
        PASSWORD.encode("utf-8-sig"),
        PASSWORD.encode("utf-8-sig") + b"\r\n",
        PASSWORD.encode("utf-16"),
        f"{PASSWORD}\r\n".encode("utf-16"),
        b"\xfe\xff" + PASSWORD.encode("utf-16-be"),
        PASSWORD.encode(),
    ],
    ids=["UTF-8 with a mark", "with a line end", "UTF-16", "UTF-16 with a line end", "UTF-16 big-endian", "bare"],
)
def test_a_password_file_as_editors_write_it(folder: Path, store: TrustStore, written: bytes) -> None:
    (folder / "schools" / SCHOOL / "signing-1.password").write_bytes(written)
    assert store.signing_identity(SCHOOL, at=AT).school == SCHOOL
