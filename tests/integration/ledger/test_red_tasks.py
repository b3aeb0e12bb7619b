"""Tests of the record of failed tasks by Airflow's callbacks, also in processes without keys."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_walk import REGION

from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.rounds import task_failures
from overstap.orchestration import failures
from overstap.orchestration.failures import StopError

SCHOOLS = ["99AB00", "99AC00"]
ROUND = {"region": REGION, "school_year": "2026-2027", "kind": "advice"}


@pytest.fixture(autouse=True)
def no_keys(ledger: Ledger, app_dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The DAG processor's settings: it calls back for a process that was killed."""
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.delenv("OVERSTAP_KEYS", raising=False)


def instance(index: int = -1) -> Any:
    return SimpleNamespace(dag_id="round__alfa__advice", run_id="r", task_id="collect", map_index=index)


def running(school: str, index: int) -> dict[str, Any]:
    """A mapped task as its own process has it."""
    return {"ti": instance(index), "task": SimpleNamespace(is_mapped=False, school=school, **ROUND)}


def killed(index: int) -> dict[str, Any]:
    """The same as it stands in the DAG, with all its instances in one."""
    each = SimpleNamespace(value=[{"school": school, "label": school} for school in SCHOOLS])
    return {"ti": instance(index), "task": SimpleNamespace(is_mapped=True, partial_kwargs=ROUND, expand_input=each)}


def red(ledger: Ledger) -> list[tuple[str | None, str, bool]]:
    with ledger.unit(REGION, "test") as unit:
        return [(one.task.school, one.code, one.will_retry) for one in task_failures.open_failures(unit)]


def test_what_failed_is_kept_by_school_and_ends_with_a_success(ledger: Ledger) -> None:
    told: Any = running(SCHOOLS[1], 1) | {"exception": StopError(OverstapError("TASK-002"))}
    failures.keep_failure(told)
    assert red(ledger) == [(SCHOOLS[1], "TASK-002", False)]
    failures.keep_success(told)
    assert red(ledger) == []


def test_a_killed_process_is_kept_for_its_school(ledger: Ledger) -> None:
    told: Any = killed(1)
    failures.keep_retry(told)
    assert red(ledger) == [(SCHOOLS[1], "TASK-003", True)]


def test_what_a_task_waits_for_is_no_red_task(ledger: Ledger) -> None:
    told: Any = running(SCHOOLS[0], 0)
    failures.keep_waiting(told, OverstapError("TASK-003"))
    assert red(ledger) == [(SCHOOLS[0], "TASK-003", True)]
