"""Tests of the retrying client of Airflow's API on a busy machine."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from overstap.errors import OverstapError
from overstap_tools.local import api as module
from overstap_tools.local import waiting
from overstap_tools.local.api import AirflowApi

Answer = httpx.Response | Exception
told: list[tuple[str, int]] = []


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    told.clear()
    clock = iter(range(0, 100_000, 10))
    monkeypatch.setattr(waiting.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: None)
    token = waiting.tell_waits.set(lambda what, seconds: told.append((what, seconds)))
    yield
    waiting.tell_waits.reset(token)


def client(answer: Callable[[int, httpx.Request], Answer]) -> AirflowApi:
    """A client whose server answers the n-th request, from 1, as said; signing in always works."""
    count = 0

    def respond(request: httpx.Request) -> httpx.Response:
        nonlocal count
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        count += 1
        found = answer(count, request)
        if isinstance(found, Exception):
            raise found
        return found

    made = AirflowApi("http://127.0.0.1:1", "a", "p")
    made._http = httpx.Client(base_url="http://127.0.0.1:1", transport=httpx.MockTransport(respond))
    return made


def test_a_request_without_an_answer_is_tried_again_and_told() -> None:
    api = client(lambda count, _: httpx.ReadTimeout("slow") if count < 5 else httpx.Response(200, json={"dags": [1]}))
    assert api.dags() == [1]
    assert told
    assert told[0][0] == "Airflow (GET /api/v2/dags)"
    assert [seconds for _, seconds in told] == sorted(seconds for _, seconds in told)


def test_a_run_whose_start_was_not_answered_is_started_once() -> None:
    names = []

    def answer(count: int, request: httpx.Request) -> Answer:
        names.append(request.read())
        return httpx.ReadTimeout("slow") if count == 1 else httpx.Response(409)

    run_id = client(answer).trigger("dag")
    assert names[0] == names[1]
    assert run_id.encode() in names[0]


def test_a_conflict_at_the_first_try_stays_an_error() -> None:
    with pytest.raises(OverstapError, match="LOCAL-008"):
        client(lambda count, request: httpx.Response(409)).trigger("dag")


def test_a_server_that_never_answers_is_given_up() -> None:
    with pytest.raises(OverstapError, match="LOCAL-009"):
        client(lambda count, request: httpx.ConnectError("gone")).dags()
    assert told[-1][1] <= module.RETRY_SECONDS + 20


def test_an_account_signs_in_once_for_all_of_its_clients_and_anew_when_its_token_is_refused() -> None:
    signed_in, known = [], dict[str, str]()

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            signed_in.append(json.loads(request.read())["username"])
            return httpx.Response(201, json={"access_token": f"{signed_in[-1]} {len(signed_in)}"})
        is_known = request.headers["Authorization"].endswith((" 2", " 3"))
        return httpx.Response(200, json={"dags": []}) if is_known else httpx.Response(401)

    for account in ("a", "a", "b", "a"):
        api = AirflowApi("http://127.0.0.1:1", account, "p", tokens=known)
        api._http = httpx.Client(base_url="http://127.0.0.1:1", transport=httpx.MockTransport(respond))
        assert api.dags() == []
    assert signed_in == ["a", "a", "b"], "the first token was refused once; the others are used again"
    assert known == {"a": "a 2", "b": "b 3"}
