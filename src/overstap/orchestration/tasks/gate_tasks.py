"""What there is to ask the coordinator before delivery and before the end: the numbers of the questions."""

import math
from datetime import timedelta

from overstap.agreements import Agreement
from overstap.clock import now
from overstap.closing.undeliverable import undeliverable
from overstap.delivery.unusual import DeliverySituation, Ending, unusual
from overstap.ledger.review import windows
from overstap.ledger.rounds import counts, gate_holds
from overstap.ledger.rounds.gate_holds import (
    ACCEPT_UNDELIVERABLE,
    NOT_INSPECTED,
    RELEASE_FOR_DELIVERY,
    Hold,
    HoldReason,
)
from overstap.ledger.rounds.round_agreements import versions
from overstap.ledger.session import UnitOfWork
from overstap.notifications.undelivered import tell_undelivered
from overstap.orchestration.round_context import RoundRef, Workplace, workplace
from overstap.orchestration.tasks.steering import leaves_open
from overstap.pki.watch import ExpiryKind, expiring


def window_questions(region: str, school_year: str, kind: str) -> list[int]:
    """Return the questions about who did not inspect; the agreement may leave nothing to ask."""
    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "window_questions") as place, place.ledger.unit(region, "window_questions") as unit:
        is_offered = len(windows.ALLOWED[place.round.not_inspected]) > 1
        lapsed = [
            HoldReason(
                NOT_INSPECTED,
                one.lapsed,
                {"school": f"{one.name} ({one.school})", "released": one.released},
                one.school,
            )
            for one in windows.standing(unit, ref.round_id)
            if one.lapsed and is_offered
        ]
        gate_holds.look(unit, ref.round_id, NOT_INSPECTED, lapsed)
        return _numbers(unit, ref.round_id, NOT_INSPECTED)


def delivery_questions(region: str, school_year: str, kind: str) -> list[int]:
    """Return the questions about what is unusual before delivery."""
    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "delivery_questions") as place, place.ledger.unit(region, "delivery_questions") as unit:
        look_before_delivery(place, unit)
        return _numbers(unit, ref.round_id, RELEASE_FOR_DELIVERY)


def closing_questions(region: str, school_year: str, kind: str) -> list[int]:
    """Return the questions about what did not arrive; what is unconfirmed when receipts were due is so from here on."""
    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "closing_questions") as place:
        stays_open = leaves_open(place)
        with place.ledger.unit(region, "closing_questions") as unit:
            if not stays_open:
                look_before_closing(place, unit)
            return _numbers(unit, ref.round_id, ACCEPT_UNDELIVERABLE)


def look_before_delivery(place: Workplace, unit: UnitOfWork) -> list[Hold]:
    """Raise in the ledger what is unusual about delivering now; return what stands open."""
    due = place.round.milestones.receipts_due
    days = max(1, math.ceil((due - now()) / timedelta(days=1)))
    mine = {school.id for school in place.agreement.schools} | {f"region {place.ref.region}"}
    endings = [
        Ending(one.name, one.until)
        for one in expiring(place.trust, at=now(), days=days)
        if one.kind is ExpiryKind.CERTIFICATE and one.owner in mine
    ]
    found = DeliverySituation(
        counts.primary_schools(unit, place.ref.round_id), endings, _is_agreement_changed(unit, place.ref)
    )
    return gate_holds.look(unit, place.ref.round_id, RELEASE_FOR_DELIVERY, unusual(found))


def look_before_closing(place: Workplace, unit: UnitOfWork) -> list[Hold]:
    """Say what stayed unconfirmed when receipts were due, and raise what did not arrive; return what stands open."""
    if now() >= place.round.milestones.receipts_due:
        tell_undelivered(unit, place.agreement, place.kind)
    return gate_holds.look(unit, place.ref.round_id, ACCEPT_UNDELIVERABLE, undeliverable(unit, place.ref.round_id))


def _is_agreement_changed(unit: UnitOfWork, ref: RoundRef) -> bool:
    """Tell whether what matters to delivery is agreed otherwise than when the coordinator first released dossiers."""
    [(released_at,)] = unit.rows(
        "select min(decided_at) from overstap.gate_decision where round_id = %(round)s and gate = 'release_for_review' "
        "and approved",
        round=ref.round_id,
    )
    if released_at is None:
        return False
    known = versions(unit, ref.round_id)
    then = [one for one in known if one.taken_at <= released_at] or known[:1]
    return _what_counts(then[-1].agreement, ref.kind) != _what_counts(known[-1].agreement, ref.kind)


def _what_counts(agreement: Agreement, kind: str) -> tuple[object, ...]:
    """Return what of an agreement says what goes to whom, and when."""
    agreed = agreement.round(kind)
    moments = agreed.milestones
    return (
        *(agreed.profile, agreed.provisional, agreed.receivers, agreed.categories, agreed.not_inspected),
        *(moments.delivers, moments.receipts_due),
        tuple((school.id, school.receives) for school in agreement.schools),
    )


def _numbers(unit: UnitOfWork, round_id: str, gate: str) -> list[int]:
    """Return the numbers of a gate's questions: always one at least, which has nothing to ask where nothing stands."""
    return list(range(1, max(1, gate_holds.batches(unit, round_id, gate)) + 1))
