"""Tasks of the parents' inspection: questions about release, invitations, and the end of the review window."""

import logging

from airflow.sdk import get_current_context

from overstap.agreements import RoundId
from overstap.orchestration.round_context import say, workplace

log = logging.getLogger(__name__)


def questions(region: str, school_year: str, kind: str) -> list[int]:
    """Return the numbers of the questions to the coordinator: those asked before, and a new one when dossiers wait.

    Raises:
        OverstapError: GATE-002 when there is nothing to release and nothing was.
    """
    from overstap.rounds import reviewing

    with workplace(RoundId.of(region, school_year, kind), "questions") as context:
        return reviewing.release_questions(context, asked=_asked_in_this_run())


def _asked_in_this_run() -> int:
    """Return how many instances the gate has in this run; none before it was first expanded."""
    ti = get_current_context()["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=["release"], run_ids=[ti.run_id])
    return sum(name != "release" for name in states.get(ti.run_id, {}))


def invite(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Note whose right it is to look, and put their mails in the outbox: it sends none before the agreed hour.

    Raises:
        OverstapError: GATE-010 while dossiers wait for a decision about release.
    """
    from overstap.rounds import reviewing

    with workplace(RoundId.of(region, school_year, kind), "invite") as context:
        done = reviewing.invite(context)
    say("Uitgenodigd | invited", done)
    return dict(done)


def end_review(region: str, school_year: str, kind: str) -> dict[str, int]:
    """End the review of those whose window has closed without a decision."""
    from overstap.rounds import reviewing

    with workplace(RoundId.of(region, school_year, kind), "end_review") as context:
        lapsed = reviewing.end_review(context)
    log.info("Dossiers niet op tijd ingezien: %d | not inspected in time", lapsed)
    return {"not_inspected": lapsed}
