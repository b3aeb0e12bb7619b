"""PostgreSQL is started anew twice in a round that Airflow plays: under a wait, and in the middle of sealing (F23).

Ledger and Airflow's own database are on that server. What ends by it is started again, as the supervisor of a
deployment does (`restart: unless-stopped`, Kubernetes); nobody clears a task.

The round's first gate is answered before: twice at once by its coordinator, while the api-server is killed (F10).
"""

from pathlib import Path

import psycopg
import pytest
from browser.stage import BETA, LEDGER, Administrations, Stage

from overstap.ledger import Ledger
from overstap.ledger.invariants import ExternalEvidence, check
from overstap.receiver.folder_store import envelope_digests as stored
from overstap_tools.local.api import FINISHED, AirflowApi
from overstap_tools.local.waiting import wait_until

from .approving import approve_and_kill, decisions, press_twice, signed_in

pytestmark = pytest.mark.boot

SLEEPS_SECONDS = 600
"""Longer than the test waits for it: what writes a delivery is at work when the server goes."""


@pytest.fixture(scope="module")
def stage(small_stage: Stage) -> Stage:
    return small_stage


def start_anew(stage: Stage) -> None:
    """Stop and start the server, then start again what ended with it, and wait until Airflow has its database."""
    stage.postgres.stop()
    stage.postgres.start()
    stage.airflow.start()
    with stage.airflow.api() as api:
        wait_until(lambda: (api.health() or {}).get("metadatabase", {}).get("status") == "healthy", "its database", 120)


def asked(stage: Stage, api: AirflowApi) -> str:
    """Let the round run until its first gate asks, or was answered; return the run."""
    dag = stage.dag_id(BETA)
    with stage.airflow.api() as admin:  # a coordinator has no right to what is not there yet
        admin.wait_for_dag(dag, 600)
    api.unpause(dag)
    run = stage.run_id(BETA)
    api.wait_for_task(dag, run, "release", ["awaiting_input", "success"], map_index=0, seconds=400)
    return run


@pytest.mark.fault("F10")
def test_the_api_server_is_killed_while_a_coordinator_approves_twice(stage: Stage) -> None:
    dag, round_id, account = stage.dag_id(BETA), stage.round_id(BETA), stage.coordinator(BETA)
    with stage.api(account) as api:
        run = asked(stage, api)
        approve_and_kill(stage, account, round_id)
        assert decisions(stage, round_id) == [(account, True)], "the ledger has the answer, once"
        shown = stage.states(BETA)
        stage.airflow.start()
        assert api.states(dag, run)["release", 0] == "awaiting_input", "Airflow asks on"
        with signed_in(stage, account) as client:
            assert set(press_twice(client, round_id)) <= {303, 409}
        api.wait_for_task(dag, run, "review", ["deferred"], seconds=400)
        assert api.states(dag, run)["release", 0] == "success"
    assert decisions(stage, round_id) == [(account, True)]
    assert stage.states(BETA) == shown, "released once"


@pytest.mark.fault("F23")
def test_a_round_goes_on_when_postgresql_is_started_anew(stage: Stage) -> None:
    dag = stage.dag_id(BETA)
    with stage.api(stage.coordinator(BETA)) as api:
        run = asked(stage, api)
        if api.states(dag, run)["release", 0] == "awaiting_input":
            api.answer(dag, run, "release", ["Vrijgeven"], filled_in={"reden": "Afgesproken"}, map_index=0)
        api.wait_for_task(dag, run, "review", ["deferred"], seconds=400)
        start_anew(stage)
        before = api.states(dag, run)
        assert before["review", -1] in {"deferred", "scheduled", "queued", "running"}, before
        assert before["release", 0] == "success", "what was answered is not asked again"

        owner = stage.postgres.superuser_dsn(LEDGER)
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(
                "create function overstap.test_slow() returns trigger language plpgsql as "
                f"$$ begin perform pg_sleep({SLEEPS_SECONDS}); return null; end $$"
            )
            connection.execute(
                "create trigger test_slow after insert on overstap.delivery for each statement "
                "execute function overstap.test_slow()"
            )
        schools = Administrations(stage, BETA)
        schools.start()
        wait_until(lambda: is_at_work(owner), "a task that writes a delivery", 400)
        schools.over.set()
        schools.join()
        assert schools.problem is None
        start_anew(stage)
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute("drop function overstap.test_slow cascade")
        # A try that began meanwhile sleeps as the first did
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'")
        assert over(stage, api, dag, run) == "success"
        tasks = api.task_instances(dag, run)
    assert {one["state"] for one in tasks} <= {"success", "skipped"}, tasks
    assert max(one["try_number"] for one in tasks if one["task_id"] == "seal") > 1, "it was cut off at work"
    assert [one["note"] for one in tasks if one["note"]] == [], "nobody cleared anything"
    whole(stage)


def over(stage: Stage, api: AirflowApi, dag: str, run: str) -> str:
    """Wait until the run is over; start again whatever part of Airflow ends until then."""

    def is_over() -> bool:
        if not stage.airflow.is_running:
            stage.airflow.start()
        return api.run(dag, run)["state"] in FINISHED

    wait_until(is_over, "the end of the round", 500, poll_seconds=1)
    return str(api.run(dag, run)["state"])


def is_at_work(owner: str) -> bool:
    with psycopg.connect(owner) as connection:
        asleep = "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = %s"
        return connection.execute(asleep, [LEDGER]).fetchone() is not None


def whole(stage: Stage) -> None:
    """Every dossier came once, and the ledger holds all that it should."""
    states = stage.states(BETA)
    assert set(states) <= {"confirmed", "no_receiver"}
    assert states["confirmed"] > 0
    receivers = [one.id for one in stage.regions[BETA].secondary]
    stores = {school: stored(stage.folder / "received" / school) for school in receivers}
    with psycopg.connect(stage.postgres.superuser_dsn(LEDGER)) as connection:
        sent = connection.execute("select count(*), sum(attempts) from overstap.delivery").fetchone()
    assert sent is not None
    assert sent[0] == sum(len(one) for one in stores.values())
    ledger = Ledger(stage.settings["OVERSTAP_LEDGER"], Path(stage.settings["OVERSTAP_KEYS"]))
    try:
        with ledger.unit(BETA, "test") as unit:
            assert check(unit, ExternalEvidence(stores)) == []
    finally:
        ledger.close()
