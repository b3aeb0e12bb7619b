"""Processes of Python for tests, forked from one that has loaded the package: `popen` and `run` as of `subprocess`.

They are processes of their own: to be killed, stopped, and left without disk or database. What they save is the loading
of modules, most of the processor time of a process that does little. Whoever tests what is loaded, or how much memory
that takes, starts Python itself.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

_STARTED: list[tuple[int, socket.socket]] = []
"""By process id of the tests: a process that is forked from them has none."""
_OF_A_START = ("PYTHON", "LD_", "MALLOC_", "OPENSSL_")
"""Variables with these beginnings are read when a process starts, so they cannot change behind that."""
_AT_START = {name: value for name, value in os.environ.items() if name.startswith(_OF_A_START)}
"""Those of the process that forks; a test may change its own environment in place of handing another one over."""


class Process:
    """A running process, with what tests use of `subprocess.Popen`."""

    def __init__(
        self, words: list[str], env: Mapping[str, str], streams: Sequence[int], output: Any, loads: Sequence[str]
    ) -> None:
        self.args, self.stdout = words, output
        self.returncode: int | None = None
        self._status, theirs = socket.socketpair()
        told = json.dumps({"words": words, "env": dict(env), "cwd": str(Path.cwd()), "loads": loads}).encode()
        with theirs:
            socket.send_fds(_parent(), [told], [*streams, theirs.fileno()])
        pid = b""
        while not pid.endswith(b" "):
            said = self._status.recv(1)
            assert said, "the process that forks is gone"
            pid += said
        self.pid = int(pid)

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code."""
        found = self._ended(timeout)
        if found is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return found

    def communicate(self, timeout: float | None = None) -> tuple[Any, None]:
        """Wait for its end; return what it said."""
        assert self.stdout is not None
        said: list[Any] = []
        reader = threading.Thread(target=lambda: said.append(self.stdout.read()), daemon=True)
        reader.start()
        reader.join(timeout)
        if reader.is_alive():
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(timeout)
        self.stdout.close()
        return said[0], None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], seconds)[0]:
            said = b""
            while part := self._status.recv(16):  # until the other side is closed
                said += part
            self._status.close()
            assert said, "the process that forks is gone"
            self.returncode = int(said)
        return self.returncode


def popen(
    words: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    stdout: Any = None,
    stderr: Any = None,
    text: bool = False,
    before: Sequence[str] = (),
    is_forked: bool = True,
    loads: Sequence[str] = (),
) -> Process:
    """Begin a process of Python; by `subprocess` itself where another program starts it, or with another environment.

    Args:
        words: what follows `python`: `-m` and a module, or a script, and its arguments.
        env: its environment.
        stdout: a file, PIPE, or None for that of the tests.
        stderr: likewise; STDOUT for the same as `stdout`.
        text: whether what it says is text.
        before: words in front of `python`.
        is_forked: False where the test looks at the process itself.
        loads: modules that take long to load, for the process that forks to load first; they may start no thread.
    """
    env, written = os.environ if env is None else env, [str(word) for word in words]
    if before or not is_forked or {name: env[name] for name in env if name.startswith(_OF_A_START)} != _AT_START:
        started = subprocess.Popen(
            [*before, sys.executable, *written], env=env, stdout=stdout, stderr=stderr, text=text
        )
        return cast(Process, started)  # it has the same methods
    opened, reading = [], None
    if stdout == subprocess.PIPE:
        end, said = os.pipe()
        opened.append(said)
        reading = os.fdopen(end, "r" if text else "rb")
    else:
        said = 1 if stdout is None else stdout.fileno()
    errors = said if stderr == subprocess.STDOUT else 2 if stderr is None else stderr.fileno()
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        return Process(written, env, [nothing, said, errors], reading, loads)
    finally:
        for one in (nothing, *opened):
            os.close(one)


def run(
    words: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    text: bool = True,
    timeout: float | None = None,
    check: bool = False,
) -> "subprocess.CompletedProcess[Any]":
    """Run a process of Python to its end; return its exit code and what it said.

    Args:
        words: what follows `python`.
        env: its environment.
        text: whether what it says is text.
        timeout: seconds after which it is killed.
        check: whether another exit code than 0 is an error.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = popen(words, env=env, stdout=out, stderr=errors)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        said: list[Any] = []
        for file in (out, errors):
            file.seek(0)
            said.append(file.read().decode() if text else file.read())
    done = subprocess.CompletedProcess(list(words), code, *said)
    if check:
        done.check_returncode()
    return done


def _parent() -> socket.socket:
    """Return the socket of the process that forks; it is started when somebody asks for it."""
    for pid, control in _STARTED:
        if pid == os.getpid():
            return control
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        script = str(Path(__file__).with_name("forking.py"))
        process = subprocess.Popen(
            [sys.executable, script, str(theirs.fileno())],
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # who forks has one thread, whatever it loads
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    _STARTED.append((os.getpid(), control))
    atexit.register(_end, os.getpid(), control, process)
    return control


def _end(pid: int, control: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    if pid == os.getpid():
        control.close()
        process.wait(60)
