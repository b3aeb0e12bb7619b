"""Tests of the timeline of rounds: names of months leave room for the word at the line of today."""

from datetime import UTC, datetime, timedelta

import pytest

from overstap.agreements import Milestones, RoundKind
from overstap.pages.board.charts import timeline
from overstap.pages.board.rounds import RoundView


def view(opens: datetime) -> RoundView:
    moments = {name: opens + timedelta(days=30 * place) for place, name in enumerate(Milestones.model_fields)}
    return RoundView(
        *("alfa.2026-2027.advice", "alfa", "Alfa", "2026-2027", RoundKind.ADVICE, Milestones(**moments)),
        *(moments["opens"], None, ()),
    )


@pytest.mark.parametrize(
    ("today", "hidden"),
    [
        (datetime(2027, 1, 1, tzinfo=UTC), {"jan"}),
        (datetime(2026, 12, 31, tzinfo=UTC), {"jan"}),
        (datetime(2027, 1, 5, tzinfo=UTC), {"jan"}),
        (datetime(2027, 1, 16, tzinfo=UTC), set()),
    ],
    ids=["on it", "just before", "just behind", "away from it"],
)
def test_a_month_that_begins_today_is_not_written_under_the_word(today: datetime, hidden: set[str]) -> None:
    drawn = timeline([view(datetime(2026, 11, 20, tzinfo=UTC))], today)
    assert drawn is not None
    assert len(drawn.months) == 5
    assert {"dec", "jan", "feb", "mrt", "apr"} - {name for _, name in drawn.months} == hidden
