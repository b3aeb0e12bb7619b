"""Tests of failure messages in task logs: Dutch first, and a retry unless a person has to act."""

import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import structlog

from overstap.errors import OverstapError, sentences
from overstap.texts import Count

AGAIN = "probeert het vanzelf opnieuw"


class _Anything(dict):
    def __missing__(self, name: str) -> Count:
        return Count(1)


def error(code: str) -> OverstapError:
    found = OverstapError.__new__(OverstapError)
    text = {name: said.format_map(_Anything()) for name, said in sentences()[code].items()}
    Exception.__init__(found, code)
    found.code, found.facts, found.who = code, {}, text["who"]
    found.message_nl, found.message_en = text["nl"], text["en"]
    found.do_nl, found.do_en = text["do_nl"], text["do_en"]
    return found


@pytest.mark.parametrize("code", [code for code, text in sentences().items() if AGAIN in text["do_nl"]])
def test_what_is_said_to_be_tried_again_is_tried_again(code: str) -> None:
    from overstap.orchestration.round_context import failures_told

    with pytest.raises(OverstapError, match=code), failures_told():
        raise error(code)


@pytest.mark.parametrize("code", ["INTAKE-050", "INTAKE-051", "GATE-001", "GATE-002", "GATE-003"])
def test_what_a_school_or_coordinator_must_mend_is_red_at_once(code: str, caplog: pytest.LogCaptureFixture) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from overstap.orchestration.round_context import failures_told

    problem = error(code)
    with caplog.at_level(logging.ERROR), pytest.raises(AirflowFailException), failures_told():
        raise problem
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == f"{code} | {problem.message_nl}"
    assert problem.do_nl in said[1]


@pytest.fixture
def logged() -> Iterator[list[structlog.typing.EventDict]]:
    """What a process logs whose loggers were configured, as Airflow does, before a step began."""
    found: list[structlog.typing.EventDict] = []

    def keep(logger: Any, method: str, event: structlog.typing.EventDict) -> str:
        found.append(structlog.processors.format_exc_info(logger, method, dict(event)))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[keep])
    yield found
    structlog.configure(**before)


@pytest.mark.parametrize("code", ["INTAKE-050", "LEDGER-006"])
def test_our_own_error_is_logged_without_frames(code: str, logged: list[structlog.typing.EventDict]) -> None:
    from overstap.orchestration.round_context import failures_told

    log = structlog.get_logger(logger_name="task").bind()  # before the step, as Airflow's
    for _ in range(2):
        try:
            with failures_told():
                raise error(code)
        except Exception:  # as the runner of tasks does, which logs whatever a task raises
            log.exception("Task failed with exception")
    assert [set(one) for one in logged] == [{"logger_name", "event"}] * 2
    assert logged[0]["event"].startswith(f"{code} | Niet gelukt")


def test_what_nobody_foresaw_keeps_its_frames(logged: list[structlog.typing.EventDict]) -> None:
    from overstap.orchestration.round_context import failures_told

    log = structlog.get_logger(logger_name="task").bind()
    for problem in (ZeroDivisionError("x"), psycopg.OperationalError("gone")):
        try:
            with failures_told():
                raise problem
        except Exception:  # as the runner of tasks does, which logs whatever a task raises
            log.exception("Task failed with exception")
    assert all("Traceback" in one["exception"] for one in logged)
    assert [one["event"] for one in logged] == ["Task failed with exception"] * 2


def test_what_nobody_foresaw_stays_as_it_is() -> None:
    from overstap.orchestration.round_context import failures_told

    with pytest.raises(psycopg.OperationalError), failures_told():
        raise psycopg.OperationalError("gone")
