"""The one deadline alert of a round: it was not closed within a day after receipts were due.

Airflow calls an alert missed when its moment comes while the run still goes, and shows it on its home page for good
(3.3.2). A milestone passes while every run still goes, so an alert per milestone would call each of them missed.
That milestones passed, and who was behind, is kept by the ledger and told by mail and on the board.
"""

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from overstap.agreements import Agreement, RoundKind
from overstap.orchestration.titles import title

log = logging.getLogger(__name__)

GRACE = timedelta(days=1)
"""The coordinator's time to answer what a round is closed with."""


def alerts(agreement: Agreement, kind: RoundKind) -> list[DeadlineAlert]:
    """Return the deadline alerts of a round's run.

    Airflow fixes an alert's moment when the run starts, so the days by which the coordinator may move the milestone
    since come on top: what is moved within the agreement is no missed deadline.

    Args:
        agreement: what was agreed.
        kind: the round.
    """
    agreed = agreement.round(kind)
    return [
        DeadlineAlert(
            name=title("deadline"),
            reference=DeadlineReference.FIXED_DATETIME(agreed.milestones.receipts_due),
            interval=GRACE + timedelta(days=agreed.may_shift.get("receipts_due", 0)),
            callback=AsyncCallback(was_missed, {"round_id": str(agreement.round_id(kind))}),
        )
    ]


async def was_missed(round_id: str, **_: Any) -> str:
    """Say in Airflow's log that a round is still open; called by Airflow's triggerer, which has no keys.

    Args:
        round_id: the round.

    Returns:
        A sentence for Airflow's record of the alert.
    """
    said = f"{round_id}: not closed in time"
    log.warning(said)
    return said
