"""Interoperability tests of envelopes and receipts with openssl and the examples for suppliers."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

from overstap.clock import now
from overstap.envelope.envelope import open_envelope
from overstap.envelope.manifest import moment_of
from overstap.envelope.message_ids import message_id
from overstap.envelope.reasons import EnvelopeError
from overstap.envelope.receipt import verify_receipt
from overstap.pki import TrustStore

from .conftest import SCHOOL, SENDER

ROOT = Path(__file__).resolve().parents[3]
VECTORS, EXAMPLES = ROOT / "tests" / "vectors" / "envelope", ROOT / "examples"
INDEX = json.loads((VECTORS / "vectors.json").read_text(encoding="utf-8"))
SHOW = ["openssl", "cms", "-cmsout", "-inform", "DER", "-noout", "-print"]
BRIEF = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Of a virtual machine that soon ends: it need not become fast, nor work beside itself."""
GOOD = [one for one in INDEX["vectors"] if one["file"].startswith("good/")]

BEYOND_THE_EXAMPLES = {
    "algorithm": "a general tool admits more algorithms than the format has",
    "not_authenticated": "openssl decrypts CBC as well; signed alone does not decrypt",
    "recipients": "a general tool looks for its own among them",
    "malformed": "a general tool admits BER",
    "too_old": "a receiver's policy",
    "from_the_future": "a receiver's policy",
    "manifest": "an example checks digests and names; the schema says the rest",
    "package": "unzip and ZIP libraries differ in what they bear; paths are tried below",
    "signed_attributes": "openssl bears attributes it does not know",
}
BAD = [
    one
    for one in INDEX["vectors"]
    if one["file"].startswith("bad/")
    and one["reason"] not in BEYOND_THE_EXAMPLES
    and one["file"] != "bad/signer.not_yet_valid.cms"  # by the vectors' moment; the examples go by today's
] + [
    one
    for one in INDEX["vectors"]
    if one["file"].removeprefix("bad/").removesuffix(".cms")
    in {
        "signed_attributes.content_replaced",
        "signed_attributes.other_signing_certificate",
        "signed_attributes.without_signing_certificate",
        "signed_attributes.without_digest",
        "manifest.other_digest",
        "manifest.missing",
        "package.not_a_zip",
        "not_authenticated.signed_not_encrypted",
        "malformed.truncated",
        "malformed.empty",
        "malformed.signature_stripped_to_zip",
    }
]


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates and revocation lists in one file, as the examples want them."""
    ca = VECTORS / "trust" / "ca"
    path = tmp_path_factory.mktemp("authorities") / "authorities.pem"
    path.write_bytes(b"".join((ca / name).read_bytes() for name in ("authorities.pem", "issuing.crl", "root.crl")))
    return path


def command(example: str, vector: dict, authorities: Path, out: Path) -> list[str]:
    keys = VECTORS / "trust" / "schools" / vector["recipient"]
    certificate, key = str(keys / "decryption-1.crt"), str(keys / "decryption-1.key")
    envelope, school = str(VECTORS / vector["file"]), vector["recipient"]
    if example == "shell":
        program = ["sh", str(EXAMPLES / "open_envelope.sh")]
        return [*program, envelope, school, certificate, key, str(authorities), str(out)]
    name = {"node": "node/open-envelope.mjs", "java": "java/OpenEnvelope.java"}[example]
    return [example, str(EXAMPLES / name), envelope, school, key, str(authorities), str(out)]


def need(example: str) -> None:
    for program in {"shell": ("openssl", "unzip"), "node": ("node",), "java": ("java",)}[example]:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine")


def run(example: str, vector: dict, authorities: Path, out: Path) -> subprocess.CompletedProcess:
    need(example)
    return subprocess.run(command(example, vector, authorities, out), capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("example", ["shell", "node"])
@pytest.mark.parametrize("vector", GOOD, ids=[one["file"] for one in GOOD])
def test_examples_open_good_ones(example: str, vector: dict, authorities: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(example, vector, authorities, out)
    assert done.returncode == 0, done.stderr
    assert (out / "dossier.xml").read_bytes().startswith(b"<dossier>")
    assert json.loads((out / "manifest.json").read_bytes())["recipient"]["school"] == vector["recipient"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "nothing is left beside it"


@pytest.mark.parametrize("example", ["shell", "node"])
@pytest.mark.parametrize("vector", BAD, ids=[one["file"] for one in BAD])
def test_examples_refuse_bad_ones(example: str, vector: dict, authorities: Path, tmp_path: Path) -> None:
    if example == "node" and vector["file"] == "bad/signer.revoked.cms":
        pytest.skip("Node has no revocation check; its example says so")
    if example == "node" and vector["file"].startswith("bad/signer.") and "certificate" in vector["file"]:
        pytest.skip("Node does not show a certificate's key usage")
    out = tmp_path / "out"
    done = run(example, vector, authorities, out)
    assert done.returncode != 0
    assert list(tmp_path.iterdir()) == [], "nothing becomes visible"


def test_the_java_example(authorities: Path, tmp_path: Path) -> None:
    """Compiled once for all vectors: starting from source takes a second and a half each time."""
    need("java")
    if shutil.which("javac") is None:
        pytest.skip("javac is not on this machine")
    source = EXAMPLES / "java" / "OpenEnvelope.java"
    compiler = ["javac", *(f"-J{word}" for word in BRIEF), "-Xlint:all", "-Werror", "-d", str(tmp_path)]
    subprocess.run([*compiler, str(source)], check=True, timeout=120)
    some_bad = {one["reason"]: one for one in BAD}.values()
    for number, vector in enumerate([*GOOD, *some_bad]):
        out = tmp_path / f"out-{number}"
        given = command("java", vector, authorities, out)[2:]
        words = ["java", *BRIEF, "-cp", str(tmp_path), "OpenEnvelope", *given]
        done = subprocess.run(words, capture_output=True, timeout=120)
        good = vector in GOOD
        assert (done.returncode == 0) is good, (vector["file"], done.stderr)
        assert out.exists() is good, vector["file"]


@pytest.mark.parametrize("path", ["upwards", "absolute"])
def test_paths_in_a_package_reach_nothing(path: str, authorities: Path, tmp_path: Path) -> None:
    (vector,) = (one for one in INDEX["vectors"] if one["file"] == f"bad/package.path_{path}.cms")
    before = Path("/tmp/dossier.xml").exists()
    for example in ("shell", "node"):
        run(example, vector, authorities, tmp_path / "deep" / "out")
    assert Path("/tmp/dossier.xml").exists() == before
    assert not (tmp_path / "dossier.xml").exists()
    assert not (tmp_path / "deep" / "dossier.xml").exists()


def test_openssl_writes_before_it_knows(tmp_path: Path) -> None:
    """The trap that docs/envelope.md warns of: exit status 4, and the altered content is there all the same."""
    need("shell")
    keys = VECTORS / "trust" / "schools" / SCHOOL
    out = tmp_path / "out"
    command = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-out", str(out)]
    command += ["-in", str(VECTORS / "bad" / "decryption.tag.cms")]
    command += ["-recip", str(keys / "decryption-1.crt"), "-inkey", str(keys / "decryption-1.key")]
    assert subprocess.run(command, capture_output=True).returncode == 4
    assert out.stat().st_size > 0


def test_a_receipt_made_with_openssl_counts(trust: TrustStore, make, tmp_path: Path) -> None:
    """A school without software can confirm: `openssl cms -sign -cades` writes the four attributes of the format."""
    need("shell")
    message = make()
    fields = {
        "format": "overstap-receipt/1",
        "message_id": str(message.id),
        "envelope_sha256": message.sealed.envelope_sha256.hex(),
        "manifest_sha256": message.sealed.manifest_sha256.hex(),
        "outcome": "accepted",
        "refusal": None,
        "received_at": "filled in below",
        "receiver": {"oin": "0000000700098XA00000", "school": SCHOOL},
        "software": "openssl",
    }
    keys = trust.folder / "schools" / SCHOOL
    sign = ["openssl", "cms", "-sign", "-cades", "-nosmimecap", "-binary", "-nodetach", "-md", "sha256"]
    sign += ["-outform", "DER", "-signer", str(keys / "signing-1.crt"), "-inkey", str(keys / "signing-1.key")]
    for _ in range(20):  # the signing time is in whole seconds, and may turn between writing and signing
        date = subprocess.run(["date", "-u", "+%Y-%m-%dT%H:%M:%SZ"], capture_output=True, text=True, check=True)
        fields["received_at"] = date.stdout.strip()
        made = subprocess.run(sign, input=json.dumps(fields, indent=2).encode(), capture_output=True, check=True).stdout
        told = subprocess.run(SHOW, input=made, capture_output=True, check=True).stdout.decode()
        if moment_of(fields["received_at"]).strftime("%H:%M:%S") in told:
            break
    receipt = verify_receipt(
        made,
        message_id=message.id,
        envelope_sha256=message.sealed.envelope_sha256,
        manifest_sha256=message.sealed.manifest_sha256,
        receiver=SCHOOL,
        trust=trust,
        at=moment_of(fields["received_at"]),
    )
    assert (receipt.is_accepted, receipt.software) == (True, "openssl")


def test_an_envelope_that_openssl_sealed_is_opened(trust: TrustStore, tmp_path: Path) -> None:
    """The other direction: package, signature and encryption of an envelope are made by programs that are not ours."""
    need("shell")
    if shutil.which("zip") is None:
        pytest.skip("zip is not on this machine (Debian: apt-get install zip)")
    dossier, identity = b"<dossier/>", message_id(now(), os.urandom(10))
    sender, school = trust.folder / "schools" / SENDER, trust.folder / "schools" / SCHOOL
    sign = ["openssl", "cms", "-sign", "-cades", "-nosmimecap", "-binary", "-nodetach", "-md", "sha256"]
    sign += ["-outform", "DER", "-signer", str(sender / "signing-1.crt"), "-inkey", str(sender / "signing-1.key")]
    encrypt = ["openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER"]
    encrypt += ["-recip", str(school / "decryption-1.crt"), "-keyopt", "ecdh_kdf_md:sha256", "-aes256-wrap"]
    for _ in range(120):  # the manifest's moment is that of the signature, in whole seconds
        time.sleep(1 - time.time() % 1)  # at the beginning of one, so that a busy machine has most of it
        date = subprocess.run(["date", "-u", "+%Y-%m-%dT%H:%M:%SZ"], capture_output=True, text=True, check=True)
        fields = {
            "format": "overstap-envelope/1",
            "kind": "dossier",
            "message_id": str(identity),
            "round": "waterland/2026-2027/advice",
            "oso_version": "2019.1",
            "created_at": date.stdout.strip(),
            "sender": {"oin": "0000000700099AB00000", "school": SENDER},
            "recipient": {"oin": "0000000700098XA00000", "school": SCHOOL},
            "files": [{"name": "dossier.xml", "size": len(dossier), "sha256": hashlib.sha256(dossier).hexdigest()}],
        }
        (tmp_path / "dossier.xml").write_bytes(dossier)
        (tmp_path / "manifest.json").write_text(json.dumps(fields, indent=2))
        (tmp_path / "package.zip").unlink(missing_ok=True)
        zipped = ["zip", "-q", "-X", "package.zip", "manifest.json", "dossier.xml"]
        subprocess.run(zipped, cwd=tmp_path, check=True)
        package = (tmp_path / "package.zip").read_bytes()
        signed = subprocess.run(sign, input=package, capture_output=True, check=True).stdout
        told = subprocess.run(SHOW, input=signed, capture_output=True, check=True).stdout.decode(errors="replace")
        if moment_of(fields["created_at"]).strftime("%H:%M:%S") in told:
            break
    sealed = subprocess.run(encrypt, input=signed, capture_output=True, check=True).stdout
    opened = open_envelope(sealed, keyring=trust.keyring(SCHOOL, at=now()), trust=trust, school=SCHOOL, at=now())
    assert opened.files == {"dossier.xml": dossier}
    assert opened.manifest.message_id == identity
    with pytest.raises(EnvelopeError):
        open_envelope(
            sealed[:-1] + bytes([sealed[-1] ^ 1]),
            keyring=trust.keyring(SCHOOL, at=now()),
            trust=trust,
            school=SCHOOL,
            at=now(),
        )


@pytest.mark.parametrize("school", ["98XB00", "98XC00"])
def test_an_envelope_that_openssl_encrypted_for_an_rsa_key_is_opened(school: str, tmp_path: Path) -> None:
    """What is signed comes from a vector, since that vector's senders keep their keys to themselves."""
    need("shell")
    vector = next(one for one in GOOD if one["recipient"] == school)
    keys, at = VECTORS / "trust" / "schools" / school, datetime.fromisoformat(INDEX["at"])
    certificate = ["-recip", str(keys / "decryption-1.crt")]
    decrypt = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", str(keys / "decryption-1.key")]
    sealed = (VECTORS / vector["file"]).read_bytes()
    signed = subprocess.run([*decrypt, *certificate], input=sealed, capture_output=True, check=True).stdout
    encrypt = ["openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER", *certificate]
    for option in ("rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"):
        encrypt += ["-keyopt", option]
    again = subprocess.run(encrypt, input=signed, capture_output=True, check=True).stdout
    shutil.copytree(VECTORS / "trust", tmp_path / "trust")
    for key in (tmp_path / "trust").rglob("*.key"):
        key.chmod(0o600)  # git keeps no such mode, and a key that others can read is refused
    trust = TrustStore(tmp_path / "trust", production=False)
    opened = [
        open_envelope(one, keyring=trust.keyring(school, at=at), trust=trust, school=school, at=at)
        for one in (sealed, again)
    ]
    assert opened[0].files == opened[1].files
    assert opened[0].envelope_sha256 != opened[1].envelope_sha256


def test_curl_with_a_client_certificate(endpoint, make, trust: TrustStore, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on this machine")
    message = make()
    (tmp_path / "envelope.cms").write_bytes(message.sealed.envelope)
    caller = trust.folder / "conductor" / "waterland" / "tls-1"
    done = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--fail", "--noproxy", "*"),
            *("--cacert", str(trust.folder / "ca" / "authorities.pem")),
            *("--cert", f"{caller}.crt", "--key", f"{caller}.key"),
            *("--header", "Content-Type: application/cms", "--header", f"Overstap-Message-Id: {message.id}"),
            *("--data-binary", f"@{tmp_path / 'envelope.cms'}", "--output", str(tmp_path / "receipt.cms")),
            endpoint.url,
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert message.receipt((tmp_path / "receipt.cms").read_bytes()).is_accepted
