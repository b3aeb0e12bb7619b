"""The vectors of taking back, which `generate.py` writes: `revocations/` and `revocations/answers/`.

Statements are of 99AB00 (P-256) for 98XA00 about the vectors' message; answers are of 98XA00 to `good.objection.cms`.
In front of a bad one's name stands the reason, or the fault of an answer.
"""

import json
from datetime import datetime, timedelta
from uuid import UUID

from overstap.envelope.revocation import make_revocation, make_revocation_receipt
from overstap.envelope.signing import sign
from overstap.pki import TrustStore

DIGEST = bytes.fromhex("aa" * 32)
"""Of the envelope that is taken back."""


def statements(store: TrustStore, message_id: UUID, at: datetime) -> dict[str, bytes]:
    """Return statements by name."""
    sender, other = store.signing_identity("99AB00", at=at), store.signing_identity("99AC00", at=at)
    right = {
        "message_id": message_id,
        "envelope_sha256": DIGEST,
        "recipient": "98XA00",
        "reason": "objection",
        "at": at,
    }
    good = make_revocation(sender, **right)  # type: ignore[arg-type]

    def changed(**changes: object) -> bytes:
        fields = json.loads(good[good.index(b'{"format"') : good.index(b"}}") + 2]) | changes
        return sign(json.dumps(fields, separators=(",", ":")).encode(), sender, at=at)

    return {
        "good.objection": good,
        "good.rsa_3072": make_revocation(other, **right),  # type: ignore[arg-type]
        "malformed.empty": b"",
        "malformed.truncated": good[:-1],
        "recipient.another_school": make_revocation(sender, **(right | {"recipient": "98XB00"})),  # type: ignore[arg-type]
        "sender.signed_by_another_school": changed(sender={"oin": other.oin, "school": other.school}),
        "manifest.unknown_reason": changed(reason="because"),
        "manifest.unknown_field": changed(pupil="nobody"),
        "manifest.time_other_than_signed": changed(revoked_at="2026-03-12T15:00:01Z"),
        "format_version.two": changed(format="overstap-revocation/2"),
        "from_the_future.tomorrow": make_revocation(sender, **(right | {"at": at + timedelta(days=1)})),  # type: ignore[arg-type]
        "signature.flipped": _flipped(good),
    }


def answers(store: TrustStore, message_id: UUID, at: datetime, statement: bytes) -> dict[str, bytes]:
    """Return answers to a statement by name."""
    receiver, stranger = store.signing_identity("98XA00", at=at), store.signing_identity("98XB00", at=at)

    def made(signer=receiver, *, had: bool = True, **changes) -> bytes:  # type: ignore[no-untyped-def]
        said = {"message_id": message_id, "revocation": statement, "at": at} | changes
        return make_revocation_receipt(signer, had=had, **said)

    good = made()
    return {
        "good.had": good,
        "good.had_not": made(had=False),
        "good.refused": made(had=False, is_refused=True),
        "malformed.empty": b"",
        "receiver.another_school": made(stranger),
        "message.other_id": made(message_id=UUID(int=message_id.int ^ 1)),
        "digest.other_statement": made(revocation=b"another"),
        "time.from_the_future": made(at=at + timedelta(days=1)),
        "signature.flipped": _flipped(good),
    }


def _flipped(data: bytes) -> bytes:
    return data[:-1] + bytes((data[-1] ^ 1,))
