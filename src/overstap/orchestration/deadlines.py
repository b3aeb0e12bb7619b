"""Alerts for the agreed moments of a round: Airflow says that one has come, the ledger if it holds and who is behind.

Airflow fixes an alert's moment when a run starts. One that moved later since is waited for here, in the triggerer.
Airflow calls an alert missed when its moment comes while the run still goes, which a round's run always does; the name
of the alert says what it is (docs/decisions).
"""

import asyncio
import logging
import time
from datetime import timedelta
from typing import Any

import psycopg
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from overstap.agreements import Agreement, RoundKind
from overstap.errors import OverstapError
from overstap.ledger import open_ledger
from overstap.ledger.rounds.milestones import Passed, note_passed
from overstap.orchestration.failures import told
from overstap.orchestration.round_context import RoundRef, agreement_now, seconds_until
from overstap.orchestration.titles import title
from overstap.settings import Settings
from overstap.texts import texts

log = logging.getLogger(__name__)

LOOK_AGAIN = timedelta(minutes=1)
SOON = timedelta(seconds=10)
PASSES_BY = frozenset({"LEDGER-006", "LEDGER-009"})
"""The ledger is away, or the round is not open yet."""
PATIENCE = timedelta(days=1)
"""How long an alert waits for that: one whose moment was past when the run began comes before its first task."""


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
            name=title("deadline", milestone=words[name]["nl"]),
            reference=DeadlineReference.FIXED_DATETIME(getattr(stones, name)),
            interval=timedelta(0),
            callback=AsyncCallback(has_come, {"round_id": agreement.round_id(kind), "milestone": name}),
        )
        for name in kind.milestones
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
    began = time.monotonic()
    while (left := await _until(round_id, milestone, began)) > 0:
        await asyncio.sleep(min(left, LOOK_AGAIN.total_seconds()))
    new = await asyncio.to_thread(_note, round_id)
    said = "; ".join(f"{one.milestone}: {len(one.behind)} behind" for one in new) or f"{milestone}: noted before"
    log.info("%s: %s", round_id, said)
    return said


async def _until(round_id: str, milestone: str, began: float) -> float:
    """Return how many seconds are left; also some while the round is not open yet, or the ledger is away."""
    try:
        return await asyncio.to_thread(_left, round_id, milestone)
    except (OverstapError, psycopg.OperationalError) as problem:
        error = told(problem)
        is_passing = error.code in PASSES_BY or isinstance(problem, psycopg.OperationalError)
        if not is_passing or time.monotonic() - began > PATIENCE.total_seconds():
            raise
        log.info("%s: %s", round_id, error)
        return SOON.total_seconds()


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
