"""Tests of the files that administrators add to docker-compose.yaml."""

from pathlib import Path

import pytest
import yaml

from overstap_tools.project import PROJECT

ADDED = sorted((PROJECT / "deploy").glob("compose.*.yaml"))
BASE = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())


class ComposeLoader(yaml.SafeLoader):
    """Reads Compose's own tags as what stands below them."""


def _plain(loader: ComposeLoader, node: yaml.Node) -> object:
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else loader.construct_mapping(node)


ComposeLoader.add_constructor("!override", _plain)


def services(path: Path) -> dict[str, dict]:
    """Return what a file says of each service."""
    return yaml.load(path.read_text(), ComposeLoader)["services"]  # noqa: S506  # a safe one


@pytest.mark.parametrize("path", ADDED, ids=lambda path: path.name)
def test_it_adds_to_services_that_are_there_or_makes_whole_ones(path: Path) -> None:
    for name, said in services(path).items():
        assert name in BASE["services"] or "image" in said, name


def test_each_service_that_answers_or_runs_tasks_sends_its_metrics() -> None:
    sending = {
        name
        for name, said in services(PROJECT / "deploy" / "compose.monitoring.yaml").items()
        if any("OTLP" in one for one in said.get("environment", ()))
    }
    lasting = {name for name, said in BASE["services"].items() if "healthcheck" in said and "build" not in said}
    # Key services have no network by which they could send anything
    without = {"key-service", "desk-keys"}
    ours = {name for name in lasting if BASE["services"][name]["image"].startswith("${IMAGE")} - without
    assert {"api-server", "scheduler", "review", "school", "desk"} <= ours
    assert ours <= sending


def test_what_monitoring_adds_has_no_right_that_the_page_does_not_name() -> None:
    added = services(PROJECT / "deploy" / "compose.monitoring.yaml")
    secrets = {name: said["secrets"] for name, said in added.items() if said.get("secrets")}
    assert secrets == {"metrics": ["watch_password", "database_certificate"], "grafana": ["admin_password"]}
    assert added["metrics"]["networks"] == added["grafana"]["networks"] == ["inside"]
    ports = [port for said in added.values() for port in said.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    mounted = [one for said in added.values() for one in said.get("volumes", ()) if one.startswith(("./", "$"))]
    assert all(one.startswith("./deploy/monitoring/") and one.endswith(":ro") for one in mounted)
