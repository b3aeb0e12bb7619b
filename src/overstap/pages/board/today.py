"""Work that waits for a coordinator today, in all rounds of a region."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from overstap.clock import dutch_time
from overstap.ledger.rounds.task_failures import TaskFailure
from overstap.pages.board.airflow_port import GateQuestion, PausedDag
from overstap.pages.board.rounds import RoundPhase, RoundView
from overstap.pages.board.schools import SupplierRow
from overstap.texts import texts

CALLS = 6
"""Number of schools that are named for each round; its own page has them all."""


@dataclass(frozen=True, slots=True)
class TodayOfRound:
    """Work in one round today.

    Args:
        view: the round.
        questions: gates that wait for an answer.
        red: titles of tasks that failed and were not cleared, with the number of each.
        calls: schools to call, the most urgent first.
        more_calls: number of further schools to call.
    """

    view: RoundView
    questions: Sequence[GateQuestion]
    red: Sequence[tuple[str, int]]
    calls: Sequence[SupplierRow]
    more_calls: int


@dataclass(frozen=True, slots=True)
class MilestoneToday:
    """A milestone of today or tomorrow."""

    view: RoundView
    name: str
    moment: datetime
    has_passed: bool


@dataclass(frozen=True, slots=True)
class TodayTask:
    """Something to decide that is no question of a round's task.

    Args:
        says: the sentence, Dutch.
        path: of the page on which it is decided.
    """

    says: str
    path: str


@dataclass(frozen=True, slots=True)
class TodayOfRegion:
    """Work in a region today; empty when nobody has to act."""

    rounds: Sequence[TodayOfRound]
    moments: Sequence[MilestoneToday]
    paused: Sequence[PausedDag] = ()
    tasks: Sequence[TodayTask] = ()

    @property
    def questions(self) -> int:
        """Number of gates that wait for an answer."""
        return sum(len(one.questions) for one in self.rounds)


def of_round(
    view: RoundView, questions: Sequence[GateQuestion], failures: Iterable[TaskFailure], worst: Sequence[SupplierRow]
) -> TodayOfRound:
    """Return the work in a round today.

    Args:
        view: the round.
        questions: gates that wait for an answer.
        failures: its tasks that failed and have not succeeded since.
        worst: schools that need action, the most urgent first.
    """
    titles = texts("orchestration/titles")
    red: dict[str, int] = {}
    for one in failures:
        if not one.will_retry:
            title = titles.get(f"task.{one.task.task_id}", {"nl": one.task.task_id})["nl"]
            red[title] = red.get(title, 0) + 1
    return TodayOfRound(view, questions, list(red.items()), worst[:CALLS], max(0, len(worst) - CALLS))


def of_region(
    rounds: Iterable[TodayOfRound],
    views: Iterable[RoundView],
    now: datetime,
    paused: Sequence[PausedDag] = (),
    tasks: Sequence[TodayTask] = (),
) -> TodayOfRegion:
    """Return the work in a region today: rounds with work, and milestones of today and tomorrow.

    Args:
        rounds: the work in each open round.
        views: all rounds of the region.
        now: the present moment, aware.
        paused: its paused DAGs.
        tasks: what else there is to decide.
    """
    until = (dutch_time(now) + timedelta(days=1)).date()
    moments = [
        MilestoneToday(view, name, moment, moment <= now)
        for view in views
        if view.phase(now) is not RoundPhase.CLOSED
        for name in view.kind.milestones
        if dutch_time(now).date() <= dutch_time(moment := getattr(view.milestones, name)).date() <= until
    ]
    busy = [one for one in rounds if one.questions or one.red or one.calls]
    return TodayOfRegion(busy, sorted(moments, key=lambda one: one.moment), paused, tasks)
