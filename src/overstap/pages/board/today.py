"""Work that waits for a coordinator today, over all rounds of a region."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from overstap.clock import dutch_time
from overstap.ledger.rounds.task_failures import Failure
from overstap.pages.board.airflow_port import PausedDag, Question
from overstap.pages.board.rounds import Phase, RoundView
from overstap.pages.board.schools import SupplierRow
from overstap.texts import texts

CALLS = 6
"""Schools that are named for each round; its own page has them all."""


@dataclass(frozen=True, slots=True)
class RoundToday:
    """What one round has for today.

    Args:
        view: the round.
        questions: gates that wait for an answer.
        red: titles of tasks that are red until somebody clears them, and how often each.
        calls: schools that somebody has to call, the worst first.
        more_calls: how many more there are.
    """

    view: RoundView
    questions: Sequence[Question]
    red: Sequence[tuple[str, int]]
    calls: Sequence[SupplierRow]
    more_calls: int


@dataclass(frozen=True, slots=True)
class MomentToday:
    """An agreed moment of today or tomorrow."""

    view: RoundView
    name: str
    moment: datetime
    has_passed: bool


@dataclass(frozen=True, slots=True)
class Today:
    """What a region has for today; empty when nobody has to do anything."""

    rounds: Sequence[RoundToday]
    moments: Sequence[MomentToday]
    paused: Sequence[PausedDag] = ()

    @property
    def questions(self) -> int:
        """Gates that wait for an answer."""
        return sum(len(one.questions) for one in self.rounds)


def of_round(
    view: RoundView, questions: Sequence[Question], failures: Iterable[Failure], worst: Sequence[SupplierRow]
) -> RoundToday:
    """Return what a round has for today.

    Args:
        view: the round.
        questions: gates that wait for an answer.
        failures: its tasks that failed and have not succeeded since.
        worst: schools that hold it up, the worst first.
    """
    titles = texts("orchestration/titles")
    red: dict[str, int] = {}
    for one in failures:
        if not one.will_retry:
            title = titles.get(f"task.{one.place.task}", {"nl": one.place.task})["nl"]
            red[title] = red.get(title, 0) + 1
    return RoundToday(view, questions, list(red.items()), worst[:CALLS], max(0, len(worst) - CALLS))


def of_region(
    rounds: Iterable[RoundToday], views: Iterable[RoundView], now: datetime, paused: Sequence[PausedDag] = ()
) -> Today:
    """Return what a region has for today: rounds that have something, and moments of today and tomorrow.

    Args:
        rounds: what each open round has.
        views: all rounds of the region.
        now: the present moment, aware.
        paused: its DAGs of which nothing starts.
    """
    until = (dutch_time(now) + timedelta(days=1)).date()
    moments = [
        MomentToday(view, name, moment, moment <= now)
        for view in views
        if view.phase(now) is not Phase.CLOSED
        for name in view.kind.milestones
        if dutch_time(now).date() <= dutch_time(moment := getattr(view.milestones, name)).date() <= until
    ]
    busy = [one for one in rounds if one.questions or one.red or one.calls]
    return Today(busy, sorted(moments, key=lambda one: one.moment), paused)
