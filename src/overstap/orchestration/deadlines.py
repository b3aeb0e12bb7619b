"""Deadline alert of a round that was not closed within a day after receipts were due.

Airflow counts an alert as missed when its moment comes while the run is still active, and shows it on its home page
permanently (3.3.2). A run is active at each of its milestones, so an alert per milestone would always count as missed.
The ledger records that milestones passed and which schools were late; mail and the board report it.
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
"""Time for the coordinator to answer the gate before closing."""


def alerts(agreement: Agreement, kind: RoundKind) -> list[DeadlineAlert]:
    """Return the deadline alerts of a round's run.

    Airflow fixes the moment of an alert when the run starts, so the days by which the coordinator may move the
    milestone are added: a move within the agreement is no missed deadline.

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
    """Log that a round is still open; called by Airflow's triggerer, which has no keys.

    Args:
        round_id: the round.

    Returns:
        A sentence for Airflow's record of the alert.
    """
    said = f"{round_id}: not closed in time"
    log.warning(said)
    return said
