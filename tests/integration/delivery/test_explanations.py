"""Why something was refused, told to who may know it: the school itself, and a supplier with test certificates."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from overstap.clock import now
from overstap.envelope.reasons import OpeningFailure
from overstap.envelope.receipt import ReceiptError, ReceiptFault, make_receipt
from overstap.envelope.signing import sign
from overstap.pki import TrustStore
from overstap.texts import texts

from .conftest import OTHER, SCHOOL, Endpoint
from .test_endpoint import client_context


def overstap(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "overstap", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


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
