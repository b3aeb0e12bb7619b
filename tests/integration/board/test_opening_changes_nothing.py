"""No address of the board that is opened, or linked to from elsewhere, changes anything, whoever opens it.

A file about pupils alone writes a line, in the audit chain: who took it (test_downloads_told.py).
The addresses are those of the application, so that a page that is added is tried as well.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from psycopg import sql

from .conftest import COORDINATOR, VIEWER, Alone

ANSWERS = {200, 303, 307, 400, 403, 404, 405, 409, 422}
ROUND = "alfa.2026-2027.advice"
OTHER = replace(COORDINATOR, account="c.beta", regions=frozenset({"beta"}), reruns=frozenset({"beta"}))
QUERY = "select count(*), coalesce(sum(hashtext(to_jsonb(t)::text)::bigint), 0) from overstap.{} t"


def everything(owner_dsn: str) -> dict[str, tuple[Any, ...]]:
    """How many rows, and in which state, each table of the ledger has."""
    found: dict[str, tuple[Any, ...]] = {}
    with psycopg.connect(owner_dsn) as owner:
        for (name,) in owner.execute("select tablename from pg_tables where schemaname = 'overstap'").fetchall():
            [found[name]] = owner.execute(sql.SQL(QUERY).format(sql.Identifier(name))).fetchall()
    return found


def filled(path: str, school: str) -> str:
    values = {
        "round_id": ROUND,
        "region": "alfa",
        "year": "2026-2027",
        "school_year": "2026-2027",
        "school": school,
        "school_id": school,
        "gate": "release_for_review",
        "number": "1",
    }
    return re.sub(r"{(\w+)(?::\w+)?}", lambda name: values.get(name[1], str(uuid4())), path)


HOSTILE = (
    "%00",
    "%0D%0AX-Forged:%201",
    "%ED%A0%80",
    "%FF%FE",
    "%7B%7B7*7%7D%7D",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "..%2F..%2Fetc%2Fpasswd",
    "alfa'%20or%20'1'='1",
    "%2F%2Fevil.example",
    "9" * 5_000,
    "999990019",
)


def hostile_addresses(path: str, school: str) -> Iterator[str]:
    """Yield the address with each hostile text in place of each of its parts, and in what a page reads of a query."""
    names = re.findall(r"{(\w+)(?::\w+)?}", path)
    for text in HOSTILE:
        for name in names:
            other = re.sub(rf"{{{name}(?::\w+)?}}", text, path)
            yield filled(other, school)
        given = "&".join(
            f"{name}={text}" for name in ("zoek", "toon", "gedaan", "aan", "bestuur", "op", "run", "opnieuw")
        )
        yield f"{filled(path, school)}?{given}"


def test_hostile_texts_in_addresses_are_refused_or_text(
    client: TestClient, owner_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No unforeseen error, no header or redirect of somebody else's, no markup, no number in the log; all headers."""
    caplog.set_level(logging.INFO)
    with psycopg.connect(owner_dsn) as owner:
        [(school,)] = owner.execute("select school from overstap.school where region = 'alfa' limit 1").fetchall()
    paths = [one.path for one in client.app.routes if isinstance(one, APIRoute) and "GET" in one.methods]  # type: ignore[attr-defined]
    for path in paths:
        for address in hostile_addresses(path, school):
            answer = client.get(address)
            assert answer.status_code in ANSWERS, (address, answer.status_code)
            assert "x-forged" not in answer.headers, address
            assert "<script>alert" not in answer.text, address
            assert "evil.example" not in answer.headers.get("location", ""), address
            assert answer.headers["cache-control"] == "no-store", address
            assert "default-src 'none'" in answer.headers["content-security-policy"], address
            assert answer.headers["x-content-type-options"] == "nosniff", address
            assert "set-cookie" not in answer.headers, address
    own = [one.getMessage() for one in caplog.records if one.name.startswith("overstap")]
    assert not [one for one in own if "999990019" in one or "\n" in one or "\r" in one]


@pytest.mark.parametrize("who", [COORDINATOR, VIEWER, OTHER], ids=["coordinator", "viewer", "of another region"])
def test_no_get_changes_anything_or_fails(client: TestClient, airflow: Alone, owner_dsn: str, who: Any) -> None:
    airflow.asks = who
    with psycopg.connect(owner_dsn) as owner:
        [(school,)] = owner.execute("select school from overstap.school where region = 'alfa' limit 1").fetchall()
    before = everything(owner_dsn)
    paths = [one.path for one in client.app.routes if isinstance(one, APIRoute) and "GET" in one.methods]  # type: ignore[attr-defined]
    assert len(paths) > 15
    form = "mark=x&choice=approve&approve=1&confirm=ja&gedaan=done&sure=ja&school=99XX00"
    for path in paths:
        for address in (filled(path, school), f"{filled(path, school)}?{form}"):
            answer = client.get(address)
            assert answer.status_code in ANSWERS, (address, answer.status_code)
            if who is OTHER and "alfa" in address:
                assert answer.status_code in {307, 400, 404, 422} or ROUND not in answer.text, address
            assert client.head(address).status_code in ANSWERS, address
    assert everything(owner_dsn) == before
