"""Tests of when a wait's trigger looks, on a clock that stands still."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from overstap.orchestration import triggers
from overstap.orchestration.triggers import FIRST_LOOK_SECONDS, RoundTrigger
from overstap_tools.bench.rest import shipped_settings


class Answers(RoundTrigger):
    """Trigger whose looks are answered in turn."""

    def __init__(self, seconds: float, *answers: float) -> None:
        super().__init__("alfa", "alfa/2026-2027/advice", seconds)
        self.answers = list(answers)

    def _look(self) -> float:
        return self.answers.pop(0)


def slept(trigger: Answers, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long the trigger slept before each look, until it says that the wait is over."""
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(triggers, "asyncio", SimpleNamespace(sleep=sleep, to_thread=asyncio.to_thread))

    async def events() -> list[Any]:
        return [one.payload async for one in trigger.run()]

    with ThreadPoolExecutor(1) as pool:  # a browser's driver leaves a loop running in the test's own thread
        assert pool.submit(asyncio.run, events()).result() == [{"round_id": "alfa/2026-2027/advice"}]
    assert trigger.answers == []
    return found


def test_the_first_look_comes_early_and_the_others_after_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slept(Answers(10, 10, 10, 0), monkeypatch) == [FIRST_LOOK_SECONDS, 10, 10]
    assert slept(Answers(60, 200, 25, -1), monkeypatch) == [FIRST_LOOK_SECONDS, 60, 25]


def test_a_shorter_interval_holds_for_the_first_look_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slept(Answers(2, 2, 0), monkeypatch) == [2, 2]


def test_airflow_knows_by_then_that_the_task_paused() -> None:
    """Its worker goes on for a heartbeat's interval and half a second; the rest is for a busy machine."""
    goes_on = int(shipped_settings()["AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"]) + 0.5
    assert FIRST_LOOK_SECONDS - goes_on >= 4.5
