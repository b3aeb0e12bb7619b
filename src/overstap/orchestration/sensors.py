"""Deferrable waits of a round: until a milestone, or until parents or receivers are done."""

import time
from contextlib import closing
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context

from overstap.agreements import RoundId
from overstap.clock import spoken
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rounds.milestones import seconds_until
from overstap.orchestration.round_context import failures_told, workplace
from overstap.orchestration.triggers import MilestoneReached, ReceiptsOver, ReviewOver, RoundTrigger
from overstap.settings import Settings

DEFERS_FROM = timedelta(seconds=10)
"""Shorter waits hold their worker: Airflow 3.3.2 takes a task for broken that is resumed as soon as it has paused."""
LOOK_AGAIN = timedelta(minutes=1)
"""Between two looks whether a moment has moved, in the triggerer."""
LOOK_EVERY = timedelta(seconds=10)
"""Between two looks into the ledger, in the triggerer."""


class WaitForMilestone(BaseOperator):
    """Waits until a milestone: the moment that holds for the round, also when it moves while this waits.

    Args:
        ref: the round's id.
        milestone: name of the milestone, such as "delivers".
    """

    def __init__(self, *, ref: str, milestone: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ref = RoundId(ref)  # Airflow serialises plain text only
        self.milestone = milestone

    def execute(self, context: Context) -> None:
        """Defer until the moment, or go on when it has passed."""
        with workplace(self.ref, self.task_id) as place:
            moment = getattr(place.round.milestones, self.milestone)
            with place.unit(self.task_id) as unit:
                left = seconds_until(unit, place.round_id, self.milestone)
        if 0 < left < DEFERS_FROM.total_seconds():
            time.sleep(left)
        elif left > 0:
            self.log.info("Wachten tot %s | waiting until %s", spoken(moment), moment.isoformat())
            look_every = min(left, LOOK_AGAIN.total_seconds())
            trigger = MilestoneReached(self.ref.region, str(self.ref), look_every, self.milestone)
            self.defer(trigger=trigger, method_name="arrived")
        self.log.info("%s is voorbij | has passed", spoken(moment))

    def arrived(self, context: Context, event: Any = None) -> None:
        """Go on when the moment has come; it may have moved since the triggerer looked."""
        self.execute(context)


class _WaitForPeople(BaseOperator):
    """Waits until the ledger says that nobody is waited for."""

    def __init__(self, *, ref: str, look_every: timedelta = LOOK_EVERY, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ref = RoundId(ref)  # Airflow serialises plain text only
        self.look_every = look_every

    def execute(self, context: Context) -> None:
        """Check once, then defer."""
        trigger = self.trigger(context)
        with failures_told(), closing(ReadOnlyLedger(Settings().need("ledger"))) as read_only_ledger:
            is_over = trigger.seconds_left(read_only_ledger) <= 0
        if not is_over:
            self.defer(trigger=trigger, method_name="arrived")

    def trigger(self, context: Context) -> RoundTrigger:
        """Return what looks until nobody is waited for."""
        raise NotImplementedError

    def arrived(self, context: Context, event: Any = None) -> None:
        """Go on: nobody is waited for."""
        self.log.info("Klaar met wachten | the wait is over")


class WaitForReview(_WaitForPeople):
    """Waits until all parents who were asked have decided, or their window has closed."""

    def trigger(self, context: Context) -> RoundTrigger:
        """Return what looks whether parents are waited for."""
        return ReviewOver(self.ref.region, str(self.ref), self.look_every.total_seconds())


class WaitForReceipts(_WaitForPeople):
    """Waits until everything that the run is about is confirmed or refused, or receipts were due."""

    def trigger(self, context: Context) -> RoundTrigger:
        """Return what looks whether receivers are waited for; of a narrowed run those that it is about."""
        run = context["run_id"]
        return ReceiptsOver(self.ref.region, str(self.ref), self.look_every.total_seconds(), run)
