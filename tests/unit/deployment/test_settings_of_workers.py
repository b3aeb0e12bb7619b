"""Tests that every installation ships the same settings of Airflow's workers."""

from pathlib import Path

import yaml

from overstap_tools.bench.rest import shipped_settings
from overstap_tools.local.environment import AirflowFolders, environment
from overstap_tools.local.passwords import Passwords
from overstap_tools.project import PROJECT

OF_WORKERS = "AIRFLOW__WORKERS__"
AFTER_ITS_END = f"{OF_WORKERS}MIN_HEARTBEAT_INTERVAL"
GIVES_UP_AFTER = f"{OF_WORKERS}MAX_FAILED_HEARTBEATS"
ON_A_SERVER_ALONE = {f"{OF_WORKERS}EXECUTION_API_TIMEOUT"}


def of_workers(settings: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name.startswith(OF_WORKERS)}


def by_helm() -> dict[str, str]:
    values = yaml.safe_load((PROJECT / "deploy" / "helm" / "airflow-values.yaml").read_text(encoding="utf-8"))
    return {one["name"]: one["value"] for one in values["env"]}


def test_compose_and_helm_ship_the_same() -> None:
    assert of_workers(shipped_settings()) == of_workers(by_helm())


def test_a_workstation_has_them_too(tmp_path: Path) -> None:
    folders = AirflowFolders(tmp_path, tmp_path, tmp_path, "postgresql://", 8080, 4)
    local = of_workers(environment(folders, Passwords(tmp_path), {}))
    assert local == {
        name: value for name, value in of_workers(shipped_settings()).items() if name not in ON_A_SERVER_ALONE
    }


def test_a_task_that_has_ended_gives_its_slot_back_within_a_second_or_two() -> None:
    shipped = shipped_settings()
    assert int(shipped[AFTER_ITS_END]) == 1, "0 would let a worker ask without a pause"
    assert int(shipped[GIVES_UP_AFTER]) > 3, "the api-server may be away for as long as with Airflow's own interval"
