"""Who receives, sealed for them, sent."""

import logging
from typing import Any

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import deliveries
from overstap.ledger.holds import RELEASE_FOR_DELIVERY, open_holds
from overstap.orchestration.tasks.asking import look_before_delivery
from overstap.orchestration.tasks.collecting import registrations
from overstap.orchestration.tasks.steering import must_be_chosen
from overstap.orchestration.workplace import RoundRef, say, workplace
from overstap.texts import texts

log = logging.getLogger(__name__)


def receivers(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Read registrations once more, and put apart what nobody may receive."""
    registered = registrations(region, school_year, kind)
    ref = RoundRef(region, school_year, kind)
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


def deliver(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    """Send one school what is sealed for it, and keep its receipts.

    Raises:
        OverstapError: DELIVERY-101 when something is unconfirmed still; Airflow tries again. GATE-004 when something
            unusual waits for the coordinator's decision.
    """
    from overstap.delivery.sending import send_school

    with workplace(RoundRef(region, school_year, kind), f"deliver {school}") as place:
        must_be_chosen(place, school)
        with place.ledger.unit(region, f"deliver {school}") as unit:
            held = open_holds(unit, place.ref.round_id, RELEASE_FOR_DELIVERY)
        if held:
            raise OverstapError("GATE-004", count=len(held))
        done = send_school(
            place.ledger,
            place.trust,
            agreement=place.agreement,
            round_id=place.ref.round_id,
            school=place.agreement.school(school),
            actor=f"deliver {school}",
            clock=now,
            outbox=place.settings.outbox,
        )
    say(label, done)
    return dict(done)
