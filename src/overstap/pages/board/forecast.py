"""Forecast of deadlines from the pace so far, with its reasoning."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from overstap.pages.board.formatting import period, when
from overstap.texts import texts

LOOKS_BACK = timedelta(days=5)
"""The pace is that of the last days: what a school did three weeks ago says little about tomorrow."""
TOO_SOON = 1 / 3
"""Before this part of the time has passed, a school that has not begun is not called late."""
NARROW = 0.15
"""Within this part of the time left, on either side, it is called narrow."""


class Outlook(StrEnum):
    """What is expected of a school."""

    DONE = "done"
    MAKES_IT = "makes_it"
    NARROW = "narrow"
    MISSES = "misses"
    MISSED = "missed"
    TOO_EARLY = "too_early"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected, and why.

    Args:
        outlook: the expectation.
        why: the reasoning in a Dutch sentence, with its figures.
        ready_at: when it would be ready at this pace; None when that cannot be told.
    """

    outlook: Outlook
    why: str
    ready_at: datetime | None = None

    @property
    def is_bad(self) -> bool:
        """Whether somebody should act."""
        return self.outlook in (Outlook.MISSES, Outlook.MISSED)


def looks_back_to(started: datetime, now: datetime) -> datetime:
    """Return from when on the pace is counted: the last days, or the beginning when that is less long ago."""
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
    """Judge whether a school will be ready in time.

    Args:
        goal: dossiers to be ready.
        done: dossiers that are.
        recently: how many became so since `looks_back_to(started, now)`.
        started: when one could begin, aware.
        deadline: aware.
        now: the present moment, aware.
        no_goal: which sentence of include/texts/board/forecast.yaml says why there is nothing to be ready.
    """
    left = goal - done
    facts = {"goal": goal, "done": done, "left": left, "recently": recently, "deadline": when(deadline, now)}
    if goal <= 0:
        return _told(Outlook.TOO_EARLY, no_goal, facts)
    if left <= 0:
        return _told(Outlook.DONE, "done", facts)
    if now >= deadline:
        return _told(Outlook.MISSED, "missed", facts)
    if now <= started:
        return _told(Outlook.TOO_EARLY, "not_begun", facts)
    passed = (now - started) / (deadline - started)
    if recently <= 0:
        if passed < TOO_SOON:
            return _told(Outlook.TOO_EARLY, "nothing_yet", facts)
        since = looks_back_to(started, now)
        facts["passed"] = f"{passed:.0%}"
        facts["period"] = period(now - since)
        return _told(Outlook.MISSES, "never_began" if done == 0 else "stands_still", facts)
    window = now - looks_back_to(started, now)
    ready_at = now + window * (left / recently)
    facts |= {"period": period(window), "ready": when(ready_at, now), "margin": period(abs(deadline - ready_at))}
    room = (deadline - ready_at) / (deadline - now)
    if room < 0:
        return _told(Outlook.NARROW if room > -NARROW else Outlook.MISSES, "too_slow", facts, ready_at)
    return _told(Outlook.NARROW if room < NARROW else Outlook.MAKES_IT, "fast_enough", facts, ready_at)


def _told(outlook: Outlook, why: str, facts: dict[str, object], ready_at: datetime | None = None) -> Forecast:
    return Forecast(outlook, texts("board/forecast")["why"][why]["nl"].format(**facts), ready_at)
