"""Alerts for the agreed moments of a round: Airflow says that one has come, the ledger if it holds and who is behind.

Airflow fixes an alert's moment when a run starts. One that moved later since is waited for here, in the triggerer.
"""

import asyncio
import logging
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from overstap.agreements import Agreement, Milestones, RoundKind
from overstap.ledger import open_ledger
from overstap.ledger.milestones import Passed, note_passed
from overstap.orchestration.workplace import RoundRef, agreement_now, seconds_until
from overstap.settings import Settings
from overstap.texts import texts

log = logging.getLogger(__name__)

LOOK_AGAIN = timedelta(minutes=1)


def alerts(agreement: Agreement, kind: RoundKind) -> list[DeadlineAlert]:
    """Return an alert for every milestone of a round; for the opening there is the run itself.

    Args:
        agreement: what was agreed.
        kind: the round.
    """
    words = texts("orchestration/documentation")["milestones"]
    stones = agreement.round(kind).milestones
    return [
        DeadlineAlert(
            name=words[name]["nl"],
            reference=DeadlineReference.FIXED_DATETIME(getattr(stones, name)),
            interval=timedelta(0),
            callback=AsyncCallback(has_come, {"round_id": agreement.round_id(kind), "milestone": name}),
        )
        for name in Milestones.model_fields
        if name != "opens"
    ]


async def has_come(round_id: str, milestone: str, **_: Any) -> str:
    """Keep that a milestone has come, and who is behind, once it has by the ledger; called by Airflow's triggerer.

    Args:
        round_id: the round.
        milestone: name of the milestone.

    Returns:
        A sentence for Airflow's record of the alert.
    """
    while (left := await asyncio.to_thread(_left, round_id, milestone)) > 0:
        await asyncio.sleep(min(left, LOOK_AGAIN.total_seconds()))
    new = await asyncio.to_thread(_note, round_id)
    said = "; ".join(f"{one.milestone}: {len(one.behind)} behind" for one in new) or f"{milestone}: noted before"
    log.info("%s: %s", round_id, said)
    return said


def _left(round_id: str, milestone: str) -> float:
    ref = RoundRef(*round_id.split("."))
    settings = Settings()
    ledger = open_ledger(settings)
    try:
        agreement = agreement_now(settings, ledger, ref, f"{milestone} alert")
        return seconds_until(ledger, ref, agreement, milestone)
    finally:
        ledger.close()


def _note(round_id: str) -> list[Passed]:
    ledger = open_ledger(Settings())
    try:
        with ledger.unit(round_id.partition(".")[0], "alert") as unit:
            return note_passed(unit, round_id)
    finally:
        ledger.close()
