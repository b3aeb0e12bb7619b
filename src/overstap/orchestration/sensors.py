"""Deferrable sensors of a round: until a milestone, the end of the review, or the last receipt."""

import time
from contextlib import closing
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context

from overstap.agreements import RoundId
from overstap.clock import format_moment
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rounds.milestones import seconds_until
from overstap.orchestration.failures import keep_success
from overstap.orchestration.round_context import failures_told, workplace
from overstap.orchestration.triggers import MilestoneReached, ReceiptsOver, ReviewOver, RoundTrigger
from overstap.settings import Settings

DEFERS_FROM = timedelta(seconds=10)
"""Least wait for which a task defers: Airflow 3.3.2 fails a task that is resumed as soon as it has deferred."""
LOOK_AGAIN = timedelta(minutes=1)
"""Interval at which the triggerer checks whether a milestone has moved."""
LOOK_EVERY = timedelta(seconds=10)
"""Interval of the triggerer's queries of the ledger."""


class WaitForMilestone(BaseOperator):
    """Sensor that waits until a milestone of the round, also when it is moved in the meantime.

    Args:
        ref: the round's id.
        milestone: name of the milestone, such as "delivers".
    """

    def __init__(self, *, ref: str, milestone: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ref = RoundId(ref)  # Airflow serialises plain text only
        self.milestone = milestone

    def execute(self, context: Context) -> None:
        """Defer until the moment, or succeed when it has passed."""
        with workplace(self.ref, self.task_id) as place:
            moment = getattr(place.round.milestones, self.milestone)
            with place.unit(self.task_id) as unit:
                left = seconds_until(unit, place.round_id, self.milestone)
        if 0 < left < DEFERS_FROM.total_seconds():
            time.sleep(left)
        elif left > 0:
            self.log.info("Wachten tot %s | waiting until %s", format_moment(moment), moment.isoformat())
            look_every = min(left, LOOK_AGAIN.total_seconds())
            trigger = MilestoneReached(self.ref.region, str(self.ref), look_every, self.milestone)
            self.defer(trigger=trigger, method_name="arrived")
        self.log.info("%s is voorbij | has passed", format_moment(moment))

    def arrived(self, context: Context, event: Any = None) -> None:
        """Succeed when the moment has passed; defer again when it was moved."""
        self.execute(context)


class _WaitForPeople(BaseOperator):
    """Base of sensors that wait until the ledger has no open answers. A wait that is over ends in the triggerer."""

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
            with failures_told():  # Airflow 3.3.2 calls back no success of a task that its trigger ends
                keep_success(context)
            self.defer(trigger=trigger, method_name="arrived")

    def trigger(self, context: Context) -> RoundTrigger:
        """Return the trigger that queries the ledger."""
        raise NotImplementedError

    def arrived(self, context: Context, event: Any = None) -> None:
        """Succeed: a wait that began before triggers ended them."""
        self.log.info("Klaar met wachten | the wait is over")


class WaitForReview(_WaitForPeople):
    """Sensor that waits until all parents have decided, or the review window has closed."""

    def trigger(self, context: Context) -> RoundTrigger:
        """Return the trigger that queries open decisions."""
        return ReviewOver(self.ref.region, str(self.ref), self.look_every.total_seconds(), ends_task=True)


class WaitForReceipts(_WaitForPeople):
    """Sensor that waits until all deliveries of the run are confirmed or refused, or receipts are due."""

    def trigger(self, context: Context) -> RoundTrigger:
        """Return the trigger that queries open deliveries, of the run's schools where it is limited."""
        seconds = self.look_every.total_seconds()
        return ReceiptsOver(self.ref.region, str(self.ref), seconds, context["run_id"], ends_task=True)
