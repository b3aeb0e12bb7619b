"""Programs of others that take metrics over OTLP and evaluate alerts, where they are installed."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from overstap_tools.project import PROJECT

MONITORING = PROJECT / "deploy" / "monitoring"


_NAMING = "-opentelemetry.usePrometheusNaming"


def program(name: str) -> str:
    """Return the path of a program, or skip where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@dataclass(frozen=True)
class MetricsServer:
    """A running server with Prometheus' HTTP API."""

    address: str

    @property
    def otlp(self) -> str:
        return f"{self.address}/opentelemetry/v1/metrics"

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and value of each series of a query."""
        answer = httpx.get(f"{self.address}/prometheus/api/v1/query", params={"query": query}, timeout=30)
        assert answer.status_code == 200, answer.text
        return [(one["metric"], float(one["value"][1])) for one in answer.json()["data"]["result"]]

    def samples(self, name: str) -> list[list[float]]:
        """Return all values of each series of a metric, in the order of time."""
        answer = httpx.get(f"{self.address}/api/v1/export", params={"match[]": name}, timeout=30)
        assert answer.status_code == 200, answer.text
        return [json.loads(line)["values"] for line in answer.text.splitlines()]

    def wait_for(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return the answer to a query as soon as it has series."""
        for _ in range(600):
            if found := self.ask(query):
                return found
            time.sleep(0.2)
        raise AssertionError(f"no series for {query}")


@contextmanager
def running(folder: Path) -> Iterator[MetricsServer]:
    """Run VictoriaMetrics, which names what comes over OTLP as Prometheus does (Debian's Prometheus takes no OTLP)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    command = [program("victoria-metrics"), f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}"]
    known = subprocess.run([command[0], "-help"], capture_output=True, check=False, text=True)
    if _NAMING not in known.stdout + known.stderr:  # as the one of Debian 12
        pytest.skip(f"this victoria-metrics is too old: it knows no {_NAMING}")
    command += [_NAMING, "-search.latencyOffset=0s"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    found = MetricsServer(f"http://127.0.0.1:{port}")
    try:
        for _ in range(300):
            assert process.poll() is None, log.read_text()
            try:
                httpx.get(f"{found.address}/health", timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        else:
            raise AssertionError(log.read_text())
        yield found
    finally:
        process.terminate()
        process.wait()
