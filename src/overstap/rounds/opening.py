"""Opening of a round, and changes by a coordinator's form: moved milestones, runs limited to some schools."""

import logging
from dataclasses import dataclass

from overstap.agreements import RoundId, SchoolKind
from overstap.agreements.load import find_agreement
from overstap.clock import format_moment
from overstap.errors import OverstapError, form_error
from overstap.ledger.delivery.deliveries import unsettled
from overstap.ledger.rounds import rounds
from overstap.ledger.rounds.runs import narrowed_to
from overstap.ledger.rounds.steering import SteeringRequest, apply_form
from overstap.rounds.context import Context, RoundContext

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """Result of opening a round.

    Args:
        is_new: whether this call opened it.
        schools: how many schools take part.
    """

    is_new: bool
    schools: int


def open_round(context: Context, round_id: RoundId) -> Opened:
    """Record the round and its schools in the ledger, with the present agreement. Idempotent.

    Args:
        context: settings and ledger.
        round_id: the round.

    Raises:
        OverstapError: AGREEMENT-022 before the agreed opening.
    """
    agreement = find_agreement(context.settings.regions, round_id.region, round_id.school_year)
    opens = agreement.round(round_id.kind).milestones.opens
    if context.clock() < opens:  # also when somebody starts the DAG by hand
        raise OverstapError("AGREEMENT-022", round=round_id, moment=format_moment(opens))
    with context.ledger.unit(round_id.region, "open_round") as unit:
        is_new = rounds.open_round(unit, agreement, round_id.kind)
    log.info("%s %s", round_id, "geopend | opened" if is_new else "was al geopend | was open already")
    return Opened(is_new, len(agreement.schools))


def steer(context: RoundContext, asked: SteeringRequest) -> int:
    """Apply the changes that a coordinator asked for in the form of a running round.

    Args:
        context: of the round.
        asked: the account and the changes.

    Returns:
        Number of milestones that moved.

    Raises:
        OverstapError: AGREEMENT-021 when a change is not permitted; LEDGER-021 when it waits for a second person.
    """
    _must_coordinate(context, asked.by)
    with context.unit(asked.by) as unit:
        verdicts = apply_form(unit, context.round_id, asked)
    if verdicts is None:
        raise OverstapError("LEDGER-021")
    for verdict in verdicts:
        log.info("%s | %s", verdict.difference.sentence_nl, verdict.sentence_nl)
    return len(verdicts)


def reopen(context: RoundContext, *, asked_by: str, reason: str) -> bool:
    """Reopen a closed round by a coordinator's decision.

    Args:
        context: of the round.
        asked_by: the coordinator's account.
        reason: in the coordinator's own words.

    Returns:
        Whether the round was closed.

    Raises:
        OverstapError: AGREEMENT-021 when the account is not a coordinator's, or there is no reason.
    """
    _must_coordinate(context, asked_by)
    if not reason:
        raise form_error("no_reason")
    with context.unit(asked_by) as unit:
        key = f"reopen {context.run or context.clock().isoformat()}"
        done = rounds.reopen_round(unit, context.round_id, decided_by=asked_by, reason=reason, answer_key=key)
    log.info("%s: %s", context.round_id, "weer geopend | opened again" if done else "was niet gesloten | not closed")
    return done


def is_chosen(context: RoundContext, school: str) -> bool:
    """Tell whether a run includes a school. Suppliers and receivers are limited separately; no choice means all.

    Args:
        context: of the round.
        school: BRIN and branch.
    """
    chosen = _narrowed_to(context)
    kinds: dict[str, SchoolKind] = {one.id: one.kind for one in context.agreement.schools}
    return school in chosen or not any(kinds.get(one) is kinds.get(school) for one in chosen)


def _must_coordinate(context: RoundContext, account: str) -> None:
    if account not in {person.account for person in context.agreement.coordinators}:
        raise form_error("not_yours")


def leaves_open(context: RoundContext) -> bool:
    """Tell whether a run must leave the round open: limited to some schools, with deliveries to others incomplete.

    Args:
        context: of the round.
    """
    if not _narrowed_to(context):
        return False
    with context.unit(context.kind) as unit:
        is_busy = unsettled(unit, context.round_id).count > 0
    return is_busy and context.clock() < context.round.milestones.receipts_due


def _narrowed_to(context: RoundContext) -> frozenset[str]:
    if context.run is None:
        return frozenset()
    with context.unit(context.kind) as unit:
        return narrowed_to(unit, context.round_id, context.run)
