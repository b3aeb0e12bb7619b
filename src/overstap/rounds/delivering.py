"""Who receives, sealed for them, sent; and what schools that collect by themselves left for us."""

import logging
from collections import Counter
from dataclasses import dataclass

from overstap.delivery.receipt_collection import take_in
from overstap.delivery.sealing import seal_round
from overstap.delivery.sending import send_school
from overstap.errors import OverstapError
from overstap.ledger.delivery import deliveries
from overstap.ledger.delivery.deliveries import Unreceived
from overstap.ledger.rounds import due_work, rounds
from overstap.ledger.rounds.due_work import ANSWERS
from overstap.ledger.rounds.gate_holds import RELEASE_FOR_DELIVERY, open_holds
from overstap.ledger.rounds.undecided import refuse_undecided_window, refuse_unreleased
from overstap.rounds import next_look
from overstap.rounds.collection import SchoolOfRound, register
from overstap.rounds.context import Context, RoundContext
from overstap.rounds.questions import look_before_delivery

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receivers:
    """Who receives what, after registrations were read once more."""

    registered: Counter[str]
    sorted_out: Counter[str]
    missing: list[Unreceived]


def sort_receivers(context: RoundContext) -> Receivers:
    """Read registrations once more, and put apart what nobody may receive.

    Args:
        context: of the round.

    Raises:
        OverstapError: GATE-010 or GATE-011 while a decision about release or about the window is missing: its gate may
            have been marked a success.
    """
    with context.unit("receivers") as unit:
        refuse_undecided_window(unit, context.round_id)
        if not context.kind.is_inspected:  # else nobody was invited either
            refuse_unreleased(unit, context.round_id)
    registered = register(context)
    with context.unit("receivers") as unit:
        sorted_out = deliveries.sort_receivers(unit, context.round_id, context.round.receivers)
        missing = deliveries.without_receiver(unit, context.round_id)
    return Receivers(registered, sorted_out, missing)


def seal(context: RoundContext) -> Counter[str]:
    """Seal every dossier that may leave.

    Args:
        context: of the round.

    Returns:
        Counts: "dossiers" and "envelopes".

    Raises:
        OverstapError: GATE-004 when something unusual waits for the coordinator's decision; what
            `delivery.sealing.seal_round` raises.
    """
    with context.unit("seal") as unit:
        held = look_before_delivery(context, unit)
    if held:  # its gate may have been marked a success
        raise OverstapError("GATE-004", count=len(held))
    return seal_round(
        context.ledger,
        context.trust,
        agreement=context.agreement,
        agreed=context.round,
        round_id=context.round_id,
        actor="seal",
        clock=context.clock,
    )


def deliver(context: RoundContext, school_id: str, *, is_asked: bool = False) -> Counter[str]:
    """Send one school what is sealed for it and due by the ledger, and keep its receipts.

    Args:
        context: of the round.
        school_id: BRIN and branch of the receiver.
        is_asked: somebody asks for it now, so that nothing waits for its time.

    Raises:
        OverstapError: DELIVERY-101 when something is unconfirmed still, which a later try may bring. DELIVERY-106 when
            receipts were due: it was told, and a person decides. GATE-004 when something unusual waits for the
            coordinator's decision.
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


def send(context: RoundContext, school_id: str, *, actor: str, is_asked: bool = False) -> Counter[str]:
    """Send one school what is sealed for it; see `delivery.sending.send_school`.

    Args:
        context: of the round.
        school_id: BRIN and branch of the receiver.
        actor: who sends, for the evidence.
        is_asked: somebody asks for it now, so that nothing waits for its time.
    """
    return send_school(
        context.ledger,
        context.trust,
        agreement=context.agreement,
        round_id=context.round_id,
        school=context.agreement.school(school_id),
        actor=actor,
        clock=context.clock,
        outbox=context.settings.outbox,
        is_asked=is_asked,
        channel=context.channel,
    )


def to_ask_for_answers(context: Context, region: str, school_year: str) -> list[SchoolOfRound]:
    """Return where to look for answers: each school that collects files by itself, for each round that may have sent.

    Keeps when to look again.

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
    """Take in the receipts and results that one school left; send nothing.

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
        outbox=context.settings.outbox,
    )
