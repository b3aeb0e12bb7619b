"""Sends a school what is sealed for it, the way it chose, and lets the ledger judge by verified receipts alone."""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from overstap.agreements import Agreement, School
from overstap.delivery.judging import judge
from overstap.delivery.taking_in import take_in_from
from overstap.delivery.ways.choice import way_of
from overstap.delivery.ways.way import Way
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.asking import earlier_request
from overstap.ledger.deliveries import Answer, Envelope, must_be_due, settle, still_open, to_send
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
    outbox: Path | None = None,
) -> Counter[str]:
    """Take in what one school left for us, and send it every delivery that is open for it, each once.

    Args:
        ledger: the ledger.
        trust: who calls, and whose receipts count.
        agreement: the agreement that the round started with.
        round_id: the round.
        school: the receiver.
        actor: who sends, for the evidence.
        clock: the present moment.
        outbox: the folder of schools that collect by hand.

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
        must_be_due(unit, round_id)

    def asked(message_id: UUID) -> tuple[UUID, str] | None:
        with ledger.unit(region, actor) as unit:
            return earlier_request(unit, message_id)

    last: UUID | None = None
    silent = 0
    with (
        ledger.alone(f"{round_id} {school.id}"),
        way_of(school, region=region, trust=trust, at=clock(), outbox=outbox, asked=asked) as way,
    ):
        done.update(
            take_in_from(
                *(way, ledger, trust), region=region, round_id=round_id, school=school, actor=actor, at=clock()
            )
        )
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
                answer = _send(way, envelope, trust, clock())
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
    if left.count > left.waiting:
        problems = ", ".join(f"{code}: {count}" for code, count in sorted(left.problems.items()))
        raise OverstapError(
            "DELIVERY-101", open=left.count - left.waiting, total=total, school=school.label, problems=problems
        )
    if left.waiting:
        done["waiting"] = left.waiting
    return done


def _send(way: Way, envelope: Envelope, trust: TrustStore, at: datetime) -> Answer:
    """Hand over one envelope and judge what came back."""
    handed = way.hand_over(envelope.envelope, message_id=envelope.message_id, at=at)
    if handed.receipt_unverified is not None:
        return judge(envelope, handed.receipt_unverified, trust=trust, at=at)
    if handed.is_offered:
        return Answer(envelope.message_id, "offered", None)
    error = handed.error(school=envelope.secondary_school, message_id=envelope.message_id)
    _log.warning("%s", error)
    return Answer(envelope.message_id, "failed", error.code)
