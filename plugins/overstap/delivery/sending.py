"""Sends a school what is sealed for it, and lets the ledger judge by verified receipts alone."""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from overstap.agreements import Agreement, School
from overstap.delivery.push import Pusher
from overstap.delivery.receipt import ReceiptError, verify_receipt
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.deliveries import Answer, Envelope, settle, still_open, to_send
from overstap.trust import TrustStore

GROUP = 25
"""Deliveries per transaction: a killed sender has at most this many receipts to ask for again."""
GIVES_UP_AFTER = 3
"""Answerless attempts in a row after which a school is left alone until the next try."""

_log = logging.getLogger(__name__)


def send_school(
    ledger: Ledger,
    trust: TrustStore,
    *,
    agreement: Agreement,
    round_id: str,
    school: School,
    actor: str,
    clock: Callable[[], datetime],
) -> Counter[str]:
    """Send one school every delivery that is open for it, each once, and keep what came back.

    Args:
        ledger: the ledger.
        trust: who calls, and whose receipts count.
        agreement: the agreement that the round started with.
        round_id: the round.
        school: the receiver.
        actor: who sends, for the evidence.
        clock: the present moment.

    Returns:
        Counts: "accepted", "refused", "unverified" and "failed" attempts.

    Raises:
        OverstapError: DELIVERY-101 when deliveries are unconfirmed still; TRUST-nnn when the caller's own certificate
            is not in order; LEDGER-012 when another sender is busy with this school.
    """
    if school.receives is None:
        raise ValueError(f"{school.id} receives nothing")
    done: Counter[str] = Counter()
    region = agreement.region
    client = trust.conductor_identity(region, at=clock())
    last: UUID | None = None
    silent = 0
    with (
        ledger.alone(f"{round_id} {school.id}"),
        Pusher(school.receives.url, school=school.id, trust=trust, client=client, at=clock()) as pusher,
    ):
        while silent < GIVES_UP_AFTER:
            with ledger.unit(region, actor) as unit:
                group = to_send(unit, round_id, school.id, after=last, limit=GROUP)
            if not group:
                break
            last = group[-1].message_id
            answers: list[Answer] = []
            for envelope in group:
                if silent >= GIVES_UP_AFTER:
                    answers.append(Answer(envelope.message_id, "failed", answers[-1].code))
                    continue
                answer = _send(pusher, envelope, trust, clock())
                silent = silent + 1 if answer.outcome == "failed" else 0
                answers.append(answer)
            with ledger.unit(region, actor) as unit:
                settle(unit, answers)
            done.update(answer.outcome for answer in answers)
    with ledger.unit(region, actor) as unit:
        left = still_open(unit, round_id, school.id)
        total = unit.one(
            "select count(*) from overstap.delivery where round_id = %(round)s and secondary_school = %(school)s",
            round=round_id,
            school=school.id,
        )[0]
    if left.count:
        problems = ", ".join(f"{code}: {count}" for code, count in sorted(left.problems.items()))
        raise OverstapError("DELIVERY-101", open=left.count, total=total, school=school.label, problems=problems)
    return done


def _send(pusher: Pusher, envelope: Envelope, trust: TrustStore, at: datetime) -> Answer:
    """Push one envelope and judge what came back."""
    pushed = pusher.push(envelope.envelope, message_id=envelope.message_id, at=at)
    if pushed.receipt_unverified is None:
        error = pushed.error(school=envelope.secondary_school, message_id=envelope.message_id)
        _log.warning("%s", error)
        return Answer(envelope.message_id, "failed", error.code)
    try:
        receipt = verify_receipt(
            pushed.receipt_unverified,
            message_id=envelope.message_id,
            envelope_sha256=envelope.envelope_digest,
            manifest_sha256=envelope.manifest_digest,
            receiver=envelope.secondary_school,
            trust=trust,
            at=at,
        )
    except ReceiptError as error:
        _log.error("%s", error)
        return Answer(envelope.message_id, "unverified", error.code, pushed.receipt_unverified)
    return Answer(envelope.message_id, receipt.outcome.value, receipt.refusal, pushed.receipt_unverified)
