"""The board's page of what waits for a second person and of schools' accounts, as coordinators and attackers use it."""

import json
import re
from dataclasses import replace

import psycopg
import pytest
from fastapi.testclient import TestClient

from overstap.ledger import Ledger, accounts, retention, schools

from .conftest import ADMINISTRATOR, COORDINATOR, VIEWER, Alone

PAGE = "/toezicht/alfa"
SECOND = replace(COORDINATOR, account="c.tweede", key="9")
OTHER_REGION = replace(COORDINATOR, account="c.beta", regions=frozenset({"beta"}), reruns=frozenset({"beta"}))


@pytest.fixture
def request_path(client: TestClient, ledger: Ledger, owner_dsn: str) -> str:
    """A request of the first coordinator, by the address at which it is confirmed."""
    people = [{"account": one.account, "name": "x", "email": "x@example.org"} for one in (COORDINATOR, SECOND)]
    change = json.dumps({"four_eyes": ["key_destruction"], "coordinators": people})
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("update overstap.round_agreement set agreement = agreement || %s::jsonb", [change])
    with ledger.unit("alfa", COORDINATOR.account) as unit:
        assert not retention.announce_keys(unit, ["1", "2"])
    page = client.get(PAGE).text
    assert "c.alfa wil sleutels vernietigen (2)" in page.replace("</h3>", "")
    assert "Bevestigen<" not in page, "not by whoever asked"
    found = re.search(r'action="/rondes(/toezicht/alfa/)intrekken/([0-9a-f-]{36})"', page)
    assert found, page
    return f"{found[1]}bevestigen/{found[2]}"


def mark(client: TestClient, path: str = PAGE) -> str:
    found = re.search(r'name="mark" value="([^"]+)"', client.get(path).text)
    return found[1] if found else ""


def state(owner_dsn: str) -> list[tuple[str | None, str | None]]:
    with psycopg.connect(owner_dsn) as owner:
        return owner.execute("select confirmed_by, withdrawn_by from overstap.second_person").fetchall()


def test_the_second_confirms(client: TestClient, airflow: Alone, request_path: str, owner_dsn: str) -> None:
    said = "1 verzoek wacht op een tweede persoon."
    assert said not in client.get("/").text, "whoever asked has nothing to decide"
    airflow.asks = SECOND
    assert said in client.get("/").text
    assert "Bevestigen<" in client.get(PAGE).text
    done = client.post(request_path, data={"mark": mark(client)})
    assert done.headers["location"] == "/rondes/toezicht/alfa?gedaan=ready"
    assert "Wie de sleutels beheert" in client.get(f"{PAGE}?gedaan=ready").text
    assert "Er wacht niets" in client.get(PAGE).text
    assert said not in client.get("/").text
    assert state(owner_dsn) == [("c.tweede", None)]


def test_nobody_else_confirms(client: TestClient, airflow: Alone, request_path: str, owner_dsn: str) -> None:
    own = client.post(request_path, data={"mark": mark(client)})
    assert own.status_code == 409
    assert "U kunt dit verzoek niet bevestigen" in own.text
    stolen = mark(client)
    for who in (SECOND, VIEWER, OTHER_REGION, ADMINISTRATOR):
        airflow.asks = who
        assert client.post(request_path, data={"mark": stolen}).status_code in (404, 422), who.account
    airflow.asks = replace(SECOND, account="c.vreemd", key="7")  # may clear tasks, and is in no agreement
    assert client.post(request_path, data={"mark": mark(client)}).status_code == 409
    airflow.asks = SECOND
    evil = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert client.post(request_path, data={"mark": mark(client)}, headers=evil).status_code == 422
    for path in (request_path.replace("alfa", "beta"), request_path[:-36] + "x", request_path[:-1] + "%00"):
        assert client.post(path, data={"mark": mark(client)}).status_code in (404, 409, 422), path
    assert state(owner_dsn) == [(None, None)]


def test_it_is_withdrawn(client: TestClient, request_path: str, owner_dsn: str) -> None:
    done = client.post(request_path.replace("bevestigen", "intrekken"), data={"mark": mark(client)})
    assert done.headers["location"].endswith("gedaan=withdrawn")
    assert state(owner_dsn) == [(None, "c.alfa")]
    assert "<script" not in client.get(f"{PAGE}?gedaan=<script>alert(1)</script>").text.replace("<script src", "")


def test_an_account_is_recovered(client: TestClient, airflow: Alone, ledger: Ledger, owner_dsn: str) -> None:
    with ledger.unit("alfa", "beheer") as unit:
        school = next(iter(schools.known(unit)))
        accounts.put_account(unit, "juf@school.example", school, "Juf <b>{{ 7*7 }}</b>", "scrypt$x")
    with psycopg.connect(owner_dsn) as owner:
        owner.execute(
            "insert into overstap.school_factor (factor, region, account, kind, name, credential, public_key, "
            "confirmed_at) values (gen_random_uuid(), 'alfa', 'juf@school.example', 'passkey', 'x', 'a', 'b', now())"
        )
    page = client.get(PAGE).text
    assert "Juf &lt;b&gt;{{ 7*7 }}&lt;/b&gt;" in page
    assert "Logt in met een tweede stap" in page
    token = mark(client)
    path = f"{PAGE}/herstellen"
    for who in (VIEWER, OTHER_REGION):
        airflow.asks = who
        assert client.get(PAGE).status_code == 404
        assert client.post(path, data={"mark": token, "account": "juf@school.example"}).status_code == 404
    airflow.asks = COORDINATOR
    for account in ("niemand@x.example", "", "x" * 5_000):
        done = client.post(path, data={"mark": token, "account": account})
        assert done.headers.get("location", "").endswith("gedaan=no_account"), account
    done = client.post(path, data={"mark": token, "account": "juf@school.example"})
    assert done.headers["location"].endswith("gedaan=recovered")
    with psycopg.connect(owner_dsn) as owner:
        assert owner.execute("select count(*) from overstap.school_factor").fetchone() == (0,)
        assert owner.execute(
            "select payload::jsonb ->> 'actor' from overstap.audit_line "
            "where payload::jsonb ->> 'action' = 'school.recover'"
        ).fetchall() == [("c.alfa",)]
        assert owner.execute("select recipient from overstap.notice where kind = 'account_recovered'").fetchall() == [
            (f"school:{school}",)
        ]


def test_it_is_found_from_the_first_page(client: TestClient, airflow: Alone) -> None:
    assert 'href="/rondes/toezicht/alfa"' in client.get("/").text
    airflow.asks = VIEWER
    assert "toezicht" not in client.get("/").text
