"""Task: erases what a region's rounds left and what was kept long enough."""

from airflow.sdk.exceptions import AirflowSkipException

from overstap.orchestration.round_context import bare_workplace, say


def retain(region: str, school_year: str) -> dict[str, int]:
    """Erase what is due in all rounds that the region ever had, as its present agreement says.

    Raises:
        AirflowSkipException: the agreement says nothing about it, so nothing is erased by itself.
    """
    from overstap.rounds import retaining

    with bare_workplace() as context:
        done = retaining.retain(context, region, school_year)
        if done is None:
            raise AirflowSkipException("De afspraken zeggen niets over bewaren (retention): er wordt niets gewist.")
    say("Gewist | erased", done)
    return dict(done)
