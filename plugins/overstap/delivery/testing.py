"""Test messages (proefberichten): one goes the whole way to each school before a round, is receipted, and not imported.

A test comes from a primary school that will send, so that its signature and certificate are tried as well; the senders
take turns, so that every school of both kinds takes part in at least one.
"""

import itertools
import logging
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from overstap.agreements import Agreement, School
from overstap.delivery.envelope import DOSSIER_FILE, Sealed, seal
from overstap.delivery.manifest import Kind
from overstap.delivery.message_ids import message_id
from overstap.delivery.receipt import ReceiptError, verify_receipt
from overstap.delivery.ways.choice import way_of
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.test_messages import SchoolResult, TestAnswer, TestMessage, begin, note_obstacles, results, settle
from overstap.trust import TrustStore

OSO_VERSION = "2019.1"
_CONTENT = b"""<?xml version="1.0" encoding="UTF-8"?>
<proefbericht>Dit is een proefbericht van Overstap. Er is geen leerling bij; u hoeft niets te importeren.</proefbericht>
"""
_STANDS_READY = "DELIVERY-109"
_log = logging.getLogger(__name__)


def send_tests(
    ledger: Ledger,
    trust: TrustStore,
    *,
    agreement: Agreement,
    round_id: str,
    actor: str,
    clock: Callable[[], datetime],
    outbox: Path | None = None,
    only: str | None = None,
    again: bool = False,
) -> list[SchoolResult]:
    """Send the test messages of a round to whoever has not passed yet.

    A school's fault is its own: the others are tried all the same.

    Args:
        ledger: the ledger; the round is open in it.
        trust: who signs and calls, and whose receipts count.
        agreement: the agreement that the round started with.
        round_id: the round.
        actor: who sends, for the evidence.
        clock: the present moment.
        outbox: the folder of schools that collect by hand.
        only: for one receiving school only, passed or not.
        again: also for those that have passed.

    Returns:
        How every school of the round stands now.

    Raises:
        OverstapError: AGREEMENT-004 when `only` is not a school of the agreement.
    """
    region = agreement.region
    with ledger.unit(region, actor) as unit:
        standing = {one.school: one for one in results(unit, round_id)}
    chosen = [agreement.school(only)] if only else agreement.secondary_schools
    receivers = [one for one in chosen if only or again or not standing[one.id].has_passed]
    senders = [one for one in agreement.primary_schools if only or again or not standing[one.id].has_passed]
    obstacles: dict[str, str] = {}
    able = _able(trust, senders or agreement.primary_schools, obstacles, clock())
    if not able:
        able = _able(trust, agreement.primary_schools, obstacles, clock())
    if able:
        targets = receivers or ([] if only else list(agreement.secondary_schools))
        pairs = _pairs(able if senders and not only else able[:1], targets, has_tasks=bool(receivers or senders))
        for sender, receiver in pairs:
            code = _send(ledger, trust, agreement, round_id, actor, clock, outbox, sender, receiver)
            if code:
                obstacles[receiver.id] = code
    with ledger.unit(region, actor) as unit:
        looked_at = [one.id for one in (*senders, *receivers)]
        note_obstacles(unit, round_id, obstacles, looked_at=looked_at)
        return results(unit, round_id)


def _able(trust: TrustStore, senders: Sequence[School], obstacles: dict[str, str], at: datetime) -> list[School]:
    """Return the primary schools that can sign; note what keeps the others."""
    able = []
    for school in senders:
        try:
            trust.signing_identity(school.id, at=at)
        except OverstapError as error:
            _log.warning("%s: %s", school.label, error)
            obstacles[school.id] = error.code
        else:
            able.append(school)
    return able


def _pairs(senders: Sequence[School], receivers: Sequence[School], *, has_tasks: bool) -> list[tuple[School, School]]:
    """Pair schools so that each takes part, with as few messages as that takes."""
    if not has_tasks or not senders or not receivers:
        return []
    count = max(len(senders), len(receivers))
    return list(itertools.islice(zip(itertools.cycle(senders), itertools.cycle(receivers), strict=False), count))


def _send(
    ledger: Ledger,
    trust: TrustStore,
    agreement: Agreement,
    round_id: str,
    actor: str,
    clock: Callable[[], datetime],
    outbox: Path | None,
    sender: School,
    receiver: School,
) -> str | None:
    """Send one test message and keep what came back; return a code when the receiver could not even be tried."""
    region = agreement.region
    try:
        message, sealed = _sealed(trust, round_id, sender, receiver, clock())
        with way_of(receiver, region=region, trust=trust, at=clock(), outbox=outbox) as way:
            with ledger.unit(region, actor) as unit:
                begin(unit, round_id, message, sent_by=actor)
            handed = way.hand_over(sealed.envelope, message_id=message.message_id, at=clock())
    except OverstapError as error:
        _log.warning("%s: %s", receiver.label, error)
        return error.code
    if handed.receipt_unverified is not None:
        answer = _judged(message, handed.receipt_unverified, trust, clock())
    elif handed.is_offered:  # it lies where the school takes it; whether it does is for the school to say
        answer = TestAnswer(message.message_id, "failed", _STANDS_READY)
    else:
        problem = handed.error(school=receiver.id, message_id=message.message_id)
        _log.warning("%s", problem)
        answer = TestAnswer(message.message_id, "failed", problem.code)
    with ledger.unit(region, actor) as unit:
        settle(unit, answer)
    return None


def _sealed(
    trust: TrustStore, round_id: str, sender: School, receiver: School, at: datetime
) -> tuple[TestMessage, Sealed]:
    identity = message_id(at, os.urandom(10))
    sealed = seal(
        {DOSSIER_FILE: _CONTENT},
        message_id=identity,
        round_id=round_id,
        sender=trust.signing_identity(sender.id, at=at),
        recipient=trust.recipient(receiver.id, at=at),
        oso_version=OSO_VERSION,
        created_at=at,
        kind=Kind.TEST,
    )
    return TestMessage(identity, sender.id, receiver.id, sealed.envelope_sha256, sealed.manifest_sha256), sealed


def _judged(message: TestMessage, receipt: bytes, trust: TrustStore, at: datetime) -> TestAnswer:
    try:
        found = verify_receipt(
            receipt,
            message_id=message.message_id,
            envelope_sha256=message.envelope_digest,
            manifest_sha256=message.manifest_digest,
            receiver=message.secondary_school,
            trust=trust,
            at=at,
        )
    except ReceiptError as error:
        return TestAnswer(message.message_id, "unverified", error.code, receipt)
    return TestAnswer(message.message_id, found.outcome.value, "DELIVERY-001" if found.refusal else None, receipt)
