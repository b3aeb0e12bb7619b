"""What waits in the triggerer: no worker is held while parents read or schools confirm."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from airflow.triggers.base import BaseTrigger, TriggerEvent

from overstap.errors import OverstapError
from overstap.ledger import open_ledger
from overstap.ledger.delivery.deliveries import still_open
from overstap.ledger.review.decisions import window
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.rounds.runs import narrowed_to
from overstap.orchestration.failures import told
from overstap.orchestration.round_context import RoundRef, agreement_now, seconds_until
from overstap.settings import Settings


class RoundTrigger(BaseTrigger):
    """Looks into the ledger every so often until a round's wait is over.

    Args:
        region: region id.
        round_id: the round.
        seconds: between two looks.
    """

    def __init__(self, region: str, round_id: str, seconds: float) -> None:
        super().__init__()
        self.region = region
        self.round_id = round_id
        self.seconds = seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make it again: ids, never a pupil's data."""
        kind = type(self)
        arguments = {"region": self.region, "round_id": self.round_id, "seconds": self.seconds}
        return f"{kind.__module__}.{kind.__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the wait is over, then say so once.

        The task looked itself before it deferred, so the first look can wait: Airflow 3.3.2 takes a task for broken
        that is resumed before its executor has told that it paused.
        """
        await asyncio.sleep(self.seconds)
        while not await asyncio.to_thread(self._looks_over):
            await asyncio.sleep(self.seconds)
        yield TriggerEvent({"round_id": self.round_id})

    def _looks_over(self) -> bool:
        """Look; a ledger that is away for a while ends no wait of days."""
        try:
            return self.is_over()
        except (OverstapError, psycopg.OperationalError) as problem:
            self.log.warning("%s: %s", self.round_id, told(problem))
            return False

    def is_over(self) -> bool:
        """Return whether the wait is over, by the ledger and its clock."""
        raise NotImplementedError


class MilestoneReached(RoundTrigger):
    """Over when the moment has come that holds for the round: by the ledger, where it may have moved meanwhile.

    It looks also whether the agreement file has changed, since no task of the round may start for weeks.

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

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the moment has come, then say so once."""
        left = self.seconds
        while left > 0:
            await asyncio.sleep(min(left, self.seconds))
            left = await asyncio.to_thread(self.seconds_left)
        yield TriggerEvent({"round_id": self.round_id, "milestone": self.milestone})

    def seconds_left(self) -> float:
        """Return how long it still takes; zero or less when the moment has come."""
        settings = Settings()
        ledger = open_ledger(settings)
        try:
            ref = RoundRef(*self.round_id.split("."))
            agreement = agreement_now(settings, ledger, ref, f"{self.milestone} wait")
            return seconds_until(ledger, ref, agreement, self.milestone)
        finally:
            ledger.close()

    def is_over(self) -> bool:
        """Return whether the moment has come."""
        return self.seconds_left() <= 0


class ReviewOver(RoundTrigger):
    """Over when every parent who was asked has decided, or the window has closed."""

    def is_over(self) -> bool:
        """Return whether nobody is waited for any more."""
        ledger = open_ledger(Settings())
        try:
            with ledger.unit(self.region, "review wait") as unit:
                return window(unit, self.round_id).waiting == 0
        finally:
            ledger.close()


class ReceiptsOver(RoundTrigger):
    """Over when nothing is unsettled that the run is about, or receipts were due.

    Args:
        region: region id.
        round_id: the round.
        seconds: between two looks.
        run_id: the run; one that was narrowed to some receivers waits for those.
    """

    def __init__(self, region: str, round_id: str, seconds: float, run_id: str) -> None:
        super().__init__(region, round_id, seconds)
        self.run_id = run_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make it again."""
        path, arguments = super().serialize()
        return path, {**arguments, "run_id": self.run_id}

    def is_over(self) -> bool:
        """Return whether no confirmation is waited for any more."""
        ledger = open_ledger(Settings())
        try:
            with ledger.unit(self.region, "receipts wait") as unit:
                found = get_round(unit, self.round_id)
                due = found.agreement.round(found.kind).milestones.receipts_due
                if unit.one("select overstap.clock() >= %(due)s", due=due)[0]:
                    return True
                chosen = narrowed_to(unit, self.round_id, self.run_id)
                receivers = [one.id for one in found.agreement.receivers(found.kind) if one.id in chosen]
                if not receivers:
                    return still_open(unit, self.round_id).count == 0
                return all(still_open(unit, self.round_id, one).count == 0 for one in receivers)
        finally:
            ledger.close()
