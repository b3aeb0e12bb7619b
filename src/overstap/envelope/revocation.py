"""Revocations of envelopes: the sender's signed statement and the receiver's signed answer.

Both are CMS SignedData like a receipt (docs/envelope.md, part "Taking back"), around JSON that names no pupil: a
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
    """What the receiving school did."""

    WITHDRAWN = "withdrawn"
    """The content is removed, and is not taken in if it comes yet."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Revocation:
    """A statement's content (schema: include/schemas/envelope/revocation.schema.json)."""

    message_id: UUID
    envelope_sha256: bytes
    reason: str
    revoked_at: datetime
    sender: Party
    recipient: Party


@dataclass(frozen=True, slots=True)
class RevocationReceipt:
    """An answer's content (schema: include/schemas/envelope/revocation-receipt.schema.json)."""

    message_id: UUID
    revocation_sha256: bytes
    outcome: RevocationOutcome
    had: bool
    """Whether the school had the envelope."""
    received_at: datetime


def make_revocation(
    sender: SigningIdentity, *, message_id: UUID, envelope_sha256: bytes, recipient: str, reason: str, at: datetime
) -> bytes:
    """Make a signed statement that takes an envelope back.

    Args:
        sender: the school that sealed it.
        message_id: of the envelope.
        envelope_sha256: 32 bytes, over the envelope as it was sent.
        recipient: the school (BRIN and branch) that it was sent to.
        reason: one of the schema's.
        at: the moment, aware; kept in whole seconds.

    Returns:
        DER of a ContentInfo with SignedData.

    Raises:
        ValueError: another reason.
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
    """Read a statement, or refuse it.

    Whether its sender is who sealed the envelope is for the store to compare.

    Args:
        data: what came.
        trust: who may sign.
        school: this school's id.
        at: the moment.

    Raises:
        EnvelopeError: always the same code and sentences; `reason` is for the log here.
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
        found = Revocation(
            message_id=forms.uuid_of(fields["message_id"]),
            envelope_sha256=forms.digest_of(fields["envelope_sha256"]),
            reason=fields["reason"],
            revoked_at=forms.moment_of(fields["revoked_at"]),
            sender=forms.party_of(fields["sender"]),
            recipient=forms.party_of(fields["recipient"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EnvelopeError(OpeningFailure.MANIFEST) from error
    if found.sender.oin != signed.oin:
        raise EnvelopeError(OpeningFailure.SENDER)
    if found.recipient != Party(oin_of(school), school):
        raise EnvelopeError(OpeningFailure.RECIPIENT)
    if found.revoked_at != signed.signed_at:
        raise EnvelopeError(OpeningFailure.MANIFEST)
    if found.revoked_at > at + _AHEAD:
        raise EnvelopeError(OpeningFailure.FROM_THE_FUTURE)
    return found


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
    """Make the signed answer to a statement.

    Args:
        identity: the receiving school.
        message_id: of the envelope that is taken back; for a statement that was not readable, the id it came under.
        revocation: the statement, as it came.
        had: whether the envelope was there.
        at: the moment of removing it, aware.
        is_refused: the statement was not in order, and nothing was removed.
        software: name and version of the receiving software.
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
    """Verify that bytes are the receiving school's answer to a statement; a refusal is verified just as strictly.

    Args:
        data: what came.
        message_id: the envelope that it must be about.
        revocation_sha256: digest of the statement that was sent.
        receiver: the school that must have signed.
        trust: who may sign.
        at: the moment of judging.

    Raises:
        ReceiptError: DELIVERY-011 to DELIVERY-016.
    """

    def error_for(fault: ReceiptFault, rule: str) -> ReceiptError:
        return ReceiptError(fault, message=message_id, school=receiver, rule=rule)

    found = _ANSWER.verify(data, message_id=message_id, receiver=receiver, trust=trust, at=at, error_for=error_for)
    if found.revocation_sha256 != revocation_sha256:
        raise error_for(ReceiptFault.DIGEST, "digest")
    return found


def _parse(fields: Mapping[str, Any], stated: StatementHeader) -> RevocationReceipt:
    outcome = RevocationOutcome(fields["outcome"])
    is_refused = outcome is RevocationOutcome.REFUSED
    if fields["refusal"] != (_REFUSAL if is_refused else None) or type(fields["had"]) is not bool:
        raise ValueError("an outcome that does not fit")
    if is_refused and fields["had"]:
        raise ValueError("refused, and yet removed")
    digest = forms.digest_of(fields["revocation_sha256"])
    return RevocationReceipt(stated.message_id, digest, outcome, fields["had"], stated.at)


_ANSWER = StatementForm(
    "overstap-revocation-receipt/1",
    frozenset({"revocation_sha256", "outcome", "had", "refusal"}),
    "received_at",
    _parse,
)
