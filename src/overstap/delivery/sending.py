"""Sending of sealed envelopes by each school's channel; the outcome follows from verified receipts only."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from overstap.agreements import Agreement, School
from overstap.delivery.backoff import GIVES_UP_AFTER, pause_after, wait_after
from overstap.delivery.channels.channel import Channel, HandOver, SeveralAtOnce
from overstap.delivery.channels.registry import way_of
from overstap.delivery.receipt_collection import take_in_from
from overstap.delivery.receipt_verification import judge
from overstap.delivery.reconciliation import asked as asked_of
from overstap.envelope.evidence_request import EvidenceResponse
from overstap.envelope.receipt import Refusal
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery.circuit_breaker import CircuitState, circuit_of, end_backoff, note_answer, note_no_answer
from overstap.ledger.delivery.deliveries import (
    AttemptResult,
    Envelope,
    adopt,
    check_due,
    claim_to_send,
    sealed_for,
    settle,
    unsettled,
)
from overstap.ledger.delivery.dossier_requests import earlier_request
from overstap.ledger.session import UnitOfWork
from overstap.pki import TrustStore
from overstap.storage import Place

GROUP = 50
"""Deliveries per transaction, as many as a receiver takes in one request: after a kill at most this many are sent
again."""

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
    outbox: Place | None = None,
    is_asked: bool = False,
    channel: Callable[..., AbstractContextManager[Channel]] = way_of,
) -> Counter[str]:
    """Read the answers that one school left, and send it every due delivery once.

    A delivery without an answer is retried with backoff. After several in a row the school's circuit breaker opens, and
    one delivery tries the school when the open period ends (`backoff`, `ledger.delivery.circuit_breaker`).

    Args:
        ledger: the ledger.
        trust: trust store with the conductor's key, and the schools' certificates.
        agreement: the agreement that the round started with.
        round_id: the round.
        school: the receiver.
        actor: step or account, recorded in audit lines.
        clock: the present moment.
        outbox: the folder of schools that collect by hand.
        is_asked: a person asked for it, so backoff and an open circuit breaker are skipped.
        channel: opens the channel to the school; a rehearsal gives one without a network.

    Returns:
        Counts: "accepted", "refused", "unverified" and "failed" attempts; "offered" for what stands ready as of now,
        and "waiting" for all that stands ready for the school and has no receipt yet.

    Raises:
        OverstapError: AGREEMENT-020 before the agreed moment; DELIVERY-101 when deliveries could not be brought there,
            or their receipts do not count; TRUST-nnn when the caller's own certificate is not in order; LEDGER-012 when
            another sender is busy with this school; SETTING-001 or DELIVERY-030 when the way itself cannot be used.
    """
    done: Counter[str] = Counter()
    region = agreement.region
    with ledger.unit(region, actor) as unit:
        check_due(unit, round_id)

    def asked(message_id: UUID) -> tuple[UUID, str] | None:
        with ledger.unit(region, actor) as unit:
            return earlier_request(unit, message_id)

    with (
        ledger.exclusive(f"{round_id} {school.id}"),
        channel(school, region=region, trust=trust, at=clock(), outbox=outbox, asked=asked) as way,
    ):
        if is_asked:
            with ledger.unit(region, actor) as unit:
                end_backoff(unit, round_id, school.id)
        done.update(
            take_in_from(
                *(way, ledger, trust), region=region, round_id=round_id, school=school, actor=actor, at=clock()
            )
        )
        last: UUID | None = None
        while True:
            with ledger.unit(region, actor) as unit:
                circuit = circuit_of(unit, school.id)
                # A half-open circuit breaker is tried with one delivery; after failures, with no more than open it
                limit = (
                    1
                    if circuit.is_half_open
                    else GROUP
                    if not circuit.failures
                    else max(1, GIVES_UP_AFTER - circuit.failures)
                )
                group = [] if circuit.is_open else claim_to_send(unit, round_id, school.id, after=last, limit=limit)
            if not group:
                break
            last = group[-1].message_id
            answers, silent = _hand_over(way, group, circuit, trust, clock)
            with ledger.unit(region, actor) as unit:
                for held, answer in answers:
                    if held is not None:
                        digest = hashlib.sha256(held.manifest).digest()
                        adopt(unit, answer.message_id, envelope=held.envelope, manifest_digest=digest)
                settle(unit, [answer for _, answer in answers])
                _note(unit, school.id, circuit, silent, answers[-1][1].code)
            done.update(answer.outcome for _, answer in answers)
    with ledger.unit(region, actor) as unit:
        left = unsettled(unit, round_id, school.id)
        total = sealed_for(unit, round_id, school.id)
    if left.count > left.waiting:
        problems = ", ".join(f"{code}: {count}" for code, count in sorted(left.problems.items()))
        raise OverstapError(
            "DELIVERY-101", open=left.count - left.waiting, total=total, school=school.label, problems=problems
        )
    if left.waiting:
        done["waiting"] = left.waiting
    return done


def _hand_over(
    way: Channel, group: Sequence[Envelope], circuit: CircuitState, trust: TrustStore, clock: Callable[[], datetime]
) -> tuple[list[tuple[EvidenceResponse | None, AttemptResult]], int]:
    """Hand a group over until the circuit breaker opens; return the answers, and the number of failures in a row."""
    answers: list[tuple[EvidenceResponse | None, AttemptResult]] = []
    silent = circuit.failures
    while len(answers) < len(group):
        left = group[len(answers) :]
        if answers and silent >= GIVES_UP_AFTER:  # not handed over: they are first when the school answers again
            code = answers[-1][1].code
            answers += [(None, AttemptResult(one.message_id, "failed", code)) for one in left]
            break
        for envelope, held, answer in _send(way, left, trust, clock(), is_alone=silent > 0):
            silent = silent + 1 if answer.outcome == "failed" else 0
            if answer.outcome in ("failed", "unverified"):
                answer = replace(answer, wait=wait_after(envelope.attempts))
            answers.append((held, answer))
    return answers, silent


def _note(unit: UnitOfWork, school: str, circuit: CircuitState, silent: int, problem: str | None) -> None:
    if not silent:
        note_answer(unit, school)
        return
    rest = pause_after(circuit.open_periods) if circuit.is_half_open or silent >= GIVES_UP_AFTER else None
    note_no_answer(unit, school, failures=silent, problem=problem, open_for=rest)


def _send(
    way: Channel, left: Sequence[Envelope], trust: TrustStore, at: datetime, *, is_alone: bool
) -> list[tuple[Envelope, EvidenceResponse | None, AttemptResult]]:
    """Hand the next envelopes over: several in one request where the school takes them, or else the first one.

    Args:
        way: open channel to the school.
        left: envelopes that were not handed over yet; at least one.
        trust: whose receipts count.
        at: the moment.
        is_alone: hand over one, since the school did not answer last time.
    """
    if isinstance(way, SeveralAtOnce) and not is_alone:
        together = left[: way.fitting([len(one.envelope) for one in left])]
        if len(together) > 1:
            handed = way.hand_over_all([(one.message_id, one.envelope) for one in together], at=at)
            if handed is not None:
                found = zip(together, handed, strict=True)
                return [(one, *_judged(way, one, it, trust, at)) for one, it in found]
    envelope = left[0]
    alone = way.hand_over(envelope.envelope, message_id=envelope.message_id, at=at)
    return [(envelope, *_judged(way, envelope, alone, trust, at))]


def _judged(
    way: Channel, envelope: Envelope, handed: HandOver, trust: TrustStore, at: datetime
) -> tuple[EvidenceResponse | None, AttemptResult]:
    """Verify the answer to an envelope; where the school has one already, verify the stored one."""
    if handed.receipt_unverified is not None:
        answer = judge(envelope, handed.receipt_unverified, trust=trust, at=at)
        if answer.code == Refusal.CONFLICT and (found := asked_of(way, envelope, trust, at)):
            return found
        return None, answer
    if handed.is_offered:
        return None, AttemptResult(envelope.message_id, "offered", None)
    error = handed.error(school=envelope.secondary_school, message_id=envelope.message_id)
    _log.warning("%s", error)
    return None, AttemptResult(envelope.message_id, "failed", error.code)
