"""Erases what a region's rounds left and what was kept long enough."""

from airflow.sdk.exceptions import AirflowSkipException

from overstap.agreements.load import find_agreement
from overstap.ledger.retention import retain as erase_what_is_due
from overstap.orchestration.round_context import bare_workplace, say


def retain(region: str, school_year: str) -> dict[str, int]:
    """Erase what is due in all rounds that the region ever had, as its present agreement says.

    Raises:
        AirflowSkipException: the agreement says nothing about it, so nothing is erased by itself.
    """
    with bare_workplace() as (settings, ledger):
        agreed = find_agreement(settings.regions, region, school_year).retention
        if agreed is None:
            raise AirflowSkipException("De afspraken zeggen niets over bewaren (retention): er wordt niets gewist.")
        done = erase_what_is_due(
            ledger, region, actor="retain", content_days=agreed.content_days, traces_days=agreed.traces_days
        )
    say("Gewist | erased", done)
    return dict(done)
