"""Tests of trace ids: one for a run, one for a request, and whatever a caller sends."""

import asyncio
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from overstap import alarms
from overstap.alarms import raise_alarm
from overstap.clock import now
from overstap.telemetry import logs, trace
from overstap.telemetry.asgi import Traced

SENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ITS_TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(autouse=True)
def _no_trace_of_another_test() -> Iterator[None]:
    trace._process.clear()
    yield
    trace._process.clear()


def test_a_run_has_one_trace_in_all_its_tasks_and_threads() -> None:
    assert trace.traceparent() is None
    trace.begin(trace.trace_of_run("round__demo__advice", "scheduled__1"))
    assert trace.trace_of_run("round__demo__advice", "scheduled__1") == trace.trace_id()
    assert trace.trace_of_run("round__demo__advice", "scheduled__2") != trace.trace_id()
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(trace.trace_id).result() == trace.trace_id()
    sent = trace.traceparent()
    assert sent is not None
    assert trace.read_traceparent(sent) == trace.trace_id()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        SENT.upper(),
        SENT + "\n",
        SENT + "-x",
        SENT.replace("0af7", "0ag7"),
        "00-" + "0" * 32 + "-" + "1" * 16 + "-00",
        "٠" * 55,
    ],
)
def test_what_is_no_trace_id_is_never_logged(header: str) -> None:
    assert trace.read_traceparent(header) is None


def test_a_request_is_done_under_the_trace_of_its_caller_and_recorded() -> None:
    recorded: list[tuple[str, int, float]] = []

    def found(request: Request) -> PlainTextResponse:  # in a thread
        return PlainTextResponse(trace.trace_id() or "none")

    async def fails(request: Request) -> PlainTextResponse:
        raise RuntimeError("Jansen")

    app = Starlette(routes=[Route("/", found), Route("/fails", fails)])
    traced = Traced(app, lambda *told: recorded.append(told))

    async def ask() -> list[str]:
        transport = httpx.ASGITransport(traced, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            said = [(await client.get("/", headers=headers)).text for headers in ({"traceparent": SENT}, {}, {})]
            await client.request("BREW", "/fails")
            await client.get("/fails")
        return said

    with ThreadPoolExecutor(1) as thread:  # a browser's tests leave a loop in this one
        said = thread.submit(asyncio.run, ask()).result()
    assert said[0] == ITS_TRACE
    assert len({*said}) == 3
    assert all(len(one) == 32 for one in said)
    assert trace.trace_id() is None
    assert [(method, status) for method, status, _ in recorded] == [
        *[("GET", 200)] * 3,
        ("_OTHER", 405),
        ("GET", 500),
    ]
    assert all(seconds > 0 for *_, seconds in recorded)


@contextmanager
def only_ours() -> Iterator[None]:
    """Take away the handlers of pytest, which came after every fixture, and put them back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def test_lines_are_objects_of_the_elastic_common_schema(capsys: pytest.CaptureFixture[str]) -> None:
    with only_ours():
        logs.configure_logs("review", "json")
        with trace.traced(ITS_TRACE):
            logging.getLogger("overstap.x").warning("line\nend %s", '"quoted"')
        raise_alarm("guessing", service="review", failed=3)
    first, alarm = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert first["message"] == 'line\nend "quoted"'
    assert first["trace"]["id"] == ITS_TRACE
    assert first["service"]["name"] == "overstap-review"
    assert first["log.level"] == "warning"
    assert alarm["event.action"] == "guessing"
    assert alarm["overstap.failed"] == 3


def test_text_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    with only_ours():
        logs.configure_logs("review", "text")
        logging.getLogger("overstap.x").info("as ever")
    assert capsys.readouterr().err.rstrip().endswith("INFO overstap.x as ever")


def test_an_alarm_that_strangers_repeat_is_told_once_in_an_hour_for_each_account(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "_told", type(alarms._told)())
    caplog.set_level(logging.WARNING, "overstap.alarm")
    for _ in range(50):
        for about in ("een@school.example", "twee@school.example"):
            raise_alarm("account_guessed", service="school", failed=100, about=about)
    for _ in range(3):  # two accounts that open much in one hour are two alarms
        raise_alarm("mass_opening", service="ledger", failed=101)
    told = [json.loads(one.getMessage())["event.action"] for one in caplog.records]
    assert told == ["account_guessed"] * 2 + ["mass_opening"] * 3
    assert "school.example" not in caplog.text
    later = now() + timedelta(hours=1)
    monkeypatch.setattr(alarms, "now", lambda: later)
    raise_alarm("account_guessed", service="school", failed=100, about="een@school.example")
    assert len(caplog.records) == 6
    for number in range(alarms._MOST_REMEMBERED + 5):
        raise_alarm("account_guessed", service="school", about=str(number))
    assert len(alarms._told) == alarms._MOST_REMEMBERED
