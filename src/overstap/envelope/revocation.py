"""Revocation of envelopes: the sender's signed revocation, and the receiver's signed receipt of it.

Both are CMS SignedData like a receipt (docs/envelope.md, part "Taking back"), around JSON without personal data: a
message id, digests, and two schools.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from overstap import SOFTWARE
from overstap.envelope import manifest as forms
from overstap.envelope.manifest import Party
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.envelope.receipt import MAX_RECEIPT_BYTES, ReceiptError, ReceiptFault
from overstap.envelope.signing import sign, verify
from overstap.envelope.statement import StatementForm, StatementHeader
from overstap.pki import SigningIdentity, TrustStore, oin_of

FORMAT = "overstap-revocation/1"
MEDIA_TYPE = "application/vnd.overstap.revocation"

_AHEAD = timedelta(hours=1)
_REASONS = frozenset({"wrong_receiver", "pupil_not_coming", "wrong_content", "objection", "other"})
_REFUSAL = "revocation_refused"


class RevocationOutcome(StrEnum):
    """Outcome of a revocation at the receiving school."""

    WITHDRAWN = "withdrawn"
    """The content is erased; an envelope that arrives later is refused."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Revocation:
    """Content of a revocation (schema: include/schemas/envelope/revocation.schema.json)."""

    message_id: UUID
    envelope_sha256: bytes
    reason: str
    revoked_at: datetime
    sender: Party
    recipient: Party


@dataclass(frozen=True, slots=True)
class RevocationReceipt:
    """Content of the receipt of a revocation (schema: include/schemas/envelope/revocation-receipt.schema.json)."""

    message_id: UUID
    revocation_sha256: bytes
    outcome: RevocationOutcome
    had: bool
    """Whether the school had stored the envelope."""
    received_at: datetime


def make_revocation(
    sender: SigningIdentity, *, message_id: UUID, envelope_sha256: bytes, recipient: str, reason: str, at: datetime
) -> bytes:
    """Create a signed revocation.

    Args:
        sender: signing key of the school that sealed the envelope.
        message_id: id of the envelope.
        envelope_sha256: digest over the envelope as sent, 32 bytes.
        recipient: the school (BRIN and branch) that received it.
        reason: one of the reasons of the schema.
        at: the moment, aware; truncated to whole seconds.

    Returns:
        DER of a ContentInfo with SignedData.

    Raises:
        ValueError: the reason is not one of the schema.
    """
    if reason not in _REASONS:
        raise ValueError("not a reason of the format")
    at = at.replace(microsecond=0)
    fields = {
        "format": FORMAT,
        "message_id": str(message_id),
        "envelope_sha256": envelope_sha256.hex(),
        "reason": reason,
        "revoked_at": forms.moment_text(at),
        "sender": {"oin": sender.oin, "school": sender.school},
        "recipient": {"oin": oin_of(recipient), "school": recipient},
    }
    return sign(json.dumps(fields, separators=(",", ":")).encode(), sender, at=at)


def read_revocation(data: bytes, *, trust: TrustStore, school: str, at: datetime) -> Revocation:
    """Verify a revocation and return its content.

    The caller must check that its sender is the school that sealed the stored envelope.

    Args:
        data: the received bytes.
        trust: trust store that checks the signer's certificate.
        school: id of this school (BRIN and branch).
        at: the moment.

    Raises:
        EnvelopeError: always with the same code and sentences; `reason` is for this school's own log.
    """
    if len(data) > MAX_RECEIPT_BYTES:
        raise EnvelopeError(OpeningFailure.TOO_LARGE)
    signed = verify(data, trust=trust, at=at)
    fields = forms.json_object(signed.content, OpeningFailure.MANIFEST)
    if fields.get("format") != FORMAT:
        raise EnvelopeError(OpeningFailure.FORMAT_VERSION)
    names = {"format", "message_id", "envelope_sha256", "reason", "revoked_at", "sender", "recipient"}
    try:
        if fields.keys() != names or fields["reason"] not in _REASONS:
            raise EnvelopeError(OpeningFailure.MANIFEST)
        revocation = Revocation(
            message_id=forms.uuid_of(fields["message_id"]),
            envelope_sha256=forms.digest_of(fields["envelope_sha256"]),
            reason=fields["reason"],
            revoked_at=forms.moment_of(fields["revoked_at"]),
            sender=forms.party_of(fields["sender"]),
            recipient=forms.party_of(fields["recipient"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EnvelopeError(OpeningFailure.MANIFEST) from error
    if revocation.sender.oin != signed.oin:
        raise EnvelopeError(OpeningFailure.SENDER)
    if revocation.recipient != Party(oin_of(school), school):
        raise EnvelopeError(OpeningFailure.RECIPIENT)
    if revocation.revoked_at != signed.signed_at:
        raise EnvelopeError(OpeningFailure.MANIFEST)
    if revocation.revoked_at > at + _AHEAD:
        raise EnvelopeError(OpeningFailure.FROM_THE_FUTURE)
    return revocation


def make_revocation_receipt(
    identity: SigningIdentity,
    *,
    message_id: UUID,
    revocation: bytes,
    had: bool,
    at: datetime,
    is_refused: bool = False,
    software: str = SOFTWARE,
) -> bytes:
    """Create the signed receipt of a revocation.

    Args:
        identity: signing key of the receiving school.
        message_id: id of the envelope; for an unreadable revocation, the id under which it was sent.
        revocation: the revocation as received.
        had: whether the envelope was stored.
        at: the moment of erasure, aware.
        is_refused: whether the revocation was not valid, so that nothing was erased.
        software: name and version of the receiving software.

    Returns:
        DER of a ContentInfo with SignedData.
    """
    own = {
        "revocation_sha256": hashlib.sha256(revocation).hexdigest(),
        "outcome": RevocationOutcome.REFUSED if is_refused else RevocationOutcome.WITHDRAWN,
        "had": had and not is_refused,
        "refusal": _REFUSAL if is_refused else None,
    }
    return _ANSWER.make(identity, own, message_id=message_id, at=at, software=software)


def verify_revocation_receipt(
    data: bytes, *, message_id: UUID, revocation_sha256: bytes, receiver: str, trust: TrustStore, at: datetime
) -> RevocationReceipt:
    """Verify that received bytes are the receiving school's receipt of a revocation; a refusal as strictly.

    Args:
        data: the received bytes.
        message_id: id of the envelope.
        revocation_sha256: digest of the revocation that was sent, 32 bytes.
        receiver: the school (BRIN and branch) that must have signed.
        trust: trust store that checks the signer's certificate.
        at: the moment at which that certificate must be valid.

    Raises:
        ReceiptError: DELIVERY-011 to DELIVERY-016.
    """

    def error_for(fault: ReceiptFault, rule: str) -> ReceiptError:
        return ReceiptError(fault, message=message_id, school=receiver, rule=rule)

    receipt = _ANSWER.verify(data, message_id=message_id, receiver=receiver, trust=trust, at=at, error_for=error_for)
    if receipt.revocation_sha256 != revocation_sha256:
        raise error_for(ReceiptFault.DIGEST, "digest")
    return receipt


def _parse(fields: Mapping[str, Any], stated: StatementHeader) -> RevocationReceipt:
    outcome = RevocationOutcome(fields["outcome"])
    is_refused = outcome is RevocationOutcome.REFUSED
    if fields["refusal"] != (_REFUSAL if is_refused else None) or type(fields["had"]) is not bool:
        raise ValueError("outcome and refusal do not match")
    if is_refused and fields["had"]:
        raise ValueError("a refusal that states an erased envelope")
    digest = forms.digest_of(fields["revocation_sha256"])
    return RevocationReceipt(stated.message_id, digest, outcome, fields["had"], stated.at)


_ANSWER = StatementForm(
    "overstap-revocation-receipt/1",
    frozenset({"revocation_sha256", "outcome", "had", "refusal"}),
    "received_at",
    _parse,
)
