"""An alert of an agreed moment as Airflow's triggerer calls it, and a round that somebody starts too early."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_walk import REGION, ROUND, agreement

from overstap.agreements import RoundKind
from overstap.agreements.changing import shifted
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
    """The environment of a triggerer or a worker; no agreement is written yet."""
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    monkeypatch.setenv("OVERSTAP_REGIONS", str(tmp_path / "regions"))
    return tmp_path / "regions"


def run(awaited: Coroutine[Any, Any, str]) -> str:
    """A loop in a thread of its own: a browser that is open in this process has the main thread's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, awaited).result()


def at(**days: float) -> dict[str, datetime]:
    return {name: NOW + timedelta(days=after) for name, after in days.items()}


def test_an_alert_before_its_round_waits_for_it(ledger: Ledger, agreed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow makes the alert with the run; a moment that is past by then comes before the first task."""
    moments = at(opens=-2, data_due=-1, review_opens=1, review_closes=2, delivers=3, receipts_due=4)
    stated = shifted(agreement(), KIND, moments)
    write_agreement(stated, agreed)
    monkeypatch.setattr(deadlines, "SOON", timedelta(milliseconds=20))

    async def alert_and_opening() -> str:
        alert = asyncio.create_task(deadlines.has_come(ROUND, "data_due", context={}))
        await asyncio.sleep(0.3)
        assert not alert.done()
        with ledger.unit(REGION, "open_round") as unit:
            assert rounds.open_round(unit, stated, KIND)
        return await asyncio.wait_for(alert, 30)

    assert run(alert_and_opening()) == "opens: 0 behind; data_due: 1 behind"
    with ledger.unit(REGION, "test") as unit:
        assert [one.milestone for one in milestones.passed(unit, ROUND)] == ["opens", "data_due"]
    assert run(deadlines.has_come(ROUND, "data_due")) == "data_due: noted before"


def test_an_alert_does_not_wait_for_ever(agreed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "PATIENCE", timedelta(0))
    with pytest.raises(OverstapError, match="LEDGER-009"):
        run(deadlines.has_come(ROUND, "data_due"))


def test_a_round_is_not_opened_before_it_was_agreed(ledger: Ledger, agreed: Path) -> None:
    moments = at(opens=0.1, data_due=1, review_opens=2, review_closes=3, delivers=4, receipts_due=5)
    stated = shifted(agreement(), KIND, moments)
    write_agreement(stated, agreed)
    with pytest.raises(StopError, match="AGREEMENT-022"):
        tasks.open_round(REGION, stated.school_year, KIND.value)
    with ledger.unit(REGION, "test") as unit, pytest.raises(OverstapError, match="LEDGER-009"):
        rounds.get_round(unit, ROUND)
