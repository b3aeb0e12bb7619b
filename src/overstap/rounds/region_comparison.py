"""Comparison of applications with other regions of the deployment, after the moments that the agreement names."""

from collections import Counter

from overstap.comparing.regions import compare_due
from overstap.rounds.context import Context


def compare(context: Context, region: str, school_year: str) -> Counter[str] | None:
    """Compare with each region with which a comparison is due.

    Args:
        context: settings and ledger.
        region: region id.
        school_year: school year.

    Returns:
        Number of pupils who are in both, by region; None when nothing is due.

    Raises:
        OverstapError: COMPARE-001 when the other region did not agree; LEDGER-012 when another process compares.
    """
    found = compare_due(context.ledger, region, school_year, actor="compare_regions", at=context.clock())
    return Counter({one.partner: one.found for one in found}) if found else None
