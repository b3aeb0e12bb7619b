"""Retention: erasing of data of a region's rounds whose period has ended."""

from collections import Counter

from overstap.agreements.load import find_agreement
from overstap.ledger.retention import retain as erase_what_is_due
from overstap.rounds.context import Context


def retain(context: Context, region: str, school_year: str) -> Counter[str] | None:
    """Erase due data of all rounds of the region, by its present agreement.

    Args:
        context: settings and ledger.
        region: region id.
        school_year: school year.

    Returns:
        Counts of what was erased; None when the agreement has no retention periods.
    """
    agreed = find_agreement(context.settings.regions, region, school_year).retention
    if agreed is None:
        return None
    return erase_what_is_due(
        context.ledger, region, actor="retain", content_days=agreed.content_days, traces_days=agreed.traces_days
    )
