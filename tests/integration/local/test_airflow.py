"""Tests of Airflow's components as processes: addresses, file permissions, kills and restarts.

On the Airflow of the browser tests, as the last of them: it is killed here.
"""

import contextlib
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest
from browser.stage import ALFA, Stage

from overstap.errors import OverstapError
from overstap_tools.local import ports
from overstap_tools.local.airflow import AirflowStack
from overstap_tools.local.api import AirflowApi
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import Service, folders, members, names, stop_all
from overstap_tools.local.waiting import wait_until

pytestmark = pytest.mark.boot


@pytest.fixture
def stack(stage: Stage) -> AirflowStack:
    return stage.airflow


@pytest.fixture
def folder(stack: AirflowStack) -> Path:
    return stack.state


def listening(state: Path) -> set[tuple[str, int]]:
    """The addresses on which the processes of a state folder listen."""
    found = set()
    for name in names(state):
        record = Service(state, name).record
        assert record is not None
        for process in members(record):
            with contextlib.suppress(psutil.NoSuchProcess):  # a task's process may end meanwhile
                for connection in process.net_connections("inet"):
                    if connection.status == psutil.CONN_LISTEN:
                        found.add((connection.laddr.ip, connection.laddr.port))
    return found


def processes(state: Path) -> list[psutil.Process]:
    records = [Service(state, name).record for name in names(state)]
    return [process for record in records if record is not None for process in members(record)]


def test_a_wrong_password_is_refused(stack: AirflowStack) -> None:
    with AirflowApi(stack.address, "admin", "wrong") as stranger, pytest.raises(OverstapError, match=r"LOCAL-008.*401"):
        stranger.dags()


def test_nothing_listens_but_the_api_server_on_loopback(stage: Stage, stack: AirflowStack, folder: Path) -> None:
    assert listening(folder) == {("127.0.0.1", stack.port)}
    assert listening(stage.postgres.folder) == {("127.0.0.1", stage.postgres.port)}


def test_no_secret_is_on_a_command_line_and_settings_reach_the_components(stack: AirflowStack, folder: Path) -> None:
    running = processes(folder)
    said = ""
    for process in running:
        with contextlib.suppress(psutil.NoSuchProcess):
            said += " ".join(process.cmdline())
    assert "airflow" in said
    secrets = [stack.admin_password, stack.env["AIRFLOW__API__SECRET_KEY"], stack.env["AIRFLOW__CORE__FERNET_KEY"]]
    assert not [secret for secret in secrets if secret in said]
    record = Service(folder, "scheduler").record
    assert record is not None
    assert psutil.Process(record.pid).environ()["OVERSTAP_LEDGER"] == stack.env["OVERSTAP_LEDGER"]


def test_keys_are_with_what_runs_tasks_and_not_with_what_waits(stack: AirflowStack, folder: Path) -> None:
    with_keys = {
        name
        for name in names(folder)
        if (record := Service(folder, name).record) and "OVERSTAP_KEYS" in psutil.Process(record.pid).environ()
    }
    assert "triggerer" not in with_keys
    assert "scheduler" in with_keys


def test_what_the_api_refuses_is_told_by_its_status(stage: Stage) -> None:
    with stage.api("admin") as admin, stage.api(stage.coordinator(ALFA)) as coordinator:
        assert admin.import_errors() == []
        assert admin.dags()
        with pytest.raises(OverstapError, match=r"LOCAL-008.*403"):
            coordinator.call("GET", "/api/v2/connections")
        with pytest.raises(OverstapError, match=r"LOCAL-008.*404"):
            admin.call("GET", "/api/v2/dags/of-nobody")


def test_a_changed_agreement_is_read_anew_within_seconds(stage: Stage) -> None:
    """Airflow itself would read the file after six hours."""
    dag_id = f"agreement__{ALFA}"
    with stage.api("admin") as admin:

        def read_at() -> str:
            return str(admin.call("GET", f"/api/v2/dags/{dag_id}")["last_parsed_time"])

        before = read_at()
        [path] = (Path(stage.settings["OVERSTAP_REGIONS"]) / ALFA).glob("*.yaml")
        path.touch()
        wait_until(lambda: read_at() > before, "the reading of a changed agreement", 300)


@pytest.mark.fault("F08", "F09", "F10")
def test_kills_then_a_second_start_then_nothing_is_left(
    stage: Stage, stack: AirflowStack, folder: Path, postgres: EmbeddedPostgres
) -> None:
    # As when the machine's memory runs out: two components die, their workers become orphans.
    before = processes(folder)
    for name in ("scheduler", "triggerer"):
        os.kill(Service(folder, name).pid, signal.SIGKILL)
    psutil.wait_procs(before, timeout=0.5)
    assert not stack.is_running
    # Another process, which knows the state folder alone, ends the rest.
    assert set(stop_all(folder)) == {"api-server", "scheduler", "triggerer", "dag-processor"}
    assert not [one for one in before if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert ports.is_free(stack.port)

    # Where the port was taken in the meantime, that is said, and nothing is half started.
    port = stack.port
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OverstapError, match=f"LOCAL-001.*{port}"):
        stack.start()
    assert [name for one in folders(folder) for name in names(one)] == []

    # The second boot is not taken for healthy by the heartbeats of the first.
    stack.start()
    assert stack.is_running
    with stage.api(stage.coordinator(ALFA)) as coordinator:
        assert stage.dag_id(ALFA) in {one["dag_id"] for one in coordinator.dags()}
    started = processes(folder)
    stack.stop()
    stack.stop()
    assert not [one for one in started if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert ports.is_free(port)
    assert postgres.is_running
