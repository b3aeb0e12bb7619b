"""Tests of storage that fails (F24 to F28): PostgreSQL away for ten minutes, full disks, deadlocks, no connection left.

The servers, disks and sessions are real. A step fails by a code, nothing of what was committed is lost, and the same
step completes the work when the fault is over.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from forked import run
from integration.round.deployment import RegionDeployment, wait_for

from overstap.atomic_files import write_atomically
from overstap.delivery.channels.folder import Folder
from overstap.errors import OverstapError
from overstap_tools.local.account import server_account
from overstap_tools.local.postgres import EmbeddedPostgres

from .conftest import Stage
from .disks import grow, small_disk
from .receiving_ends import envelopes, open_files, receiving
from .steps import send

MINUTES = 10
RETRIES = """
import json
from types import SimpleNamespace
from airflow.models.taskinstance import TaskInstance
from airflow.utils import timezone
from overstap.orchestration.task_factory import AGAIN

def waits(task_id):
    found = []
    for number in range(1, AGAIN["retries"] + 1):
        at = timezone.datetime(2027, 3, 25)
        task = SimpleNamespace(**AGAIN)
        ti = SimpleNamespace(retry_delay_override=None, task=task, try_number=number, dag_id="round__alfa__advice",
                             task_id=task_id, logical_date=at, end_date=at, log=None)
        found.append((TaskInstance.next_retry_datetime(ti) - at).total_seconds())
    return found

print(json.dumps([waits(f"task{number}") for number in range(500)]))
"""


def attempt(deployment: RegionDeployment, stage: str, school: str = "-") -> "subprocess.CompletedProcess[str]":
    """Run a stage that may fail before it begins."""
    script = Path(__file__).with_name("stage.py")
    return run(
        [str(script), stage, deployment.round_id, school],
        env=os.environ | deployment.settings,
        timeout=200,
    )


@pytest.fixture(scope="module")
def retries(tmp_path_factory: pytest.TempPathFactory) -> list[list[float]]:
    """After how many seconds Airflow tries a task again, each time, for five hundred tasks: it spreads them."""
    env = os.environ | {"AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow"))}
    done = subprocess.run([sys.executable, "-c", RETRIES], env=env, capture_output=True, text=True, check=True)
    found: list[list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.fault("F24")
def test_postgresql_is_away_for_ten_minutes(
    retries: list[list[float]], at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random
) -> None:
    """A task's own retries outlast it, whenever it begins: nobody has to clear anything.

    The server is really stopped. The minutes are those of Airflow's own reckoning of a task's next try, which alone
    decides when a failed task is tried again; between two tries nothing of ours runs.
    """
    assert min(sum(waits) for waits in retries) > MINUTES * 60
    waits = min(retries, key=sum)
    deployment = at_brink("sealed")
    deployment.receive_all()
    school = deployment.region.secondary[0].id
    process = begin(deployment, "send", school)
    upto = random.randrange(1, 10)
    wait_for(lambda: deployment.stored()[school] >= upto)
    deployment.server.stop()
    assert process.wait(120) == 1
    at, tries = 0.0, 1
    try:
        for wait in waits:
            at += wait
            if at >= MINUTES * 60:
                break
            failed = attempt(deployment, "send", school)
            assert failed.returncode == 1
            assert "LEDGER-006" in failed.stderr
            tries += 1
    finally:
        deployment.server.start()
    assert tries <= len(waits)
    assert attempt(deployment, "send", school).returncode == 0
    total = deployment.count("delivery", secondary_school=school)
    assert deployment.stored()[school] == total == deployment.count("delivery", state="confirmed")
    assert deployment.breaches() == []


@pytest.mark.fault("F25")
def test_a_receivers_disk_is_full(at_brink: Callable[[str], RegionDeployment]) -> None:
    """What could not be stored is not confirmed, and leaves nothing behind; with room again it comes, once."""
    deployment = at_brink("sealed")
    school = deployment.region.secondary[0].id
    total = deployment.count("delivery", secondary_school=school)
    with small_disk(deployment.store(school), 1) as disk:
        endpoint = deployment.receive(school)
        with deployment.ledger() as ledger, pytest.raises(OverstapError) as told:
            send(deployment, school, ledger)
        assert told.value.code == "DELIVERY-101"
        stored = deployment.stored()[school]
        assert 0 < stored < total
        assert deployment.count("delivery", state="confirmed") == stored
        assert list((disk / "arriving").iterdir()) == []
        assert deployment.breaches() == []
        grow(disk, 64)
        with deployment.ledger() as ledger:
            send(deployment, school, ledger)
        assert deployment.stored()[school] == total == deployment.count("delivery", state="confirmed")
        assert deployment.breaches() == []
        endpoint.kill()


@pytest.mark.fault("F25")
def test_the_disk_of_what_schools_collect_is_full(at_brink: Callable[[str], RegionDeployment], tmp_path: Path) -> None:
    """No school sees a part of an envelope; what did not fit is not told as ready, and comes when there is room."""
    deployment = at_brink("sealed")
    school = deployment.region.secondary[0].id
    total = deployment.count("delivery", secondary_school=school)
    agreement = receiving(deployment, school, Folder(way="folder"))
    folder = deployment.folder / "outbox" / deployment.region.name / school
    with small_disk(folder, 1) as disk:
        with deployment.ledger() as ledger, pytest.raises(OverstapError) as told:
            send(deployment, school, ledger, outbox=deployment.folder / "outbox", agreement=agreement)
        assert told.value.code == "DELIVERY-101"
        lying = envelopes(disk)
        assert 0 < len(lying) < total
        full = open_files(deployment, school, lying, tmp_path / "full")
        assert full.returncode == 2
        assert "SETTING-005 Er kan niets worden bewaard: de schijf is vol." in full.stderr
        assert "Traceback" not in full.stderr
        grow(disk, 64)
        opened = open_files(deployment, school, lying, tmp_path / "opened")
        assert opened.returncode == 0, opened.stdout
        with deployment.ledger() as ledger:
            done = send(deployment, school, ledger, outbox=deployment.folder / "outbox", agreement=agreement)
            assert (done["accepted"], done["waiting"]) == (len(lying), total - len(lying))
            rest = sorted(set(envelopes(disk)) - set(lying))
            assert open_files(deployment, school, rest, tmp_path / "opened").returncode == 0
            send(deployment, school, ledger, outbox=deployment.folder / "outbox", agreement=agreement)
        assert deployment.count("delivery", state="confirmed") == total
        assert deployment.breaches() == []


@pytest.mark.fault("F25")
def test_a_file_that_does_not_fit_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    """Reports, keys, revocation lists and letters are written so."""
    with small_disk(tmp_path / "disk", 1) as disk:
        write_atomically(disk / "report", b"old", mode=0o600)
        with pytest.raises(OSError, match="No space left"):
            write_atomically(disk / "report", bytes(2_000_000), mode=0o600)
        assert [path.name for path in disk.iterdir()] == ["report"]
        assert (disk / "report").read_bytes() == b"old"


@pytest.mark.fault("F25")
def test_a_quota_is_as_a_full_disk(tmp_path: Path) -> None:
    """The same by a limit on the size of files, which needs no root."""
    code = """
import resource, sys
from pathlib import Path
from overstap.atomic_files import write_atomically
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
write_atomically(Path(sys.argv[1]), bytes(200_000), mode=0o600)
"""
    (tmp_path / "report").write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "report")], capture_output=True, text=True)
    assert "File too large" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert (tmp_path / "report").read_bytes() == b"old"


def write_ahead_until_it_ends(server: EmbeddedPostgres) -> None:
    """Fill the server's write-ahead log until it has no room."""
    deadline = time.monotonic() + 60
    try:
        with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
            while time.monotonic() < deadline:
                connection.execute("select pg_logical_emit_message(false, 'fault', repeat('x', 500000))")
    except psycopg.OperationalError:
        return
    raise AssertionError("the disk was never full")


@pytest.mark.fault("F26")
def test_the_disk_of_the_write_ahead_log_is_full(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, server: EmbeddedPostgres
) -> None:
    """PostgreSQL ends in the middle of sealing; what it had committed is there when it has room and starts again."""
    deployment = at_brink("inspected")
    log = Path((server.folder / "place").read_text()) / "data" / "pg_wal"
    account = server_account()
    server.stop()
    used = sum(path.stat().st_size for path in log.rglob("*") if path.is_file()) // 2**20
    owner = (account.uid, account.gid) if account else None
    try:
        with small_disk(log, used + 40, owner=owner) as disk:
            server.start()
            process = begin(deployment, "seal")
            wait_for(lambda: process.poll() is not None or deployment.count("delivery") > 0)
            write_ahead_until_it_ends(server)
            assert process.wait(120) == 1, "it was done before the disk was full"
            grow(disk, used + 2_000)
            server.stop()
            server.start()
            assert deployment.count("delivery") > 0
            assert deployment.breaches() == []
            assert begin(deployment, "seal").wait(120) == 0
            assert deployment.breaches() == []
            server.stop()
    finally:
        server.start()
    assert deployment.breaches() == []


def waiting(owner: "psycopg.Connection[Any]") -> bool:
    """Whether a session of the application waits for a lock."""
    found = owner.execute(
        "select 1 from pg_stat_activity where application_name = 'overstap' and wait_event_type = 'Lock'"
    )
    return found.fetchone() is not None


@pytest.mark.fault("F27")
def test_a_deadlock_costs_a_step_its_try_and_nothing_else(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, tmp_path: Path
) -> None:
    """Another session holds the region's chain and wants the dossiers that sealing has: PostgreSQL ends one of both."""
    deployment = at_brink("inspected")
    with (
        psycopg.connect(deployment.owner_dsn) as other,
        psycopg.connect(deployment.owner_dsn, autocommit=True) as owner,
    ):
        other.execute("set deadlock_timeout = '1min'")  # so that it is the step that finds out
        other.execute("select pg_advisory_xact_lock(hashtextextended('overstap.audit.alfa', 0))")
        process = begin(deployment, "seal")
        wait_for(lambda: process.poll() is not None or waiting(owner))
        other.execute("select from overstap.dossier order by dossier for update")
        other.rollback()
    assert process.wait(120) == 1
    assert "DeadlockDetected" in (tmp_path / "seal.log").read_text()
    assert deployment.count("delivery") == 0
    assert deployment.breaches() == []
    assert begin(deployment, "seal").wait(120) == 0
    assert deployment.count("delivery") > 0
    assert deployment.breaches() == []


@pytest.mark.fault("F27")
def test_serialisation_fails_while_receipts_are_recorded(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, tmp_path: Path
) -> None:
    """A database that isolates more strictly than ours refuses one of two sessions; the school has it all the same."""
    deployment = at_brink("sealed")
    deployment.receive_all()
    school = deployment.region.secondary[0].id
    with (
        psycopg.connect(deployment.owner_dsn) as other,
        psycopg.connect(deployment.owner_dsn, autocommit=True) as owner,
    ):
        owner.execute(f"alter database {deployment.database} set default_transaction_isolation = 'repeatable read'")
        other.execute("update overstap.dossier set las_key = las_key")
        process = begin(deployment, "send", school)
        wait_for(lambda: process.poll() is not None or waiting(owner))
        other.commit()
    assert process.wait(120) == 1
    assert "SerializationFailure" in (tmp_path / "send.log").read_text()
    assert deployment.stored()[school] > 0 == deployment.count("delivery", state="confirmed")
    assert begin(deployment, "send", school).wait(120) == 0
    total = deployment.count("delivery", secondary_school=school)
    assert deployment.stored()[school] == total == deployment.count("delivery", state="confirmed")
    assert deployment.breaches() == []


@pytest.mark.fault("F28")
def test_no_connection_is_left(at_brink: Callable[[str], RegionDeployment], begin: Stage) -> None:
    """The server refuses who comes when all its connections are taken: who has one goes on, the others come back."""
    deployment = at_brink("sealed")
    deployment.receive_all()
    first, second = (one.id for one in deployment.region.secondary)
    application = deployment.server.dsn("overstap_app", deployment.database)
    with psycopg.connect(deployment.owner_dsn, autocommit=True) as owner:
        process = begin(deployment, "send", first)
        owner.execute(f"alter database {deployment.database} connection limit 4")  # the owner's counts too
        taken = [psycopg.connect(application), psycopg.connect(application)]
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            psycopg.connect(application)
        refused = attempt(deployment, "send", second)
        assert refused.returncode == 1
        assert "LEDGER-006" in refused.stderr
        assert process.wait(120) == 0
        for one in taken:
            one.close()
        owner.execute(f"alter database {deployment.database} connection limit -1")
    assert attempt(deployment, "send", second).returncode == 0
    for school in (first, second):
        total = deployment.count("delivery", secondary_school=school)
        assert (
            deployment.stored()[school]
            == total
            == deployment.count("delivery", state="confirmed", secondary_school=school)
        )
    assert deployment.breaches() == []
