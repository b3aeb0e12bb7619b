"""The round ends: the evidence signed, the report written."""

import logging
from typing import Any

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger.delivery import deliveries, results
from overstap.ledger.rounds import counts, gate_decisions, rounds
from overstap.orchestration.round_context import RoundRef, workplace
from overstap.orchestration.tasks.gate_tasks import look_before_closing
from overstap.orchestration.tasks.steering import leaves_open

log = logging.getLogger(__name__)


def close(region: str, school_year: str, kind: str) -> dict[str, Any]:
    """Close the round once what did not arrive is accepted, sign the evidence, and write the round's report.

    A run that was narrowed to some schools leaves it open while others' deliveries are on their way.

    Raises:
        OverstapError: GATE-009 when something that did not arrive waits for the coordinator to accept it.
    """
    from overstap.closing.checkpoint import make_checkpoint
    from overstap.closing.report import round_report, write_report
    from overstap.quality.publishing import publish
    from overstap.quality.rulebook import sentence_of

    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "close") as place:
        if leaves_open(place):
            log.info(
                "Deze run gaat over enkele scholen; de ronde blijft open | about some schools: the round stays open"
            )
            return {}
        with place.ledger.unit(region, "close") as unit:
            held = look_before_closing(place, unit)
        if held:  # its gate may have been marked a success
            raise OverstapError("GATE-009", count=sum(hold.reason.count for hold in held))
        with place.ledger.unit(region, "close") as unit:
            rounds.close_round(unit, ref.round_id)
        checkpoint = make_checkpoint(place.ledger, place.trust, region=region, actor="close", at=now())
        with place.ledger.unit(region, "close") as unit:
            report = round_report(
                rounds.get_round(unit, ref.round_id),
                primary=counts.primary_schools(unit, ref.round_id),
                secondary=counts.secondary_schools(unit, ref.round_id),
                results=results.counts(unit, ref.round_id),
                decisions=gate_decisions.of_round(unit, ref.round_id),
                checkpoint=checkpoint,
                sentence_of=sentence_of,
                at=now(),
                missing=deliveries.without_receiver(unit, ref.round_id),
            )
            quality = publish(unit, place.settings.need_path("reports"), ref.round_id)
        path = write_report(place.settings.need_path("reports"), ref.round_id, report)
    log.info("Verslag | report: %s, %s", path.name, quality.name)
    return {"audit_lines": checkpoint[0]}
