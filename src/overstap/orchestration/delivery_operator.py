"""Operator of the delivery to one school: sends once, then defers until all is settled or receipts are due."""

from typing import Any

from airflow.sdk import Context

from overstap.agreements import RoundId
from overstap.errors import OverstapError
from overstap.orchestration.failures import keep_waiting
from overstap.orchestration.sensors import LOOK_EVERY
from overstap.orchestration.step_operator import StepOperator
from overstap.orchestration.triggers import ReceiptsOver

UNCONFIRMED = "DELIVERY-101"
"""Codes of deliveries that are unconfirmed and will be retried."""


class DeliverOperator(StepOperator):
    """Delivers to one school.

    The task sends once each time that it runs. Unconfirmed envelopes are retried only by the DAG of the region's
    deliveries, at the times in the ledger, while this task waits for the outcome in the triggerer. It has the arguments
    of `StepOperator`; `is_asked` is true when a person cleared the task.
    """

    def execute(self, context: Context) -> Any:
        """Send the sealed envelopes; defer when some are unconfirmed."""
        return self._deliver(context, is_asked=True)

    def settled(self, context: Context, event: Any = None) -> Any:
        """Finish: everything is settled, or receipts are due."""
        return self._deliver(context, is_asked=False)

    def _deliver(self, context: Context, *, is_asked: bool) -> Any:
        try:
            return self.run_step(is_asked=is_asked)
        except OverstapError as problem:
            if problem.code != UNCONFIRMED:
                raise
            keep_waiting(context, problem)
        round_id = RoundId.of(self.region, self.school_year, str(self.kind))
        seconds = LOOK_EVERY.total_seconds()
        trigger = ReceiptsOver(self.region, str(round_id), seconds, str(context["run_id"]), self.school)
        self.defer(trigger=trigger, method_name="settled")
        return None
