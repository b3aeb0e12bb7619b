"""Sign-in at a booted api-server behind a proxy: whoever guesses is slowed down, and nobody else, whatever they claim.

A trusted proxy is an address, as in a deployment; two more addresses of the loopback are strangers.
"""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import httpx
import pytest
from browser.stage import PROXY, Stage

from overstap_tools.local.api import ADMIN
from overstap_tools.local.waiting import wait_until

pytestmark = pytest.mark.boot

STRANGER = "127.0.0.3"
GUESSER, COORDINATOR = "198.51.100.7", "203.0.113.9"
GUESSERS = {"behind": (PROXY, GUESSER), "claiming": (STRANGER, COORDINATOR)}
"""Where somebody's connection comes from, and what it says of whence they come."""
STARTS = 300
_REFUSED_PAUSE = 1.0
"""Seconds after guesses that nobody looked at: without them the refusals alone take two processors. Five connections
still try some three hundred a minute each way."""
SOON = 20.0
"""Seconds within which somebody who did nothing wrong is answered, also on a busy machine; a delay grows beyond."""


@pytest.fixture(scope="module")
def stack(small_stage: Stage) -> tuple[str, str]:
    """Address of an api-server with our plugin and configuration, and the administrator's password."""
    return small_stage.address, small_stage.password(ADMIN)


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
            try:
                answered = [token(guesser, "wrong")[0], form(guesser, "wrong").status_code]
            except httpx.TransportError:
                if ended.is_set():  # nobody waits for the last answer, so the server may have gone
                    return
                raise
            seen.extend(answered)
            if 429 in answered:
                ended.wait(_REFUSED_PAUSE)


@contextmanager
def guessing(stack: tuple[str, str], who: tuple[str, str]) -> Iterator[list[int]]:
    """Five connections that guess without end, by both ways to sign in; what they were answered."""
    seen: list[int] = []
    ended = threading.Event()
    for _ in range(5):
        threading.Thread(target=guess, args=(stack[0], *who, ended, seen), daemon=True).start()
    try:
        wait_until(lambda: len(seen) >= 30, "thirty guesses", STARTS)
        yield seen
    finally:
        ended.set()


@pytest.mark.parametrize("who", GUESSERS.values(), ids=GUESSERS)
def test_a_coordinator_signs_in_while_another_client_guesses(stack: tuple[str, str], who: tuple[str, str]) -> None:
    address, password = stack
    with guessing(stack, who) as seen, closing(client(address, PROXY, COORDINATOR)) as coordinator:
        assert {401, 429} & set(seen), seen
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
    assert 201 not in seen


def test_who_guesses_is_slowed_down(stack: tuple[str, str]) -> None:
    """Both at once, each by itself."""
    with ExitStack() as at_it:
        seen = {name: at_it.enter_context(guessing(stack, who)) for name, who in GUESSERS.items()}
        before = {name: len(one) for name, one in seen.items()}
        time.sleep(30)
        for name, one in seen.items():
            looked_at = [status for status in one[before[name] :] if status != 429]
            assert len(looked_at) < 30, f"{name}: some guesses a minute are left"
