"""Review by parents: release, invitations, and the end of the review window."""

import logging
from collections import Counter

from overstap.errors import OverstapError
from overstap.ledger.dossiers import dossiers
from overstap.ledger.review import decisions
from overstap.ledger.rounds import counts
from overstap.ledger.rounds.undecided import refuse_unreleased
from overstap.ledger.session import UnitOfWork
from overstap.review.inviting import invite as invite_families
from overstap.review.renewal import renew_after_release
from overstap.rounds.checking import check
from overstap.rounds.context import RoundContext

log = logging.getLogger(__name__)


def release_questions(context: RoundContext, *, asked: int = 0) -> list[int]:
    """Return the numbers of the questions about release: earlier ones, and a new one when dossiers wait for release.

    Versions that were supplied after the check are checked first.

    Args:
        context: of the round.
        asked: number of questions that this run asked already. A question keeps its first figures, so a new question
            is asked for new dossiers.

    Raises:
        OverstapError: GATE-002 when no dossier waits for release and none was released.
    """
    with context.unit("questions") as unit:
        late = dossiers.waiting_for_verdict(unit, context.round_id)
    if late:
        # Two schools cleared within seconds: Airflow 3.3.2 can start the check before the second is collected
        log.info("Na de controle binnengekomen dossiers: %d | came in after the check", late)
        check(context)
    with context.unit("questions") as unit:
        waiting = dossiers.waiting_for_release(unit, context.round_id).total()
        released = dossiers.releases(unit, context.round_id)
        if not released and not waiting:
            schools = counts.primary_schools(unit, context.round_id)
            supplied = sum(school.supplied for school in schools)
            raise OverstapError("GATE-002", supplied=supplied, rejected=sum(one.states["rejected"] for one in schools))
    log.info("%d dossiers wachten op vrijgave | wait for release", waiting)
    return list(range(1, (max(released, asked) + 1 if waiting else released) + 1))


def release(
    context: RoundContext, unit: UnitOfWork, *, approved: bool, decided_by: str, reason: str, answer_key: str
) -> int | None:
    """Record a coordinator's decision about release; an approval releases the accepted dossiers.

    Args:
        context: of the round.
        unit: the transaction, of the coordinator's account.
        approved: whether dossiers may be shown to parents.
        decided_by: the coordinator's account.
        reason: in the coordinator's own words; may be empty.
        answer_key: idempotency key of this answer.

    Returns:
        Number of dossiers released; None when the release waits for a second person.
    """
    return dossiers.decide_release(
        unit,
        context.round_id,
        approved=approved,
        decided_by=decided_by,
        reason=reason,
        answer_key=answer_key,
        closes_at=context.review_closes_at,
        opens_at=context.round.milestones.review_opens,
    )


def renew_codes(context: RoundContext, actor: str) -> Counter[str]:
    """Point families' access codes at the released version, and keep inspections where the agreement permits.

    Args:
        context: of the round.
        actor: step or account, recorded in audit lines.
    """
    if not context.kind.is_inspected:
        return Counter()
    return renew_after_release(context.ledger, context.region, context.round_id, actor)


def invite(context: RoundContext) -> Counter[str]:
    """Record who may inspect, and put their invitations in the outbox, to be sent from the agreed hour on.

    Args:
        context: of the round.

    Raises:
        OverstapError: GATE-010 when the ledger has no decision about dossiers that wait for release.
    """
    with context.unit("invite") as unit:
        refuse_unreleased(unit, context.round_id)
    return invite_released(context, "invite")


def invite_released(context: RoundContext, actor: str) -> Counter[str]:
    """Invite the families whose dossiers were released, and send due reminders.

    Args:
        context: of the round.
        actor: step or account, recorded in audit lines.
    """
    return invite_families(
        context.ledger,
        region=context.region,
        round_id=context.round_id,
        actor=actor,
        address=context.settings.review_address,
        clock=context.clock,
    )


def end_review(context: RoundContext) -> int:
    """End the review of dossiers whose window closed without a decision; return their number."""
    with context.unit("end_review") as unit:
        return decisions.lapse(unit, context.round_id)
