"""Tests of the export as a process: to a collector that decodes OTLP, and to a real server; alerts by promtool."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import pytest
import yaml
from forked import Process, popen, run
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from overstap.ledger.metrics import METRICS
from overstap_tools.local.postgres import EmbeddedPostgres

from . import servers
from .servers import MONITORING


@contextmanager
def exporting(dsn: str, endpoint: str, log: Path) -> Iterator[Process]:
    """Run `overstap metrics serve`, which exports each second."""
    told = {"OVERSTAP_LEDGER": dsn, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": endpoint}
    told |= {"OTEL_METRIC_EXPORT_INTERVAL": "1000", "OVERSTAP_LOG_FORMAT": "json"}
    with log.open("wb") as out:
        process = popen(["-m", "overstap", "metrics", "serve"], env=os.environ | told, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def dsn(postgres: EmbeddedPostgres, ledger_database: str) -> str:
    """The login that only looks."""
    return postgres.dsn("overstap_watch", ledger_database)


def test_any_collector_is_told_by_otlp_and_stopping_is_clean(filled: str, dsn: str, tmp_path: Path) -> None:
    came: Queue[ExportMetricsServiceRequest] = Queue()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            import gzip

            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            came.put(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with exporting(dsn, f"http://127.0.0.1:{server.server_port}/v1/metrics", tmp_path / "log") as process:
        told = came.get(timeout=120)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (tmp_path / "log").read_text()
    server.shutdown()
    [resource] = told.resource_metrics
    named = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert named["service.name"] == "overstap-ledger"
    metrics = {one.name: one for of in resource.scope_metrics for one in of.metrics}
    assert metrics["overstap.ledger.up"].gauge.data_points[0].as_double == 1
    points = metrics["overstap.dossiers"].gauge.data_points
    regions = {one.value.string_value for point in points for one in point.attributes if one.key == "region"}
    assert regions == {"alfa", "beta"}


def test_without_an_endpoint_it_says_which_setting_is_missing(dsn: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = run(["-m", "overstap", "metrics", "serve"], env=environment | {"OVERSTAP_LEDGER": dsn})
    assert done.returncode == 2
    assert "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" in done.stderr


def test_a_real_server_has_what_alerts_and_dashboard_ask_for(filled: str, dsn: str, tmp_path: Path) -> None:
    with servers.running(tmp_path) as server, exporting(dsn, server.otlp, tmp_path / "log"):
        [(labels, _)] = server.wait_for('overstap_dossiers{region="alfa",state="in_review"}')
        assert labels["service_name"] == "overstap-ledger"
        # Of those that the ledger's service sends; pages and Airflow send the others.
        for name in ("work_overdue_seconds", "tasks_failed", "deliveries_failing_age_seconds"):
            assert server.wait_for(f"overstap_{name}")
        for query in (*_rules(), *_panels()):
            server.ask(query)  # a mistake in its syntax is an error here


def test_prometheus_finds_no_mistake_in_configuration_and_alerts() -> None:
    promtool = servers.program("promtool")

    def check(*words: str) -> None:
        done = subprocess.run([promtool, "check", *words], cwd=MONITORING, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    check("rules", "alerts.yaml")
    told = subprocess.run([promtool, "--version"], capture_output=True, text=True)
    if "version 2." in told.stdout + told.stderr:
        pytest.skip("the alerts are sound; this promtool is of Prometheus 2, which knows no OTLP")
    check("config", "--syntax-only", "prometheus.yaml")


def test_alerts_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    promtool = servers.program("promtool")
    done = subprocess.run(
        [promtool, "test", "rules", str(Path(__file__).with_name("alerts_test.yaml"))],
        cwd=MONITORING,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_and_dashboard_ask_for_metrics_that_are_sent() -> None:
    sent = {prometheus_name(name, unit) for name, (unit, _) in METRICS.items()}
    asked = {name for query in (*_rules(), *_panels()) for name in re.findall(r"\boverstap_[a-z_]+", query)}
    assert asked
    assert asked <= sent


def prometheus_name(name: str, unit: str) -> str:
    """Return the name that Prometheus gives a gauge of OpenTelemetry: an annotation in braces is no unit."""
    return name.replace(".", "_") + {"s": "_seconds", "1": "_ratio"}.get(unit, "")


def _rules() -> list[str]:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def _panels() -> list[str]:
    dashboard = json.loads((MONITORING / "grafana" / "overstap.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [query.replace("$region", ".*") for query in queries]
