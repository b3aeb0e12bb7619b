"""Script that loads the package and its texts, then forks a process for each `forked.Process`; it is told its socket.

A message is a JSON object with the words behind `python`, the environment and the folder; with it come descriptors:
standard input, output, error, and a socket on which the exit code is told. The child ends as the interpreter does, but
for the taking apart of what was loaded, which costs more than most of what these processes are asked.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

LOADED = (
    "overstap.cli.deliver",
    "overstap.cli.keys",
    "overstap.cli.open",
    "overstap.cli.receive",
    "overstap.cli.review",
    "overstap.cli.school",
    "overstap.delivery.channels.folder",
    "overstap.delivery.channels.page",
    "overstap.delivery.channels.pull",
    "overstap.delivery.channels.sftp",
    "overstap.delivery.channels.traffic_centre",
    "overstap.delivery.desk.server",
    "overstap.delivery.sealing",
    "overstap.delivery.sending",
    "overstap.delivery.traffic_centre.adapter",
    "overstap.intake.collect",
    "overstap.intake.sources.drop_folder",
    "overstap.intake.sources.http_api",
    "overstap.intake.sources.las_database",
    "overstap.intake.sources.mapped_export",
    "overstap.key_service.server",
    "overstap.pages.parents.serve",
    "overstap.pages.school.serve",
    "overstap.receiver.endpoint",
    "overstap.receiver.fetching",
    "overstap.receiver.folder_store",
    "overstap.receiver.postgres_store",
    "overstap.receiver.reception",
    "overstap.receiver.revocation_receiver",
    "overstap.review.inviting",
    "overstap.rounds.agreed",
    "overstap.rounds.collection",
    "overstap.rounds.delivering",
    "overstap.rounds.reviewing",
    "overstap.telemetry.export",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
)
"""What the processes of tests use most; each is half a second of processor time to load."""


_codes: list[int] = []
"""The exit code of a child whose words have been followed to their end."""


def main() -> None:
    """Fork until nobody asks any more."""
    atexit.register(_end)  # before anything is loaded, so behind whatever that wants to do at the end
    control = socket.socket(fileno=int(sys.argv[1]))
    _load(LOADED)
    _read()
    ended, tells = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    watched = selectors.DefaultSelector()
    watched.register(control, selectors.EVENT_READ)
    watched.register(ended, selectors.EVENT_READ)
    running: dict[int, socket.socket] = {}
    while True:
        for key, _ in watched.select():
            if key.fd == ended:
                os.read(ended, 4096)
                _tell(running)
                continue
            told, descriptors, _, _ = socket.recv_fds(control, 2**20, 4)
            if not told:
                os._exit(0)
            *streams, status = descriptors
            order = json.loads(told)
            _load(order.pop("loads"))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                watched.close()
                for one in (control.detach(), ended, tells, status, *(other.detach() for other in running.values())):
                    os.close(one)
                _become(streams, **order)
                return
            running[pid] = socket.socket(fileno=status)
            running[pid].sendall(b"%d " % pid)
            for one in streams:
                os.close(one)


def _load(names: Iterable[str]) -> None:
    for name in names:
        importlib.import_module(name)
    gc.freeze()


def _read() -> None:
    """Read what each process would read again from files of the package, which no setting changes."""
    from overstap.errors import sentences
    from overstap.oso.catalogue import catalogue
    from overstap.oso.version_folders import BUILT_IN
    from overstap.quality.rulebook import rules
    from overstap.texts import TEXTS, texts

    sentences()  # a tenth of a second, for whoever has one error to tell
    for path in TEXTS.rglob("*.yaml"):
        texts(path.relative_to(TEXTS).with_suffix("").as_posix())
    for version in (path.parent.name for path in BUILT_IN.glob("*/version.yaml")):
        catalogue(version)
        rules(version)
    gc.freeze()


def _tell(running: dict[int, socket.socket]) -> None:
    """Tell of each child that has ended how it ended."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with running.pop(pid) as listener:
            try:
                listener.sendall(b"%d" % os.waitstatus_to_exitcode(status))
            except BrokenPipeError:
                continue  # nobody wants to know


def _end() -> None:
    """End a child whose threads are over and whose exit functions were called."""
    if _codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_codes[0])


def _become(streams: list[int], words: list[str], env: dict[str, str], cwd: str) -> Any:
    """Be what `python` with these words would have been."""
    for number, one in enumerate(streams):
        os.dup2(one, number)
        os.close(one)
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    tempfile.tempdir = None
    try:
        if words[0] == "-m":
            sys.path[0], sys.argv = cwd, words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.path[0], sys.argv = str(Path(words[0]).resolve().parent), words
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            _codes.append(ended.code or 0)
        raise
    _codes.append(0)


if __name__ == "__main__":
    main()
