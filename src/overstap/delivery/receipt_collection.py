"""Collection of receipts and results that schools leave in folders and on servers."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from overstap.agreements import Agreement, School
from overstap.delivery.channels.channel import Channel, ChannelError, UnverifiedAnswer
from overstap.delivery.channels.registry import way_of
from overstap.delivery.receipt_verification import judge, judge_result
from overstap.envelope.file_names import AnswerKind
from overstap.ledger import Ledger
from overstap.ledger.delivery.deliveries import AttemptResult, OfferedDelivery, offered, settle
from overstap.ledger.delivery.dossier_requests import sent_deliveries
from overstap.ledger.delivery.results import StoredResult, keep, known
from overstap.pki import TrustStore
from overstap.storage import Place

GROUP = 25
"""Answers per transaction."""


def take_in(
    ledger: Ledger,
    trust: TrustStore,
    *,
    agreement: Agreement,
    round_id: str,
    school: School,
    actor: str,
    clock: Callable[[], datetime],
    outbox: Place | None = None,
) -> Counter[str]:
    """Read and verify the answers that one school left; sends nothing.

    Args:
        ledger: the ledger.
        trust: trust store that checks the schools' certificates.
        agreement: the agreement that the round started with.
        round_id: the round.
        school: the receiver.
        actor: step or account, recorded in audit lines.
        clock: the present moment.
        outbox: the folder of schools that collect by hand.

    Returns:
        Counts: "accepted", "refused", "unverified" and "failed" (not readable) receipts; "results".

    Raises:
        OverstapError: as `sending.send_school`, except DELIVERY-101.
    """
    with (
        ledger.exclusive(f"{round_id} {school.id}"),
        way_of(school, region=agreement.region, trust=trust, at=clock(), outbox=outbox) as way,
    ):
        return take_in_from(
            way, ledger, trust, region=agreement.region, round_id=round_id, school=school, actor=actor, at=clock()
        )


def take_in_from(
    way: Channel,
    ledger: Ledger,
    trust: TrustStore,
    *,
    region: str,
    round_id: str,
    school: School,
    actor: str,
    at: datetime,
) -> Counter[str]:
    """Do the same by an open channel; the caller holds `Ledger.exclusive`."""
    with ledger.unit(region, actor) as unit:
        waiting = {one.message_id: one for one in offered(unit, round_id, school.id)}
    receipts: dict[UUID, AttemptResult] = {}
    results: list[UnverifiedAnswer] = []
    try:
        for unverified in way.answers(waiting.keys(), at=at):
            if unverified.kind is AnswerKind.RESULT:
                results.append(unverified)
            elif unverified.kind is AnswerKind.RECEIPT and unverified.message_id in waiting:
                receipts[unverified.message_id] = judge(
                    waiting[unverified.message_id], unverified.content, trust=trust, at=at
                )
    except ChannelError as error:
        for message_id in waiting.keys() - receipts.keys():
            receipts[message_id] = AttemptResult(message_id, "failed", error.told(school.id, message_id).code)
    else:
        receipts |= _over(waiting.values(), receipts)
    answers = sorted(receipts.values(), key=lambda answer: answer.message_id)
    for start in range(0, len(answers), GROUP):
        with ledger.unit(region, actor) as unit:
            settle(unit, answers[start : start + GROUP])
    done = Counter(answer.outcome for answer in answers if answer.outcome != "waiting")
    for start in range(0, len(results), GROUP):
        done["results"] += _keep(ledger, trust, results[start : start + GROUP], region, school.id, actor, at)
    return done


def _over(waiting: Iterable[OfferedDelivery], receipts: Mapping[UUID, AttemptResult]) -> dict[UUID, AttemptResult]:
    """Clear the last problem of deliveries that were looked at and have no receipt."""
    return {
        one.message_id: AttemptResult(one.message_id, "waiting", None)
        for one in waiting
        if one.problem is not None and one.message_id not in receipts
    }


def _keep(
    ledger: Ledger,
    trust: TrustStore,
    group: Sequence[UnverifiedAnswer],
    region: str,
    school: str,
    actor: str,
    at: datetime,
) -> int:
    with ledger.unit(region, actor) as unit:
        sent = sent_deliveries(unit, school, [unverified.message_id for unverified in group])
        fresh = [
            unverified for unverified in group if unverified.message_id in sent and not known(unit, unverified.content)
        ]
    stated = [judge_result(sent[unverified.message_id], unverified.content, trust=trust, at=at) for unverified in fresh]
    with ledger.unit(region, actor) as unit:
        return keep(unit, [one for one in stated if isinstance(one, StoredResult)])
