"""A school year played on paper: what an agreement makes happen on which day, with made-up schools and families.

No dossier, ledger or Airflow takes part: only counts. It shows a coordinator whether the agreed dates leave schools and
parents enough time, before anybody is bound by them.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum

from overstap.agreements.days import reminder_moment
from overstap.agreements.model import Agreement, Round, RoundKind
from overstap.agreements.national import National
from overstap.clock import NETHERLANDS, dutch_time

_TO_PARTNERSHIP = 10
"""One in so many pupils has a dossier for the partnership."""


class Event(StrEnum):
    """What happened."""

    OPENS = "opens"
    SUPPLIED = "supplied"
    REMINDED = "reminded"
    DATA_DUE = "data_due"
    RELEASED = "released"
    """To a partnership, for which no parents inspect."""
    REVIEW_OPENS = "review_opens"
    REVIEWED = "reviewed"
    REVIEW_CLOSES = "review_closes"
    DELIVERS = "delivers"
    RECEIPTS_DUE = "receipts_due"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something on a day of the rehearsal.

    Args:
        at: when, UTC.
        round: in which round.
        event: what.
        dossiers: how many dossiers it is about.
        schools: how many schools it is about.
        of: how many dossiers there are in all.
    """

    at: datetime
    round: RoundKind
    event: Event
    dossiers: int
    schools: int
    of: int

    @property
    def day(self) -> date:
        """The day, on a Dutch wall."""
        return dutch_time(self.at).date()


@dataclass(frozen=True, slots=True)
class Habits:
    """How made-up schools and families behave.

    Args:
        late: part of the schools that misses the deadline.
        silent: part of the families that does not inspect in time.
        pupils: how many pupils of group 8 a school has, least and most.
    """

    late: float = 0.05
    silent: float = 0.04
    pupils: tuple[int, int] = (12, 45)


def rehearse(agreement: Agreement, national: National, chance: random.Random, habits: Habits) -> list[Happening]:
    """Return what happens in a school year, in the order of time.

    Args:
        agreement: what was agreed.
        national: its school year.
        chance: the same state gives the same year.
        habits: how schools and families behave.
    """
    found: list[Happening] = []
    supplying = dict.fromkeys(school.id for kind in agreement.rounds for school in agreement.suppliers(kind))
    pupils = {school: chance.randint(*habits.pupils) for school in supplying}
    for kind, agreed in agreement.rounds.items():
        found.extend(_round(agreement, national, kind, agreed, pupils, chance, habits))
    return sorted(found, key=lambda happening: (happening.at, list(Event).index(happening.event)))


def _round(
    agreement: Agreement,
    national: National,
    kind: RoundKind,
    agreed: Round,
    pupils: dict[str, int],
    chance: random.Random,
    habits: Habits,
) -> Iterator[Happening]:
    part = 1 if kind.is_inspected else _TO_PARTNERSHIP
    pupils = {school.id: max(1, pupils[school.id] // part) for school in agreement.suppliers(kind)}
    stones, total = agreed.milestones, sum(pupils.values())

    def happening(at: datetime, event: Event, dossiers: int, schools: int) -> Happening:
        return Happening(at.astimezone(UTC), kind, event, dossiers, schools, total)

    supplied_at = _supplies(agreement, national, kind, chance, habits)
    yield happening(stones.opens, Event.OPENS, total, len(pupils))
    for moment in sorted(set(supplied_at.values())):
        schools = [school for school, at in supplied_at.items() if at == moment]
        yield happening(moment, Event.SUPPLIED, sum(pupils[school] for school in schools), len(schools))
    for days in sorted({reminder.days_before for reminder in agreed.reminders if reminder.of == "data_due"}):
        moment = reminder_moment(stones.data_due, days)
        waiting = [school for school in pupils if school not in supplied_at or supplied_at[school] > moment]
        if moment >= stones.opens.astimezone(UTC):
            yield happening(moment, Event.REMINDED, sum(pupils[school] for school in waiting), len(waiting))
    in_time = sum(pupils[school] for school in supplied_at)
    yield happening(stones.data_due, Event.DATA_DUE, in_time, len(supplied_at))
    receivers = len(agreement.receivers(kind))
    if not kind.is_inspected:
        yield happening(stones.data_due, Event.RELEASED, in_time, len(supplied_at))
        yield happening(stones.delivers, Event.DELIVERS, in_time, receivers)
        yield happening(stones.receipts_due, Event.RECEIPTS_DUE, in_time, receivers)
        return
    yield happening(stones.review_opens, Event.REVIEW_OPENS, in_time, len(supplied_at))
    answered = sum(chance.random() >= habits.silent for _ in range(in_time))
    noons = _noons(agreement, national, stones.review_opens, stones.review_closes)
    for noon, count in zip(noons, _answered_on(len(noons), answered, chance), strict=True):
        if count:
            yield happening(noon, Event.REVIEWED, count, len(supplied_at))
    yield happening(stones.review_closes, Event.REVIEW_CLOSES, answered, len(supplied_at))
    yield happening(stones.delivers, Event.DELIVERS, answered, receivers)
    yield happening(stones.receipts_due, Event.RECEIPTS_DUE, answered, receivers)


def _supplies(
    agreement: Agreement, national: National, kind: RoundKind, chance: random.Random, habits: Habits
) -> dict[str, datetime]:
    """Return when each school has supplied all; a school that is late is not in it. Most come in the last days."""
    stones = agreement.round(kind).milestones
    noons = _noons(agreement, national, stones.opens, stones.data_due)
    return {
        school.id: noons[min(len(noons) - 1, int(len(noons) * chance.betavariate(3, 1)))]
        for school in agreement.suppliers(kind)
        if chance.random() >= habits.late
    }


def _answered_on(days: int, answered: int, chance: random.Random) -> list[int]:
    """Return how many families answer on each day: most on the first days and on the last."""
    counts = [0] * days
    for _ in range(answered):
        counts[min(days - 1, int(days * chance.betavariate(0.7, 0.9)))] += 1
    return counts


def _noons(agreement: Agreement, national: National, opens: datetime, closes: datetime) -> list[datetime]:
    """Return noon of each school day in a period, as far as it lies in it; its end when there is none."""
    days = national.school_days(dutch_time(opens).date(), dutch_time(closes).date(), agreement.holiday_region)
    noons = [datetime.combine(day, time(12), NETHERLANDS).astimezone(UTC) for day in days]
    return [noon for noon in noons if opens.astimezone(UTC) <= noon <= closes.astimezone(UTC)] or [
        closes.astimezone(UTC)
    ]
