"""Shortfall against the expected pupils of a round: schools without dossiers, and too few dossiers."""

from collections.abc import Sequence

from overstap.ledger.rounds.counts import PrimaryCounts
from overstap.ledger.rounds.gate_holds import HoldReason

FEW = 0.50
"""Fraction of the expected dossiers below which a coordinator must decide, whatever the causes are."""


def missing(schools: Sequence[PrimaryCounts]) -> list[HoldReason]:
    """Return a hold reason per school with expected pupils that supplied nothing."""
    return [
        HoldReason("school_missing", school.expected, {"school": f"{school.name} ({school.school})"}, school.school)
        for school in schools
        if school.expected and not school.supplied
    ]


def too_few(schools: Sequence[PrimaryCounts], arriving: int, nothing: str, few: str) -> list[HoldReason]:
    """Return a hold reason when no dossier, or less than `FEW` of the expected ones, reaches a receiving school.

    Schools that supplied nothing do not count here: `missing` names them.

    Args:
        schools: counts of the primary schools.
        arriving: number of dossiers that reach a receiving school.
        nothing: key of the reason when it is 0.
        few: key of the reason when it is less than `FEW` of the expected number.
    """
    wanted = sum(max(school.expected, school.supplied) for school in schools if school.supplied)
    short = wanted - arriving
    if short <= 0 or arriving >= wanted * FEW:
        return []
    return [HoldReason(few if arriving else nothing, short, {"of": wanted, "arriving": arriving})]
