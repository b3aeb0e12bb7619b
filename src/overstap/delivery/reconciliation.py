"""Reconciliation with receivers after a restore of the ledger, so that no dossier is delivered twice.

A delivery's message id is derived from its meaning (`DossierToSeal.meaning`). A receiver refuses other bytes under a
known id and shows the envelope that it stored. If that has the same files, it is the delivery, and its receipt counts.
"""

import hashlib
import logging
from datetime import datetime

from overstap.delivery.channels.channel import Channel
from overstap.delivery.channels.push import PushChannel
from overstap.envelope import manifest as manifests
from overstap.envelope.evidence_request import EvidenceResponse
from overstap.envelope.reasons import EnvelopeError
from overstap.envelope.receipt import Receipt, ReceiptError, verify_receipt
from overstap.ledger.delivery.deliveries import AttemptResult, Envelope
from overstap.pki import TrustStore

_log = logging.getLogger(__name__)


def asked(
    way: Channel, sent: Envelope, trust: TrustStore, at: datetime
) -> tuple[EvidenceResponse, AttemptResult] | None:
    """Ask a school which envelope it stored under a delivery's message id.

    Args:
        way: open channel to the school.
        sent: the delivery in the ledger.
        trust: whose receipts count.
        at: the moment.

    Returns:
        The envelope to adopt, and the receipt that settles the delivery; None when it has none, or other files.
    """
    if not isinstance(way, PushChannel):  # other channels write files by name: the same name is the same delivery
        return None
    held = way.evidence(sent.message_id, at=at)
    if not isinstance(held, EvidenceResponse):
        return None
    receipt = is_ours(held, sent, trust, at)
    if receipt is None:
        _log.error("message %s: the school has something else under this id", sent.message_id)
        return None
    return held, AttemptResult(sent.message_id, "accepted", None, held.receipt)


def is_ours(held: EvidenceResponse, sent: Envelope, trust: TrustStore, at: datetime) -> Receipt | None:
    """Return the verified receipt when a school's envelope has this delivery's files and is for this school."""
    if sent.files_digest is None:
        return None
    try:
        receipt = verify_receipt(
            held.receipt,
            message_id=sent.message_id,
            envelope_sha256=hashlib.sha256(held.envelope).digest(),
            manifest_sha256=hashlib.sha256(held.manifest).digest(),
            receiver=sent.secondary_school,
            trust=trust,
            at=at,
        )
        manifest = manifests.parse(held.manifest)
    except (ReceiptError, EnvelopeError) as error:
        _log.error("message %s: %s", sent.message_id, error.code)
        return None
    fits = (
        receipt.is_accepted
        and manifest.message_id == sent.message_id
        and manifest.recipient.school == sent.secondary_school
        and manifests.files_digest(manifest.files) == sent.files_digest
    )
    return receipt if fits else None
