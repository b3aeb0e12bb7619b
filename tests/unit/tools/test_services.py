import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from overstap.errors import OverstapError
from overstap_tools.local.services import Service, ServiceRecord, members, stop_all

# A leader with a child of its own; both say by a file that they are there. The child ignores a polite request.
FAMILY = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", '''
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1] + "/child", "w").close()
time.sleep(600)
''', sys.argv[1]])
open(sys.argv[1] + "/leader", "w").close()
time.sleep(600)
"""


def start(state: Path, name: str = "one", program: str = "import time; time.sleep(600)") -> Service:
    service = Service(state, name)
    service.start([sys.executable, "-c", program, str(state)], env=dict(os.environ), grace_seconds=1)
    return service


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def start_family(state: Path) -> tuple[Service, list[psutil.Process]]:
    service = start(state, program=FAMILY)
    for name in ("leader", "child"):
        wait_for(state / name)
    record = service.record
    assert record is not None
    family = members(record)
    assert len(family) == 2
    return service, family


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; an orphan that ended may be a zombie for as long as process 1 likes."""
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_a_service_runs_until_it_is_stopped(tmp_path: Path) -> None:
    service = start(tmp_path)
    process = psutil.Process(service.pid)
    assert service.is_running
    service.stop()
    service.stop()
    assert not service.is_running
    assert not process.is_running()
    assert service.record is None


def test_a_second_start_leaves_the_first_alone(tmp_path: Path) -> None:
    service = start(tmp_path)
    assert start(tmp_path).pid == service.pid
    service.stop()


def test_another_process_can_stop_it_by_the_folder_alone(tmp_path: Path) -> None:
    pids = [start(tmp_path, "one").pid, start(tmp_path / "below", "two").pid]
    program = "import sys; from pathlib import Path; from overstap_tools.local.services import stop_all; "
    program += "print(*stop_all(Path(sys.argv[1])))"
    said = subprocess.check_output([sys.executable, "-c", program, str(tmp_path)], text=True)
    assert said.split() == ["one", "two"]
    for pid in pids:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert stop_all(tmp_path) == []


def test_children_are_ended_too(tmp_path: Path) -> None:
    service, family = start_family(tmp_path)
    service.stop()
    assert not alive(family)


def test_orphans_of_a_killed_leader_are_ended(tmp_path: Path) -> None:
    service, family = start_family(tmp_path)
    os.kill(service.pid, signal.SIGKILL)
    psutil.wait_procs([process for process in family if process.pid == family[0].pid], timeout=10)
    assert not service.is_running
    assert len(alive(family)) == 1
    service.stop()
    assert not alive(family)


def test_a_number_given_out_again_is_not_taken_for_the_service(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "one.json").write_text(
        json.dumps(asdict(ServiceRecord("one", other.pid, 1.0, signal.SIGTERM, is_told_whole=False, grace_seconds=1)))
    )
    service = Service(tmp_path, "one")
    assert not service.is_running
    service.stop()
    assert other.poll() is None
    other.kill()
    other.wait()


def test_what_it_writes_is_in_its_log_and_for_its_owner_alone(tmp_path: Path) -> None:
    service = start(tmp_path, program="import time; print('here', flush=True); time.sleep(600)")
    deadline = time.monotonic() + 30
    while b"here" not in service.log.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert service.log.stat().st_mode & 0o077 == 0
    service.stop()


def test_the_pid_of_what_does_not_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OverstapError, match="LOCAL-005"):
        _ = Service(tmp_path, "one").pid
