"""Tests of the charts by Helm itself, as a library: values against their schemas, and what is rendered."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python.chart import Chart, lint
from helm_python.errors import HelmError

from overstap.key_service.permissions import CLIENTS
from overstap.orchestration.queues import Queue
from overstap_tools.project import PROJECT

HELM = PROJECT / "deploy" / "helm"
OWN, VALUES = HELM / "overstap", HELM / "airflow-values.yaml"
_FOR_INFORMATION = 1
DESK = {"desks": [{"region": "haaglanden", "port": 8444}]}


def rendered(chart: Path, values: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what Helm makes of a chart, by kind and name."""
    with Chart.load(chart) as loaded:
        loaded.validate_schema(loaded.merge_values(values))
        texts = loaded.render(values, name="o", namespace="overstap")
    files = [text for name, text in texts.items() if name.endswith(("yaml", "yml"))]
    found = [one for text in files for one in yaml.safe_load_all(text) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


@pytest.fixture(scope="module")
def own() -> dict[tuple[str, str], dict[str, Any]]:
    return rendered(OWN, DESK)


def pods(found: dict[tuple[str, str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    kinds = ("Deployment", "StatefulSet", "Job")
    return {name: one["spec"]["template"]["spec"] for (kind, name), one in found.items() if kind in kinds}


def claims(pod: dict[str, Any]) -> set[str]:
    return {one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"] if "persistentVolumeClaim" in one}


def secrets(pod: dict[str, Any]) -> set[str]:
    return {one["secret"]["secretName"] for one in pod["volumes"] if "secret" in one}


def test_our_chart_has_the_pages_the_desk_and_the_migrations(own: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert set(pods(own)) == {"o-review", "o-school", "o-desk-haaglanden", "o-migrations"}
    held = {name: (secrets(pod), claims(pod)) for name, pod in pods(own).items()}
    private = {"overstap-keys", "overstap-trust", "overstap-standards"}
    assert held == {
        "o-review": ({"overstap-review"}, set()),
        "o-school": ({"overstap-school"}, private),
        "o-desk-haaglanden": ({"overstap-desk"}, private),
        "o-migrations": ({"overstap-prepare"}, {"overstap-regions", "overstap-standards"}),
    }


def test_no_pod_of_ours_can_change_what_it_runs(own: dict[tuple[str, str], dict[str, Any]]) -> None:
    for name, pod in pods(own).items():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsUser"] == 50000, name
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert not [one["name"] for one in container["env"] if "PASSWORD" in one["name"]]
            assert "memory" in container["resources"]["limits"]


def test_the_key_service_has_the_keys_and_the_pages_beside_it_none(own: dict[tuple[str, str], dict[str, Any]]) -> None:
    pages, service = pods(own)["o-school"]["containers"]
    has = [{one["name"] for one in container["volumeMounts"]} for container in (pages, service)]
    assert has == [{"secrets", "tmp", "standards", "sockets"}, {"keys", "trust", "sockets", "tmp-keys"}]
    assert len(pods(own)["o-review"]["containers"]) == 1
    desk, of_desk = pods(own)["o-desk-haaglanden"]["containers"]
    has = [{one["name"] for one in container["volumeMounts"]} for container in (desk, of_desk)]
    assert has == [{"secrets", "tmp", "trust", "standards", "sockets"}, {"keys", "sockets", "tmp-keys"}]


def test_commands_and_settings_are_those_of_the_containers(own: dict[tuple[str, str], dict[str, Any]]) -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())["services"]
    for name in ("review", "school"):
        container = pods(own)[f"o-{name}"]["containers"][0]
        assert container["args"] == compose[name]["command"]
        given = {one["name"] for one in container["env"] if one["name"].startswith("OVERSTAP_")}
        not_here = {"OVERSTAP_ALARM_MAIL", "DATABASE_HOST", "DATABASE_TLS"} | (
            {"OVERSTAP_STANDARDS"} if name == "review" else set()
        )
        assert given >= set(compose[name]["environment"]) - not_here
    service = pods(own)["o-school"]["containers"][1]
    assert service["args"] == compose["key-service"]["command"]
    assert {one["name"] for one in service["env"]} == set(compose["key-service"]["environment"])
    container, service = pods(own)["o-desk-haaglanden"]["containers"]
    assert container["args"][:4] == ["overstap", "deliver", "serve", "haaglanden"]
    assert service["args"] == [*compose["desk-keys"]["command"][:-1], "haaglanden"]
    assert {one["name"] for one in service["env"]} == set(compose["desk-keys"]["environment"])
    [container] = pods(own)["o-migrations"]["containers"]
    assert container["args"][:3] == compose["init"]["command"]


def test_pages_reach_the_database_and_no_more(own: dict[tuple[str, str], dict[str, Any]]) -> None:
    for name in ("review", "school"):
        policy = own["NetworkPolicy", f"o-{name}"]["spec"]
        labels = own["Deployment", f"o-{name}"]["spec"]["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()
        assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {5432, 53}
        assert policy["ingress"][0]["from"]
    found = rendered(OWN, DESK | {"schoolOidc": {"issuer": "https://login.example.nl", "client": "overstap"}})
    ports = {
        name: {port["port"] for rule in found["NetworkPolicy", f"o-{name}"]["spec"]["egress"] for port in rule["ports"]}
        for name in ("review", "school")
    }
    assert ports == {"review": {5432, 53}, "school": {5432, 53, 443}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"reviewAddress": "http://inzage.example.nl"},
        {"review": {"replicas": 0, "secret": "x"}},
        {"typo": 1},
        {"desks": [{"region": "Haaglanden", "port": 8444}]},
        {"image": {"repository": "overstap", "tag": ""}},
    ],
)
def test_wrong_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(HelmError, match=next(iter(wrong))):
        rendered(OWN, wrong)


def test_helm_finds_nothing_wrong_with_our_chart() -> None:
    said = lint(OWN, DESK)
    assert said["total_charts_linted"] == 1
    assert said["errors"] == []
    assert [one for one in said["messages"] if one["severity"] > _FOR_INFORMATION] == []


def test_values_for_airflow_have_a_worker_for_each_queue() -> None:
    values = yaml.safe_load(VALUES.read_text())
    sets = {one["queue"]: one for one in values["workers"]["celery"]["sets"]}
    assert set(sets) == {queue.value for queue in Queue}
    assert {queue for queue, one in sets.items() if "overstap-trust" in claims({"volumes": one["extraVolumes"]})} == {
        "keys"
    }
    assert [queue for queue, one in sets.items() if "OVERSTAP_DROP" in str(one["env"])] == ["files"]
    # What makes the same Airflow as docker-compose.yaml
    usual = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())["services"]["scheduler"]["environment"]
    for one in values["env"]:
        if one["name"].startswith("AIRFLOW__") and "://" not in one["value"] and one["name"] in usual:
            assert usual[one["name"]] == one["value"], one["name"]


def test_only_the_board_has_the_keys_of_contact_with_schools() -> None:
    values = yaml.safe_load(VALUES.read_text())
    board = values["apiServer"]
    [setting] = [one["value"] for one in board["env"] if one["name"] == "OVERSTAP_BOARD_KEYS"]
    mounted = {one["mountPath"]: (one["name"], one.get("readOnly", False)) for one in board["extraVolumeMounts"]}
    assert mounted[setting] == ("board", True)
    assert "overstap-board" in claims({"volumes": board["extraVolumes"]})
    assert not {"keys", "tmp-keys"} & {name for name, _ in mounted.values()}, (
        "content keys are those of its key service"
    )
    del values["apiServer"]
    assert "OVERSTAP_BOARD_KEYS" not in str(values)
    assert "claimName': 'overstap-board'" not in str(values)


def test_the_board_has_a_key_service_beside_it_that_serves_the_board_alone(
    own: dict[tuple[str, str], dict[str, Any]],
) -> None:
    """As in docker-compose.yaml: a socket between the two, keys in the one, and no folder of another client."""
    compose = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())["services"]
    board = yaml.safe_load(VALUES.read_text())["apiServer"]
    env = {one["name"]: one["value"] for one in board["env"]}
    assert env["OVERSTAP_KEY_SERVICE"] == compose["api-server"]["environment"]["OVERSTAP_KEY_SERVICE"]
    [service] = board["extraContainers"]
    assert service["args"] == compose["key-service"]["command"]
    assert {one["name"] for one in service["env"]} == {"OVERSTAP_PRODUCTION", "OVERSTAP_KEYS"}, "it signs nothing"
    beside_school = pods(own)["o-school"]["containers"][1]
    assert service["securityContext"] == beside_school["securityContext"]
    socket = env["OVERSTAP_KEY_SERVICE"]
    for probe in ("readinessProbe", "livenessProbe"):
        assert service[probe]["exec"]["command"] == ["healthy", "socket", socket]
    mounted = {one["mountPath"]: one["name"] for one in service["volumeMounts"]}
    assert mounted == {
        "/tmp": "tmp-keys",
        str(Path(socket).parent): "sockets",
        "/var/lib/overstap/keys": "keys",
    }
    assert {one["mountPath"]: one["name"] for one in board["extraVolumeMounts"]}[str(Path(socket).parent)] == "sockets"
    volumes = {one["name"]: one for one in board["extraVolumes"]}
    assert volumes["keys"]["persistentVolumeClaim"] == {"claimName": "overstap-keys", "readOnly": True}
    assert volumes["sockets"]["emptyDir"]["medium"] == "Memory"
    assert Path(socket).parent.name in CLIENTS


def test_the_official_chart_takes_our_values() -> None:
    """With the chart of Apache Airflow, whose folder AIRFLOW_CHART names."""
    chart = os.environ.get("AIRFLOW_CHART")
    if not chart:
        pytest.skip("the official chart is not on this machine: set AIRFLOW_CHART to its folder or .tgz")
    found = pods(rendered(Path(chart), yaml.safe_load(VALUES.read_text())))
    workers = {name: pod for name, pod in found.items() if "worker" in name}
    assert len(workers) == len(Queue)
    assert [name for name, pod in workers.items() if "overstap-trust" in claims(pod)] == ["o-worker-keys"]
    for name, pod in found.items():
        if name not in workers:
            board = {"overstap-board", "overstap-keys"} if name == "o-api-server" else set()
            assert claims(pod) <= {"overstap-regions", "overstap-standards", "o-logs"} | board, name
        for container in pod["containers"]:
            if "log-groomer" not in container["name"]:
                assert container["image"] == "overstap:0.1.0", name
