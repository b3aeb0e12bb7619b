"""Delivery steps: determine receivers, seal, send, and collect answers from schools that collect files."""

import logging
from collections import Counter
from dataclasses import dataclass

from overstap.delivery.receipt_collection import take_in
from overstap.delivery.sealing import seal_round
from overstap.delivery.sending import send_school
from overstap.errors import OverstapError
from overstap.ledger import guests
from overstap.ledger.delivery import deliveries
from overstap.ledger.delivery.deliveries import UnreceivedDossiers
from overstap.ledger.rounds import due_work, rounds
from overstap.ledger.rounds.due_work import ANSWERS
from overstap.ledger.rounds.gate_holds import RELEASE_FOR_DELIVERY, open_holds
from overstap.ledger.rounds.undecided import refuse_undecided_window, refuse_unreleased
from overstap.rounds import next_look
from overstap.rounds.collection import SchoolOfRound, register
from overstap.rounds.context import Context, RoundContext
from overstap.rounds.garbage import fewer_collections
from overstap.rounds.questions import look_before_delivery

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receivers:
    """Receivers after a last collection of registrations."""

    registered: Counter[str]
    sorted_out: Counter[str]
    missing: list[UnreceivedDossiers]


def sort_receivers(context: RoundContext) -> Receivers:
    """Collect registrations once more, and set apart dossiers that no school may receive.

    Args:
        context: of the round.

    Raises:
        OverstapError: GATE-010 or GATE-011 when the ledger has no decision about release or about the review window,
            whatever state its gate has in Airflow.
    """
    with context.unit("receivers") as unit:
        refuse_undecided_window(unit, context.round_id)
        if not context.kind.is_inspected:  # without review there are no invitations to wait for
            refuse_unreleased(unit, context.round_id)
    registered = register(context)
    with context.unit("receivers") as unit:
        sorted_out = deliveries.sort_receivers(unit, context.round_id, context.round.receivers)
        missing = deliveries.without_receiver(unit, context.round_id)
    return Receivers(registered, sorted_out, missing)


@fewer_collections()
def seal(context: RoundContext) -> Counter[str]:
    """Seal every dossier that may leave (`may_leave`).

    Args:
        context: of the round.

    Returns:
        Counts: "dossiers" and "envelopes".

    Raises:
        OverstapError: GATE-004 when a hold waits for the coordinator's decision; the errors of
            `delivery.sealing.seal_round`.
    """
    with context.unit("seal") as unit:
        held = look_before_delivery(context, unit)
    if held:  # asked of the ledger, since somebody may have marked the gate a success in Airflow
        raise OverstapError("GATE-004", count=len(held))
    try:
        return seal_round(
            context.ledger,
            context.trust,
            agreement=context.agreement,
            agreed=context.round,
            round_id=context.round_id,
            actor="seal",
            clock=context.clock,
        )
    finally:
        _put_ready_for_guests(context)


def _put_ready_for_guests(context: RoundContext) -> None:
    """Put what was sealed for secondary schools from outside ready on their pages: no task of the DAG is theirs."""
    with context.unit("seal") as unit:
        wanted = guests.collectors(unit, context.round_id)
    for school in sorted(wanted):
        send(context, school, actor="seal")


def deliver(context: RoundContext, school_id: str, *, is_asked: bool = False) -> Counter[str]:
    """Send one school its sealed envelopes that are due, and store its receipts.

    Args:
        context: of the round.
        school_id: BRIN and branch of the receiver.
        is_asked: a person asked for it, so the backoff is skipped.

    Raises:
        OverstapError: DELIVERY-101 when envelopes are unconfirmed and will be sent again. DELIVERY-106 when they are
            unconfirmed after `receipts_due`: a notice was sent, and the coordinator decides. GATE-004 when a hold waits
            for the coordinator's decision.
    """
    actor = f"deliver {school_id}"
    with context.unit(actor) as unit:
        held = open_holds(unit, context.round_id, RELEASE_FOR_DELIVERY)
    if held:
        raise OverstapError("GATE-004", count=len(held))
    try:
        return send(context, school_id, actor=actor, is_asked=is_asked)
    except OverstapError as problem:
        if problem.code == "DELIVERY-101" and context.clock() >= context.round.milestones.receipts_due:
            raise OverstapError("DELIVERY-106", **problem.facts) from None
        raise


@fewer_collections()
def send(context: RoundContext, school_id: str, *, actor: str, is_asked: bool = False) -> Counter[str]:
    """Send one school its sealed envelopes; see `delivery.sending.send_school`.

    Args:
        context: of the round.
        school_id: BRIN and branch of the receiver.
        actor: step or account, recorded in audit lines.
        is_asked: a person asked for it, so the backoff is skipped.
    """
    return send_school(
        context.ledger,
        context.trust,
        agreement=context.agreement,
        round_id=context.round_id,
        school=context.agreement.school(school_id),
        actor=actor,
        clock=context.clock,
        outbox=context.place("outbox"),
        is_asked=is_asked,
        channel=context.channel,
    )


def to_ask_for_answers(context: Context, region: str, school_year: str) -> list[SchoolOfRound]:
    """Return where answers may lie: each school that collects files itself, in each round that may have sent.

    Also records when to look again.

    Args:
        context: settings and ledger.
        region: region id.
        school_year: school year.
    """
    with context.ledger.unit(region, "plan_answers") as unit:
        due_work.begin(unit, ANSWERS)
    with context.ledger.unit(region, "plan_answers") as unit:
        places = [
            SchoolOfRound(one, school)
            for one in rounds.delivering(unit, school_year)
            for school in one.agreement.secondary_schools
            if school.leaves_answers
        ]
        asked = [
            (it.round.round_id, it.school.id, it.round.agreement.round(it.round.kind).milestones.receipts_due)
            for it in places
        ]
        due_work.end(unit, ANSWERS, next_look.for_answers(unit, asked, context.clock()))
    return places


def take_answers(context: RoundContext, school_id: str) -> Counter[str]:
    """Collect the receipts and results that one school left; sends nothing.

    Args:
        context: of the round.
        school_id: BRIN and branch of the receiver.
    """
    actor = f"answers {school_id}"
    return take_in(
        context.ledger,
        context.trust,
        agreement=context.agreement,
        round_id=context.round_id,
        school=context.agreement.school(school_id),
        actor=actor,
        clock=context.clock,
        outbox=context.place("outbox"),
    )
