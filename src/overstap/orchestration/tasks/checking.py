"""Tasks that run the quality checks on new dossiers, for the whole region at once."""

from overstap.agreements import RoundId
from overstap.orchestration.round_context import bare_workplace, say, workplace


def check(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Judge what is new in the whole region at once, make each school's report, and write the region's quality page."""
    from overstap.rounds import checking

    with workplace(RoundId.of(region, school_year, kind), "check") as context:
        judged = checking.check(context)
    say("Gecontroleerd | checked", judged)
    return dict(judged)


def check_early(region: str, school_year: str) -> dict[str, int]:
    """Judge what came in so far, for each round that is open and not yet due, so that schools can mend in time."""
    from overstap.rounds import checking

    with bare_workplace() as context:
        judged = checking.check_early(context, region, school_year)
    say("Gecontroleerd | checked", judged)
    return dict(judged)
