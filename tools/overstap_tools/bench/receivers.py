"""Endpoints of receiving schools as separate processes, for benchmarks."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from overstap.envelope.over_https import ENVELOPES as PATH
from overstap.simulation.sandbox import Sandbox
from overstap_tools.local import ports
from overstap_tools.local.services import Service
from overstap_tools.local.waiting import wait_until_listening


def store_of(sandbox: Sandbox, region: str, school: str) -> Path:
    """Return where a school's endpoint keeps what it received from a region."""
    return sandbox.folder / "received" / region / school


@contextmanager
def receivers(
    sandbox: Sandbox, region: str, schools: Sequence[str], *, is_floor: bool = False
) -> Iterator[dict[str, tuple[str, int]]]:
    """Run the schools' endpoints.

    Args:
        sandbox: the sandbox; the schools have certificates there.
        region: who will call; each region has endpoints of its own here.
        schools: BRIN and branch of each.
        is_floor: run `floor` in their sandbox, which answers without doing anything.

    Yields:
        Per school the address for envelopes and the number of the process.
    """
    services: list[Service] = []
    found: dict[str, tuple[str, int]] = {}
    try:
        for school in schools:
            port = ports.any_free()
            service = Service(sandbox.folder, f"{'floor' if is_floor else 'school'}-{region}-{school}")
            services.append(service)
            words: list[str | Path] = ["overstap_tools.bench.floor", sandbox.trust, school, str(port)]
            if not is_floor:
                words = ["overstap", "receive", "serve", "--school", school, "--port", str(port)]
                words += ["--store", store_of(sandbox, region, school), "--trust", sandbox.trust]
            service.start([sys.executable, "-m", *words], env=sandbox.environment)
            wait_until_listening(service, port)
            found[school] = (f"https://{ports.LOOPBACK}:{port}{PATH}", service.pid)
        yield found
    finally:
        for service in services:
            service.stop()
