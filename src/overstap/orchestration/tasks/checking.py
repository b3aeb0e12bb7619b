"""What is new is judged, for the whole region at once."""

import logging
from collections import Counter

from overstap.clock import now, wall
from overstap.ledger.rounds import rounds
from overstap.orchestration.round_context import RoundRef, bare_workplace, say, workplace

log = logging.getLogger(__name__)


def check(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Judge what is new in the whole region at once, make each school's report, and write the region's quality page."""
    from overstap.quality import registers
    from overstap.quality.publishing import publish
    from overstap.quality.region import judge_round

    with workplace(RoundRef(region, school_year, kind), "check") as place:
        judged = judge_round(
            place.ledger,
            agreement=place.agreement,
            agreed=place.round,
            round_id=place.ref.round_id,
            actor="check",
            today=wall(now()).date(),
            made_at=now(),
            registers=registers.load(place.settings.registers),
        )
        if place.settings.reports is not None:
            with place.ledger.unit(region, "check") as unit:
                page = publish(unit, place.settings.reports, place.ref.round_id)
            log.info("Kwaliteit | quality: %s", page.name)
    say("Gecontroleerd | checked", judged)
    return dict(judged)


def check_early(region: str, school_year: str) -> dict[str, int]:
    """Judge what came in so far, for each round that is open and not yet due, so that schools can mend in time."""
    with bare_workplace() as (_, ledger), ledger.unit(region, "check_early") as unit:
        kinds = [one.kind.value for one in rounds.collecting(unit, school_year)]
    judged: Counter[str] = Counter()
    for kind in kinds:
        judged.update(check(region, school_year, kind))
    return dict(judged)
