"""Tests of the process that runs commands one after another; those of Airflow are run wherever one is booted."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from overstap import SOFTWARE
from overstap_tools.local.loaded_commands import LoadedCommands


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "commands.log"


@pytest.fixture
def commands(tmp_path: Path, log: Path) -> Iterator[LoadedCommands]:
    found = LoadedCommands(os.environ, tmp_path, log)
    yield found
    found.close()


def test_one_process_runs_commands_that_succeed_and_that_fail(commands: LoadedCommands, log: Path) -> None:
    assert commands.run("overstap", ["--version"]) == (0, f"{SOFTWARE}\n")
    code, said = commands.run("overstap", ["is-er-niet"])
    assert (code, said) == (2, "")
    assert commands.run("overstap", ["--version"]) == (0, f"{SOFTWARE}\n"), "nothing of the others stays"
    written = log.read_text(encoding="utf-8")
    assert written.count(f"== overstap --version: 0\n{SOFTWARE}\n") == 2
    assert "== overstap is-er-niet: 2" in written
    assert "No such command" in written, "what it wrote to standard error too"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_process_that_was_killed_has_failed_and_can_be_closed(commands: LoadedCommands) -> None:
    commands._process.kill()
    assert commands.run("overstap", ["--version"]) == (1, "")
    commands.close()
    assert commands._process.returncode is not None
