"""Operator of the delivery to one school: hands over once, then waits without a worker until all is settled or due."""

from typing import Any

from airflow.sdk import Context

from overstap.agreements import RoundId
from overstap.errors import OverstapError
from overstap.orchestration.failures import keep_waiting
from overstap.orchestration.sensors import LOOK_EVERY
from overstap.orchestration.step_operator import StepOperator
from overstap.orchestration.triggers import ReceiptsOver

UNCONFIRMED = "DELIVERY-101"
"""Something is unconfirmed still, and a later attempt may bring it."""


class DeliverOperator(StepOperator):
    """Delivers to one school.

    The task hands over once; so does whoever clears it. What is unconfirmed after that is tried again by the region's
    deliveries alone, at the times that the ledger keeps, and this task waits for the outcome in the triggerer. It has
    the arguments of `StepOperator`; the function is told with `is_asked` whether somebody asks for an attempt now.
    """

    def execute(self, context: Context) -> Any:
        """Hand over what is sealed; wait when something of it is unconfirmed."""
        return self._deliver(context, is_asked=True)

    def settled(self, context: Context, event: Any = None) -> Any:
        """Take the outcome: everything is settled, or receipts were due."""
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
