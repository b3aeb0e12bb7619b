"""Results: every vector gives its code, and the good ones are by their schema."""

import json
from datetime import datetime
from pathlib import Path
from uuid import UUID

import jsonschema
import pytest

from overstap.envelope.result import _CODES, Rejection, ResultOutcome, make_result, verify_result
from overstap.envelope.signing import verify
from overstap.errors import OverstapError, sentences
from overstap.pki import TrustStore, make_development_certificates
from overstap_tools.project import PROJECT

VECTORS = PROJECT / "tests" / "vectors"
INDEX = json.loads((VECTORS / "results" / "vectors.json").read_text(encoding="utf-8"))
SCHEMA = json.loads((PROJECT / "include" / "schemas" / "envelope" / "result.schema.json").read_text(encoding="utf-8"))
AT = datetime.fromisoformat(INDEX["at"])


@pytest.fixture(scope="module")
def trust() -> TrustStore:
    return TrustStore(VECTORS / "results" / "trust", production=False)


@pytest.mark.parametrize("vector", INDEX["vectors"], ids=lambda vector: vector["file"])
def test_vectors(vector: dict, trust: TrustStore) -> None:
    data = (VECTORS / "results" / vector["file"]).read_bytes()
    given = {
        "message_id": UUID(INDEX["message_id"]),
        "envelope_sha256": bytes.fromhex(INDEX["envelope_sha256"]),
        "receiver": INDEX["receiver"],
        "round_kind": vector["round"],
        "trust": trust,
        "at": AT,
    }
    if vector["code"] is not None:
        with pytest.raises(OverstapError) as told:
            verify_result(data, **given)
        assert told.value.code == vector["code"]
        return
    assert verify_result(data, **given).outcome.value in vector["file"]
    content = json.loads(verify(data, trust=trust, at=AT).content)
    jsonschema.validate(content, SCHEMA)


def test_every_code_has_a_vector_and_a_sentence() -> None:
    assert {one["code"] for one in INDEX["vectors"]} - {None} == set(_CODES.values())
    assert set(_CODES.values()) <= set(sentences())


def test_every_byte_counts(trust: TrustStore) -> None:
    """Whatever byte is changed, the result does not count."""
    good = (VECTORS / "results" / "good.imported.cms").read_bytes()
    for place in range(0, len(good), 7):
        changed = bytearray(good)
        changed[place] ^= 0x01
        with pytest.raises(OverstapError):
            verify_result(
                bytes(changed),
                message_id=UUID(INDEX["message_id"]),
                envelope_sha256=bytes.fromhex(INDEX["envelope_sha256"]),
                receiver=INDEX["receiver"],
                round_kind="advice",
                trust=trust,
                at=AT,
            )


def test_a_reason_belongs_to_a_rejection(tmp_path: Path) -> None:
    make_development_certificates(tmp_path, schools=[INDEX["receiver"]], at=AT)
    school = TrustStore(tmp_path, production=False).signing_identity(INDEX["receiver"], at=AT)
    for outcome, reason in ((ResultOutcome.REJECTED, None), (ResultOutcome.IMPORTED, Rejection.OTHER)):
        with pytest.raises(ValueError, match="reason"):
            make_result(
                school,
                message_id=UUID(INDEX["message_id"]),
                envelope_sha256=bytes(32),
                outcome=outcome,
                reason=reason,
                at=AT,
            )


def test_every_outcome_and_reason_is_documented_and_in_the_schema() -> None:
    text = (PROJECT / "docs" / "receiving.md").read_text(encoding="utf-8")
    for word in (*ResultOutcome, *Rejection):
        assert f"`{word}`" in text
    assert SCHEMA["properties"]["outcome"]["enum"] == list(ResultOutcome)
    assert SCHEMA["properties"]["reason"]["enum"] == [None, *Rejection]
