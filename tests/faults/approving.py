"""A coordinator who approves a gate on the board of a booted Airflow, twice at once, while its api-server is killed."""

import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from html import unescape

import httpx
import psutil
import psycopg
from browser.stage import LEDGER, Stage

from overstap_tools.local.services import Service, members
from overstap_tools.local.waiting import wait_until

SLEEPS_SECONDS = 600
"""Longer than a test waits for it: Airflow is at work on the answer when its process goes."""


@contextmanager
def signed_in(stage: Stage, account: str) -> Iterator[httpx.Client]:
    """Give a client with an account's token."""
    with httpx.Client(base_url=stage.address, timeout=120, trust_env=False) as client:
        known = {"username": account, "password": stage.password(account)}
        client.headers["Authorization"] = f"Bearer {client.post('/auth/token', json=known).json()['access_token']}"
        yield client


def press_twice(client: httpx.Client, round_id: str) -> list[int | None]:
    """Open the question of a round's gate, and send its form twice at once; return each status, None without one."""
    there = re.search(rf"/rondes/ronde/{round_id}/besluit/\w+/\d+", client.get(f"/rondes/ronde/{round_id}").text)
    assert there is not None, "no question on the round's page"
    mark = re.search(r'name="mark" value="([^"]+)"', client.get(there[0]).text)
    assert mark is not None
    form = {"mark": unescape(mark[1]), "choice": "approve", "reason": "Afgesproken"}

    def press(_: int) -> int | None:
        try:
            return client.post(there[0], data=form).status_code
        except httpx.TransportError:
            return None

    with ThreadPoolExecutor(2) as both:
        return list(both.map(press, range(2)))


def kill_api_server(stage: Stage) -> None:
    """Kill the api-server with its workers, as when the machine's memory runs out."""
    record = Service(stage.airflow.state, "api-server").record
    assert record is not None
    found = members(record)
    for process in found:
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(found, timeout=30)


_SLOW = "create or replace function test_slow() returns trigger language plpgsql as $$ begin {} return new; end $$"


@contextmanager
def sleeping_answers(stage: Stage) -> Iterator[str]:
    """Let Airflow's database not finish an answer to a gate; gives the DSN of the database."""
    owner = stage.postgres.superuser_dsn(stage.airflow._database)
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(_SLOW.format(f"perform pg_sleep({SLEEPS_SECONDS});"))
        connection.execute(
            "create trigger test_slow before update on hitl_detail for each row execute function test_slow()"
        )
    try:
        yield owner
    finally:
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(_SLOW.format(""))  # the trigger stays: to drop it waits for whoever reads the table
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where wait_event = 'PgSleep' and datname = current_database()"
            )


def approve_and_kill(stage: Stage, account: str, round_id: str) -> None:
    """Approve twice at once, and kill the api-server when the ledger has the answer and Airflow has not.

    Airflow 3.3.2 answers in its one event loop, so the second press waits in the server while the first is at work.
    """
    with sleeping_answers(stage) as owner, signed_in(stage, account) as client, ThreadPoolExecutor(1) as pressing:
        pressed = pressing.submit(press_twice, client, round_id)
        try:
            wait_until(lambda: is_at_work(owner), "Airflow to be at work on the answer", 60)
        finally:
            kill_api_server(stage)
        assert pressed.result() == [None, None], "nobody was told that it was done"


def is_at_work(owner: str) -> bool:
    """Tell whether Airflow's database is at work on an answer."""
    with psycopg.connect(owner) as connection:
        asleep = "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
        return connection.execute(asleep).fetchone() is not None


def decisions(stage: Stage, round_id: str) -> list[tuple[str, bool]]:
    """Return who decided about a round's first gate, and whether it was approved."""
    with psycopg.connect(stage.postgres.superuser_dsn(LEDGER)) as connection:
        return connection.execute(
            "select decided_by, approved from overstap.gate_decision "
            "where round_id = %s and gate = 'release_for_review'",
            [round_id],
        ).fetchall()
