"""Figures of a played year: peaks, cost of each kind of work, growth of the cost per dossier."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from overstap.agreements import RoundKind
from overstap.clock import dutch_time
from overstap.simulation.rehearsal.play import RehearsalWork
from overstap_tools.bench.year_player import Played, Spent

NOT_OURS = frozenset({RehearsalWork.HAND_IN, RehearsalWork.VERIFY})
"""What schools do, and what only a rehearsal does at the close of each round: counted nowhere."""
GROWTH_BUDGET = 1.05
"""Largest permitted ratio of the last tenth's cost per dossier to the first tenth's."""
CORES, HOUR_SECONDS = 2, 3_600


@dataclass(frozen=True, slots=True)
class WorkCost:
    """What a kind of work took in the whole year.

    Args:
        what: the kind of work.
        overstap: processor seconds of the processes that play.
        postgres: of their connections' processes.
        endpoints: of the receiving schools.
        ms_per_dossier: milliseconds of all of them per confirmed dossier.
        peak_day: the day on which it took most.
        peak_seconds: processor seconds on that day.
    """

    what: str
    overstap: float
    postgres: float
    endpoints: float
    ms_per_dossier: float
    peak_day: date
    peak_seconds: float


@dataclass(frozen=True, slots=True)
class DayCost:
    """What a day took.

    Args:
        day: the day.
        seconds: processor seconds.
        hour: its busiest hour.
        hour_seconds: processor seconds of that hour.
        collected: dossiers that came in.
        answered: families that answered.
        receipts: envelopes that were confirmed; before a registration a dossier may go to several schools.
    """

    day: date
    seconds: float
    hour: int
    hour_seconds: float
    collected: int
    answered: int
    receipts: int

    @property
    def hour_share(self) -> float:
        """Share of two cores that its busiest hour needs."""
        return share_of_an_hour(self.hour_seconds)


@dataclass(frozen=True, slots=True)
class Growth:
    """Cost per confirmed dossier of the rounds of a kind that delivered first, and of those that did last.

    Args:
        kind: kind of the round.
        rounds: how many rounds are in each of both.
        first_ms: milliseconds of processors per dossier in the first tenth.
        last_ms: the same in the last tenth.
        dossiers: how many were confirmed in all rounds of this kind.
    """

    kind: RoundKind
    rounds: tuple[int, int]
    first_ms: float
    last_ms: float
    dossiers: int

    @property
    def ratio(self) -> float:
        """How many times as much the last ones cost."""
        return self.last_ms / self.first_ms


@dataclass(frozen=True, slots=True)
class SameAfternoon:
    """All regions deliver on one afternoon.

    Args:
        kind: kind of the rounds, of which it takes most.
        dossiers: how many.
        seconds: processor seconds.
    """

    kind: RoundKind
    dossiers: int
    seconds: float

    @property
    def hour_share(self) -> float:
        """Share of two cores, if it shall be done within an hour."""
        return share_of_an_hour(self.seconds)


def share_of_an_hour(seconds: float) -> float:
    """Return the share of two cores during an hour."""
    return seconds / (CORES * HOUR_SECONDS)


def cost(played: Iterable[Played]) -> float:
    """Return the processor seconds of the work that counts."""
    return sum(spent.cpu for one in played for work, spent in one.spent.items() if work not in NOT_OURS)


def total(played: Iterable[Played], count: str) -> int:
    """Return the sum of a count."""
    return sum(one.counts.get(count, 0) for one in played)


def work_costs(played: Sequence[Played]) -> list[WorkCost]:
    """Return what each kind of work took, the dearest first."""
    whole: dict[RehearsalWork, Spent] = defaultdict(Spent)
    days: dict[RehearsalWork, Counter[date]] = defaultdict(Counter)
    for one in played:
        for work, spent in one.spent.items():
            if work not in NOT_OURS:
                whole[work].add(spent)
                days[work][_day(one.at)] += spent.cpu  # type: ignore[assignment]
    confirmed = max(1, total(played, "closed confirmed"))
    found = []
    for work, spent in whole.items():
        day = max(days[work], key=lambda each: (days[work][each], each))
        ms = 1000 * spent.cpu / confirmed
        found.append(
            WorkCost(work.value, spent.overstap, spent.postgres, spent.endpoints, ms, day, float(days[work][day]))
        )
    return sorted(found, key=lambda each: -each.ms_per_dossier)


def days(played: Sequence[Played]) -> list[DayCost]:
    """Return what each day took, the busiest first."""
    by_day: dict[date, list[Played]] = defaultdict(list)
    for one in played:
        by_day[_day(one.at)].append(one)
    found = []
    for day, own in by_day.items():
        hours: dict[int, list[Played]] = defaultdict(list)
        for one in own:
            hours[dutch_time(one.at).hour].append(one)
        costs = {hour: cost(within) for hour, within in hours.items()}
        hour = max(costs, key=lambda each: (costs[each], each))
        counts = (total(own, name) for name in ("collected new", "answered families", "delivered confirmed"))
        found.append(DayCost(day, cost(own), hour, costs[hour], *counts))
    return sorted(found, key=lambda each: -each.seconds)


def growth(played: Sequence[Played]) -> list[Growth]:
    """Compare the tenth of the dossiers that was delivered first with the last one, for each kind of round.

    A round's cost is that of all its work, from opening to close. Rounds of different kinds do not do the same work, so
    they are not compared.
    """
    found = []
    for kind in dict.fromkeys(one.kind for one in played):
        rounds: dict[str, list[Played]] = defaultdict(list)
        for one in played:
            if one.kind is kind:
                rounds[one.region].append(one)
        settled = [own for own in rounds.values() if total(own, "closed confirmed")]
        if len(settled) > 1:
            settled.sort(key=_delivered_at)
            dossiers = sum(total(own, "closed confirmed") for own in settled)
            first, last = _tenth(settled, dossiers), _tenth(settled[::-1], dossiers)
            found.append(Growth(kind, (len(first), len(last)), _ms(first), _ms(last), dossiers))
    return found


def ratio(grown: Sequence[Growth]) -> float | None:
    """Return how many times as much the last tenths cost as the first ones, weighed by dossiers; None without any."""
    first = sum(one.dossiers * one.first_ms for one in grown)
    return sum(one.dossiers * one.last_ms for one in grown) / first if first else None


def same_afternoon(played: Sequence[Played]) -> SameAfternoon | None:
    """Return what it takes if the rounds of a kind deliver at once; None when nothing was delivered."""
    found = []
    for kind in dict.fromkeys(one.kind for one in played):
        delivering = [one for one in played if one.kind is kind and one.counts.get("delivered")]
        if delivering:
            found.append(SameAfternoon(kind, total(delivering, "delivered dossiers"), cost(delivering)))
    return max(found, key=lambda each: each.seconds, default=None)


def _tenth(rounds: Sequence[list[Played]], dossiers: int) -> list[list[Played]]:
    """Return the first of the rounds, until they hold a tenth of the dossiers."""
    found: list[list[Played]] = []
    while sum(total(own, "closed confirmed") for own in found) < dossiers / 10:
        found.append(rounds[len(found)])
    return found


def _ms(rounds: Sequence[list[Played]]) -> float:
    return 1000 * sum(map(cost, rounds)) / sum(total(own, "closed confirmed") for own in rounds)


def _delivered_at(own: Sequence[Played]) -> tuple[datetime, str]:
    return min(one.at for one in own if one.counts.get("delivered")), own[0].region


def _day(at: datetime) -> date:
    return dutch_time(at).date()
