"""Tests of a round's waits in Airflow's triggerer, with the ledger's address and without keys."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from test_walk import REGION, ROUND, agreement

from overstap.agreements import RoundKind
from overstap.agreements.change_verdicts import shifted
from overstap.ledger import Ledger
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rounds import rounds
from overstap.ledger.rounds.milestones import seconds_until
from overstap.ledger.rounds.steering import apply_file
from overstap.orchestration import triggers

KIND = RoundKind.ADVICE
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
HOURS = {"opens": -4, "data_due": -3, "review_opens": -2, "review_closes": -1, "delivers": 1, "receipts_due": 5}


def agreed(**moved: float) -> Any:
    return shifted(agreement(), KIND, {name: NOW + timedelta(hours=at) for name, at in (HOURS | moved).items()})


@pytest.fixture(autouse=True)
def triggerer(ledger: Ledger, app_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of the triggerer: no keys, no certificates, no folders."""
    with ledger.unit(REGION, "open_round") as unit:
        assert rounds.open_round(unit, agreed(), KIND)
    for name in ("KEYS", "TRUST", "DROP", "REPORTS"):
        monkeypatch.delenv(f"OVERSTAP_{name}", raising=False)
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    triggers.reader.cache_clear()
    yield
    triggers.reader().close()
    triggers.reader.cache_clear()


def again(trigger: triggers.RoundTrigger) -> triggers.RoundTrigger:
    """Make a trigger anew from what Airflow keeps of it."""
    path, arguments = trigger.serialize()
    assert path == f"overstap.orchestration.triggers.{type(trigger).__name__}"
    return type(trigger)(**arguments)


def left(trigger: triggers.RoundTrigger, app_dsn: str) -> float:
    with closing(ReadOnlyLedger(app_dsn)) as read_only_ledger:
        return again(trigger).seconds_left(read_only_ledger)


def test_a_milestone_is_read_as_it_holds_in_the_ledger(ledger: Ledger, app_dsn: str) -> None:
    passed, comes = (triggers.MilestoneReached(REGION, ROUND, 60, name) for name in ("data_due", "delivers"))
    assert left(passed, app_dsn) <= 0
    assert 0 < left(comes, app_dsn) <= 3600
    with ledger.unit(REGION, "file") as unit:
        apply_file(unit, ROUND, agreed(delivers=4), taken_by="file")
    assert 3 * 3600 < left(comes, app_dsn) <= 4 * 3600
    with ledger.unit(REGION, "test") as unit:
        found = rounds.get_round(unit, ROUND)
        for name in KIND.milestones:
            moment = getattr(found.agreement.round(KIND).milestones, name)
            [(expected,)] = unit.rows("select extract(epoch from %(at)s - overstap.clock())", at=moment)
            assert abs(seconds_until(unit, ROUND, name) - float(expected)) < 60, name


def test_nobody_is_waited_for_while_nothing_was_released_or_sealed(app_dsn: str) -> None:
    assert left(triggers.ReviewOver(REGION, ROUND, 7), app_dsn) == 0
    assert left(triggers.ReceiptsOver(REGION, ROUND, 7, "run"), app_dsn) == 0
    assert left(triggers.ReceiptsOver(REGION, ROUND, 7, "run", "98XA00"), app_dsn) == 0


@pytest.mark.fault("F24")
def test_a_trigger_says_once_that_the_wait_is_over_and_outlasts_a_ledger_that_is_away(
    app_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = triggers.MilestoneReached(REGION, ROUND, 0.01, "data_due")
    looks: list[float] = []

    def look(read_only_ledger: ReadOnlyLedger) -> float:
        looks.append(0)
        if len(looks) < 3:
            raise psycopg.OperationalError("away")
        return 0

    monkeypatch.setattr(trigger, "seconds_left", look)

    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, events()).result() == [{"round_id": ROUND}]
    assert len(looks) == 3
