"""Tasks that determine the receivers of dossiers, seal dossiers for them, and send the envelopes."""

import logging
from typing import Any

from overstap.agreements import RoundId
from overstap.orchestration.round_context import say, workplace
from overstap.orchestration.tasks.steering import nothing_to_do
from overstap.texts import Count, texts

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
        facts = {"school": context.agreement.school(one.primary_school).label, "count": Count(one.count)}
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


def deliver(region: str, school_year: str, kind: str, school: str, label: str, *, is_asked: bool) -> dict[str, Any]:
    """Send one school what is sealed for it, and keep its receipts.

    Args:
        region: region id.
        school_year: school year.
        kind: which round.
        school: BRIN and branch.
        label: how the school is shown in the grid.
        is_asked: somebody asks for an attempt now: nothing waits for its time.

    Raises:
        OverstapError: as `rounds.delivering.deliver`.
    """
    from overstap.rounds import delivering
    from overstap.rounds.opening import is_chosen

    with workplace(RoundId.of(region, school_year, kind), f"deliver {school}") as context:
        if not is_chosen(context, school):
            return nothing_to_do("not_in_this_run")
        done = delivering.deliver(context, school, is_asked=is_asked)
    say(label, done)
    return dict(done)
