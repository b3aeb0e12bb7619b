"""Dossiers are released to parents, who are invited and inspect them until their window closes."""

import logging
from collections import Counter

from overstap.errors import OverstapError
from overstap.ledger.dossiers import dossiers
from overstap.ledger.review import decisions
from overstap.ledger.rounds import counts
from overstap.ledger.rounds.undecided import refuse_unreleased
from overstap.ledger.session import UnitOfWork
from overstap.review.inviting import invite as invite_families
from overstap.review.renewal import after_release
from overstap.rounds.checking import check
from overstap.rounds.context import RoundContext

log = logging.getLogger(__name__)


def release_questions(context: RoundContext, *, asked: int = 0) -> list[int]:
    """Return the numbers of the questions about release: those asked before, and a new one when dossiers wait.

    What came in after the check is judged first.

    Args:
        context: of the round.
        asked: how many were asked in this run already, answered or not: a question that is asked again would show its
            first figures.

    Raises:
        OverstapError: GATE-002 when there is nothing to release and nothing was.
    """
    with context.unit("questions") as unit:
        late = dossiers.waiting_for_verdict(unit, context.round_id)
    if late:
        # Two schools cleared within seconds: Airflow 3.3.2 can start the check before the second is collected
        log.info("%d dossiers kwamen na de controle binnen | came in after the check", late)
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
) -> int:
    """Keep a coordinator's decision about release, and release what is accepted if it approves.

    Args:
        context: of the round.
        unit: the transaction, of the coordinator's account.
        approved: whether dossiers may be shown to parents.
        decided_by: the coordinator's account.
        reason: in the coordinator's own words; may be empty.
        answer_key: names this answer, so that a repeated call records it once.

    Returns:
        How many dossiers were released.
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
    """Let the codes of families show the version that was released, and keep inspections where that was agreed.

    Args:
        context: of the round.
        actor: who does it, for the evidence.
    """
    if not context.kind.is_inspected:
        return Counter()
    return after_release(context.ledger, context.region, context.round_id, actor)


def invite(context: RoundContext) -> Counter[str]:
    """Note whose right it is to look, and put their mails in the outbox: it sends none before the agreed hour.

    Args:
        context: of the round.

    Raises:
        OverstapError: GATE-010 while dossiers wait for a decision about release (its gate may be marked a success).
    """
    with context.unit("invite") as unit:
        refuse_unreleased(unit, context.round_id)
    return invite_released(context, "invite")


def invite_released(context: RoundContext, actor: str) -> Counter[str]:
    """Invite the families whose dossiers were released, and remind who is due.

    Args:
        context: of the round.
        actor: who does it, for the evidence.
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
    """End the review of those whose window has closed without a decision; return how many that are."""
    with context.unit("end_review") as unit:
        return decisions.lapse(unit, context.round_id)
