"""Signing keys in a token: a real SoftHSM, whose signatures stock OpenSSL verifies."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from overstap.clock import now
from overstap.envelope import signing
from overstap.errors import OverstapError
from overstap.pki import TrustStore
from overstap.pki.authority import DevelopmentAuthority, KeyKind
from overstap.pki.detached_signature import sign_detached

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
REGION, SCHOOL, PIN = "haaglanden", "99AB00", "738201"

pytestmark = pytest.mark.skipif(
    shutil.which("softhsm2-util") is None, reason="needs SoftHSM (apt-get install softhsm2)"
)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new token; its library reads the environment when it is loaded."""
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\n")
    (folder / "pin").write_text(PIN)
    (folder / "pin").chmod(0o600)
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    util("--init-token", "--free", "--label", "overstap", "--so-pin", "92837465")
    yield folder
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


def util(*arguments: str) -> None:
    done = subprocess.run(["softhsm2-util", "--pin", PIN, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


_ids = iter(range(1, 100))


def into_token(token: Path, folder: Path, kind: str = "p256", use: str = "signing", label: str | None = None) -> None:
    """Move a key of a conductor into the token: afterwards no file has it."""
    key, number = folder / f"{use}-1.key", next(_ids)
    label = label or f"{kind}-{number}"
    util("--import", str(key), "--token", "overstap", "--label", label, "--id", f"{number:02x}")
    key.unlink()
    uri = f"pkcs11:token=overstap;object={label}?module-path={MODULE}&pin-source=file:{token}/pin\n"
    (folder / f"{use}-1.pkcs11").write_text(uri)


@pytest.fixture(params=[KeyKind.P256, KeyKind.RSA3072])
def kept(request: pytest.FixtureRequest, token: Path, tmp_path: Path) -> Path:
    """A trust folder of a school whose signing key is in the token."""
    DevelopmentAuthority(tmp_path / "trust", at=now()).school(SCHOOL, kind=request.param)
    into_token(token, tmp_path / "trust" / "schools" / SCHOOL, request.param.value)
    return tmp_path / "trust"


def openssl(*arguments: object) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_stock_openssl_verifies_both_forms_of_signature(kept: Path, tmp_path: Path) -> None:
    identity = TrustStore(kept, production=False).signing_identity(SCHOOL, at=now())
    content, authorities = b"one dossier, signed\n", kept / "ca" / "authorities.pem"
    (tmp_path / "content").write_bytes(content)
    (tmp_path / "content.p7s").write_bytes(sign_detached(content, identity))
    (tmp_path / "signed").write_bytes(signing.sign(content, identity, at=now()))
    both = ("-CAfile", authorities, "-purpose", "any", "-binary", "-inform", "DER", "-out", tmp_path / "out")
    openssl("cms", "-verify", *both, "-in", tmp_path / "content.p7s", "-content", tmp_path / "content")
    openssl("cms", "-verify", *both, "-in", tmp_path / "signed")
    assert (tmp_path / "out").read_bytes() == content


def test_ours_verifies_what_was_signed_in_the_token(kept: Path) -> None:
    trust = TrustStore(kept, production=False)
    made = signing.sign(b"content", trust.signing_identity(SCHOOL, at=now()), at=now())
    signed = signing.verify(made, trust=trust, at=now())
    assert signed.content == b"content"


def test_the_key_does_not_leave_the_token(kept: Path) -> None:
    key = TrustStore(kept, production=False).signing_identity(SCHOOL, at=now()).key
    with pytest.raises(OverstapError, match="TRUST-025"):
        key.private_numbers()
    assert not list(kept.glob(f"schools/{SCHOOL}/signing-1.key"))


def test_threads_sign_at_once(kept: Path) -> None:
    trust = TrustStore(kept, production=False)
    identity = trust.signing_identity(SCHOOL, at=now())
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: signing.sign(b"%d" % number, identity, at=now()), range(40)))
    for number, one in enumerate(made):
        assert signing.verify(one, trust=trust, at=now()).content == b"%d" % number


def test_a_task_that_was_forked_signs_too(kept: Path) -> None:
    """As Airflow's tasks are: the token's library has to begin anew there."""
    trust = TrustStore(kept, production=False)
    identity = trust.signing_identity(SCHOOL, at=now())
    signing.sign(b"before", identity, at=now())
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(theirs, signing.sign(b"after", identity, at=now()))
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as out:
        made = out.read()
    os.waitpid(child, 0)
    assert signing.verify(made, trust=trust, at=now()).content == b"after"


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("no uri", "TRUST-023"),
        ("pkcs11:token=overstap?module-path=" + MODULE, "TRUST-023"),
        ("pkcs11:token=overstap;object=x", "TRUST-023"),
        ("pkcs11:token=other;object=x?module-path=" + MODULE, "TRUST-024"),
        ("pkcs11:token=overstap;object=x?module-path=/nowhere.so", "TRUST-024"),
        ("pkcs11:token=overstap;object=not-there?pin-source={pin}&module-path=" + MODULE, "TRUST-024"),
        ("pkcs11:token=overstap;object=not-there?pin-source={wrong}&module-path=" + MODULE, "TRUST-024"),
        ("pkcs11:token=overstap;object=not-there?pin-source={missing}&module-path=" + MODULE, "TRUST-002"),
        ("pkcs11:token=overstap;object=not-there?pin-source={open}&module-path=" + MODULE, "TRUST-003"),
    ],
)
def test_what_is_wrong_is_told(token: Path, tmp_path: Path, broken: str, code: str) -> None:
    DevelopmentAuthority(tmp_path / "trust", at=now()).conductor(REGION)
    folder = tmp_path / "trust" / "conductor" / REGION
    (folder / "signing-1.key").unlink()
    (tmp_path / "wrong").write_text("0000")
    (tmp_path / "wrong").chmod(0o600)
    (tmp_path / "open").write_text(PIN)
    (tmp_path / "open").chmod(0o644)
    pins = {"pin": token / "pin", **{one: tmp_path / one for one in ("wrong", "missing", "open")}}
    (folder / "signing-1.pkcs11").write_text(broken.format(**pins) if "{" in broken else broken)
    with pytest.raises(OverstapError) as failed:
        TrustStore(tmp_path / "trust", production=False).conductor_signing(REGION, at=now())
    assert failed.value.code == code
    assert PIN not in str(failed.value)


def test_a_key_of_another_certificate_is_refused(token: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        DevelopmentAuthority(tmp_path / name, at=now()).conductor(REGION)
    one, other = (tmp_path / name / "conductor" / REGION for name in ("one", "other"))
    into_token(token, one)
    (other / "signing-1.key").unlink()
    shutil.copy(one / "signing-1.pkcs11", other / "signing-1.pkcs11")
    with pytest.raises(OverstapError, match="TRUST-004"):
        TrustStore(tmp_path / "other", production=False).conductor_signing(REGION, at=now())


def test_a_connection_needs_a_key_in_a_file(token: Path, tmp_path: Path) -> None:
    DevelopmentAuthority(tmp_path / "trust", at=now()).conductor(REGION)
    into_token(token, tmp_path / "trust" / "conductor" / REGION, use="tls")
    with pytest.raises(OverstapError, match="TRUST-025"):
        TrustStore(tmp_path / "trust", production=False).conductor_desk(REGION, at=now())
