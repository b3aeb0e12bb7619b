"""Tests of the delay of password guesses at Airflow per client, also behind a trusted proxy."""

import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest
import uvicorn
from a2wsgi import WSGIMiddleware
from flask import Flask, redirect, request
from flask.typing import ResponseReturnValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from overstap.pages.shared.password_limit import PasswordLimit
from overstap_tools.local import ports
from overstap_tools.local.waiting import wait_until

WAITS = 120


class Passwords:
    """Takes passwords as Airflow does: a token for the right one, 401 or its form once more for any other."""

    def __init__(self) -> None:
        self.seen = 0
        self.let_go = threading.Event()
        self.let_go.set()

    def token(self, request: Request) -> Response:
        self.seen += 1
        self.let_go.wait(WAITS)
        is_right = request.headers.get("x-password") == "right"
        return JSONResponse({"client": request.client.host if request.client else ""}, 201 if is_right else 401)

    def login(self, request: Request) -> Response:
        self.seen += 1
        return RedirectResponse("/auth/login/" if request.headers.get("x-password") != "right" else "/", 302)


@pytest.fixture
def passwords() -> Passwords:
    return Passwords()


@pytest.fixture
def address(passwords: Passwords) -> Iterator[str]:
    routes = [
        Route("/auth/token", passwords.token, methods=["POST"]),
        Route("/auth/login/", passwords.login, methods=["POST"]),
        Route("/api/x", passwords.token, methods=["POST"]),
    ]
    port = ports.any_free()
    app = PasswordLimit(Starlette(routes=routes), free=3, at_once=2)
    config = uvicorn.Config(
        app, port=port, log_level="warning", proxy_headers=True, forwarded_allow_ips="127.0.0.1", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, "server", WAITS)
    yield f"http://127.0.0.1:{port}"
    passwords.let_go.set()
    server.should_exit = True
    thread.join(WAITS)


def attempt(address: str, client: str, typed: str = "wrong", path: str = "/auth/token") -> int:
    headers = {"x-forwarded-for": client, "x-password": typed}
    return httpx.post(f"{address}{path}", headers=headers, timeout=WAITS).status_code


def test_one_client_is_looked_at_a_few_at_a_time_and_others_are_not_in_its_way(
    passwords: Passwords, address: str
) -> None:
    passwords.let_go.clear()
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(attempt, address, "198.51.100.7") for _ in range(2)]
        wait_until(lambda: passwords.seen == 2, "both are looked at", WAITS)
        assert attempt(address, "198.51.100.7", "right") == 429
        assert passwords.seen == 2, "a third one is not even tried"
        passwords.let_go.set()
        assert [one.result() for one in held] == [401, 401]
    assert attempt(address, "198.51.100.7", "right") == 201


def test_failures_are_answered_later_and_later_per_client(passwords: Passwords, address: str) -> None:
    """The tenth wrong answer waits; another client behind the same proxy, and a right password, do not."""
    for _ in range(4):
        assert attempt(address, "198.51.100.7") == 401
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(attempt, address, "198.51.100.7") for _ in range(2)]
        wait_until(lambda: passwords.seen == 6, "both were looked at", WAITS)
        assert attempt(address, "198.51.100.8", "right") == 201
        assert attempt(address, "2001:db8:1:200::1", "right", "/auth/login/") == 302
        assert not any(one.done() for one in slow), "a right one passed those that wait"
        assert {one.result() for one in slow} == {401}


def test_a_visitor_does_not_say_itself_where_it_comes_from(passwords: Passwords, address: str) -> None:
    """Each guess with another address in front: the proxy writes the last one, and that one counts."""
    passwords.let_go.clear()
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(attempt, address, f"203.0.113.{number}, 198.51.100.7") for number in range(2)]
        wait_until(lambda: passwords.seen == 2, "both are looked at", WAITS)
        assert attempt(address, "203.0.113.9, 198.51.100.7", "right") == 429
        assert attempt(address, "2001:db8:1:2ff::1", "right", "/api/x/") != 429
        passwords.let_go.set()
        assert {one.result() for one in held} == {401}


@pytest.mark.parametrize(("hour", "is_night"), [(2, True), (3, False), (22, True), (21, False)])
def test_a_person_who_signs_in_at_night_is_an_alarm_and_a_script_is_not(
    passwords: Passwords, caplog: pytest.LogCaptureFixture, hour: int, is_night: bool
) -> None:
    """By Dutch summer time, with a password or at a provider; who is refused there did not sign in."""
    routes = [
        Route("/auth/token", passwords.token, methods=["POST"]),
        Route("/auth/login/", passwords.login, methods=["POST"]),
        Route("/auth/oauth-authorized/{provider}", passwords.login, methods=["GET"]),
    ]
    app = PasswordLimit(Starlette(routes=routes), clock=lambda: datetime(2027, 7, 9, hour, 59, tzinfo=UTC))
    with (
        TestClient(app, follow_redirects=False) as client,
        caplog.at_level(logging.WARNING, "overstap.alarm"),
    ):
        for typed, count in (("wrong", 0), ("right", 2)):
            caplog.clear()
            headers = {"x-password": typed}
            client.post("/auth/token", headers=headers)
            client.post("/auth/login/", headers=headers)
            client.get("/auth/oauth-authorized/school?code=x&state=y", headers=headers)
            lines = [json.loads(one.getMessage()) for one in caplog.records if one.name == "overstap.alarm"]
            assert [one["event.action"] for one in lines] == ["odd_hours"] * (count if is_night else 0)


def airflow_of(hour: int, *, lets_in: bool) -> PasswordLimit:
    """Flask behind Starlette, as Airflow has its sign-in, at some hour; it sends people where its form says."""
    pages = Flask("sign-in")

    @pages.route("/login/", methods=["GET", "POST"])
    def login() -> ResponseReturnValue:
        next_url = request.args.get("next", "/")
        return redirect(next_url if lets_in else f"/auth/login/?next={next_url}")

    @pages.route("/oauth-authorized/<provider>")
    def authorized(provider: str) -> ResponseReturnValue:
        return redirect("/" if lets_in else "/auth/login/")

    routes = [Mount("/auth", WSGIMiddleware(pages.wsgi_app))]  # type: ignore[arg-type]  # an older protocol
    return PasswordLimit(Starlette(routes=routes), clock=lambda: datetime(2027, 7, 9, hour, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/auth/login"), ("GET", "/auth/oauth-authorized//school"), ("GET", "/auth/oauth-authorized//x?a=b")],
)
def test_a_stranger_raises_no_alarm_of_a_sign_in_at_night(
    caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    """Flask redirects an address with a slash too few or too many before it looks at anything."""
    with (
        TestClient(airflow_of(2, lets_in=False), follow_redirects=False) as client,
        caplog.at_level(logging.WARNING, "overstap.alarm"),
    ):
        assert client.request(method, path).status_code == 308
    assert [one for one in caplog.records if one.name == "overstap.alarm"] == []


@pytest.mark.parametrize(
    "wanted", ["/auth/login/", "/auth/login", "//auth/login/", "/rondes/?x=/login", "/auth/%6Cogin/", "/auth//login/"]
)
def test_who_signs_in_at_night_hides_it_by_no_page_to_go_to_next(caplog: pytest.LogCaptureFixture, wanted: str) -> None:
    """A redirect to the form means that somebody was refused, so a sign-in that asked for the form looked like it."""
    with (
        TestClient(airflow_of(2, lets_in=True), follow_redirects=False) as client,
        caplog.at_level(logging.WARNING, "overstap.alarm"),
    ):
        assert client.post("/auth/login/", params={"next": wanted}).status_code == 302
    assert len([one for one in caplog.records if one.name == "overstap.alarm"]) == 1
