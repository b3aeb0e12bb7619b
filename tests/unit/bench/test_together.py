"""Tests of measurements in several processes: counts, common start, failures."""

import os
import time

import pytest

from overstap_tools.bench.lines import RateLine, line
from overstap_tools.bench.together import ProcessShare, Stopwatch, together


def counting(stopwatch: Stopwatch, items: int, preparation: float) -> ProcessShare:
    time.sleep(preparation)
    stopwatch.ready()
    stopwatch.more["process"] = os.getpid()
    time.sleep(0.01)
    return stopwatch.stop(items)


def failing(stopwatch: Stopwatch, items: int, *_: object) -> ProcessShare:
    if items:
        raise ValueError("on purpose")
    stopwatch.ready()
    return stopwatch.stop(items)


def test_all_processes_begin_together_after_the_slowest_preparation() -> None:
    measured = together(counting, [(3, 0.0), (4, 0.5)])
    quick, slow = measured.parts
    assert measured.counted == 7
    assert len({part.more["process"] for part in measured.parts} | {os.getpid()}) == 3
    assert abs(quick.begin - slow.begin) < 0.5
    assert measured.rate == pytest.approx(7 / measured.seconds)
    assert measured.peak_bytes == max(part.peak_bytes for part in measured.parts)


def test_a_process_that_fails_is_not_a_rate(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="failing failed in a process"):
        together(failing, [(1,), (0,)])
    assert "on purpose" in capfd.readouterr().err


def test_a_line_has_both_rates() -> None:
    found = line("counting", counting, lambda serial: (5 + serial, 0.0), runs=1)
    assert found.one > 0
    assert found.two is not None
    assert found.two > 0


@pytest.mark.parametrize(
    ("found", "is_kept"),
    [
        (RateLine(what="a", one=10, two=19, budget=10), True),
        (RateLine(what="b", one=10, two=19, budget=11), False),
        (RateLine(what="c", one=10, two=19, budget=19, is_budget_for_two=True), True),
        (RateLine(what="d", one=30, two=19, budget=20, is_budget_for_two=True), False),
        (RateLine(what="e", one=10), None),
    ],
)
def test_a_budget_is_kept_on_the_cores_it_is_for(found: RateLine, is_kept: bool | None) -> None:
    assert found.is_kept is is_kept
