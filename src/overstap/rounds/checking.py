"""Checking of new dossier versions, over the whole region at once."""

import logging
from collections import Counter

from overstap.clock import dutch_time
from overstap.ledger.rounds import rounds
from overstap.quality import advice_standing
from overstap.rounds.agreed import round_context
from overstap.rounds.context import Context, RoundContext
from overstap.rounds.garbage import fewer_collections

log = logging.getLogger(__name__)


@fewer_collections()
def check(context: RoundContext) -> Counter[str]:
    """Check new versions over the whole region at once, make each school's report, and write the region's quality page.

    Args:
        context: of the round.

    Returns:
        Counts: "accepted", "rejected" and "reports".
    """
    from overstap.quality import registers  # imported here because Great Expectations takes seconds to import
    from overstap.quality.publishing import publish
    from overstap.quality.region import judge_round

    judged = judge_round(
        context.ledger,
        agreement=context.agreement,
        agreed=context.round,
        round_id=context.round_id,
        actor="check",
        today=dutch_time(context.clock()).date(),
        made_at=context.clock(),
        registers=registers.load(context.settings.registers),
    )
    if context.kind.is_of_leavers:
        with context.unit("check") as unit:
            advice_standing.update(unit, context.agreement.school_year, dutch_time(context.clock()).date())
    reports = context.place("reports")
    if reports is not None:
        with context.unit("check") as unit:
            page = publish(unit, reports, context.round_id)
        log.info("Kwaliteit | quality: %s", page.name)
    return judged


def check_early(context: Context, region: str, school_year: str) -> Counter[str]:
    """Check what was supplied so far in each open round before `data_due`, so that schools can correct it in time.

    Args:
        context: settings and ledger.
        region: region id.
        school_year: school year.
    """
    with context.ledger.unit(region, "check_early") as unit:
        collecting = [one.round_id for one in rounds.collecting(unit, school_year)]
    judged: Counter[str] = Counter()
    for round_id in collecting:
        judged.update(check(round_context(context, round_id, "check")))
    return judged
