"""Sending of revocations of withdrawn dossiers until each receiver confirmed."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from overstap.agreements import Agreement, School
from overstap.delivery.backoff import LONGEST, wait_after
from overstap.delivery.channels.channel import Channel, ChannelError
from overstap.delivery.channels.registry import way_of
from overstap.delivery.receipt_verification import judge_taking_back
from overstap.envelope.file_names import AnswerKind
from overstap.envelope.revocation import make_revocation
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery.circuit_breaker import note_answer
from overstap.ledger.delivery.dossier_requests import request_for
from overstap.ledger.delivery.withdrawals import (
    RevocationResult,
    StoredRevocation,
    attempts_of,
    claim_due,
    keep_statements,
    open_statements,
    schools_with_due_revocations,
    schools_with_offered_revocations,
    settle,
    to_revoke,
)
from overstap.pki import TrustStore
from overstap.storage import Place

GROUP = 25
STANDS_READY = "DELIVERY-108"
"""Code of a revocation that is ready for its school to collect."""
_log = logging.getLogger(__name__)


def take_back_all(
    ledger: Ledger,
    trust: TrustStore,
    *,
    agreement: Agreement,
    actor: str,
    clock: Callable[[], datetime],
    outbox: Place | None = None,
) -> Counter[str]:
    """Sign a region's due revocations, and send each to its receiver.

    Args:
        ledger: the ledger.
        trust: trust store with the keys that sign, and the schools' certificates.
        agreement: the region's agreement, which states the schools' channels.
        actor: step or account, recorded in audit lines.
        clock: the present moment.
        outbox: the folder of schools that collect by hand.

    Returns:
        Counts: "signed", "unsigned" (a sender's certificate is not in order: tried again later), "confirmed",
        "refused", "unverified", "failed", and "offered" for revocations that are ready to be collected.
    """
    region = agreement.region
    done: Counter[str] = Counter()
    with ledger.unit(region, actor) as unit:
        statements = []
        for item in to_revoke(unit):
            try:
                sender = trust.signing_identity(item.primary_school, at=clock())
            except OverstapError as error:
                _log.error("%s", error)
                done["unsigned"] += 1
                continue
            statement = make_revocation(
                sender,
                message_id=item.message_id,
                envelope_sha256=item.envelope_digest,
                recipient=item.secondary_school,
                reason=item.reason.value,
                at=clock(),
            )
            digest = hashlib.sha256(statement).digest()
            statements.append(StoredRevocation(item.message_id, item.secondary_school, statement, digest))
        keep_statements(unit, statements)
        done["signed"] = len(statements)
        schools = sorted({*schools_with_due_revocations(unit), *schools_with_offered_revocations(unit)})
    for school in schools:
        done.update(_tell(ledger, trust, agreement.school(school), region, actor, clock, outbox))
    return done


def _tell(
    ledger: Ledger,
    trust: TrustStore,
    school: School,
    region: str,
    actor: str,
    clock: Callable[[], datetime],
    outbox: Place | None,
) -> Counter[str]:
    done: Counter[str] = Counter()

    def asked(message_id: UUID) -> tuple[UUID, str] | None:
        with ledger.unit(region, actor) as unit:
            return request_for(unit, message_id)

    with (
        ledger.exclusive(f"take back {region} {school.id}"),
        way_of(school, region=region, trust=trust, at=clock(), outbox=outbox, asked=asked) as way,
    ):
        with ledger.unit(region, actor) as unit:
            waiting = open_statements(unit, school.id)
        left = _left_there(way, waiting, trust, clock()) if waiting else []
        if left:
            with ledger.unit(region, actor) as unit:
                settle(unit, left)
            done.update(answer.outcome for answer in left)
        while True:
            with ledger.unit(region, actor) as unit:
                group = claim_due(unit, school.id, limit=GROUP)
                attempts = attempts_of(unit, [one.message_id for one in group])
            if not group:
                return done
            answers: list[RevocationResult] = []
            for one in group:
                wait = wait_after(attempts[one.message_id])
                if answers and answers[-1].outcome == "failed":  # no answer: the other revocations for this school wait
                    answers.append(RevocationResult(one.message_id, "failed", answers[-1].code, wait=wait))
                else:
                    answers.append(_bring(way, one, trust, clock(), wait))
            with ledger.unit(region, actor) as unit:
                settle(unit, answers)
                if answers[-1].outcome != "failed":
                    note_answer(unit, school.id)
            done.update(answer.outcome for answer in answers)


def _bring(way: Channel, one: StoredRevocation, trust: TrustStore, at: datetime, wait: timedelta) -> RevocationResult:
    """Send one revocation and verify the answer."""
    handed = way.take_back(one.statement, message_id=one.message_id, at=at)
    if handed.receipt_unverified is not None:
        return judge_taking_back(one, handed.receipt_unverified, trust=trust, at=at, wait=wait)
    if handed.is_offered:
        return RevocationResult(one.message_id, "offered", STANDS_READY, wait=wait)
    error = handed.error(school=one.secondary_school, message_id=one.message_id)
    _log.warning("%s", error)
    return RevocationResult(one.message_id, "failed", error.code, wait=wait)


def _left_there(
    way: Channel, waiting: Sequence[StoredRevocation], trust: TrustStore, at: datetime
) -> list[RevocationResult]:
    """Verify answers to revocations that the school left; one that does not count is read again the next time."""
    by_id = {one.message_id: one for one in waiting}
    found: dict[UUID, RevocationResult] = {}
    try:
        for unverified in way.answers((), at=at):
            if unverified.kind is AnswerKind.TAKEN_BACK and unverified.message_id in by_id:
                one = by_id[unverified.message_id]
                found[one.message_id] = judge_taking_back(one, unverified.content, trust=trust, at=at, wait=LONGEST)
    except ChannelError as error:
        _log.warning("%s: %s", waiting[0].secondary_school, error)
    return list(found.values())
