"""Task that compares applications with other regions, after the moments that the agreement names."""

from airflow.sdk.exceptions import AirflowSkipException

from overstap.orchestration.round_context import bare_workplace, say


def compare_regions(region: str, school_year: str) -> dict[str, int]:
    """Compare with each region with which a comparison is due; tell how many pupils are in both.

    Raises:
        AirflowSkipException: no agreed moment has passed since the last comparison.
    """
    from overstap.rounds import region_comparison

    with bare_workplace() as context:
        done = region_comparison.compare(context, region, school_year)
        if done is None:
            raise AirflowSkipException("Er is vandaag geen vergelijking met een andere regio afgesproken.")
    say("In twee regio's aangemeld | applied in two regions", done)
    return dict(done)
