"""Receipts: a receiving school's signed statement that it accepted or refused an envelope.

Only a receipt whose signature, certificate chain, school and digests all match makes a delivery "confirmed";
`verify_receipt` is the only way to get a `Receipt` from received bytes.
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
    """Outcome of the reception of an envelope."""

    ACCEPTED = "accepted"
    """Opened, verified and stored."""
    REFUSED = "refused"


class Refusal(StrEnum):
    """Code of a refusal; it states what the sender can act on and nothing that helps an attacker."""

    ENVELOPE = "envelope_refused"
    """The envelope could not be opened or verified; the receiver's log has the reason."""
    CONFLICT = "message_conflict"
    """The message id is known with other content: the sender must seal again under a new id and find the cause."""
    TOO_LARGE = "too_large"
    WITHDRAWN = "withdrawn"
    """The sender revoked the envelope before it arrived."""


_CODES = {
    ReceiptFault.MALFORMED: "DELIVERY-011",
    ReceiptFault.SIGNATURE: "DELIVERY-012",
    ReceiptFault.RECEIVER: "DELIVERY-013",
    ReceiptFault.MESSAGE: "DELIVERY-014",
    ReceiptFault.DIGEST: "DELIVERY-015",
    ReceiptFault.TIME: "DELIVERY-016",
}


class ReceiptError(OverstapError):
    """A receipt is not valid; the delivery stays unconfirmed.

    Args:
        fault: the kind of fault.
        message: id of the message whose receipt was expected.
        school: the school whose receipt was expected.
        rule: the rule of the format that is broken (docs/envelope.md).
    """

    def __init__(self, fault: ReceiptFault, *, message: UUID | str, school: str, rule: str = "-") -> None:
        super().__init__(_CODES[fault], message=str(message), school=school, rule=rule)
        self.fault = fault

    def __reduce__(self) -> tuple[object, ...]:
        """Support pickling."""
        return (_restore, (self.fault, self.facts["message"], self.facts["school"], self.facts["rule"]))


def _restore(fault: ReceiptFault, message: str, school: str, rule: str) -> ReceiptError:
    return ReceiptError(fault, message=message, school=school, rule=rule)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt's content (schema: include/schemas/envelope/receipt.schema.json)."""

    message_id: UUID
    envelope_sha256: bytes
    manifest_sha256: bytes | None
    """None when the envelope could not be opened."""
    outcome: ReceptionOutcome
    refusal: Refusal | None
    received_at: datetime
    """In whole seconds."""
    receiver: Party
    software: str

    @property
    def is_accepted(self) -> bool:
        """Whether the school accepted and stored the envelope."""
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
    """Create a signed receipt: accepted, or refused with a code.

    Args:
        identity: signing key of the receiving school.
        message_id: id of the envelope; for one that could not be opened, the id under which it was sent.
        envelope_sha256: digest over the envelope as received, 32 bytes.
        manifest_sha256: digest over manifest.json, 32 bytes; None when the envelope could not be opened.
        at: the moment of storing or refusing, aware.
        refusal: code of the refusal; None for an accepted envelope, which is stored durably.
        software: name and version of the receiving software.

    Returns:
        DER of a ContentInfo with SignedData.

    Raises:
        ValueError: accepted without the digest of the manifest.
    """
    if refusal is None and manifest_sha256 is None:
        raise ValueError("an accepted envelope has a manifest")
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
    """Verify that received bytes are the receiving school's receipt of an envelope.

    A refusal is verified as strictly as an acceptance, so that nobody else can make a delivery look refused.

    Args:
        data: the received bytes.
        message_id: id of the envelope that was sent.
        envelope_sha256: digest of that envelope, 32 bytes.
        manifest_sha256: digest of its manifest, 32 bytes.
        receiver: the school (BRIN and branch) that must have signed.
        trust: trust store that checks the signer's certificate.
        at: the moment at which that certificate must be valid.

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
    """Return the digests of the manifest that a receipt may state; a refusal may state none."""
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
