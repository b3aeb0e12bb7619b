"""The benchmark of applications measures what it names, on a small region, and holds its sums."""

import io
from datetime import date

import pytest
from rich.console import Console

from overstap_tools.bench import applications
from overstap_tools.bench.sandbox import bench_sandbox


def test_each_step_is_measured_and_the_ledger_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    # The process of the tests has held what other tests needed
    monkeypatch.setattr(applications, "peak_bytes", lambda: 100 * 1024**2)
    said = io.StringIO()
    with bench_sandbox(applications.region_names(2), is_durable=False) as sandbox:
        spent = applications.run(
            Console(file=said, width=120), sandbox, today=date(2026, 11, 30), regions=2, pupils=140
        )
    assert set(spent) == set(applications.STEPS)
    assert all(seconds > 0 for seconds in spent.values())
    assert "280 pupils, 640 applications" in said.getvalue()
    assert "(kept)" in said.getvalue()
    assert "in two regions: 12" in said.getvalue()


def test_more_memory_than_agreed_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applications, "peak_bytes", lambda: applications.MEMORY_BUDGET + 1)
    with bench_sandbox(applications.region_names(1), is_durable=False) as sandbox, pytest.raises(SystemExit):
        applications.run(Console(file=io.StringIO()), sandbox, today=date(2026, 11, 30), regions=1, pupils=40)


def test_the_country_has_its_applications() -> None:
    per_pupil = [
        1 + 2 * (pupil % applications.SECOND_EVERY == 0) + 2 * (pupil % applications.FOURTH_EVERY == 0)
        for pupil in range(applications.PUPILS)
    ]
    assert 399_000 < 35 * sum(per_pupil) < 401_000
