"""Every stored vector opens, or is refused for the reason in its name, with one code to the outside."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest

from overstap.envelope.envelope import open_envelope
from overstap.envelope.manifest import moment_of
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.envelope.receipt import ReceiptError, ReceiptFault, verify_receipt
from overstap.envelope.revocation import read_revocation, verify_revocation_receipt
from overstap.envelope.signing import verify
from overstap.errors import sentences
from overstap.pki import TrustStore

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "envelope"
SCHEMAS = Path(__file__).resolve().parents[3] / "include" / "schemas" / "envelope"
INDEX = json.loads((VECTORS / "vectors.json").read_text(encoding="utf-8"))
AT = moment_of(INDEX["at"])


NUMBERS = {
    "bad/malformed.signature_stripped": pytest.mark.fault("F50"),
    "bad/not_signed.": pytest.mark.fault("F50"),
    "bad/not_authenticated.": pytest.mark.fault("F51"),
    "bad/algorithm.": pytest.mark.fault("F51"),
    "bad/recipient.forwarded": pytest.mark.fault("F52"),
    "bad/too_old.": pytest.mark.fault("F53"),
    "bad/package.bomb": pytest.mark.fault("F56"),
    "bad/package.": pytest.mark.fault("F57"),
    "bad/malformed.": pytest.mark.fault("F59"),
    "bad/recipients.": pytest.mark.fault("F59"),
}


def listed(folder: str) -> list:
    return [
        pytest.param(one, id=one["file"], marks=_number(one["file"]))
        for one in INDEX["vectors"]
        if one["file"].startswith(folder)
    ]


def _number(file: str) -> Any:
    """Return the mark of the fault that a vector is an example of."""
    return next((mark for start, mark in NUMBERS.items() if file.startswith(start)), ())


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> TrustStore:
    """The vectors' certificates, with the key files' mode that version control does not keep."""
    folder = tmp_path_factory.mktemp("vectors") / "trust"
    shutil.copytree(VECTORS / "trust", folder)
    for key in folder.rglob("*.key"):
        key.chmod(0o600)
    return TrustStore(folder, production=False)


def opened(vector: dict, trust: TrustStore):
    school = vector["recipient"]
    data = (VECTORS / vector["file"]).read_bytes()
    return open_envelope(data, keyring=trust.keyring(school, at=AT), trust=trust, school=school, at=AT)


@pytest.mark.parametrize("vector", listed("good/"))
def test_good_ones_open(vector: dict, trust: TrustStore) -> None:
    result = opened(vector, trust)
    assert result.manifest.sender.school == vector["sender"]
    assert result.files["dossier.xml"].startswith(b"<dossier>")
    schema = json.loads((SCHEMAS / "manifest.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(
        json.loads(result.manifest_bytes), schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


@pytest.mark.parametrize("vector", listed("bad/"))
def test_bad_ones_are_refused_for_their_reason(vector: dict, trust: TrustStore) -> None:
    with pytest.raises(EnvelopeError) as refused:
        opened(vector, trust)
    assert refused.value.reason == vector["reason"]
    assert refused.value.code == vector["code"]
    assert str(refused.value) == str(EnvelopeError(OpeningFailure.MALFORMED)), "to the outside all failures are one"


def test_every_reason_has_a_vector() -> None:
    elsewhere = {
        OpeningFailure.TOO_LARGE,
        OpeningFailure.MESSAGE_ID,
    }  # by limits and by the address they came to: test_envelope
    shown = {one["reason"] for one in INDEX["vectors"] if one["file"].startswith("bad/")}
    assert {str(reason) for reason in set(OpeningFailure) - elsewhere} == shown


@pytest.mark.parametrize("vector", listed("receipts/"))
def test_receipts(vector: dict, trust: TrustStore) -> None:
    data = (VECTORS / vector["file"]).read_bytes()
    arguments = {
        "message_id": UUID(INDEX["message_id"]),
        "envelope_sha256": bytes.fromhex(INDEX["receipts_envelope_sha256"]),
        "manifest_sha256": bytes.fromhex(INDEX["receipts_manifest_sha256"]),
        "receiver": vector["receiver"],
        "trust": trust,
        "at": AT,
    }
    if "fault" in vector:
        with pytest.raises(ReceiptError) as refused:
            verify_receipt(data, **arguments)
        assert (refused.value.fault, refused.value.code) == (vector["fault"], vector["code"])
        return
    assert verify_receipt(data, **arguments).is_accepted == ("accepted" in vector["file"])
    schema = json.loads((SCHEMAS / "receipt.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(verify(data, trust=trust, at=AT).content), schema)


def statements() -> list:
    return [one for one in listed("revocations/") if "/answers/" not in one.id]


@pytest.mark.parametrize("vector", statements())
def test_statements_that_take_an_envelope_back(vector: dict, trust: TrustStore) -> None:
    data = (VECTORS / vector["file"]).read_bytes()
    if "reason" in vector:
        with pytest.raises(EnvelopeError) as refused:
            read_revocation(data, trust=trust, school="98XA00", at=AT)
        assert (refused.value.reason, refused.value.code) == (vector["reason"], vector["code"])
        return
    found = read_revocation(data, trust=trust, school="98XA00", at=AT)
    assert (str(found.message_id), found.reason) == (INDEX["message_id"], "objection")
    schema = json.loads((SCHEMAS / "revocation.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(verify(data, trust=trust, at=AT).content), schema)


@pytest.mark.parametrize("vector", listed("revocations/answers/"))
def test_answers_to_them(vector: dict, trust: TrustStore) -> None:
    data = (VECTORS / vector["file"]).read_bytes()
    statement = (VECTORS / "revocations" / "good.objection.cms").read_bytes()
    arguments = {
        "message_id": UUID(INDEX["message_id"]),
        "revocation_sha256": hashlib.sha256(statement).digest(),
        "receiver": vector["receiver"],
        "trust": trust,
        "at": AT,
    }
    if "fault" in vector:
        with pytest.raises(ReceiptError) as refused:
            verify_revocation_receipt(data, **arguments)
        assert (refused.value.fault, refused.value.code) == (vector["fault"], vector["code"])
        return
    found = verify_revocation_receipt(data, **arguments)
    assert (found.outcome == "refused", found.had) == ("refused" in vector["file"], vector["file"].endswith("had.cms"))
    schema = json.loads((SCHEMAS / "revocation-receipt.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(verify(data, trust=trust, at=AT).content), schema)


def test_every_fault_has_a_vector_and_every_code_its_sentences() -> None:
    shown = {one["fault"]: one["code"] for one in INDEX["vectors"] if "fault" in one}
    assert shown.keys() == {str(fault) for fault in ReceiptFault}
    assert set(shown.values()) <= sentences().keys()
