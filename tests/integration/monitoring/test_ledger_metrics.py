"""Tests of the ledger's metrics: what they say is what the ledger holds, and what cannot be read is not a zero."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import psycopg
import pytest

from overstap.clock import now
from overstap.ledger.metrics import KEPT_AFTER_CLOSING, METRICS, Values, read
from overstap.ledger.read_only import ReadOnlyLedger
from overstap_tools.local.postgres import EmbeddedPostgres

ROUNDS = {"alfa": "alfa.{}.advice", "beta": "beta.{}.advice"}


@pytest.fixture
def read_now(postgres: EmbeddedPostgres, ledger_database: str) -> Iterator[Callable[..., Values]]:
    """Reads with the login that only looks, which can write nothing."""
    ledger = ReadOnlyLedger(postgres.dsn("overstap_watch", ledger_database))

    def values(at: Callable[[], datetime] = now) -> Values:
        return read(ledger, at)

    yield values
    ledger.close()


def by(values: Values, name: str, **wanted: str) -> dict[str, float]:
    """Return the values of a metric by what remains of their attributes."""
    return {
        ",".join(value for key, value in sorted(one.attributes.items()) if key not in wanted): one.value
        for one in values.get(name, ())
        if wanted.items() <= one.attributes.items()
    }


STATES = "select state, count(*) from overstap.dossier where region = %s group by 1"
OUTCOMES = """
    select case when state = 'sealed' then case when problem is null then 'waiting' else 'failing' end else state end,
           count(*) from overstap.delivery where region = %s group by 1
"""


def counted(dsn: str, query: str, region: str) -> dict[str, float]:
    with psycopg.connect(dsn) as connection:
        return {word: float(count) for word, count in connection.execute(query, [region]).fetchall()}


def test_each_count_is_the_ledgers(filled: str, owner_dsn: str, read_now: Callable[..., Values]) -> None:
    values = read_now()
    assert by(values, "overstap.ledger.up") == {"": 1}
    for region, pattern in ROUNDS.items():
        round_id = pattern.format(filled)
        states = counted(owner_dsn, STATES, region)
        assert by(values, "overstap.dossiers", region=region, round=round_id) == states
        assert len(states) > 5
        outcomes = counted(owner_dsn, OUTCOMES, region)
        assert by(values, "overstap.deliveries", region=region, round=round_id) == outcomes
        assert {"waiting", "failing", "confirmed"} <= outcomes.keys()
        assert by(values, "overstap.rounds", region=region) == {"open": 1, "closed": 0}
        assert by(values, "overstap.region.readable", region=region) == {"": 1}
    assert values.keys() <= METRICS.keys()
    assert all(seconds >= 0 for seconds in by(values, "overstap.deliveries.failing.age").values())


def test_ages_grow_with_the_clock(filled: str, owner_dsn: str, read_now: Callable[..., Values]) -> None:
    begin = now()
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("insert into overstap.backup (what, made_at, made_by) values ('ledger', %s, 'x')", [begin])
        connection.execute(
            "insert into overstap.certificate (holder, holds_until) values ('99XA00', %s)", [begin + timedelta(days=3)]
        )
    later = read_now(lambda: begin + timedelta(days=4))
    assert by(later, "overstap.backup.age") == {"ledger": 4 * 86400}
    assert by(later, "overstap.certificate.remaining") == {"99XA00": -86400}


def test_a_closed_round_is_reported_for_two_weeks(filled: str, owner_dsn: str, read_now: Callable[..., Values]) -> None:
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("update overstap.round set closed_at = now() where region = 'beta'")
    assert by(read_now(), "overstap.rounds", region="beta") == {"open": 0, "closed": 1}
    past = read_now(lambda: now() + KEPT_AFTER_CLOSING + timedelta(hours=1))
    assert by(past, "overstap.rounds", region="beta") == {"open": 0, "closed": 0}
    assert not by(past, "overstap.dossiers", region="beta")
    assert by(past, "overstap.dossiers", region="alfa")


def test_what_cannot_be_read_is_not_told_as_a_zero(
    filled: str, owner_dsn: str, read_now: Callable[..., Values]
) -> None:
    nowhere = ReadOnlyLedger("host=127.0.0.1 port=9 dbname=x user=x password=geheim")
    assert read(nowhere, now) == {"overstap.ledger.up": read(nowhere, now)["overstap.ledger.up"]}
    assert by(read(nowhere, now), "overstap.ledger.up") == {"": 0}
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("revoke overstap_watch_beta from overstap_watch")
    try:
        values = read_now()
    finally:
        with psycopg.connect(owner_dsn) as connection:
            connection.execute("grant overstap_watch_beta to overstap_watch with inherit false, set true")
    assert by(values, "overstap.region.readable") == {"alfa": 1, "beta": 0}
    assert not by(values, "overstap.rounds", region="beta")
    assert by(values, "overstap.rounds", region="alfa")


def test_no_value_is_about_a_pupil(filled: str, owner_dsn: str, read_now: Callable[..., Values]) -> None:
    said = json.dumps({name: [dict(one.attributes) for one in some] for name, some in read_now().items()})
    with psycopg.connect(owner_dsn) as connection:
        ids = connection.execute("select dossier::text from overstap.dossier").fetchall()
    assert ids
    assert not any(one in said for (one,) in ids)
    assert not re.search(r"\d{9}", said)
