"""Tests of explanations of refusals, for the school itself and for suppliers with test certificates."""

import json
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from forked import run
from starlette.testclient import TestClient

from overstap.clock import now
from overstap.delivery.desk.desk import Explain
from overstap.delivery.desk.server import CallersForTest, Desks, application, server
from overstap.delivery.receipt_verification import judge
from overstap.envelope.reasons import OpeningFailure
from overstap.envelope.receipt import ReceiptError, ReceiptFault, make_receipt
from overstap.envelope.signing import sign
from overstap.errors import OverstapError
from overstap.pki import TrustStore, oin_of
from overstap.receiver.desk_client import DeskClient
from overstap.texts import texts

from .conftest import OTHER, REGION, SCHOOL, Endpoint
from .test_endpoint import client_context
from .test_server_limits import Running


def overstap(*words: object) -> subprocess.CompletedProcess[str]:
    return run(["-m", "overstap", *map(str, words)])


def test_every_reason_has_its_sentence() -> None:
    said = texts("delivery/reasons")
    assert said.keys() == {reason.value for reason in OpeningFailure}
    assert all(one["nl"] and one["en"] for one in said.values())


@pytest.mark.parametrize(("case", "reason"), [("changed", "decryption"), ("another id", "message_id")])
def test_open_explains(trust: TrustStore, make, tmp_path: Path, case: str, reason: str) -> None:
    message = make()
    envelope = bytearray(message.sealed.envelope)
    if case == "changed":
        envelope[-1] ^= 1
    name = message.id if case == "changed" else make().id
    (tmp_path / f"{name}.cms").write_bytes(bytes(envelope))
    words = ("open", "--school", SCHOOL, "--trust", trust.folder, tmp_path / f"{name}.cms")
    silent, told = overstap(*words), overstap(*words, "--explain")
    assert silent.returncode == told.returncode == 1
    assert f"{reason}:" in told.stdout
    assert f"{reason}:" not in silent.stdout


def test_a_supplier_with_test_certificates_gets_the_reason(endpoint: Endpoint, trust_folder: Path, make) -> None:
    message = make()
    spoilt = bytearray(message.sealed.envelope)
    spoilt[-1] ^= 1
    headers = {"Content-Type": "application/cms", "Overstap-Message-Id": str(message.id)}
    with httpx.Client(verify=client_context(trust_folder, "conductor/waterland/tls-1"), trust_env=False) as client:
        answer = client.post(endpoint.url, content=bytes(spoilt), headers=headers)
        good = client.post(endpoint.url, content=message.sealed.envelope, headers=headers)
    assert answer.status_code == 422
    assert answer.headers["Overstap-Reason"] == "decryption"
    assert b"decryption" not in answer.content, "the signed receipt says the same as ever"
    assert good.status_code == 200
    assert "Overstap-Reason" not in good.headers


def receipt_with(trust: TrustStore, message, change) -> bytes:
    """Return a receipt whose fields were changed before it was signed."""
    identity, at = trust.signing_identity(SCHOOL, at=now()), now().replace(microsecond=0)
    fields = {
        "format": "overstap-receipt/1",
        "message_id": str(message.id),
        "envelope_sha256": message.sealed.envelope_sha256.hex(),
        "manifest_sha256": message.sealed.manifest_sha256.hex(),
        "outcome": "accepted",
        "refusal": None,
        "received_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "receiver": {"oin": identity.oin, "school": SCHOOL},
        "software": "x",
    }
    change(fields)
    return sign(json.dumps(fields).encode(), identity, at=at)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda fields: fields.update(note="x"), "fields"),
        (lambda fields: fields.pop("refusal"), "fields"),
        (lambda fields: fields.update(format="overstap-receipt/2"), "format_or_software"),
        (lambda fields: fields.update(refusal="too_large"), "outcome_and_refusal"),
        (lambda fields: fields.update(manifest_sha256=None), "accepted_without_manifest"),
        (lambda fields: fields.update(outcome="geaccepteerd"), "content"),
    ],
)
def test_a_receipt_that_is_none_says_which_rule(trust: TrustStore, make, change, rule: str) -> None:
    message = make()
    with pytest.raises(ReceiptError) as refused:
        message.receipt(receipt_with(trust, message, change))
    assert refused.value.code == "DELIVERY-011"
    assert refused.value.facts["rule"] == rule
    assert f"(regel: {rule})" in refused.value.message_nl
    assert "geaccepteerd" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "rule"), [(b"no receipt", "malformed"), (b"{}", "malformed"), (bytes(70_000), "too_large")]
)
def test_what_is_no_signed_statement_says_so(make, data: bytes, rule: str) -> None:
    with pytest.raises(ReceiptError) as refused:
        make().receipt(data)
    assert refused.value.facts["rule"] == rule


def test_a_receipt_of_another_school(trust: TrustStore, make) -> None:
    message, at = make(), now()
    of_other = make_receipt(
        trust.signing_identity(OTHER, at=at),
        message_id=message.id,
        envelope_sha256=message.sealed.envelope_sha256,
        manifest_sha256=message.sealed.manifest_sha256,
        at=at,
    )
    with pytest.raises(ReceiptError) as refused:
        message.receipt(of_other)
    assert refused.value.fault is ReceiptFault.RECEIVER


class OneMessageDesk:
    """A desk to which one message went: what it is handed in is judged as ever, and kept nowhere."""

    def __init__(self, trust: TrustStore, message) -> None:
        self._trust = trust
        self._message = message

    def receipt(self, content: bytes, message_id: UUID, *, school: str, at: datetime, explain: Explain) -> str:
        """Judge a receipt as the region's desk does."""
        sealed = self._message.sealed
        sent = Handed(message_id, school, sealed.envelope_sha256, sealed.manifest_sha256)
        answer = judge(sent, content, trust=self._trust, at=at)
        if answer.rule:
            explain(answer.rule)
        return str(answer.code or answer.outcome)


@dataclass(frozen=True)
class Handed:
    """What went to a school, as a receipt has to state it."""

    message_id: UUID
    secondary_school: str
    envelope_digest: bytes
    manifest_digest: bytes


WRONG = [
    (lambda fields: fields.update(note="x"), "DELIVERY-011", "fields"),
    (lambda fields: fields.update(format="overstap-receipt/2"), "DELIVERY-011", "format_or_software"),
    (lambda fields: fields.update(refusal="too_large"), "DELIVERY-011", "outcome_and_refusal"),
    (lambda fields: fields.update(message_id="019a209d-0f3e-7a86-985b-5e0b7eeb575d"), "DELIVERY-014", "message_id"),
]


@pytest.mark.parametrize(("change", "code", "rule"), WRONG)
def test_the_desk_tells_a_supplier_with_a_test_certificate_which_rule(
    trust: TrustStore, make, change, code: str, rule: str
) -> None:
    message = make()

    def desk() -> uvicorn.Server:
        return server(
            Desks(lambda: OneMessageDesk(trust, message), workers=1),  # type: ignore[arg-type,return-value]
            region=REGION,
            trust=trust,
            schools=lambda: frozenset({SCHOOL}),
            host="127.0.0.1",
            port=0,
        )

    with Running(desk) as port, DeskClient(f"https://127.0.0.1:{port}", school=SCHOOL, trust=trust, at=now()) as asker:
        with pytest.raises(OverstapError) as refused:
            asker.hand_in_receipt(receipt_with(trust, message, change), message.id)
        asker.hand_in_receipt(receipt_with(trust, message, lambda fields: None), message.id)
    assert refused.value.code == "DELIVERY-056"
    assert f"{code}: {rule}" in refused.value.message_nl


@pytest.mark.parametrize("is_for_test", [True, False])
def test_the_desk_tells_nobody_else(trust: TrustStore, make, is_for_test: bool) -> None:
    message = make()
    oin = oin_of(SCHOOL)
    inner = application(
        Desks(lambda: OneMessageDesk(trust, message), workers=1),  # type: ignore[arg-type,return-value]
        for_test=frozenset({oin}) if is_for_test else frozenset({oin_of(OTHER)}),
    )

    async def known(scope, receive, send) -> None:
        scope.setdefault("state", {})["caller"] = oin
        await inner(scope, receive, send)

    body = receipt_with(trust, message, lambda fields: fields.update(note="x"))
    headers = {"Content-Type": "application/cms", "Overstap-Message-Id": str(message.id)}
    answer = TestClient(known).post("/v1/receipts", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json() == {"problem": "DELIVERY-011"}
    assert answer.headers.get("Overstap-Reason") == ("fields" if is_for_test else None)


def test_who_calls_for_test_is_known_by_the_certificate_of_the_call(trust: TrustStore) -> None:
    tested = trust.tls_identity(SCHOOL, at=now()).certificate.public_bytes(Encoding.DER)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "school")])
    plain = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now())
        .not_valid_after(now() + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    callers = CallersForTest()
    assert "a" not in callers
    callers.note("a", tested)
    callers.note("b", plain)
    assert "a" in callers
    assert "b" not in callers
    callers.note("a", plain)
    assert "a" not in callers
