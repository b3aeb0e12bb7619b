"""A round whose agreement changes while it runs: what has fired stays, nothing fires twice, moments are on the wall.

A year is played from moment to moment, as the waits of a round do: each is over at the moment that holds by then.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.change_verdicts import ChangeContext, decide, shifted
from overstap.agreements.due_reminders import DueReminder, reminders, reminders_between
from overstap.agreements.model import HolidayRegion, Reminder, wall_time_exists
from overstap.agreements.national import assumed
from overstap.clock import NETHERLANDS, dutch_time
from overstap.simulation.synthetic.agreement import agreement_of
from overstap.simulation.synthetic.region import make_region

YEARS = range(2024, 2041)
KINDS = (RoundKind.ADVICE, RoundKind.SUPPORT)
REMINDERS = tuple(Reminder(of=of, days_before=days) for of in ("data_due", "receipts_due") for days in (1, 3, 7))


@dataclass
class PlayedYear:
    """A round as its waits live through it."""

    kind: RoundKind
    holds: Agreement
    at: datetime
    fired: dict[str, datetime] = field(default_factory=dict)
    reminded: list[DueReminder] = field(default_factory=list)

    def until(self, end: datetime) -> None:
        """Let time go by; each wait is over at its moment, in the order of the round."""
        for name in self.kind.milestones:
            if name in self.fired:
                continue
            moment = self.moment(name)
            if moment > end:
                break
            self.look(moment)
            self.fired[name] = moment
        self.look(end)

    def look(self, at: datetime) -> None:
        self.reminded += reminders_between(self.holds, self.at, at)
        self.at = at

    def moment(self, name: str) -> datetime:
        found: datetime = getattr(self.holds.round(self.kind).milestones, name)
        return found.astimezone(UTC)

    def offer(self, changed: Agreement) -> set[str]:
        """Offer a changed file; return the milestones that moved."""
        before = {name: self.moment(name) for name in self.kind.milestones}
        self.holds = decide(self.holds, changed, self.kind, ChangeContext(self.at)).agreement
        return {name for name in before if self.moment(name) != before[name]}


@st.composite
def years(draw: st.DrawFn) -> tuple[RoundKind, list[datetime]]:
    """Moments of a round on Dutch walls, of any year, often around a change of the clock, a holiday or a leap day."""
    year = draw(st.sampled_from(YEARS))
    kind = draw(st.sampled_from(KINDS))
    national = assumed(f"{year - 1}-{year}")
    part = draw(st.sampled_from(HolidayRegion))
    near = [datetime(year, 3, 28), datetime(year, 10, 25), datetime(year, 2, 27)]  # noqa: DTZ001 (wall times)
    near += [datetime(day.year, day.month, day.day) for day in national.public_holidays]  # noqa: DTZ001
    near += [datetime.combine(holiday.of(part).last, datetime.min.time()) for holiday in national.school_holidays]
    begin = draw(st.sampled_from(near)) - timedelta(days=draw(st.integers(0, 40)))
    gaps = draw(st.lists(st.integers(0, 15 * 24 * 60), min_size=6, max_size=6))
    moments = [begin + timedelta(minutes=sum(gaps[: serial + 1])) for serial in range(6)]
    return kind, [on_the_wall(moment) for moment in moments]


def on_the_wall(moment: datetime) -> datetime:
    """Return a wall time that a clock shows: in the hour that it skips, an hour later, as a person would say."""
    later = moment if wall_time_exists(moment) else moment + timedelta(hours=1)
    return later.replace(tzinfo=NETHERLANDS)


REGION = make_region(1, 4, 2, 1, today=datetime(2026, 11, 23, tzinfo=UTC).date(), name="alfa", late=0, faulty=0,
                     littered=0, database=0)  # fmt: skip
USUAL = {kind: agreement_of(REGION, {kind: stones}).rounds[kind].milestones
         for kind, stones in ((one, agreement_of(REGION).round("advice").milestones) for one in KINDS)}  # fmt: skip


def agreed(kind: RoundKind, moments: list[datetime]) -> Agreement:
    usual = agreement_of(REGION, {kind: USUAL[kind]})
    reminded = usual.round(kind).model_copy(update={"reminders": REMINDERS})
    usual = usual.model_copy(update={"rounds": {kind: reminded}})
    in_order = sorted(moments, key=lambda moment: moment.astimezone(UTC))
    names = ("opens", "data_due", "review_opens", "review_closes", "delivers", "receipts_due")
    return shifted(usual, kind, dict(zip(names, in_order, strict=True)))


@pytest.mark.fault("F31", "F32", "F35", "F37")
@settings(max_examples=150, deadline=None)
@given(year=years(), moves=st.lists(st.tuples(st.integers(1, 99), st.lists(st.integers(-9 * 1440, 9 * 1440), min_size=6,
                                                                          max_size=6)), max_size=4))  # fmt: skip
def test_waits_that_move_fire_once_in_order_and_at_the_agreed_wall_time(
    year: tuple[RoundKind, list[datetime]], moves: list[tuple[int, list[int]]]
) -> None:
    kind, moments = year
    played = PlayedYear(kind, agreed(kind, moments), moments[0].astimezone(UTC) - timedelta(days=1))
    span = moments[-1].astimezone(UTC) + timedelta(days=10) - played.at
    began = played.at
    for percent, minutes in sorted(moves):
        played.until(max(played.at, began + span * percent / 100))
        said = [
            on_the_wall(moment.replace(tzinfo=None) + timedelta(minutes=by))
            for moment, by in zip(moments, minutes, strict=True)
        ]
        offered = agreed(kind, said)
        fired = dict(played.fired)
        moved = played.offer(offered)
        for name, moment in fired.items():
            assert played.moment(name) == moment, "what has fired is never put off to fire again"
        for name in moved:
            assert name not in fired
            assert played.moment(name) > played.at, "nothing is moved into the past, to fire at once"
            stated = getattr(offered.round(kind).milestones, name)
            assert dutch_time(played.moment(name)).replace(tzinfo=None) == stated.replace(tzinfo=None), (
                "as the file says it"
            )
        held = [played.moment(name) for name in kind.milestones]
        assert held == sorted(held)
    played.until(max(began + span, *(played.moment(name) for name in kind.milestones)))
    assert list(played.fired) == list(kind.milestones)
    assert list(played.fired.values()) == sorted(played.fired.values())
    assert played.fired == {name: played.moment(name) for name in kind.milestones}, "each at what holds in the end"
    assert len(set(played.reminded)) == len(played.reminded), "no reminder of one deadline twice"


@settings(max_examples=80, deadline=None)
@given(year=years())
def test_a_round_that_nobody_changes_gives_each_reminder_once(year: tuple[RoundKind, list[datetime]]) -> None:
    kind, moments = year
    played = PlayedYear(kind, agreed(kind, moments), moments[0].astimezone(UTC) - timedelta(days=1))
    played.until(moments[-1].astimezone(UTC) + timedelta(days=1))
    assert sorted(played.reminded, key=str) == sorted(reminders(played.holds), key=str)
