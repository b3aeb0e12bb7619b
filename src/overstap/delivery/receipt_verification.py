"""Verification of receipts, results and answers to revocations, for all channels."""

import logging
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from overstap.envelope.receipt import ReceiptError, ReceptionOutcome, verify_receipt
from overstap.envelope.result import verify_result
from overstap.envelope.revocation import RevocationOutcome, verify_revocation_receipt
from overstap.errors import OverstapError
from overstap.ledger.delivery.deliveries import AttemptResult
from overstap.ledger.delivery.dossier_requests import SentDelivery
from overstap.ledger.delivery.results import StoredResult as ResultStatement
from overstap.ledger.delivery.test_messages import TestMessage, TestMessageResult
from overstap.ledger.delivery.withdrawals import RevocationResult as TakenBack
from overstap.ledger.delivery.withdrawals import StoredRevocation
from overstap.pki import TrustStore

_log = logging.getLogger(__name__)


class Sent(Protocol):
    """The parts of a sent envelope that its receipt has to state."""

    @property
    def message_id(self) -> UUID:
        """The message id."""
        ...

    @property
    def secondary_school(self) -> str:
        """BRIN and branch of the receiver."""
        ...

    @property
    def envelope_digest(self) -> bytes:
        """SHA-256 of the envelope."""
        ...

    @property
    def manifest_digest(self) -> bytes:
        """SHA-256 of its manifest."""
        ...


def judge(sent: Sent, receipt: bytes, *, trust: TrustStore, at: datetime) -> AttemptResult:
    """Verify a receipt against a delivery, and return the outcome.

    Args:
        sent: the delivery.
        receipt: bytes from the school.
        trust: trust store that checks the school's certificate.
        at: the moment against which certificates are checked.

    Returns:
        "accepted", "refused" with the receiver's code, or "unverified" with an error code.
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
        return AttemptResult(sent.message_id, "unverified", error.code, receipt, rule=rule_of(error))
    return AttemptResult(sent.message_id, found.outcome.value, found.refusal, receipt)


def judge_test(sent: TestMessage, receipt: bytes, *, trust: TrustStore, at: datetime) -> TestMessageResult:
    """Verify a receipt against a test message, and return the outcome.

    Args:
        sent: the test message.
        receipt: bytes from the school.
        trust: trust store that checks the school's certificate.
        at: the moment against which certificates are checked.
    """
    found = judge(sent, receipt, trust=trust, at=at)
    code = "DELIVERY-001" if found.outcome == ReceptionOutcome.REFUSED else found.code
    return TestMessageResult(found.message_id, found.outcome, code, receipt, found.rule)


def judge_taking_back(
    statement: StoredRevocation, answer: bytes, *, trust: TrustStore, at: datetime, wait: timedelta = timedelta(0)
) -> TakenBack:
    """Verify a school's answer against a revocation, and return the outcome.

    Args:
        statement: the revocation.
        answer: bytes from the school.
        trust: trust store that checks the school's certificate.
        at: the moment against which certificates are checked.
        wait: time before the next attempt when the answer does not count.
    """
    try:
        found = verify_revocation_receipt(
            answer,
            message_id=statement.message_id,
            revocation_sha256=statement.digest,
            receiver=statement.secondary_school,
            trust=trust,
            at=at,
        )
    except ReceiptError as error:
        _log.error("%s", error)
        return TakenBack(statement.message_id, "unverified", error.code, wait=wait, rule=rule_of(error))
    if found.outcome is RevocationOutcome.REFUSED:
        return TakenBack(statement.message_id, "refused", "DELIVERY-107", answer)
    return TakenBack(statement.message_id, "confirmed", None, answer, had=found.had)


def judge_result(
    sent: SentDelivery, result: bytes, *, trust: TrustStore, at: datetime
) -> ResultStatement | OverstapError:
    """Verify a result against a delivery; return what it states, or an error code.

    Args:
        sent: the delivery and its state.
        result: bytes from the school.
        trust: trust store that checks the school's certificate.
        at: the moment against which certificates are checked.
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
    return ResultStatement(sent.message_id, found.outcome.kind, found.outcome.value, reason, found.stated_at, result)


def rule_of(error: OverstapError) -> str | None:
    """Return which rule of its form a statement breaks; None when its code says all."""
    rule = error.facts.get("rule", "-")
    return None if rule == "-" else str(rule)
