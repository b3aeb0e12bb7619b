"""Task that writes approved drafts of agreements to the agreement files."""

from overstap.orchestration.round_context import bare_workplace, say


def apply_agreement(region: str, school_year: str) -> dict[str, int]:
    """Write the drafts that two coordinators agreed on to the region's agreement files, of whatever school year.

    Raises:
        OverstapError: AGREEMENT-032 when the folder of agreements cannot be written.
    """
    from overstap.rounds import agreeing

    with bare_workplace() as context:
        done = agreeing.write_approved(context, region)
    say("Afspraken | agreements", done)
    return dict(done)
