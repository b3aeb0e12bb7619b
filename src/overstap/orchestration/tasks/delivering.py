"""Who receives, sealed for them, sent."""

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import get_current_context

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger.delivery import deliveries
from overstap.ledger.rounds.gate_holds import RELEASE_FOR_DELIVERY, open_holds
from overstap.ledger.rounds.undecided import refuse_undecided_window, refuse_unreleased
from overstap.orchestration.round_context import RoundRef, say, workplace
from overstap.orchestration.tasks.collecting import registrations
from overstap.orchestration.tasks.gate_tasks import look_before_delivery
from overstap.orchestration.tasks.steering import is_chosen
from overstap.texts import texts

log = logging.getLogger(__name__)


def receivers(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Read registrations once more, and put apart what nobody may receive.

    Raises:
        OverstapError: GATE-010 or GATE-011 while a decision about release or about the window is missing: its gate may
            have been marked a success.
    """
    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "receivers") as place, place.ledger.unit(region, "receivers") as unit:
        refuse_undecided_window(unit, ref.round_id)
        if not place.kind.is_inspected:  # else nobody was invited either
            refuse_unreleased(unit, ref.round_id)
    registered = registrations(region, school_year, kind)
    with workplace(ref, "receivers") as place, place.ledger.unit(region, "receivers") as unit:
        sorted_out = deliveries.sort_receivers(unit, ref.round_id, place.round.receivers)
        missing = deliveries.without_receiver(unit, ref.round_id)
    say("Ontvangers | receivers", sorted_out)
    words = texts("orchestration/receivers")
    for one in missing:
        facts = {"school": place.agreement.school(one.primary_school).label, "count": one.count}
        log.warning("%s | %s", words[one.why]["nl"].format(**facts), words[one.why]["en"].format(**facts))
    return {**registered, **sorted_out}


def seal(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Seal every dossier that may leave.

    Raises:
        OverstapError: GATE-004 when something unusual waits for the coordinator's decision.
    """
    from overstap.delivery.sealing import seal_round

    with workplace(RoundRef(region, school_year, kind), "seal") as place:
        with place.ledger.unit(region, "seal") as unit:
            held = look_before_delivery(place, unit)
        if held:  # its gate may have been marked a success
            raise OverstapError("GATE-004", count=len(held))
        done = seal_round(
            place.ledger,
            place.trust,
            agreement=place.agreement,
            agreed=place.round,
            round_id=place.ref.round_id,
            actor="seal",
            clock=now,
        )
    say("Verzegeld | sealed", done)
    return dict(done)


AGAIN_UNTIL_DUE = {
    "retries": 2000,  # three weeks of quarters of an hour; the moment receipts are due ends it
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=15),
}
"""How delivering to a school is tried again: often enough for the ledger's times, until receipts are due."""


def _is_first_try() -> bool:
    """Return whether this try is the first of the task, or the first since somebody cleared it."""
    context = get_current_context()
    instance, retries = context["ti"], context["task"].retries or 0
    return bool(instance.max_tries - instance.try_number >= retries - 1)  # clearing gives all tries anew


def deliver(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    """Send one school what is sealed for it, and keep its receipts.

    Tried again until receipts are due; each try sends what the ledger says is due by then, longer apart each time. The
    first try, and the first after somebody cleared the task, waits for nothing.

    Raises:
        OverstapError: DELIVERY-101 when something is unconfirmed still; Airflow tries again. DELIVERY-106 when receipts
            were due: it was told, and a person decides. GATE-004 when something unusual waits for the coordinator's
            decision.
    """
    from overstap.delivery.sending import send_school

    with workplace(RoundRef(region, school_year, kind), f"deliver {school}") as place:
        if not is_chosen(place, school):
            return {}
        with place.ledger.unit(region, f"deliver {school}") as unit:
            held = open_holds(unit, place.ref.round_id, RELEASE_FOR_DELIVERY)
        if held:
            raise OverstapError("GATE-004", count=len(held))
        try:
            done = send_school(
                place.ledger,
                place.trust,
                agreement=place.agreement,
                round_id=place.ref.round_id,
                school=place.agreement.school(school),
                actor=f"deliver {school}",
                clock=now,
                outbox=place.settings.outbox,
                is_asked=_is_first_try(),
            )
        except OverstapError as problem:
            if problem.code == "DELIVERY-101" and now() >= place.round.milestones.receipts_due:
                raise OverstapError("DELIVERY-106", **problem.facts) from None
            raise
    say(label, done)
    return dict(done)
