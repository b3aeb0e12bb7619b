"""What the coordinator is asked, and the end of the parents' inspection."""

import logging

from airflow.sdk import get_current_context

from overstap.errors import OverstapError
from overstap.ledger.dossiers import dossiers
from overstap.ledger.review import decisions
from overstap.ledger.rounds import counts
from overstap.ledger.rounds.undecided import refuse_unreleased
from overstap.orchestration.round_context import RoundRef, say, workplace
from overstap.orchestration.tasks.checking import check

log = logging.getLogger(__name__)


def questions(region: str, school_year: str, kind: str) -> list[int]:
    """Return the numbers of the questions to the coordinator: those asked before, and a new one when dossiers wait.

    Also when the last one was never answered: a question that is asked again would show its first figures.

    Raises:
        OverstapError: GATE-002 when there is nothing to release and nothing was.
    """
    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "questions") as place, place.ledger.unit(region, "questions") as unit:
        late = dossiers.waiting_for_verdict(unit, ref.round_id)
    if late:
        # Two schools cleared within seconds: Airflow 3.3.2 can start the check before the second is collected
        log.info("%d dossiers kwamen na de controle binnen | came in after the check", late)
        check(region, school_year, kind)
    with workplace(ref, "questions") as place, place.ledger.unit(region, "questions") as unit:
        waiting = dossiers.waiting_for_release(unit, ref.round_id).total()
        released = dossiers.releases(unit, ref.round_id)
        if not released and not waiting:
            schools = counts.primary_schools(unit, ref.round_id)
            supplied = sum(school.supplied for school in schools)
            raise OverstapError("GATE-002", supplied=supplied, rejected=sum(one.states["rejected"] for one in schools))
    log.info("%d dossiers wachten op vrijgave | wait for release", waiting)
    return list(range(1, (max(released, _asked_in_this_run()) + 1 if waiting else released) + 1))


def _asked_in_this_run() -> int:
    """Return how many instances the gate has in this run; none before it was first expanded."""
    ti = get_current_context()["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=["release"], run_ids=[ti.run_id])
    return sum(name != "release" for name in states.get(ti.run_id, {}))


def invite(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Note whose right it is to look, and put their mails in the outbox: it sends none before the agreed hour.

    Raises:
        OverstapError: GATE-010 while dossiers wait for a decision about release (its gate may be marked a success).
    """
    from overstap.review.inviting import invite as invited

    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "invite") as place:
        with place.ledger.unit(region, "invite") as unit:
            refuse_unreleased(unit, ref.round_id)
        address = place.settings.review_address
        done = invited(place.ledger, region=region, round_id=ref.round_id, actor="invite", address=address)
    say("Uitgenodigd | invited", done)
    return dict(done)


def end_review(region: str, school_year: str, kind: str) -> dict[str, int]:
    """End the review of those whose window has closed without a decision."""
    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "end_review") as place, place.ledger.unit(region, "end_review") as unit:
        lapsed = decisions.lapse(unit, ref.round_id)
    log.info("%d dossiers niet ingezien binnen de termijn | not inspected in time", lapsed)
    return {"not_inspected": lapsed}
