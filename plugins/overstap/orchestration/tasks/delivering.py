"""Who receives, sealed for them, sent."""

from typing import Any

from overstap.clock import now
from overstap.ledger import deliveries
from overstap.orchestration.tasks.collecting import registrations
from overstap.orchestration.workplace import RoundRef, say, workplace


def receivers(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Read registrations once more, and put apart what nobody may receive."""
    registered = registrations(region, school_year, kind)
    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "receivers") as place, place.ledger.unit(region, "receivers") as unit:
        sorted_out = deliveries.sort_receivers(unit, ref.round_id, place.round.receivers)
    say("Ontvangers | receivers", sorted_out)
    return {**registered, **sorted_out}


def seal(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Seal every dossier that may leave."""
    from overstap.delivery.sealing import seal_round

    with workplace(RoundRef(region, school_year, kind), "seal") as place:
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
        OverstapError: DELIVERY-101 when something is unconfirmed still; Airflow tries again.
    """
    from overstap.delivery.sending import send_school

    with workplace(RoundRef(region, school_year, kind), f"deliver {school}") as place:
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
