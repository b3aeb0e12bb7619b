"""What falls short of the pupils that a round expects: schools that are missing, and too few dossiers."""

from collections.abc import Sequence

from overstap.ledger.rounds.counts import PrimaryCounts
from overstap.ledger.rounds.gate_holds import HoldReason

FEW = 0.50
"""Part of the expected dossiers; less is not what the region agreed to do, whatever the causes are."""


def missing(schools: Sequence[PrimaryCounts]) -> list[HoldReason]:
    """Return the schools of which pupils are expected and that supplied nothing."""
    return [
        HoldReason("school_missing", school.expected, {"school": f"{school.name} ({school.school})"}, school.school)
        for school in schools
        if school.expected and not school.supplied
    ]


def too_few(schools: Sequence[PrimaryCounts], arriving: int, nothing: str, few: str) -> list[HoldReason]:
    """Return that nothing, or much less than expected, reaches a receiving school.

    What is expected of a school that supplied nothing does not count here: `missing` names it.

    Args:
        schools: counts of the primary schools.
        arriving: how many dossiers do.
        nothing: the reason when none does.
        few: the reason when it is less than `FEW` of what was expected.
    """
    wanted = sum(max(school.expected, school.supplied) for school in schools if school.supplied)
    short = wanted - arriving
    if short <= 0 or arriving >= wanted * FEW:
        return []
    return [HoldReason(few if arriving else nothing, short, {"of": wanted, "arriving": arriving})]
