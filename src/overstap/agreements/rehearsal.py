"""Rehearsal of an agreement by counts: the events of each day of the school year, with simulated schools and families.

No dossiers, ledger or Airflow are involved. A coordinator sees whether the agreed dates leave schools and parents
enough time before the agreement takes effect.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum

from overstap.agreements.calendar_entries import reminder_moment
from overstap.agreements.model import Agreement, Round, RoundKind
from overstap.agreements.national import NationalYear
from overstap.clock import NETHERLANDS, dutch_time

_TO_PARTNERSHIP = 10
"""Number of pupils per dossier for the partnership."""


class TimelineEventKind(StrEnum):
    """Type of an event in the rehearsal."""

    OPENS = "opens"
    SUPPLIED = "supplied"
    REMINDED = "reminded"
    DATA_DUE = "data_due"
    RELEASED = "released"
    """Release without inspection, for delivery to a partnership."""
    REVIEW_OPENS = "review_opens"
    REVIEWED = "reviewed"
    REVIEW_CLOSES = "review_closes"
    DELIVERS = "delivers"
    RECEIPTS_DUE = "receipts_due"


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One event of the rehearsal.

    Args:
        at: moment, in UTC.
        round: kind of the round.
        event: type of the event.
        dossiers: number of dossiers involved.
        schools: number of schools involved.
        of: total number of dossiers of the round.
    """

    at: datetime
    round: RoundKind
    event: TimelineEventKind
    dossiers: int
    schools: int
    of: int

    @property
    def day(self) -> date:
        """The day, in Dutch wall time."""
        return dutch_time(self.at).date()


@dataclass(frozen=True, slots=True)
class RehearsalAssumptions:
    """Assumptions about the simulated schools and families.

    Args:
        late: fraction of the schools that miss the deadline, from 0 to 1.
        silent: fraction of the families that do not inspect in time, from 0 to 1.
        pupils: smallest and largest number of pupils in group 8 of a school.
    """

    late: float = 0.05
    silent: float = 0.04
    pupils: tuple[int, int] = (12, 45)


def rehearse(
    agreement: Agreement, national: NationalYear, generator: random.Random, assumptions: RehearsalAssumptions
) -> list[TimelineEvent]:
    """Return the events of a school year in chronological order.

    Args:
        agreement: agreement of the region.
        national: national data of its school year.
        generator: random generator; the same state gives the same events.
        assumptions: assumptions about schools and families.
    """
    found: list[TimelineEvent] = []
    supplying = dict.fromkeys(school.id for kind in agreement.rounds for school in agreement.suppliers(kind))
    pupils = {school: generator.randint(*assumptions.pupils) for school in supplying}
    for kind, agreed in agreement.rounds.items():
        found.extend(_round(agreement, national, kind, agreed, pupils, generator, assumptions))
    return sorted(found, key=lambda event: (event.at, list(TimelineEventKind).index(event.event)))


def _round(
    agreement: Agreement,
    national: NationalYear,
    kind: RoundKind,
    agreed: Round,
    pupils: dict[str, int],
    generator: random.Random,
    assumptions: RehearsalAssumptions,
) -> Iterator[TimelineEvent]:
    part = 1 if kind.is_inspected else _TO_PARTNERSHIP
    pupils = {school.id: max(1, pupils[school.id] // part) for school in agreement.suppliers(kind)}
    milestones, total = agreed.milestones, sum(pupils.values())

    def event(at: datetime, event: TimelineEventKind, dossiers: int, schools: int) -> TimelineEvent:
        return TimelineEvent(at.astimezone(UTC), kind, event, dossiers, schools, total)

    supplied_at = _supplies(agreement, national, kind, generator, assumptions)
    yield event(milestones.opens, TimelineEventKind.OPENS, total, len(pupils))
    for moment in sorted(set(supplied_at.values())):
        schools = [school for school, at in supplied_at.items() if at == moment]
        yield event(moment, TimelineEventKind.SUPPLIED, sum(pupils[school] for school in schools), len(schools))
    for days in sorted({reminder.days_before for reminder in agreed.reminders if reminder.of == "data_due"}):
        moment = reminder_moment(milestones.data_due, days)
        waiting = [school for school in pupils if school not in supplied_at or supplied_at[school] > moment]
        if moment >= milestones.opens.astimezone(UTC):
            yield event(moment, TimelineEventKind.REMINDED, sum(pupils[school] for school in waiting), len(waiting))
    in_time = sum(pupils[school] for school in supplied_at)
    yield event(milestones.data_due, TimelineEventKind.DATA_DUE, in_time, len(supplied_at))
    receivers = len(agreement.receivers(kind))
    if not kind.is_inspected:
        yield event(milestones.data_due, TimelineEventKind.RELEASED, in_time, len(supplied_at))
        yield event(milestones.delivers, TimelineEventKind.DELIVERS, in_time, receivers)
        yield event(milestones.receipts_due, TimelineEventKind.RECEIPTS_DUE, in_time, receivers)
        return
    yield event(milestones.review_opens, TimelineEventKind.REVIEW_OPENS, in_time, len(supplied_at))
    answered = sum(generator.random() >= assumptions.silent for _ in range(in_time))
    noons = _noons(agreement, national, milestones.review_opens, milestones.review_closes)
    for noon, count in zip(noons, _answered_on(len(noons), answered, generator), strict=True):
        if count:
            yield event(noon, TimelineEventKind.REVIEWED, count, len(supplied_at))
    yield event(milestones.review_closes, TimelineEventKind.REVIEW_CLOSES, answered, len(supplied_at))
    yield event(milestones.delivers, TimelineEventKind.DELIVERS, answered, receivers)
    yield event(milestones.receipts_due, TimelineEventKind.RECEIPTS_DUE, answered, receivers)


def _supplies(
    agreement: Agreement,
    national: NationalYear,
    kind: RoundKind,
    generator: random.Random,
    assumptions: RehearsalAssumptions,
) -> dict[str, datetime]:
    """Return the moment at which each punctual school has supplied all dossiers, mostly in the last days."""
    milestones = agreement.round(kind).milestones
    noons = _noons(agreement, national, milestones.opens, milestones.data_due)
    return {
        school.id: noons[min(len(noons) - 1, int(len(noons) * generator.betavariate(3, 1)))]
        for school in agreement.suppliers(kind)
        if generator.random() >= assumptions.late
    }


def _answered_on(days: int, answered: int, generator: random.Random) -> list[int]:
    """Return the number of families that answer on each day, mostly on the first and the last days."""
    counts = [0] * days
    for _ in range(answered):
        counts[min(days - 1, int(days * generator.betavariate(0.7, 0.9)))] += 1
    return counts


def _noons(agreement: Agreement, national: NationalYear, opens: datetime, closes: datetime) -> list[datetime]:
    """Return noon (UTC) of each school day within a period; the end of the period when there is none."""
    days = national.school_days(dutch_time(opens).date(), dutch_time(closes).date(), agreement.holiday_region)
    noons = [datetime.combine(day, time(12), NETHERLANDS).astimezone(UTC) for day in days]
    return [noon for noon in noons if opens.astimezone(UTC) <= noon <= closes.astimezone(UTC)] or [
        closes.astimezone(UTC)
    ]
