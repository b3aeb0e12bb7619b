"""Test of Airflow's own metrics: a real Airflow, set as deploy/compose.monitoring.yaml says, sends to a real server."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from overstap_tools.local import ports
from overstap_tools.local.airflow import AirflowStack
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import Service
from overstap_tools.project import PROJECT

from . import servers
from .servers import MONITORING, MetricsServer

pytestmark = pytest.mark.boot

_DAG = """
import pendulum
from airflow.sdk import dag, task


@dag(dag_id="numbers", schedule="@once", start_date=pendulum.datetime(2026, 1, 1), is_paused_upon_creation=False)
def numbers():
    @task
    def counted() -> int:
        return 1

    counted()


numbers()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MetricsServer]:
    with servers.running(tmp_path) as found:
        yield found


@pytest.fixture
def stack(server: MetricsServer, state_folder: Path, postgres: EmbeddedPostgres) -> Iterator[AirflowStack]:
    """An Airflow with one DAG, and the environment of the scheduler of a deployment with monitoring."""
    folder = state_folder / "airflow_metrics"
    for name in ("dags", "plugins"):
        (folder / name).mkdir(parents=True)
    (folder / "dags" / "numbers.py").write_text(_DAG)
    sends = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": server.otlp, "OTEL_METRIC_EXPORT_INTERVAL": "2000"}
    found = AirflowStack(
        folder / "airflow",
        postgres,
        folder / "dags",
        folder / "plugins",
        port=ports.any_free(),
        extra_env=shipped() | sends,
        database="airflow_metrics",
    )
    try:
        found.migrate()
        found.start()
        yield found
    finally:
        found.destroy()


def shipped() -> dict[str, str]:
    """The scheduler's environment in the shipped file."""
    services = yaml.safe_load((PROJECT / "deploy" / "compose.monitoring.yaml").read_text())["services"]
    return {str(name): str(value) for name, value in services["scheduler"]["environment"].items()}


def asked(path: Path) -> set[str]:
    """The names of Airflow's metrics that a file asks for."""
    return set(re.findall(r"\bairflow_[a-z_]+", path.read_text()))


def stopped_rule() -> str:
    [group] = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    [rule] = [one for one in group["rules"] if one["alert"] == "SchedulerStopped"]
    return str(rule["expr"]).replace("[5m]", "[20s]")


def test_airflows_metrics_arrive_under_the_names_that_are_asked_for(stack: AirflowStack, server: MetricsServer) -> None:
    names = asked(MONITORING / "alerts.yaml") | asked(MONITORING / "grafana" / "overstap.json")
    names |= asked(PROJECT / "docs" / "monitoring.md")
    assert "airflow_scheduler_heartbeat_total" in names
    for name in sorted(names):
        labels = [labels for labels, _ in server.wait_for(name)]
        assert {one["service_name"] for one in labels} == {"airflow-scheduler"}, name
        assert all(one["service_instance_id"] for one in labels), name
    # Names of DAGs and tasks are labels, since the shipped file switches the older names off.
    assert server.wait_for('airflow_ti_finish_total{dag_id="numbers",task_id="counted",state="success"}')
    assert not server.ask('{__name__=~"airflow_.*numbers.*"}')

    # Its signs of life are counted, and the alert says when they end, although nothing is sent then.
    assert server.wait_for("sum(rate(airflow_scheduler_heartbeat_total[20s])) > 0")
    assert server.ask(stopped_rule()) == []
    # Only the scheduler itself counts them, not the processes that it forks: the count of one instance never falls.
    for told in server.samples("airflow_scheduler_heartbeat_total"):
        assert told == sorted(told)
    os.kill(Service(stack.state, "scheduler").pid, signal.SIGKILL)
    for _ in range(120):
        if server.ask(stopped_rule()):
            break
        time.sleep(0.5)
    else:
        raise AssertionError("a scheduler that is gone is not told")
