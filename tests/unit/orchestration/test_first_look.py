"""Tests of when a wait's trigger looks, on a clock that stands still."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.triggers.base import TaskSuccessEvent

from overstap.orchestration import triggers
from overstap.orchestration.triggers import FIRST_LOOK_SECONDS, LEAST_SECONDS, RoundTrigger
from overstap_tools.bench.rest import shipped_settings

ROUND = "alfa/2026-2027/advice"
LOOK = "look"


class Answers(RoundTrigger):
    """Trigger whose looks are answered in turn."""

    def __init__(self, seconds: float, *answers: float, ends_task: bool = False) -> None:
        super().__init__("alfa", ROUND, seconds, ends_task=ends_task)
        self.answers = list(answers)
        self.done: list[Any] = []
        """What it did, in order: how long it slept, how long it listened at most, and its looks."""
        self.is_told = False
        """Whether the ledger tells of the round each time that nobody looks."""
        self.events: list[Any] = []

    def _left(self) -> float:
        self.done.append(LOOK)
        return self.answers.pop(0)


def played(trigger: Answers, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what the trigger did until it said that the wait is over."""
    woken: list[asyncio.Event] = []

    class Waiting:
        @contextmanager
        def wait(self, round_id: str) -> Iterator[asyncio.Event]:
            assert round_id == ROUND
            woken.append(asyncio.Event())
            yield woken[-1]

    async def sleep(seconds: float) -> None:
        trigger.done.append(seconds)
        if trigger.is_told:
            for _ in range(100):
                woken[-1].set()

    async def woken_within(event: asyncio.Event, seconds: float) -> None:
        trigger.done.append("woken" if event.is_set() else f"listened {seconds:g}")

    monkeypatch.setattr(triggers, "asyncio", SimpleNamespace(sleep=sleep, to_thread=asyncio.to_thread))
    monkeypatch.setattr(triggers, "waiting_rounds", Waiting)
    monkeypatch.setattr(triggers, "_woken_within", woken_within)

    async def events() -> list[Any]:
        return [one async for one in trigger.run()]

    with ThreadPoolExecutor(1) as pool:  # a browser's driver leaves a loop running in the test's own thread
        trigger.events = pool.submit(asyncio.run, events()).result()
    assert len(trigger.events) == 1
    assert trigger.answers == []
    return trigger.done


def test_a_task_that_is_resumed_is_looked_at_late_first_and_then_after_the_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trigger = Answers(10, 10, 10, 0)
    rest = [LEAST_SECONDS, "listened 9"]
    assert played(trigger, monkeypatch) == [FIRST_LOOK_SECONDS, LOOK, *rest, LOOK, *rest, LOOK]
    assert trigger.events[0].payload == {"round_id": ROUND}
    trigger = Answers(60, 200, 25, -1)
    found = [FIRST_LOOK_SECONDS, LOOK, LEAST_SECONDS, "listened 59", LOOK, LEAST_SECONDS, "listened 24", LOOK]
    assert played(trigger, monkeypatch) == found


def test_a_shorter_interval_holds_for_the_first_look_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert played(Answers(2, 2, 0), monkeypatch) == [2, LOOK, LEAST_SECONDS, "listened 1", LOOK]
    assert played(Answers(0.5, 0.5, 0), monkeypatch)[:4] == [0.5, LOOK, 0.5, "listened -0.5"]


def test_a_task_that_ends_with_its_wait_is_looked_at_at_once_and_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = Answers(10, 10, 0, ends_task=True)
    assert played(trigger, monkeypatch) == [LOOK, LEAST_SECONDS, "listened 9", LOOK]
    assert isinstance(trigger.events[0], TaskSuccessEvent)


def test_a_hundred_notices_are_one_look_and_it_comes_no_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = Answers(10, 10, 10, 0, ends_task=True)
    trigger.is_told = True
    assert played(trigger, monkeypatch) == [LOOK, LEAST_SECONDS, "woken", LOOK, LEAST_SECONDS, "woken", LOOK]


def test_airflow_knows_by_then_that_the_task_paused() -> None:
    """Its worker goes on for a heartbeat's interval and half a second; the rest is for a busy machine."""
    goes_on = int(shipped_settings()["AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"]) + 0.5
    assert FIRST_LOOK_SECONDS - goes_on >= 4.5


def test_an_event_that_is_set_or_never_comes_ends_the_listening() -> None:
    async def listen() -> None:
        woken = asyncio.Event()
        await triggers._woken_within(woken, -1)
        await triggers._woken_within(woken, 0.001)
        woken.set()
        await triggers._woken_within(woken, 3_600)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, listen()).result()
