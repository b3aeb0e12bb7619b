"""Services: child processes that outlive the command that started them and that a later command can stop.

Each service leads a session of its own, so that whatever it forks (Airflow's workers and task processes) is found by
the session even when the leader was killed and its children have a new parent. The state folder holds per service a
record (`run/<name>.json`) and a log (`logs/<name>.log`).
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from overstap.errors import OverstapError

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class SystemUser:
    """Operating system user of a service, when it is not the present one."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """Record of a started process, which distinguishes it from a later one with the same process id.

    Attributes:
        name: the service's name.
        pid: process id, which is also the id of its session and group.
        created: seconds since the epoch at which the operating system made the process.
        stop_signal: the signal that asks it to end.
        is_told_whole: whether its children get that signal too.
        grace_seconds: how long it gets to end by itself.
    """

    name: str
    pid: int
    created: float
    stop_signal: int
    is_told_whole: bool
    grace_seconds: float


class Service:
    """One child process, by its name in a state folder; any process may inspect and stop it.

    Args:
        state: the state folder.
        name: the service's name, which names its record and log too.
    """

    def __init__(self, state: Path, name: str) -> None:
        self.name = name
        self.log = state / "logs" / f"{name}.log"
        self._record = state / "run" / f"{name}.json"
        self._popen: subprocess.Popen[bytes] | None = None

    def start(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        account: SystemUser | None = None,
        stop_signal: int = signal.SIGTERM,
        is_told_whole: bool = False,
        grace_seconds: float = 20,
    ) -> int:
        """Start the process unless it runs already.

        Args:
            command: the program and its arguments. No secrets: every user of the machine can read them.
            env: its whole environment.
            cwd: its working folder.
            account: the user it runs as; only root can give one.
            stop_signal: what `stop` sends it.
            is_told_whole: send that to its children too, for a program that would be slow to tell them.
            grace_seconds: how long it gets to end by itself before `stop` kills it.

        Returns:
            The process id.
        """
        if self.is_running:
            return self.pid
        self.end_remains()
        for folder in (self.log.parent, self._record.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        who = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._popen = subprocess.Popen(  # noqa: S603
                [str(part) for part in command],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **who,  # type: ignore[call-overload]
            )
        finally:
            os.close(descriptor)
        created = psutil.Process(self._popen.pid).create_time()
        record = ServiceRecord(self.name, self._popen.pid, created, stop_signal, is_told_whole, grace_seconds)
        draft = self._record.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(record)), encoding="utf-8")
        draft.replace(self._record)
        return record.pid

    @property
    def record(self) -> ServiceRecord | None:
        """What was started last, running or not; None when nothing was, or when it was ended."""
        try:
            return ServiceRecord(**json.loads(self._record.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            OverstapError: LOCAL-005 when it does not run.
        """
        record = self.record
        if record is None or not self.is_running:
            raise OverstapError("LOCAL-005", service=self.name, log=str(self.log))
        return record.pid

    @property
    def is_running(self) -> bool:
        """Whether the very process that was started is alive; a zombie is not."""
        record = self.record
        return record is not None and _leader(record) is not None

    def stop(self) -> None:
        """Ask the process to end, wait, then kill what is left of its session; safe to repeat.

        Raises:
            OverstapError: LOCAL-012 when a process belongs to somebody else and may not be ended.
        """
        record = self.record
        if record is None:
            return
        leader = _leader(record)
        if leader is not None:
            for process in members(record) if record.is_told_whole else [leader]:
                self._send(process, record.stop_signal)
            deadline = time.monotonic() + record.grace_seconds
            while time.monotonic() < deadline and (_leader(record) or members(record)):
                time.sleep(_POLL_SECONDS)
        self.end_remains()

    def end_remains(self) -> None:
        """Kill whatever is left of the last start, also where its leader was killed by somebody else.

        Raises:
            OverstapError: LOCAL-012 when a process belongs to somebody else and may not be ended.
        """
        record = self.record
        if record is None:
            return
        while left := members(record):
            for process in left:
                self._send(process, signal.SIGKILL)
            psutil.wait_procs(left, timeout=_POLL_SECONDS)
        if self._popen is not None:
            self._popen.wait()
            self._popen = None
        self._record.unlink(missing_ok=True)

    def _send(self, process: psutil.Process, number: int) -> None:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return  # it ended in between, which is what was wanted
        except psutil.AccessDenied as problem:
            raise OverstapError("LOCAL-012", service=self.name, pid=process.pid) from problem


def _leader(record: ServiceRecord) -> psutil.Process | None:
    """Return the started process itself while it lives."""
    try:
        process = psutil.Process(record.pid)
        # Two clock ticks: the operating system counts the start of a process in hundredths of a second.
        same = abs(process.create_time() - record.created) < 0.02
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def members(record: ServiceRecord) -> list[psutil.Process]:
    """Return the living processes of a service: its session, and the descendants that left it.

    A pid is not given out again while a session or group of that number exists, so the session is the service's own
    unless a living leader of that number is another process than the one recorded.
    """
    leader = _leader(record)
    if leader is None and psutil.pid_exists(record.pid) and not _is_zombie(record.pid):
        return []
    found = {}
    if leader is not None:
        try:
            found = {child.pid: child for child in [leader, *leader.children(recursive=True)]}
        except psutil.NoSuchProcess:
            found = {}
    for process in psutil.process_iter():
        try:
            in_session = os.getsid(process.pid) == record.pid
        except (ProcessLookupError, PermissionError):
            continue
        if in_session:
            found[process.pid] = process
    return [process for process in found.values() if not _is_zombie(process.pid)]


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def names(state: Path) -> list[str]:
    """Return the services that have a record in a state folder, newest last.

    Args:
        state: the state folder.
    """
    records = sorted((state / "run").glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return [path.stem for path in records]


def folders(state: Path) -> list[Path]:
    """Return a state folder and the folders in it that are state folders too, such as PostgreSQL's.

    Args:
        state: the state folder.
    """
    return [state, *sorted(run.parent for run in state.glob("*/run"))]


def stop_all(state: Path) -> list[str]:
    """End every service of a state folder and of the folders in it, the newest first; safe to repeat, after any crash.

    The folder's own services come first: a database of theirs, in a folder below, goes on until they have ended.

    Args:
        state: the state folder; need not exist.

    Returns:
        The names of the services that were found, running or not.
    """
    stopped: list[str] = []
    for folder in folders(state):
        for name in names(folder)[::-1]:
            Service(folder, name).stop()
            stopped.append(name)
    return stopped
