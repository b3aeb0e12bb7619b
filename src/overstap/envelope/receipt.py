"""Receipts: signed statements of a receiving school about one envelope.

Only a receipt whose signature, chain, school and digests all match turns a delivery into "confirmed"; `verify_receipt`
is the one way to get a `Receipt` out of bytes that came from elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from overstap import SOFTWARE
from overstap.envelope import manifest as forms
from overstap.envelope.manifest import Party
from overstap.envelope.statement import MAX_BYTES, MEDIA_TYPE, StatementForm, StatementHeader, StatementRuleError
from overstap.envelope.statement import StatementFault as ReceiptFault
from overstap.errors import OverstapError
from overstap.pki import SigningIdentity, TrustStore

__all__ = ["MAX_RECEIPT_BYTES", "MEDIA_TYPE", "ReceiptFault"]

MAX_RECEIPT_BYTES = MAX_BYTES


class ReceptionOutcome(StrEnum):
    """What the receiving school did with an envelope."""

    ACCEPTED = "accepted"
    """Opened, checked and stored."""
    REFUSED = "refused"


class Refusal(StrEnum):
    """The codes of a refusal: what the sender's side can act on, and nothing that helps an attacker."""

    ENVELOPE = "envelope_refused"
    """It could not be opened, or is not what it should be; the receiver's log has the reason."""
    CONFLICT = "message_conflict"
    """This message id came before with another content: seal anew under a new id, and find out why."""
    TOO_LARGE = "too_large"
    WITHDRAWN = "withdrawn"
    """Its sender took it back before it came."""


_CODES = {
    ReceiptFault.MALFORMED: "DELIVERY-011",
    ReceiptFault.SIGNATURE: "DELIVERY-012",
    ReceiptFault.RECEIVER: "DELIVERY-013",
    ReceiptFault.MESSAGE: "DELIVERY-014",
    ReceiptFault.DIGEST: "DELIVERY-015",
    ReceiptFault.TIME: "DELIVERY-016",
}


class ReceiptError(OverstapError):
    """A receipt does not count; the delivery stays unconfirmed.

    Args:
        fault: why.
        message: the message id whose receipt was awaited.
        school: the school it was awaited from.
        rule: which rule of the format is broken (docs/envelope.md).
    """

    def __init__(self, fault: ReceiptFault, *, message: UUID | str, school: str, rule: str = "-") -> None:
        super().__init__(_CODES[fault], message=str(message), school=school, rule=rule)
        self.fault = fault

    def __reduce__(self) -> tuple[object, ...]:
        """Let the error cross a process boundary."""
        return (_restore, (self.fault, self.facts["message"], self.facts["school"], self.facts["rule"]))


def _restore(fault: ReceiptFault, message: str, school: str, rule: str) -> ReceiptError:
    return ReceiptError(fault, message=message, school=school, rule=rule)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt's content (schema: include/schemas/envelope/receipt.schema.json)."""

    message_id: UUID
    envelope_sha256: bytes
    manifest_sha256: bytes | None
    """None when the receiver never saw a manifest: the envelope did not open."""
    outcome: ReceptionOutcome
    refusal: Refusal | None
    received_at: datetime
    """In whole seconds."""
    receiver: Party
    software: str

    @property
    def is_accepted(self) -> bool:
        """Whether the school has the dossier."""
        return self.outcome is ReceptionOutcome.ACCEPTED


def make_receipt(
    identity: SigningIdentity,
    *,
    message_id: UUID,
    envelope_sha256: bytes,
    manifest_sha256: bytes | None,
    at: datetime,
    refusal: Refusal | None = None,
    software: str = SOFTWARE,
) -> bytes:
    """Make a signed receipt: accepted, or refused with a code.

    Args:
        identity: the receiving school.
        message_id: of the envelope; for one that did not open, the id it came under.
        envelope_sha256: 32 bytes, over the envelope as it came.
        manifest_sha256: 32 bytes over manifest.json, or None when the envelope did not open.
        at: the moment of storing or refusing, aware.
        refusal: why it was refused; None says that it is stored safely.
        software: name and version of the receiving software.

    Returns:
        DER of a ContentInfo with SignedData.

    Raises:
        ValueError: accepted without a manifest's digest.
    """
    if refusal is None and manifest_sha256 is None:
        raise ValueError("what was accepted had a manifest")
    own = {
        "envelope_sha256": envelope_sha256.hex(),
        "manifest_sha256": manifest_sha256.hex() if manifest_sha256 else None,
        "outcome": ReceptionOutcome.REFUSED if refusal else ReceptionOutcome.ACCEPTED,
        "refusal": refusal,
    }
    return _FORM.make(identity, own, message_id=message_id, at=at, software=software)


def verify_receipt(
    data: bytes,
    *,
    message_id: UUID,
    envelope_sha256: bytes,
    manifest_sha256: bytes,
    receiver: str,
    trust: TrustStore,
    at: datetime,
) -> Receipt:
    """Verify that bytes are the receiving school's receipt for what was sent.

    A refusal is verified just as strictly: nobody else may make a delivery look refused.

    Args:
        data: what came.
        message_id: the message it must be about.
        envelope_sha256: digest of the envelope that was sent.
        manifest_sha256: digest of its manifest.
        receiver: the school (BRIN and branch) that must have signed.
        trust: who may sign.
        at: the moment of judging: the signer's certificate must be good then.

    Raises:
        ReceiptError: DELIVERY-011 to DELIVERY-016.
    """

    def error_for(fault: ReceiptFault, rule: str) -> ReceiptError:
        return ReceiptError(fault, message=message_id, school=receiver, rule=rule)

    receipt = _FORM.verify(data, message_id=message_id, receiver=receiver, trust=trust, at=at, error_for=error_for)
    if receipt.envelope_sha256 != envelope_sha256 or receipt.manifest_sha256 not in _digests(receipt, manifest_sha256):
        raise error_for(ReceiptFault.DIGEST, "digest")
    return receipt


def _digests(receipt: Receipt, expected: bytes) -> tuple[bytes | None, ...]:
    """Return what a receipt may say of the manifest: who refuses may not have seen it, who accepts has."""
    return (expected,) if receipt.is_accepted else (expected, None)


def _parse(fields: Mapping[str, Any], stated: StatementHeader) -> Receipt:
    outcome = ReceptionOutcome(fields["outcome"])
    refusal = Refusal(fields["refusal"]) if outcome is ReceptionOutcome.REFUSED else None
    if (refusal is None) != (fields["refusal"] is None):
        raise StatementRuleError("outcome_and_refusal")
    if refusal is None and fields["manifest_sha256"] is None:
        raise StatementRuleError("accepted_without_manifest")
    manifest = fields["manifest_sha256"]
    return Receipt(
        message_id=stated.message_id,
        envelope_sha256=forms.digest_of(fields["envelope_sha256"]),
        manifest_sha256=None if manifest is None else forms.digest_of(manifest),
        outcome=outcome,
        refusal=refusal,
        received_at=stated.at,
        receiver=stated.receiver,
        software=stated.software,
    )


_FORM = StatementForm(
    "overstap-receipt/1",
    frozenset({"envelope_sha256", "manifest_sha256", "outcome", "refusal"}),
    "received_at",
    _parse,
)
