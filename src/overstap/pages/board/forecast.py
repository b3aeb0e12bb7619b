"""Forecast of whether a school meets a deadline, from its pace so far, with the reasoning."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from overstap.pages.board.formatting import period, when
from overstap.texts import texts

LOOKS_BACK = timedelta(days=5)
"""The pace is that of the last days: what a school did three weeks ago predicts little."""
TOO_SOON = 1 / 3
"""Share of the time that must have passed before a school that has not begun counts as late."""
NARROW = 0.15
"""Share of the time left within which, on either side, the forecast is "narrow"."""


class Outlook(StrEnum):
    """Expected outcome for a school."""

    DONE = "done"
    MAKES_IT = "makes_it"
    NARROW = "narrow"
    MISSES = "misses"
    MISSED = "missed"
    TOO_EARLY = "too_early"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected outcome, with the reasoning.

    Args:
        outlook: the expected outcome.
        why: the reasoning in a Dutch sentence, with its figures.
        ready_at: moment of completion at this pace; None when it cannot be computed.
    """

    outlook: Outlook
    why: str
    ready_at: datetime | None = None

    @property
    def is_bad(self) -> bool:
        """Whether somebody should act."""
        return self.outlook in (Outlook.MISSES, Outlook.MISSED)


def looks_back_to(started: datetime, now: datetime) -> datetime:
    """Return the beginning of the period over which the pace is measured: the last days, or since a later start."""
    return max(started, now - LOOKS_BACK)


def forecast(
    *,
    goal: int,
    done: int,
    recently: int,
    started: datetime,
    deadline: datetime,
    now: datetime,
    no_goal: str = "unknown_goal",
) -> Forecast:
    """Return the forecast of whether a school will be ready in time.

    Args:
        goal: number of dossiers that must be ready.
        done: number that is ready.
        recently: number that became ready since `looks_back_to(started, now)`.
        started: first moment at which the school could begin, aware.
        deadline: aware.
        now: the present moment, aware.
        no_goal: key of the sentence in include/texts/board/forecast.yaml for a school without a goal.
    """
    left = goal - done
    facts = {"goal": goal, "done": done, "left": left, "recently": recently, "deadline": when(deadline, now)}
    if goal <= 0:
        return _forecast(Outlook.TOO_EARLY, no_goal, facts)
    if left <= 0:
        return _forecast(Outlook.DONE, "done", facts)
    if now >= deadline:
        return _forecast(Outlook.MISSED, "missed", facts)
    if now <= started:
        return _forecast(Outlook.TOO_EARLY, "not_begun", facts)
    passed = (now - started) / (deadline - started)
    if recently <= 0:
        if passed < TOO_SOON:
            return _forecast(Outlook.TOO_EARLY, "nothing_yet", facts)
        since = looks_back_to(started, now)
        facts["passed"] = f"{passed:.0%}"
        facts["period"] = period(now - since)
        return _forecast(Outlook.MISSES, "never_began" if done == 0 else "stands_still", facts)
    window = now - looks_back_to(started, now)
    ready_at = now + window * (left / recently)
    facts |= {"period": period(window), "ready": when(ready_at, now), "margin": period(abs(deadline - ready_at))}
    room = (deadline - ready_at) / (deadline - now)
    if room < 0:
        return _forecast(Outlook.NARROW if room > -NARROW else Outlook.MISSES, "too_slow", facts, ready_at)
    return _forecast(Outlook.NARROW if room < NARROW else Outlook.MAKES_IT, "fast_enough", facts, ready_at)


def _forecast(outlook: Outlook, why: str, facts: dict[str, object], ready_at: datetime | None = None) -> Forecast:
    return Forecast(outlook, texts("board/forecast")["why"][why]["nl"].format(**facts), ready_at)
