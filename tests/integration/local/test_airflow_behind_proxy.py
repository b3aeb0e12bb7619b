"""Sign-in at a booted api-server behind a proxy: whoever guesses is slowed down, and nobody else, whatever they claim.

A trusted proxy is an address, as in a deployment; two more addresses of the loopback are strangers.
"""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from overstap_tools.local import ports
from overstap_tools.local.airflow import AirflowStack
from overstap_tools.local.api import ADMIN
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.waiting import wait_until
from overstap_tools.project import PROJECT

pytestmark = pytest.mark.boot

PROXY, STRANGER = "127.0.0.2", "127.0.0.3"
GUESSER, COORDINATOR = "198.51.100.7", "203.0.113.9"
STARTS = 300
_REFUSED_PAUSE = 0.2
"""Seconds after guesses that nobody looked at: without them the refusals alone take two processors."""
SOON = 20.0
"""Seconds within which somebody who did nothing wrong is answered, also on a busy machine; a delay grows beyond."""


@pytest.fixture(scope="module")
def stack(state_folder: Path, postgres: EmbeddedPostgres) -> Iterator[tuple[str, str]]:
    """Address of an api-server with our plugin and configuration, and the administrator's password."""
    folder = state_folder / "behind_proxy"
    folder.mkdir()
    found = AirflowStack(
        folder / "airflow",
        postgres,
        PROJECT / "dags",
        PROJECT / "plugins",
        port=ports.any_free(),
        database="airflow_behind_proxy",
        extra_env={"FORWARDED_ALLOW_IPS": PROXY},
    )
    found.migrate()
    with (folder / "log").open("wb") as out:
        command = [sys.executable, "-m", "airflow", "api-server", "--proxy-headers", "--port", str(found.port)]
        process = subprocess.Popen(command, env=found.env, stdout=out, stderr=out, start_new_session=True)
    try:
        wait_until(lambda: process.poll() is not None or is_up(found.address), "api-server", STARTS)
        assert process.poll() is None, (folder / "log").read_text()[-3000:]
        yield found.address, found.admin_password
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def is_up(address: str) -> bool:
    try:
        return httpx.get(f"{address}/api/v2/monitor/health", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def client(address: str, comes_from: str, forwarded: str) -> httpx.Client:
    """Somebody whose connection comes from an address, with what a proxy would write of whence they come."""
    transport = httpx.HTTPTransport(local_address=comes_from)
    headers = {"X-Forwarded-For": forwarded}
    return httpx.Client(base_url=address, transport=transport, headers=headers, timeout=120)


def token(person: httpx.Client, password: str) -> tuple[int, float]:
    """Ask for a token; return the status, and how long it took."""
    began = time.monotonic()
    answer = person.post("/auth/token", json={"username": ADMIN, "password": password})
    return answer.status_code, time.monotonic() - began


def form(person: httpx.Client, password: str) -> httpx.Response:
    """Sign in by the form of the browser."""
    page = person.get("/auth/login/").text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    data = {"username": ADMIN, "password": password, "csrf_token": found[1] if found else ""}
    return person.post("/auth/login/", data=data)


def guess(address: str, comes_from: str, forwarded: str, ended: threading.Event, seen: list[int]) -> None:
    with closing(client(address, comes_from, forwarded)) as guesser:
        while not ended.is_set():
            answered = [token(guesser, "wrong")[0], form(guesser, "wrong").status_code]
            seen.extend(answered)
            if 429 in answered:
                ended.wait(_REFUSED_PAUSE)


@pytest.fixture(params=[(PROXY, GUESSER), (STRANGER, COORDINATOR)], ids=["behind", "claiming"])
def guessing(request: pytest.FixtureRequest, stack: tuple[str, str]) -> Iterator[list[int]]:
    """Five connections that guess without end, by both ways to sign in; what they were answered."""
    seen: list[int] = []
    ended = threading.Event()
    threads = [threading.Thread(target=guess, args=(stack[0], *request.param, ended, seen)) for _ in range(5)]
    for one in threads:
        one.start()
    try:
        wait_until(lambda: len(seen) >= 30, "thirty guesses", STARTS)
        yield seen
    finally:
        ended.set()
        for one in threads:
            one.join(STARTS)


def test_a_coordinator_signs_in_while_another_client_guesses(stack: tuple[str, str], guessing: list[int]) -> None:
    address, password = stack
    assert {401, 429} & set(guessing), guessing
    with closing(client(address, PROXY, COORDINATOR)) as coordinator:
        for wrong in range(3):  # somebody mistypes, and is not slowed down for the other's guesses
            status, took = token(coordinator, f"mistyped {wrong}")
            assert status == 401
            assert took < SOON
        status, took = token(coordinator, password)
        assert status == 201
        assert took < SOON
        entered = form(coordinator, password)
        assert entered.status_code == 302, entered.text[-500:]
        assert "login" not in entered.headers["location"]
    assert 201 not in guessing


def test_who_guesses_is_slowed_down(stack: tuple[str, str], guessing: list[int]) -> None:
    before = len(guessing)
    time.sleep(30)
    looked_at = [one for one in guessing[before:] if one != 429]
    assert len(looked_at) < 30, "some guesses a minute are left"
