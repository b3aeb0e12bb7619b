"""The round ends: the evidence signed, the report written."""

import logging
from typing import Any

from overstap.clock import now
from overstap.ledger import counts, deliveries, rounds
from overstap.orchestration.workplace import RoundRef, workplace

log = logging.getLogger(__name__)


def close(region: str, school_year: str, kind: str) -> dict[str, Any]:
    """Say what stayed unconfirmed when receipts were due, sign the evidence, and write the round's report."""
    from overstap.closing.checkpoint import make_checkpoint
    from overstap.closing.report import GateLine, round_report, write_report
    from overstap.quality.publishing import publish
    from overstap.quality.rulebook import sentence_of

    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "close") as place:
        with place.ledger.unit(region, "close") as unit:
            due = place.round.milestones.receipts_due
            given_up = deliveries.give_up(unit, ref.round_id) if now() >= due else 0
            rounds.close_round(unit, ref.round_id)
        checkpoint = make_checkpoint(place.ledger, place.trust, region=region, actor="close", at=now())
        with place.ledger.unit(region, "close") as unit:
            decisions = [
                GateLine(*row)
                for row in unit.rows(
                    "select decided_at, decided_by, approved, dossiers from overstap.gate_decision "
                    "where round_id = %(round)s order by decided_at",
                    round=ref.round_id,
                )
            ]
            report = round_report(
                rounds.get_round(unit, ref.round_id),
                primary=counts.primary_schools(unit, ref.round_id),
                secondary=counts.secondary_schools(unit, ref.round_id),
                decisions=decisions,
                checkpoint=checkpoint,
                sentence_of=sentence_of,
                at=now(),
            )
            quality = publish(unit, place.settings.need_path("reports"), ref.round_id)
        path = write_report(place.settings.need_path("reports"), ref.round_id, report)
    log.info("Verslag | report: %s, %s", path.name, quality.name)
    return {"undelivered": given_up, "audit_lines": checkpoint[0]}
