"""Desk of a deployment's region, as a process."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from integration.round.deployment import RegionDeployment, wait_for

from overstap_tools.local import ports

OVERSTAP = [sys.executable, "-m", "overstap"]


@contextlib.contextmanager
def desk(deployment: RegionDeployment, **environment: str) -> Iterator["tuple[str, subprocess.Popen[bytes]]"]:
    """The region's desk as a process; its log is beside."""
    port = ports.any_free()
    log = deployment.folder / "desk.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*OVERSTAP, "deliver", "serve", deployment.region.name, "--port", str(port)],
            env=os.environ | deployment.settings | environment,
            stdout=out,
            stderr=out,
        )
    wait_for(lambda: process.poll() is not None or not ports.is_free(port))
    assert process.poll() is None, log.read_text()
    try:
        yield f"https://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()
