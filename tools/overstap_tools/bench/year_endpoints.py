"""Endpoints of the schools of several regions in one process, under a clock that is moved from outside.

Each is the endpoint that `overstap receive serve` runs, with a store of its own. Run as
`python -m overstap_tools.bench.year_endpoints <folder>`, with what it serves in `<folder>/wanted.json`.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import uvicorn

from overstap.atomic_files import write_atomically
from overstap.envelope.over_https import ENVELOPES
from overstap.pki import TrustStore
from overstap.receiver.endpoint import server
from overstap.receiver.folder_store import FolderStore
from overstap.receiver.reception import Reception
from overstap.simulation.sandbox import Sandbox
from overstap_tools.bench.receivers import store_of
from overstap_tools.local import ports
from overstap_tools.local.services import Service
from overstap_tools.local.waiting import wait_until

_WANTED, _SERVED = "wanted.json", "served.json"
_LONGEST_SECONDS, _LOOK_SECONDS = 300, 0.05


class FileClock:
    """Clock that returns the moment in a file.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> datetime:
        """Return the moment."""
        return datetime.fromisoformat(self._path.read_text(encoding="ascii"))

    def move_to(self, at: datetime) -> None:
        """Write the moment."""
        write_atomically(self._path, at.isoformat().encode("ascii"), mode=0o600)


@contextmanager
def endpoints(
    sandbox: Sandbox, name: str, schools: Mapping[str, Sequence[str]], clock: Path
) -> Iterator[tuple[dict[str, dict[str, str]], int]]:
    """Run the endpoints of regions in one process.

    Args:
        sandbox: the sandbox; the schools have certificates there.
        name: of the process.
        schools: per region its secondary schools.
        clock: file with the moment.

    Yields:
        Per region and school the address for envelopes, and the number of the process.
    """
    folder = sandbox.folder / name
    folder.mkdir()
    stores = {
        region: {school: str(store_of(sandbox, region, school)) for school in own} for region, own in schools.items()
    }
    wanted = {"trust": str(sandbox.trust), "clock": str(clock), "stores": stores}
    (folder / _WANTED).write_text(json.dumps(wanted), encoding="utf-8")
    service = Service(sandbox.folder, name)
    try:
        service.start([sys.executable, "-m", "overstap_tools.bench.year_endpoints", folder], env=sandbox.environment)
        served = folder / _SERVED
        wait_until(lambda: served.exists() or not service.is_running, name, _LONGEST_SECONDS, _LOOK_SECONDS)
        if not served.exists():
            raise RuntimeError(f"{name} did not start:\n{service.log.read_text(encoding='utf-8')[-2000:]}")
        yield json.loads(served.read_text(encoding="utf-8")), service.pid
    finally:
        service.stop()


def main(folder: Path) -> None:
    """Serve until stopped.

    Args:
        folder: with what is wanted; the addresses are put there.
    """
    wanted = json.loads((folder / _WANTED).read_text(encoding="utf-8"))
    trust, now = TrustStore(Path(wanted["trust"]), production=False), FileClock(Path(wanted["clock"]))
    addresses: dict[str, dict[str, str]] = {}
    servers: list[tuple[uvicorn.Server, socket.socket]] = []
    for region, stores in wanted["stores"].items():
        for school, store in stores.items():
            listening = socket.create_server(
                (ports.LOOPBACK, 0)
            )  # a free port that is only looked at is soon another's
            port = int(listening.getsockname()[1])
            reception = Reception(school, trust=trust, store=FolderStore(Path(store)))
            servers.append((server(reception, host=ports.LOOPBACK, port=port, now=now), listening))
            addresses.setdefault(region, {})[school] = f"https://{ports.LOOPBACK}:{port}{ENVELOPES}"
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    # In a thread of their own, since a server in the main one takes the signals for itself alone
    serving = threading.Thread(target=_run, args=(servers, folder, addresses))
    serving.start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    for one, _ in servers:
        one.should_exit = True
    serving.join()


def _run(
    servers: Sequence[tuple[uvicorn.Server, socket.socket]], folder: Path, addresses: Mapping[str, Mapping[str, str]]
) -> None:
    try:
        asyncio.run(_serve(servers, folder, addresses))
    finally:
        os.kill(os.getpid(), signal.SIGTERM)  # for the main thread, which waits for nothing else


async def _serve(
    servers: Sequence[tuple[uvicorn.Server, socket.socket]], folder: Path, addresses: Mapping[str, Mapping[str, str]]
) -> None:
    running = [asyncio.create_task(one.serve([listening])) for one, listening in servers]
    while not all(one.started for one, _ in servers):
        if any(one.done() for one in running):
            raise RuntimeError("an endpoint has ended before it began")
        await asyncio.sleep(_LOOK_SECONDS)
    write_atomically(folder / _SERVED, json.dumps(addresses).encode(), mode=0o600)
    await asyncio.gather(*running)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
