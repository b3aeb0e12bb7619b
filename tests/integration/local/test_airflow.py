"""One boot of all of Airflow's components, and what a coordinator's browser would do with them, by its REST API."""

import os
import signal
import socket
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from overstap.errors import OverstapError
from overstap_tools.local import ports
from overstap_tools.local.airflow import AirflowStack
from overstap_tools.local.api import AirflowApi
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import Service, folders, members, names, stop_all

pytestmark = pytest.mark.boot

DAG = """
    from datetime import timedelta
    from pathlib import Path

    from airflow.providers.standard.operators.hitl import ApprovalOperator
    from airflow.providers.standard.sensors.time_delta import WaitSensor
    from airflow.sdk import dag, task


    @dag(schedule=None, access_control={"kring_demo": {"DAGs": {"can_read", "can_edit"}}})
    def small():
        @task(map_index_template="{{ task.op_kwargs['school'] }}")
        def fetch(school):
            if not Path("%(arrived)s").joinpath(school).exists():
                raise FileNotFoundError(school)

        gate = ApprovalOperator(task_id="gate", subject="release?", defaults=None)
        wait = WaitSensor(task_id="wait", time_to_wait=timedelta(seconds=8), deferrable=True)

        @task
        def finish():
            print("the end")

        fetch.expand(school=["99AB00", "99AC00"]) >> gate >> wait >> finish()


    small()
"""

COORDINATOR = "coordinator"
MAY = [
    *(("can_read", name) for name in ("DAG Runs", "Task Instances", "Task Logs", "Website")),
    *((action, "HITL Detail") for action in ("can_read", "can_edit")),
    *((action, "DAG Runs") for action in ("can_create", "can_edit")),
    ("can_edit", "Task Instances"),
]


@pytest.fixture(scope="module")
def folder(state_folder: Path) -> Path:
    found = state_folder / "boot"
    (found / "dags").mkdir(parents=True)
    (found / "plugins").mkdir()
    (found / "arrived").mkdir()
    (found / "arrived" / "99AB00").touch()
    (found / "dags" / "small.py").write_text(textwrap.dedent(DAG) % {"arrived": found / "arrived"})
    return found


@pytest.fixture(scope="module")
def stack(folder: Path, postgres: EmbeddedPostgres) -> Iterator[AirflowStack]:
    found = AirflowStack(
        folder,
        postgres,
        folder / "dags",
        folder / "plugins",
        port=ports.any_free(),
        extra_env={"OVERSTAP_TRY": "1"},
        database="airflow_small",
    )
    found.migrate()

    def accounts(api: AirflowApi) -> None:
        for _ in range(2):  # safe to repeat
            api.put_role("kring_demo", MAY)
            api.put_user(COORDINATOR, found.password(COORDINATOR), ["kring_demo"], shown_as=("Kring", "Demo"))

    found.start(accounts)
    yield found
    found.destroy()


def listening(state: Path) -> set[tuple[str, int]]:
    """The addresses on which the processes of a state folder listen."""
    found = set()
    for name in names(state):
        record = Service(state, name).record
        assert record is not None
        for process in members(record):
            for connection in process.net_connections("inet"):
                if connection.status == psutil.CONN_LISTEN:
                    found.add((connection.laddr.ip, connection.laddr.port))
    return found


def processes(state: Path) -> list[psutil.Process]:
    records = [Service(state, name).record for name in names(state)]
    return [process for record in records if record is not None for process in members(record)]


def test_a_run_through_the_api_of_a_coordinator(stack: AirflowStack, folder: Path) -> None:
    with stack.api() as admin, stack.api(COORDINATOR) as coordinator:
        admin.wait_for_dag("small")
        assert admin.import_errors() == []
        admin.unpause("small")
        run = coordinator.trigger("small", run_id="first")
        # A school's data are missing: its mapped task alone fails, and is cleared when they have come.
        assert coordinator.wait_for_task("small", run, "fetch", ["failed", "success"], map_index=1) == "failed"
        assert coordinator.wait_for_task("small", run, "fetch", ["failed", "success"], map_index=0) == "success"
        shown = {one["rendered_map_index"] for one in coordinator.task_instances("small", run)}
        assert "99AC00" in shown
        assert coordinator.wait_for_run("small", run) == "failed"
        (folder / "arrived" / "99AC00").touch()
        coordinator.clear("small", run, [("fetch", 1)], note="the file came")
        # The gate waits for a person, and takes one answer only.
        coordinator.wait_for_task("small", run, "gate", ["awaiting_input"])
        assert [one["subject"] for one in coordinator.questions("small", run)] == ["release?"]
        coordinator.answer("small", run, "gate", ["Approve"])
        # The wait holds no worker: the triggerer has it.
        coordinator.wait_for_task("small", run, "wait", ["deferred"])
        coordinator.wait_for_run("small", run)
        assert set(coordinator.states("small", run).values()) == {"success"}, _logs(coordinator, run)
        assert coordinator.run("small", run)["state"] == "success"
        assert "the end" in str(coordinator.log("small", run, "finish"))
        with pytest.raises(OverstapError, match=r"LOCAL-008.*409"):
            coordinator.answer("small", run, "gate", ["Reject"])
        with pytest.raises(OverstapError, match=r"LOCAL-008.*403"):
            coordinator.call("GET", "/api/v2/connections")


def _logs(api: AirflowApi, run: str) -> str:
    """What to read when a run of made-up schools went wrong."""
    ends = [one for one in api.task_instances("small", run) if one["state"] != "success"]
    return "\n".join(
        f"{one['task_id']} {one['state']} {api.log('small', run, one['task_id'], try_number=one['try_number'])}"
        for one in ends
        if one["try_number"]
    )


def test_a_wrong_password_is_refused(stack: AirflowStack) -> None:
    with AirflowApi(stack.address, "admin", "wrong") as stranger, pytest.raises(OverstapError, match=r"LOCAL-008.*401"):
        stranger.dags()


def test_nothing_listens_but_the_api_server_on_loopback(stack: AirflowStack, folder: Path) -> None:
    assert listening(folder) == {("127.0.0.1", stack.port)}
    server = EmbeddedPostgres(folder.parent / "postgres")
    assert listening(server.folder) == {("127.0.0.1", server.port)}


def test_no_secret_is_on_a_command_line_and_settings_reach_the_components(stack: AirflowStack, folder: Path) -> None:
    running = processes(folder)
    said = " ".join(word for process in running for word in process.cmdline())
    secrets = [stack.admin_password, stack.env["AIRFLOW__API__SECRET_KEY"], stack.env["AIRFLOW__CORE__FERNET_KEY"]]
    assert not [secret for secret in secrets if secret in said]
    record = Service(folder, "scheduler").record
    assert record is not None
    assert psutil.Process(record.pid).environ()["OVERSTAP_TRY"] == "1"


def test_kills_then_a_second_start_then_nothing_is_left(
    stack: AirflowStack, folder: Path, postgres: EmbeddedPostgres
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
    with stack.api(COORDINATOR) as coordinator:
        run = coordinator.trigger("small")
        coordinator.wait_for_task("small", run, "gate", ["awaiting_input"])
    started = processes(folder)
    stack.stop()
    stack.stop()
    assert not [one for one in started if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert ports.is_free(port)
    assert postgres.is_running
