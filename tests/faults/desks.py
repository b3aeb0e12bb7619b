"""Desk of a deployment's region, as a process."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
from forked import Process, popen
from integration.round.deployment import RegionDeployment, wait_for

from overstap_tools.local import ports

OVERSTAP = ["-m", "overstap"]
_PORTS = 3
"""So many ports are tried: another test's server may take one between its choice and the desk's start."""


@contextlib.contextmanager
def desk(deployment: RegionDeployment, **environment: str) -> Iterator[tuple[str, Process]]:
    """The region's desk as a process, without keys as in a deployment: it asks a key service. Its log is beside."""
    log = deployment.folder / "desk.log"
    with _keys(deployment) as place, log.open("ab") as out:
        own = {"OVERSTAP_KEYS": "", "OVERSTAP_KEY_SERVICE": str(place)}
        environ = os.environ | deployment.settings | own | environment
        for _ in range(_PORTS):
            port = ports.any_free()
            process = popen(
                [*OVERSTAP, "deliver", "serve", deployment.region.name, "--port", str(port)],
                env=environ,
                stdout=out,
                stderr=out,
            )
            wait_for(lambda: process.poll() is not None or _listens(process.pid, port))  # noqa: B023 (called here)
            if process.poll() is None:
                break
        try:
            assert process.poll() is None, log.read_text()
            yield f"https://127.0.0.1:{port}", process
        finally:
            process.kill()
            process.wait()


def _listens(pid: int, port: int) -> bool:
    """Whether this process listens, and not another one that was quicker."""
    try:
        found = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found)


@contextlib.contextmanager
def _keys(deployment: RegionDeployment) -> Iterator[Path]:
    """The key service of the desk's region; its socket, not in the deployment's folder: its path would be too long."""
    folder = Path(tempfile.mkdtemp(prefix="keys-"))
    (folder / "desk").mkdir()
    command = [*OVERSTAP, "keys", "serve", str(folder), "--region", deployment.region.name]
    with (deployment.folder / "desk-keys.log").open("ab") as out:
        process = popen(command, env=os.environ | deployment.settings, stdout=out, stderr=out)
    try:
        wait_for(lambda: process.poll() is not None or (folder / "desk" / "keys.sock").exists())
        assert process.poll() is None, (deployment.folder / "desk-keys.log").read_text()
        yield folder / "desk" / "keys.sock"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)
