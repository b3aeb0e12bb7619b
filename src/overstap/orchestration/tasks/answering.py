"""Tasks that collect receipts and results which schools left in a folder or on their own server."""

from typing import Any

from overstap.agreements import RoundId
from overstap.orchestration.round_context import bare_workplace, say, workplace


def plan_answers(region: str, school_year: str) -> list[dict[str, str]]:
    """Return where to look: each school that collects by itself, for each round in which dossiers may have left."""
    from overstap.rounds import delivering

    with bare_workplace() as context:
        found = delivering.to_ask_for_answers(context, region, school_year)
    return [{"kind": one.round.kind.value, "school": one.school.id, "label": one.label} for one in found]


def take_answers(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    """Take in the receipts and results that one school left; send nothing.

    Args:
        region: region id.
        school_year: school year.
        kind: which round.
        school: BRIN and branch.
        label: how the school is shown in the grid.
    """
    from overstap.rounds import delivering

    with workplace(RoundId.of(region, school_year, kind), f"answers {school}") as context:
        done = delivering.take_answers(context, school)
    say(label, done)
    return dict(done)
