"""Erases what a region's rounds left and what was kept long enough."""

from collections import Counter

from overstap.agreements.load import find_agreement
from overstap.ledger.retention import retain as erase_what_is_due
from overstap.rounds.context import Context


def retain(context: Context, region: str, school_year: str) -> Counter[str] | None:
    """Erase what is due in all rounds that the region ever had, as its present agreement says.

    Args:
        context: settings and ledger.
        region: region id.
        school_year: school year.

    Returns:
        Counts of what was erased; None when the agreement says nothing about it, so that nothing is erased by itself.
    """
    agreed = find_agreement(context.settings.regions, region, school_year).retention
    if agreed is None:
        return None
    return erase_what_is_due(
        context.ledger, region, actor="retain", content_days=agreed.content_days, traces_days=agreed.traces_days
    )
