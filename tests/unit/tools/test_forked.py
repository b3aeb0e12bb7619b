"""Tests of the processes that tests fork instead of starting: they are what `python` with the same words would be."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from forked import Process, popen, run

SAYS = """
import json, os, sys
print(json.dumps([sys.argv[1:], os.environ.get("OF_THIS_TEST"), os.getcwd(), os.getppid(), __name__, sys.stdin.read()]))
print("wrong", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""

ENDS = """
import atexit, sys, threading, time
atexit.register(print, "at the end", end="")
threading.Thread(target=lambda: (time.sleep(0.2), print("of a thread", end=" "))).start()
print("of the program", end=" ")
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "says.py"
    path.write_text(SAYS)
    return str(path)


def test_a_script_has_its_words_environment_folder_and_exit_code(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    forked = run([script, "3", "é"], env=os.environ | {"OF_THIS_TEST": "here"})
    started = subprocess.run(
        [sys.executable, script, "3", "é"],
        env=os.environ | {"OF_THIS_TEST": "here"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (forked.returncode, forked.stderr) == (started.returncode, started.stderr) == (3, "wrong\n")
    ours, theirs = json.loads(forked.stdout), json.loads(started.stdout)
    assert ours.pop(3) != os.getpid() == theirs.pop(3)
    assert ours == theirs == [["3", "é"], "here", str(tmp_path), "__main__", ""]


def test_a_command_says_what_it_says_when_it_is_started() -> None:
    words = ["-m", "overstap", "receive", "serve", "--port", "none"]
    started = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    forked = run(words)
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)
    assert forked.returncode == 2


def test_it_can_be_killed_and_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "waits.py"
    path.write_text("import time\nprint('begin', flush=True)\ntime.sleep(600)\n")
    first, second = (popen([path], stdout=subprocess.PIPE, text=True) for _ in range(2))
    assert all(isinstance(one, Process) for one in (first, second))
    assert (first.stdout.readline(), second.stdout.readline()) == ("begin\n", "begin\n")
    first.kill()
    assert first.wait(60) == first.poll() == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(first.pid, 0)
    assert second.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(0.01)
    second.terminate()
    assert second.wait(60) == -signal.SIGTERM


def test_an_exception_is_told_and_its_exit_code_is_1(tmp_path: Path) -> None:
    path = tmp_path / "fails.py"
    path.write_text("raise ValueError('no')\n")
    failed = popen([path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, _ = failed.communicate(60)
    assert failed.returncode == 1
    assert said.endswith("ValueError: no\n")


@pytest.mark.parametrize("last", ["", "sys.exit()", "sys.exit(3)", "sys.exit('why')", "sys.exit(-1)", "raise KeyError"])
def test_it_ends_behind_its_threads_and_what_it_had_for_the_end(last: str, tmp_path: Path) -> None:
    path = tmp_path / "ends.py"
    path.write_text(f"{ENDS}\n{last}\n")
    forked = run([path])
    started = subprocess.run([sys.executable, path], capture_output=True, text=True)
    assert (forked.returncode, forked.stdout) == (started.returncode, started.stdout)
    assert forked.stdout == "of the program of a thread at the end"
    assert forked.stderr.splitlines()[-1:] == started.stderr.splitlines()[-1:]


def test_another_interpreters_settings_take_another_interpreter(script: str) -> None:
    other = popen([script, "0"], env=os.environ | {"PYTHONHASHSEED": "7"}, stdout=subprocess.PIPE, text=True)
    assert type(other) is not Process
    assert other.communicate(timeout=60)[0]


READ = """
from overstap.errors import sentences
from overstap.oso.catalogue import by_namespace, catalogue
print(*(one.cache_info().currsize > 0 for one in (sentences, catalogue, by_namespace)))
"""


def test_texts_and_catalogues_are_read_already_and_what_a_setting_changes_is_not(tmp_path: Path) -> None:
    """Which versions there are is said by a setting: an administrator may have added some."""
    (tmp_path / "read.py").write_text(READ)
    assert run([tmp_path / "read.py"], check=True).stdout == "True True False\n"
