"""Triggers of a round's waits: they read a moment or a count in the ledger, without the key of any region."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache
from typing import Any

import psycopg
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from overstap.errors import OverstapError
from overstap.ledger.delivery.deliveries import unsettled
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.review.decisions import window
from overstap.ledger.rounds.milestones import seconds_until
from overstap.ledger.rounds.rounds import receiving
from overstap.ledger.rounds.runs import narrowed_to
from overstap.ledger.second_person import waits_for_release
from overstap.ledger.session import UnitOfWork
from overstap.orchestration.failures import told
from overstap.orchestration.waiting_rounds import waiting_rounds
from overstap.settings import Settings

FIRST_LOOK_SECONDS = 6.0
"""From the pause of a task that is resumed to the first look, at most: four and a half more than its worker goes on
for."""
LEAST_SECONDS = 1.0
"""Between two looks, however often the ledger tells of the round."""


@cache
def reader() -> ReadOnlyLedger:
    """Return this process's connections to the ledger, which are read-only and have no keys.

    Raises:
        OverstapError: SETTING-001 when OVERSTAP_LEDGER is not set.
    """
    return ReadOnlyLedger(Settings().need("ledger"))


class RoundTrigger(BaseTrigger):
    """Looks into the ledger when it tells of the round, and every so often, until the round's wait is over.

    Args:
        region: region id.
        round_id: the round.
        seconds: between two looks when nothing was told.
        ends_task: whether the task has nothing left to do after its wait: then it ends here, and no worker resumes it.
    """

    def __init__(self, region: str, round_id: str, seconds: float, *, ends_task: bool = False) -> None:
        super().__init__()
        self.region = region
        self.round_id = round_id
        self.seconds = seconds
        self.ends_task = ends_task

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make it again: ids, never a pupil's data."""
        kind = type(self)
        arguments = {"region": self.region, "round_id": self.round_id, "seconds": self.seconds}
        if self.ends_task:
            arguments["ends_task"] = True
        return f"{kind.__module__}.{kind.__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the wait is over, then say so once.

        Where the task is resumed, the first look waits: Airflow 3.3.2 takes a task for broken that is resumed before
        its executor has told that it paused. That is within a second and a half, since a worker asks each second
        (`MIN_HEARTBEAT_INTERVAL`). A task that ends here is never resumed, so its first look is at once.
        """
        with waiting_rounds().wait(self.round_id) as woken:
            if not self.ends_task:
                await asyncio.sleep(min(self.seconds, FIRST_LOOK_SECONDS))
            while (left := await self._look(woken)) > 0:
                left = min(left, self.seconds)
                await asyncio.sleep(min(left, LEAST_SECONDS))
                await _woken_within(woken, left - LEAST_SECONDS)
        if self.ends_task:
            self.log.info("Klaar met wachten | the wait is over")
            yield TaskSuccessEvent()
        else:
            yield TriggerEvent({"round_id": self.round_id})

    async def _look(self, woken: asyncio.Event) -> float:
        """Look in a thread. What is told from now on is for the next look."""
        woken.clear()
        return await asyncio.to_thread(self._left)

    def _left(self) -> float:
        """Return how long to wait; a ledger that is away for a while ends no wait of days."""
        try:
            return self.seconds_left(reader())
        except (OverstapError, psycopg.OperationalError) as problem:
            self.log.warning("%s: %s", self.round_id, told(problem))
            return self.seconds

    def seconds_left(self, read_only_ledger: ReadOnlyLedger) -> float:
        """Return how long to wait before the next look, by the ledger and its clock; zero or less: the wait is over.

        Args:
            read_only_ledger: reads the ledger.
        """
        with read_only_ledger.region(self.region) as unit:
            return self.left_in(unit)

    def left_in(self, unit: UnitOfWork) -> float:
        """Return the same in a transaction that reads only."""
        raise NotImplementedError


class MilestoneReached(RoundTrigger):
    """Over when the moment has come that holds for the round in the ledger, where it may have moved meanwhile.

    Args:
        region: region id.
        round_id: the round.
        seconds: between two looks, at most; the last one is at the moment itself.
        milestone: name of the milestone.
    """

    def __init__(self, region: str, round_id: str, seconds: float, milestone: str) -> None:
        super().__init__(region, round_id, seconds)
        self.milestone = milestone

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make it again."""
        path, arguments = super().serialize()
        return path, {**arguments, "milestone": self.milestone}

    def left_in(self, unit: UnitOfWork) -> float:
        """Return how long it is until the moment."""
        return seconds_until(unit, self.round_id, self.milestone)


class ReleaseConfirmed(RoundTrigger):
    """Over when a release waits no longer for a second person: confirmed, withdrawn or expired.

    Args:
        region: region id.
        round_id: the round.
        seconds: between two looks.
        question: number of the question that was answered.
    """

    def __init__(self, region: str, round_id: str, seconds: float, question: int) -> None:
        super().__init__(region, round_id, seconds)
        self.question = question

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make it again."""
        path, arguments = super().serialize()
        return path, {**arguments, "question": self.question}

    def left_in(self, unit: UnitOfWork) -> float:
        """Return the time between two looks while a second person is waited for."""
        return self.seconds if waits_for_release(unit, self.round_id, self.question) else 0


class ReviewOver(RoundTrigger):
    """Over when every parent who was asked has decided, or the window has closed."""

    def left_in(self, unit: UnitOfWork) -> float:
        """Return the time between two looks while somebody is waited for."""
        return self.seconds if window(unit, self.round_id).waiting else 0


class ReceiptsOver(RoundTrigger):
    """Over when nothing is unsettled that the run is about, or receipts were due.

    Args:
        region: region id.
        round_id: the round.
        seconds: between two looks.
        run_id: the run; one that was narrowed to some receivers waits for those.
        school: of this receiver alone.
        ends_task: as of `RoundTrigger`.
    """

    def __init__(
        self,
        region: str,
        round_id: str,
        seconds: float,
        run_id: str,
        school: str | None = None,
        *,
        ends_task: bool = False,
    ) -> None:
        super().__init__(region, round_id, seconds, ends_task=ends_task)
        self.run_id = run_id
        self.school = school

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make it again."""
        path, arguments = super().serialize()
        return path, {**arguments, "run_id": self.run_id, "school": self.school}

    def left_in(self, unit: UnitOfWork) -> float:
        """Return the time between two looks while a receipt is waited for."""
        if seconds_until(unit, self.round_id, "receipts_due") <= 0:
            return 0
        receivers = [self.school] if self.school else self._chosen(unit)
        return self.seconds if any(unsettled(unit, self.round_id, one).count for one in receivers) else 0

    def _chosen(self, unit: UnitOfWork) -> list[str | None]:
        """Return the receivers that the run was narrowed to; of a run that was not, the whole round."""
        chosen = narrowed_to(unit, self.round_id, self.run_id) & receiving(unit, self.round_id)
        return [*sorted(chosen)] or [None]


async def _woken_within(woken: asyncio.Event, seconds: float) -> None:
    """Wait until the ledger tells of the round, or so many seconds have passed."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, 0)):
            await woken.wait()
