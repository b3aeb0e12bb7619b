"""Tests of the delivery operator: the task hands over once and waits; only the region's deliveries DAG tries again."""

from typing import Any

import pytest

from overstap.errors import OverstapError

FACTS = {"open": 1, "total": 2, "school": "Het College", "problems": "", "count": 1, "subject": "x"}


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A task whose function fails as it is told, and keeps how it was called."""
    from overstap.orchestration import delivery_operator

    waiting: list[str] = []
    monkeypatch.setattr(delivery_operator, "keep_waiting", lambda context, error: waiting.append(error.code))
    calls: list[dict[str, Any]] = []
    outcomes: list[str | None] = []

    def deliver(**told: Any) -> dict[str, int]:
        calls.append(told)
        if code := outcomes.pop(0):
            raise OverstapError(code, **FACTS)
        return {"accepted": 2}

    made = delivery_operator.DeliverOperator(
        task_id="deliver",
        python_callable=deliver,
        region="alfa",
        school_year="2026-2027",
        kind="advice",
        school="98XA00",
        label="Het College (98XA00)",
    )
    made.seen = (calls, outcomes, waiting)
    return made


CONTEXT: Any = {"run_id": "manual__1"}


def test_what_is_confirmed_at_once_is_done(operator: Any) -> None:
    calls, outcomes, waiting = operator.seen
    outcomes.append(None)
    assert operator.execute(CONTEXT) == {"accepted": 2}
    assert [one["is_asked"] for one in calls] == [True]
    assert waiting == []


def test_what_is_unconfirmed_is_waited_for_without_a_worker_and_not_tried_again(operator: Any) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    calls, outcomes, waiting = operator.seen
    outcomes += ["DELIVERY-101", "DELIVERY-101", None]
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(CONTEXT)
    path, arguments = deferred.value.trigger.serialize()
    assert path == "overstap.orchestration.triggers.ReceiptsOver"
    assert (arguments["round_id"], arguments["school"]) == ("alfa.2026-2027.advice", "98XA00")
    assert type(arguments["round_id"]) is str, "Airflow keeps no subclass of it"
    assert waiting == ["DELIVERY-101"], "the board and the ledger tell why"
    with pytest.raises(TaskDeferred):  # receipts are due later by now
        getattr(operator, deferred.value.method_name)(CONTEXT, {})
    assert operator.settled(CONTEXT, {}) == {"accepted": 2}
    assert [one["is_asked"] for one in calls] == [True, False, False], "only who starts the task asks"


@pytest.mark.parametrize("code", ["DELIVERY-106", "GATE-004", "LEDGER-012"])
def test_what_a_person_or_the_scheduler_deals_with_stays_an_error(operator: Any, code: str) -> None:
    operator.seen[1].append(code)
    with pytest.raises(OverstapError, match=code):
        operator.execute(CONTEXT)
