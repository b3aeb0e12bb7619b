"""Tasks: who receives, sealed for them, sent."""

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import get_current_context

from overstap.agreements import RoundId
from overstap.orchestration.round_context import say, workplace
from overstap.orchestration.tasks.steering import nothing_to_do
from overstap.texts import texts

log = logging.getLogger(__name__)


def receivers(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Read registrations once more, and put apart what nobody may receive.

    Raises:
        OverstapError: GATE-010 or GATE-011 while a decision about release or about the window is missing.
    """
    from overstap.rounds import delivering

    with workplace(RoundId.of(region, school_year, kind), "receivers") as context:
        found = delivering.sort_receivers(context)
    say("Ontvangers | receivers", found.sorted_out)
    words = texts("orchestration/receivers")
    for one in found.missing:
        facts = {"school": context.agreement.school(one.primary_school).label, "count": one.count}
        log.warning("%s | %s", words[one.why]["nl"].format(**facts), words[one.why]["en"].format(**facts))
    return {**found.registered, **found.sorted_out}


def seal(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Seal every dossier that may leave.

    Raises:
        OverstapError: GATE-004 when something unusual waits for the coordinator's decision.
    """
    from overstap.rounds import delivering

    with workplace(RoundId.of(region, school_year, kind), "seal") as context:
        done = delivering.seal(context)
    say("Verzegeld | sealed", done)
    return dict(done)


AGAIN_UNTIL_DUE = {
    "retries": 2000,  # three weeks of quarters of an hour; the moment receipts are due ends it
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=15),
}
"""How delivering to a school is tried again: often enough for the ledger's times, until receipts are due."""


def _is_first_try() -> bool:
    """Return whether this try is the first of the task, or the first since somebody cleared it."""
    context = get_current_context()
    instance, retries = context["ti"], context["task"].retries or 0
    return bool(instance.max_tries - instance.try_number >= retries - 1)  # clearing gives all tries anew


def deliver(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    """Send one school what is sealed for it, and keep its receipts.

    Tried again until receipts are due; each try sends what the ledger says is due by then, longer apart each time. The
    first try, and the first after somebody cleared the task, waits for nothing.

    Raises:
        OverstapError: as `rounds.delivering.deliver`; Airflow tries again after DELIVERY-101.
    """
    from overstap.rounds import delivering
    from overstap.rounds.opening import is_chosen

    with workplace(RoundId.of(region, school_year, kind), f"deliver {school}") as context:
        if not is_chosen(context, school):
            return nothing_to_do("not_in_this_run")
        done = delivering.deliver(context, school, is_asked=_is_first_try())
    say(label, done)
    return dict(done)
