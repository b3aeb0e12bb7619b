"""Closing of a round: signed checkpoint and round report."""

import logging
from dataclasses import dataclass

from overstap.closing.checkpoint import make_checkpoint
from overstap.closing.report import round_report, write_report
from overstap.errors import OverstapError
from overstap.ledger.delivery import deliveries, results
from overstap.ledger.rosters import by_advice
from overstap.ledger.rounds import counts, gate_decisions, rounds
from overstap.quality.publishing import publish
from overstap.quality.rulebook import sentence_of
from overstap.rounds.context import RoundContext
from overstap.rounds.opening import leaves_open
from overstap.rounds.questions import look_before_closing
from overstap.storage import Place

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Closed:
    """Results of closing a round."""

    audit_lines: int
    """Number of the last audit line that the signed checkpoint covers."""
    report: Place
    quality: Place


def close(context: RoundContext) -> Closed | None:
    """Close the round, sign a checkpoint over its audit lines, and write the round report.

    Args:
        context: of the round.

    Returns:
        The results; None when the run was limited to some schools while deliveries to others are not complete. The
        round then stays open.

    Raises:
        OverstapError: GATE-009 when undelivered dossiers wait for the coordinator's decision.
    """
    reports = context.need_place("reports")
    if leaves_open(context):
        log.info("Dit gaat over enkele scholen; de ronde blijft open | about some schools: the round stays open")
        return None
    with context.unit("close") as unit:
        held = look_before_closing(context, unit)
    if held:  # asked of the ledger, since somebody may have marked the gate a success in Airflow
        raise OverstapError("GATE-009", count=sum(hold.reason.count for hold in held))
    with context.unit("close") as unit:
        rounds.close_round(unit, context.round_id)
    checkpoint = make_checkpoint(
        context.ledger, context.trust, region=context.region, actor="close", at=context.clock()
    )
    with context.unit("close") as unit:
        report = round_report(
            rounds.get_round(unit, context.round_id),
            primary=counts.primary_schools(unit, context.round_id),
            secondary=counts.secondary_schools(unit, context.round_id),
            results=results.counts(unit, context.round_id),
            decisions=gate_decisions.of_round(unit, context.round_id),
            checkpoint=checkpoint,
            sentence_of=sentence_of,
            at=context.clock(),
            missing=deliveries.without_receiver(unit, context.round_id),
            older_advice=by_advice.older(unit, context.round_id),
        )
        quality = publish(unit, reports, context.round_id)
    path = write_report(reports, context.round_id, report)
    log.info("Verslag | report: %s, %s", path.name, quality.name)
    return Closed(checkpoint[0], path, quality)


def refuse_open(context: RoundContext) -> None:
    """Refuse to call a round complete that the ledger has as open, whatever state its tasks have in Airflow.

    Args:
        context: of the round.

    Raises:
        OverstapError: GATE-012 when the round is open, unless the run is about some schools and leaves it open.
    """
    with context.unit("complete") as unit:
        is_open = rounds.get_round(unit, context.round_id).closed_at is None
    if is_open and not leaves_open(context):  # somebody may have marked its tasks a success, or skipped, in Airflow
        raise OverstapError("GATE-012")
