"""Gates after the review window, before delivery and before closing: questions to the coordinator, and decisions."""

import math
from datetime import timedelta

from overstap.agreements import Agreement, RoundKind
from overstap.clock import dutch_time
from overstap.closing.undeliverable import REASONS, undeliverable
from overstap.delivery.unusual import MANY_UNSTATED, DeliverySituation, Ending, unusual
from overstap.ledger.delivery import deliveries
from overstap.ledger.review import windows
from overstap.ledger.rosters import by_advice
from overstap.ledger.rounds import counts, gate_holds, placements, registrations
from overstap.ledger.rounds.gate_decisions import first_release, ready_to_leave
from overstap.ledger.rounds.gate_holds import (
    ACCEPT_UNDELIVERABLE,
    NOT_INSPECTED,
    RELEASE_FOR_DELIVERY,
    Hold,
    HoldReason,
)
from overstap.ledger.rounds.round_agreements import versions
from overstap.ledger.session import UnitOfWork
from overstap.notifications.undelivered import report_undelivered
from overstap.pki.expiry import ExpiryKind, expiring
from overstap.quality import advice_standing
from overstap.rounds.context import RoundContext
from overstap.rounds.opening import leaves_open


def window_questions(context: RoundContext) -> list[int]:
    """Return the numbers of the questions about dossiers not inspected; the agreement may leave none to ask."""
    with context.unit("window_questions") as unit:
        is_offered = len(windows.ALLOWED[context.round.not_inspected]) > 1
        lapsed = [
            HoldReason(
                NOT_INSPECTED,
                one.lapsed,
                {"school": f"{one.name} ({one.school})", "released": one.released},
                one.school,
            )
            for one in windows.school_inspections(unit, context.round_id)
            if one.lapsed and is_offered
        ]
        gate_holds.update_holds(unit, context.round_id, NOT_INSPECTED, lapsed)
        return _numbers(unit, context, NOT_INSPECTED)


def delivery_questions(context: RoundContext) -> list[int]:
    """Return the numbers of the questions about holds before delivery."""
    with context.unit("delivery_questions") as unit:
        look_before_delivery(context, unit)
        return _numbers(unit, context, RELEASE_FOR_DELIVERY)


def closing_questions(context: RoundContext) -> list[int]:
    """Return the questions about undelivered dossiers; from `receipts_due` on, unconfirmed means undelivered."""
    stays_open = leaves_open(context)
    with context.unit("closing_questions") as unit:
        if not stays_open:
            look_before_closing(context, unit)
        return _numbers(unit, context, ACCEPT_UNDELIVERABLE)


def decide_delivery(
    context: RoundContext,
    unit: UnitOfWork,
    question: int,
    *,
    approved: bool,
    decided_by: str,
    reason: str,
    answer_key: str,
) -> int:
    """Record a coordinator's decision about holds before delivery; an approval removes the holds.

    Where the question was about registrations that are no longer stated, an approval withdraws them.

    Args:
        context: of the round.
        unit: the transaction, of the coordinator's account.
        question: number of the question.
        approved: whether the dossiers that are ready may be delivered.
        decided_by: the coordinator's account.
        reason: in the coordinator's own words; may be empty.
        answer_key: idempotency key of this answer.

    Returns:
        Number of dossiers that were ready.
    """
    if approved:
        _withdraw_unstated(context, unit, question)
    ready = ready_to_leave(unit, context.round_id)
    gate_holds.decide(
        *(unit, context.round_id, RELEASE_FOR_DELIVERY, question),
        approved=approved,
        decided_by=decided_by,
        reason=reason,
        answer_key=answer_key,
        dossiers=ready,
    )
    return ready


def set_apart_unreceived(context: RoundContext) -> None:
    """Set dossiers apart that no school may receive any more, after a decision about registrations. Idempotent."""
    with context.unit("release_for_delivery") as unit:
        deliveries.sort_receivers(unit, context.round_id, context.round.receivers)


def _withdraw_unstated(context: RoundContext, unit: UnitOfWork, question: int) -> None:
    """Withdraw exactly the registrations that a question was about; none where it was about something else."""
    held = gate_holds.open_holds(unit, context.round_id, RELEASE_FOR_DELIVERY, batch=question)
    asked = {hold.reason.subject for hold in held if hold.reason.reason == MANY_UNSTATED}
    if registrations.unstated(unit, context.agreement.school_year).digest in asked:
        registrations.withdraw_unstated(unit, context.agreement.school_year)
        deliveries.sort_receivers(unit, context.round_id, context.round.receivers)


def decide_closing(
    context: RoundContext,
    unit: UnitOfWork,
    question: int,
    *,
    approved: bool,
    decided_by: str,
    reason: str,
    answer_key: str,
) -> int:
    """Record a coordinator's decision about closing with undelivered dossiers; an approval permits the closing.

    Args:
        context: of the round.
        unit: the transaction, of the coordinator's account.
        question: number of the question.
        approved: whether the round may be closed.
        decided_by: the coordinator's account.
        reason: in the coordinator's own words; may be empty.
        answer_key: idempotency key of this answer.

    Returns:
        Number of dossiers in the question.
    """
    held = gate_holds.open_holds(unit, context.round_id, ACCEPT_UNDELIVERABLE, batch=question)
    about = sum(hold.reason.count for hold in held if hold.reason.reason in REASONS.values())
    gate_holds.decide(
        *(unit, context.round_id, ACCEPT_UNDELIVERABLE, question),
        approved=approved,
        decided_by=decided_by,
        reason=reason,
        answer_key=answer_key,
        dossiers=about,
    )
    return about


def look_before_delivery(context: RoundContext, unit: UnitOfWork) -> list[Hold]:
    """Record the present holds before delivery in the ledger; return those without a decision."""
    due = context.round.milestones.receipts_due
    days = max(1, math.ceil((due - context.clock()) / timedelta(days=1)))
    mine = {school.id for school in context.agreement.schools} | {f"region {context.region}"}
    endings = [
        Ending(one.name, one.until)
        for one in expiring(context.trust, at=context.clock(), days=days)
        if one.kind is ExpiryKind.CERTIFICATE and one.owner in mine
    ]
    if context.kind.is_of_leavers:
        advice_standing.update(unit, context.agreement.school_year, dutch_time(context.clock()).date())
    asks = context.round.older_advice == "ask"
    found = DeliverySituation(
        counts.primary_schools(unit, context.round_id),
        endings,
        _is_agreement_changed(unit, context),
        registrations.unstated(unit, context.agreement.school_year) if context.kind.is_inspected else None,
        placements.unanswered(unit, context.round_id),
        by_advice.older(unit, context.round_id, ("inspected",)) if asks else {},
    )
    return gate_holds.update_holds(unit, context.round_id, RELEASE_FOR_DELIVERY, unusual(found))


def look_before_closing(context: RoundContext, unit: UnitOfWork) -> list[Hold]:
    """Mark envelopes unconfirmed at `receipts_due` as undelivered, record holds; return those without a decision."""
    if context.clock() >= context.round.milestones.receipts_due:
        report_undelivered(unit, context.agreement, context.kind)
    return gate_holds.update_holds(unit, context.round_id, ACCEPT_UNDELIVERABLE, undeliverable(unit, context.round_id))


def _is_agreement_changed(unit: UnitOfWork, context: RoundContext) -> bool:
    """Tell whether the agreement on delivery changed since the coordinator first released dossiers."""
    released_at = first_release(unit, context.round_id)
    if released_at is None:
        return False
    known = versions(unit, context.round_id)
    then = [one for one in known if one.taken_at <= released_at] or known[:1]
    return _what_counts(then[-1].agreement, context.kind) != _what_counts(known[-1].agreement, context.kind)


def _what_counts(agreement: Agreement, kind: RoundKind) -> tuple[object, ...]:
    """Return the parts of an agreement that decide which data go to whom, and when."""
    agreed = agreement.round(kind)
    moments = agreed.milestones
    return (
        *(agreed.profile, agreed.provisional, agreed.receivers, agreed.categories, agreed.not_inspected),
        *(moments.delivers, moments.receipts_due),
        tuple((school.id, school.receives) for school in agreement.schools),
    )


def _numbers(unit: UnitOfWork, context: RoundContext, gate: str) -> list[int]:
    """Return the numbers of a gate's questions: at least one, which asks nothing where there is no hold."""
    return list(range(1, max(1, gate_holds.batches(unit, context.round_id, gate)) + 1))
