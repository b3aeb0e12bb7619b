"""Tests of passed milestones, the alert of an unclosed round, and a round that is started too early."""

import asyncio
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_walk import REGION, ROUND, agreement

from overstap.agreements import RoundKind
from overstap.agreements.change_verdicts import shifted
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.rounds import milestones, rounds
from overstap.orchestration import deadlines, tasks
from overstap.orchestration.failures import StopError
from overstap.simulation.synthetic.agreement import write_agreement

KIND = RoundKind.ADVICE
NOW = datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture
def agreed(app_dsn: str, keys_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a worker; no agreement is written yet."""
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    monkeypatch.setenv("OVERSTAP_REGIONS", str(tmp_path / "regions"))
    monkeypatch.setenv("OVERSTAP_TRUST", str(tmp_path))
    return tmp_path / "regions"


def run(awaited: Coroutine[Any, Any, str]) -> str:
    """A loop in a thread of its own: a browser that is open in this process has the main thread's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, awaited).result()


def at(**days: float) -> dict[str, datetime]:
    return {name: NOW + timedelta(days=after) for name, after in days.items()}


def test_the_watch_keeps_which_moments_have_come(ledger: Ledger, agreed: Path, tmp_path: Path) -> None:
    """Also those that passed before the round was opened."""
    moments = at(opens=-4, data_due=-3, review_opens=-3, review_closes=-2, delivers=-1, receipts_due=4)
    stated = shifted(agreement(), KIND, moments)
    write_agreement(stated, agreed)
    with ledger.unit(REGION, "open_round") as unit:
        assert rounds.open_round(unit, stated, KIND)
    assert tasks.watch_deliveries(REGION, stated.school_year)["milestones"] == len(KIND.milestones) - 1
    with ledger.unit(REGION, "test") as unit:
        come = {one.milestone: len(one.behind) for one in milestones.passed(unit, ROUND)}
    assert come == dict.fromkeys(KIND.milestones[:-1], 0) | {"data_due": 1}
    assert not tasks.watch_deliveries(REGION, stated.school_year)["milestones"], "each is kept once"


def test_the_alert_of_a_round_that_was_not_closed_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's triggerer calls it, and has no key of any region."""
    for name in [name for name in os.environ if name.startswith("OVERSTAP_")]:
        monkeypatch.delenv(name)
    assert ROUND in run(deadlines.was_missed(ROUND, context={}))


def test_a_round_is_not_opened_before_it_was_agreed(ledger: Ledger, agreed: Path) -> None:
    moments = at(opens=0.1, data_due=1, review_opens=2, review_closes=3, delivers=4, receipts_due=5)
    stated = shifted(agreement(), KIND, moments)
    write_agreement(stated, agreed)
    with pytest.raises(StopError, match="AGREEMENT-022"):
        tasks.open_round(REGION, stated.school_year, KIND.value)
    with ledger.unit(REGION, "test") as unit, pytest.raises(OverstapError, match="LEDGER-009"):
        rounds.get_round(unit, ROUND)
