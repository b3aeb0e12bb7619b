"""Participants of a rehearsal: synthetic schools and families instead of the region's own, and when they act."""

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from overstap.agreements import Agreement, Round, RoundKind
from overstap.agreements.national import NationalYear
from overstap.agreements.rehearsal import RehearsalAssumptions
from overstap.clock import NETHERLANDS, dutch_time
from overstap.simulation.synthetic.agreement import agreement_of
from overstap.simulation.synthetic.region import SyntheticRegion, make_region
from overstap.simulation.synthetic.reviews import SyntheticDecision, reviews_of
from overstap.simulation.synthetic.school import PrimarySchool

REHEARSED = (RoundKind.PRE_REGISTRATION, RoundKind.ADVICE, RoundKind.PLACEMENT, RoundKind.SUPPORT)
"""Kinds of round for which there are synthetic dossiers."""
LATE_BY = timedelta(days=2)
"""Delay of a late school after the deadline; it supplies on the first school day from then on."""


def make_participants(
    agreement: Agreement, *, seed: int, pupils: int, schools: int
) -> tuple[SyntheticRegion, Agreement]:
    """Return a synthetic region, and the agreement with the synthetic schools instead of its own.

    Args:
        agreement: the region's agreement, whose dates, categories and people are kept.
        seed: the same seed gives the same region.
        pupils: number of pupils in all.
        schools: number of primary schools.
    """
    first = min(agreed.milestones.opens for agreed in agreement.rounds.values())
    region = make_region(
        *(seed, pupils, schools, 2),
        today=dutch_time(first).date(),
        name=agreement.region,
        title=agreement.name,
        school_year=agreement.school_year,
        late=0,
        faulty=1 if schools > 1 else 0,
        littered=0,
        database=0,
        placed_twice=max(1, pupils // 100),
    )
    made_up = agreement_of(
        region, {kind: agreed.milestones for kind, agreed in agreement.rounds.items() if kind in REHEARSED}
    )
    rounds = {kind: agreed for kind, agreed in agreement.rounds.items() if kind in REHEARSED}
    return region, agreement.model_copy(
        update={"schools": made_up.schools, "registrations": made_up.registrations, "rounds": rounds}
    )


@dataclass(frozen=True, slots=True)
class ActingMoments:
    """Moments at which participants act: noon of school days of the region.

    Args:
        agreement: the agreement, with its holidays.
        national: the national school year.
        chance: random generator that decides who acts when.
        assumptions: shares of late schools and silent families.
    """

    agreement: Agreement
    national: NationalYear
    chance: random.Random
    assumptions: RehearsalAssumptions

    def noons(self, opens: datetime, closes: datetime) -> list[datetime]:
        """Return noon of each school day within a period."""
        part = self.agreement.holiday_region
        days = self.national.school_days(dutch_time(opens).date(), dutch_time(closes).date(), part)
        return [noon for day in days if opens < (noon := _noon(day)) < closes]

    def supplies(self, region: SyntheticRegion, agreed: Round) -> dict[str, tuple[datetime, bool]]:
        """Return when each school supplies, and whether that is after the deadline; most supply in the last days."""
        stones = agreed.milestones
        noons = self.noons(stones.opens, stones.data_due)
        late = self.national.next_school_day(
            dutch_time(stones.data_due + LATE_BY).date(), self.agreement.holiday_region
        )
        late_ones = {school.id for school in region.primary if self.chance.random() < self.assumptions.late}
        found = {}
        for school in region.primary:
            if school.id in late_ones or not noons:
                found[school.id] = (_noon(late), True)
            else:
                found[school.id] = (noons[min(len(noons) - 1, int(len(noons) * self.chance.betavariate(3, 1)))], False)
        return found

    def answers(
        self, region: SyntheticRegion, school: PrimarySchool, opens: datetime, closes: datetime
    ) -> dict[datetime, list[SyntheticDecision]]:
        """Return the decisions of a school's families by moment; most decide on the first days and on the last."""
        noons = self.noons(opens, closes)
        found: dict[datetime, list[SyntheticDecision]] = {}
        for review in reviews_of(region, school, dutch_time(opens).date()):
            if noons and self.chance.random() >= self.assumptions.silent:
                noon = noons[min(len(noons) - 1, int(len(noons) * self.chance.betavariate(0.7, 0.9)))]
                seen = SyntheticDecision(review.las_key, dutch_time(noon).date(), review.agreed, review.view)
                found.setdefault(noon, []).append(seen)
        return found


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), NETHERLANDS)
