"""Tests of the delay of password guesses at Airflow per client, also behind a trusted proxy."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

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
