"""Tests of today's work of a coordinator, and of a round's phase by what happened."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from overstap.agreements import Milestones, RoundKind
from overstap.ledger.rounds.task_failures import TaskFailure, TaskInstanceRef
from overstap.pages.board.airflow_port import GateQuestion
from overstap.pages.board.funnel import FunnelLayer, FunnelStep
from overstap.pages.board.rounds import RoundPhase, RoundView
from overstap.pages.board.today import of_region, of_round

NOW = datetime(2027, 3, 20, 11, tzinfo=UTC)  # a Saturday, noon on a Dutch wall
HOUR = timedelta(hours=1)


def view(at: str, *, delivered: int = 0, released: int | None = None) -> RoundView:
    """A round of which the moment of that name was an hour ago, the others days apart."""
    names = list(Milestones.model_fields)
    moments = {name: NOW - HOUR + timedelta(days=3 * (place - names.index(at))) for place, name in enumerate(names)}
    steps = (FunnelStep(FunnelLayer.DELIVERED, delivered, 0),)
    return RoundView(
        *("alfa.2026-2027.advice", "alfa", "Alfa", "2026-2027", RoundKind.ADVICE, Milestones(**moments)),
        *(moments["opens"], None, steps),
        released=released,
    )


@pytest.mark.parametrize(
    ("at", "released", "delivered", "phase"),
    [
        ("opens", 0, 0, RoundPhase.COLLECTING),
        ("data_due", 0, 0, RoundPhase.BEFORE_REVIEW),
        ("review_opens", 0, 0, RoundPhase.BEFORE_REVIEW),
        ("review_opens", 5, 0, RoundPhase.REVIEW),
        ("review_closes", 0, 0, RoundPhase.BEFORE_REVIEW),
        ("delivers", 0, 0, RoundPhase.BEFORE_REVIEW),
        ("delivers", 5, 0, RoundPhase.BEFORE_DELIVERY),
        ("delivers", 5, 1, RoundPhase.DELIVERING),
        ("receipts_due", 0, 0, RoundPhase.OVERDUE),
        ("delivers", None, 0, RoundPhase.DELIVERING),
    ],
)
def test_a_round_is_no_further_than_what_happened(
    at: str, released: int | None, delivered: int, phase: RoundPhase
) -> None:
    assert view(at, delivered=delivered, released=released).phase(NOW) is phase


def test_a_closed_round_is_closed_whatever_came_of_it() -> None:
    assert replace(view("delivers", released=0), closed_at=NOW).phase(NOW) is RoundPhase.CLOSED


def test_red_tasks_are_counted_by_title_and_those_tried_again_are_left_out() -> None:
    failures = [
        TaskFailure(TaskInstanceRef("d", "r", "collect", index), "INTAKE-001", {}, "school", will_retry, NOW)
        for index, will_retry in enumerate((False, False, True))
    ]
    found = of_round(view("opens"), [GateQuestion("Vrijgeven?", "/x", None)], failures, [])
    assert Counter(dict(found.red)).total() == 2
    assert len(found.red) == 1


def test_moments_of_today_and_tomorrow_by_the_dutch_wall() -> None:
    """A moment of 00:30 the day after tomorrow is not of tomorrow; one of this morning has passed."""
    late = datetime(2027, 3, 21, 23, 30, tzinfo=UTC)  # 00:30 on Monday on a Dutch wall
    early = datetime(2027, 3, 21, 22, 30, tzinfo=UTC)  # 23:30 on Sunday
    base = view("data_due")
    moments = base.milestones.model_copy(update={"review_opens": early, "review_closes": late})
    found = of_region([], [replace(base, milestones=moments)], NOW)
    assert [(one.name, one.has_passed) for one in found.moments] == [("data_due", True), ("review_opens", False)]
    assert found.rounds == []
