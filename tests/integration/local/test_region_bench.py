"""Test that a region's round is played by a real Airflow and by a DAG of empty tasks, and told second by second."""

import io
import os
import tempfile
from pathlib import Path

import pytest
from rich.console import Console

from overstap_tools.bench import afternoon, region
from overstap_tools.bench.sandbox import today
from overstap_tools.bench.task_seconds import SecondKind

pytestmark = pytest.mark.boot
SCHOOLS, RECEIVERS = 2, 2
ONCE = ("open_round", "registrations", "check", "invite", "seal", "close", "complete")


def left() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("overstap-bench-region-*"))


def test_a_small_region_goes_from_its_opening_to_its_close() -> None:
    before = left()
    out, ended = io.StringIO(), list[int]()
    found = region.run(
        Console(file=out, width=200),
        today=today(),
        pupils=16,
        primary=SCHOOLS,
        secondary=RECEIVERS,
        slots=4,
        advance=ended.append,
    )
    said = out.getvalue()
    assert sum(ended) == region.instances(SCHOOLS, RECEIVERS)
    assert min(ended) > 0
    for run in (found.played, found.empty):
        assert {name: run.instances[name] for name in ONCE} == dict.fromkeys(ONCE, 1)
        assert (run.instances["collect"], run.instances["deliver"]) == (SCHOOLS, RECEIVERS)
        assert all(run.by_kind[kind] > 0 for kind in (SecondKind.START, SecondKind.WORK))
        assert sum(run.waited.values()) == pytest.approx(run.by_kind[SecondKind.SCHEDULER])
        assert "" in run.waited, "until the run ended"
    assert found.played.by_kind[SecondKind.READING] > 0
    assert found.played.by_kind[SecondKind.PEOPLE] > 0, "somebody was asked"
    assert found.empty.by_kind[SecondKind.PEOPLE] == 0, "nobody was asked"
    assert found.chain > 0
    assert found.confirmed > 0
    assert "kept" in said or "missed" in said
    assert "peer: the same DAG of empty tasks" in said
    assert left() <= before


@pytest.mark.skipif(
    "OVERSTAP_TEST_BENCH" not in os.environ,
    reason="an Airflow of its own, for minutes, with the parts of the test above: OVERSTAP_TEST_BENCH=1",
)
def test_two_regions_go_through_an_afternoon_together() -> None:
    before = set(Path(tempfile.gettempdir()).glob("overstap-bench-afternoon-*"))
    out, ended = io.StringIO(), list[int]()
    found = afternoon.run(
        Console(file=out, width=200),
        today=today(),
        regions=2,
        pupils=8,
        primary=SCHOOLS,
        secondary=1,
        slots=2,
        advance=ended.append,
    )
    assert sum(ended) == 2
    assert found.confirmed > 0
    assert max(found.queue) > 0, "two slots are not enough for two regions"
    assert len(found.waits) <= found.tasks
    assert max(found.waits) > 0
    assert "seconds that a task waits" in out.getvalue()
    assert set(Path(tempfile.gettempdir()).glob("overstap-bench-afternoon-*")) <= before
