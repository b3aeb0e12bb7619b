"""Tests that a command that is told to end by a signal leaves no server, no process of its own and no folder."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from overstap_tools.local.ending import ENDS
from overstap_tools.local.waiting import wait_until

SECONDS = 120


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that PostgreSQL's own account may enter too, unlike those of pytest."""
    made = Path(tempfile.mkdtemp(prefix="overstap-ended-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


HEARS = """import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"""
"""Starts Python with signals as they are by default: what runs in the background is told to ignore some of them."""


def started(folder: Path, words: str) -> subprocess.Popen[bytes]:
    """Start a benchmark whose temporary folders are in a folder of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", HEARS, "-m", "overstap", "bench", *words.split()],
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # the signal is for the program alone, as `kill` sends it
    )


def of_folder(folder: Path) -> dict[psutil.Process, str]:
    """Return the processes that were started with this folder for their files, each with its command line."""
    found = {}
    for one in psutil.process_iter():
        try:
            named = [one.environ().get("TMPDIR", ""), *one.cmdline()]  # PostgreSQL gets no such variable
            if any(word.startswith(str(folder)) for word in named) and one.status() != psutil.STATUS_ZOMBIE:
                found[one] = " ".join(named)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def ended(program: subprocess.Popen[bytes], number: int, folder: Path) -> None:
    program.send_signal(number)
    try:
        assert program.wait(SECONDS) == 128 + number
        wait_until(lambda: not of_folder(folder), "the end of all processes", SECONDS, 0.2)
        assert not list(folder.iterdir())
    finally:
        for one in of_folder(folder):
            with suppress(psutil.NoSuchProcess):
                one.kill()


@pytest.mark.parametrize("number", ENDS)
def test_a_benchmark_takes_its_server_and_its_processes_with_it(number: int, folder: Path) -> None:
    program = started(folder, "ledger --dossiers 200000 --runs 100")
    parts = ("multiprocessing.spawn", "postgres")

    def is_at_work() -> bool:
        names = of_folder(folder).values()
        return program.poll() is not None or all(any(part in name for name in names) for part in parts)

    wait_until(is_at_work, "a server and processes of a benchmark", SECONDS, 0.2)
    assert program.poll() is None
    ended(program, number, folder)


@pytest.mark.boot
def test_a_benchmark_takes_its_airflow_with_it(folder: Path) -> None:
    program = started(folder, "rest --regions 1 --minutes 60 --settle 60")
    wait_until(
        lambda: program.poll() is not None or bool([*folder.glob("*/airflow/run/dag-processor.json")]),
        "an Airflow of a benchmark",
        SECONDS,
        0.2,
    )
    assert program.poll() is None
    ended(program, signal.SIGTERM, folder)
