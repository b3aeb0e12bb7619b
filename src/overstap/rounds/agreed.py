"""The agreement in force for a running round, including permitted changes of the agreement file."""

import logging

from overstap.agreements import Agreement, RoundId
from overstap.agreements.load import find_agreement
from overstap.errors import OverstapError
from overstap.ledger import guests
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.rounds.steering import apply_file, waits_for_second
from overstap.rounds.context import Context, RoundContext
from overstap.texts import texts

log = logging.getLogger(__name__)


def round_context(context: Context, round_id: RoundId, actor: str) -> RoundContext:
    """Return the context of an open round, with the agreement in force and the round's guest schools added.

    Args:
        context: settings and ledger.
        round_id: the round.
        actor: the calling step, recorded in the audit line of a change.

    Raises:
        OverstapError: LEDGER-009 when the round is not open.
    """
    agreement = agreement_now(context, round_id, actor)
    with context.ledger.unit(round_id.region, actor) as unit:
        return context.of_round(round_id, guests.with_guests(unit, round_id, agreement))


def agreement_now(context: Context, round_id: RoundId, actor: str) -> Agreement:
    """Return the agreement in force for a round, after applying permitted changes of its agreement file.

    A file that is missing or cannot be read changes nothing: the agreement in force stays, and a log line says so.

    Args:
        context: settings and ledger.
        round_id: the round; it is open.
        actor: the calling step, recorded in the audit line of a change.

    Raises:
        OverstapError: LEDGER-009 when there is no such round.
    """
    with context.ledger.unit(round_id.region, actor) as unit:
        agreement = get_round(unit, round_id).agreement
    try:
        offered = find_agreement(context.settings.regions, round_id.region, round_id.school_year)
    except OverstapError as error:
        log.warning("%s | %s", error.code, error.message_nl)
        return agreement
    with context.ledger.unit(round_id.region, actor) as unit:
        decided = apply_file(unit, round_id, offered, taken_by=actor)
        waits = decided is None and waits_for_second(unit, round_id)
    if decided is None:
        if waits:
            log.warning("%s | %s", *(texts("board/second")["file_waits"][language] for language in ("nl", "en")))
        return agreement
    for verdict in decided.verdicts:
        level = logging.INFO if verdict.refused is None else logging.WARNING
        log.log(level, "%s | %s", verdict.difference.sentence_nl, verdict.sentence_nl)
    return decided.agreement
