"""Judges receipts and results, whatever way they came: the one place where bytes from a school become an answer."""

import logging
from datetime import datetime
from typing import Protocol
from uuid import UUID

from overstap.delivery.receipt import ReceiptError, verify_receipt
from overstap.delivery.result import verify_result
from overstap.errors import OverstapError
from overstap.ledger.asking import Handed
from overstap.ledger.deliveries import Answer
from overstap.ledger.results import Statement
from overstap.trust import TrustStore

_log = logging.getLogger(__name__)


class Sent(Protocol):
    """What was sent, as far as a receipt has to state it."""

    @property
    def message_id(self) -> UUID:
        """The message id."""
        ...

    @property
    def secondary_school(self) -> str:
        """To whom."""
        ...

    @property
    def envelope_digest(self) -> bytes:
        """SHA-256 of the envelope."""
        ...

    @property
    def manifest_digest(self) -> bytes:
        """SHA-256 of its manifest."""
        ...


def judge(sent: Sent, receipt: bytes, *, trust: TrustStore, at: datetime) -> Answer:
    """Return what a receipt means for the delivery that it must be about.

    Args:
        sent: what was sent.
        receipt: bytes from the school.
        trust: whose receipts count.
        at: the moment of judging.

    Returns:
        "accepted", "refused" with the receiver's code, or "unverified" with the code of what is wrong with it.
    """
    try:
        found = verify_receipt(
            receipt,
            message_id=sent.message_id,
            envelope_sha256=sent.envelope_digest,
            manifest_sha256=sent.manifest_digest,
            receiver=sent.secondary_school,
            trust=trust,
            at=at,
        )
    except ReceiptError as error:
        _log.error("%s", error)
        return Answer(sent.message_id, "unverified", error.code, receipt)
    return Answer(sent.message_id, found.outcome.value, found.refusal, receipt)


def judge_result(sent: Handed, result: bytes, *, trust: TrustStore, at: datetime) -> Statement | OverstapError:
    """Return what a result states about the delivery that it must be about, or why it does not count.

    Args:
        sent: what was sent, and how it stands.
        result: bytes from the school.
        trust: whose results count.
        at: the moment of judging.
    """
    facts = {"school": sent.secondary_school, "message": str(sent.message_id)}
    if sent.state != "confirmed":
        return OverstapError("DELIVERY-038", **facts)
    try:
        found = verify_result(
            result,
            message_id=sent.message_id,
            envelope_sha256=sent.envelope_digest,
            receiver=sent.secondary_school,
            round_kind=sent.round_kind,
            trust=trust,
            at=at,
        )
    except OverstapError as error:
        _log.error("%s", error)
        return error
    reason = found.reason.value if found.reason else None
    return Statement(sent.message_id, found.outcome.kind, found.outcome.value, reason, found.stated_at, result)
