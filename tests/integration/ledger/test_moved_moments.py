"""Tests of milestones that move across a change of the clock: each passes once, by Dutch time."""

from datetime import datetime, timedelta

import pytest
from test_walk import REGION, agreement

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.change_verdicts import shifted
from overstap.clock import NETHERLANDS, dutch_time
from overstap.ledger import Ledger
from overstap.ledger.rounds import milestones, rounds
from overstap.ledger.rounds.steering import apply_file
from overstap.ledger.simulated_clock import set_clock

KIND = RoundKind.ADVICE
YEARS = (2024, 2027, 2028, 2033, 2040)
SECOND = timedelta(seconds=1)


def of_year(year: int, **moved: int) -> Agreement:
    """The advice round of a year, moments at eight on Dutch walls, some moved by days over the change of the clock."""
    days = {"opens": 1, "data_due": 20, "review_opens": 22, "review_closes": 26, "delivers": 27, "receipts_due": 31}
    moments = {
        name: datetime(year, 3, 1, 8, tzinfo=NETHERLANDS) + timedelta(days=day + moved.get(name, 0) - 1)
        for name, day in days.items()
    }
    usual = agreement().model_copy(update={"school_year": f"{year - 1}-{year}"})
    return shifted(usual, KIND, moments)


@pytest.mark.fault("F31", "F32")
def test_each_moment_comes_once_at_the_wall_time_that_holds(ledger: Ledger, owner_dsn: str) -> None:
    for year in YEARS:
        stated, moved = of_year(year), of_year(year, review_closes=3, delivers=5, receipts_due=4)
        round_id = stated.round_id(KIND)
        stones = stated.round(KIND).milestones
        set_clock(owner_dsn, stones.opens)
        with ledger.unit(REGION, "open_round") as unit:
            rounds.open_round(unit, stated, KIND)
        come: list[str] = []
        for name in KIND.milestones:
            if name == "review_closes":  # by then the window has begun: it gets longer over the change of the clock
                with ledger.unit(REGION, "file") as unit:
                    decided = apply_file(unit, round_id, moved, taken_by="file")
                assert decided is not None
                assert decided.refused == ()
            stones = (moved if name in ("review_closes", "delivers", "receipts_due") else stated).round(KIND).milestones
            moment = getattr(stones, name)
            assert dutch_time(moment).hour == 8
            for at in (moment - SECOND * 30, moment, moment + SECOND):
                set_clock(owner_dsn, at)
                with ledger.unit(REGION, "alert") as unit:
                    come += [one.milestone for one in milestones.note_passed(unit, round_id)]
                assert come == list(KIND.milestones)[: len(come)]
                assert (name in come) == (at >= moment), (year, name)
        with ledger.unit(REGION, "test") as unit:
            assert [one.milestone for one in milestones.passed(unit, round_id)] == come == list(KIND.milestones)
