"""Tests of waiting for another process: how often it looks, and when its time is up."""

from itertools import pairwise

import pytest

from overstap.errors import OverstapError
from overstap_tools.local import waiting
from overstap_tools.local.waiting import wait_until


class Clock:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(waiting, "time", found)
    return found


def looks(clock: Clock, seconds: float, poll_seconds: float) -> list[float]:
    """When somebody looks who waits for something that comes after some seconds."""
    begun, seen = clock.seconds, list[float]()

    def is_there() -> bool:
        seen.append(clock.seconds - begun)
        return seen[-1] >= seconds

    wait_until(is_there, "something", 1000, poll_seconds)
    return seen


def test_what_comes_soon_is_seen_soon(clock: Clock) -> None:
    assert looks(clock, 2, 0.25) == [0.25 * number for number in range(9)]


def test_a_long_wait_looks_seldom_and_sees_it_within_two_seconds(clock: Clock) -> None:
    seen = looks(clock, 120, 0.25)
    pauses = [after - before for before, after in pairwise(seen)]
    assert pauses == sorted(pauses)
    assert max(pauses) == 2
    assert all(pause <= max(0.25, 0.1 * at + 1e-9) for at, pause in zip(seen, pauses, strict=False))
    assert len(seen) < 120


def test_who_looks_more_seldom_still_does(clock: Clock) -> None:
    assert looks(clock, 60, 5) == [5 * number for number in range(13)]


def test_a_wait_ends_when_its_time_is_up(clock: Clock) -> None:
    begun = clock.seconds
    with pytest.raises(OverstapError, match="LOCAL-010"):
        wait_until(lambda: False, "nothing", 30, 1)
    assert 30 < clock.seconds - begun <= 34
