"""Tests that Airflow's pages offer no deletion of rounds, runs or tasks."""

import json
from pathlib import Path

import airflow
import yaml

from overstap.resources import INCLUDE
from overstap_tools.project import PROJECT

THEME = json.loads((INCLUDE / "airflow" / "theme.json").read_text(encoding="utf-8"))
LOCALES = Path(airflow.__file__).parent / "ui" / "dist" / "i18n" / "locales"


def words(language: str, name: str) -> dict:
    return json.loads((LOCALES / language / f"{name}.json").read_text(encoding="utf-8"))


def test_airflow_takes_the_theme() -> None:
    from airflow.api_fastapi.common.types import Theme

    assert Theme.model_validate(THEME).globalCss == THEME["globalCss"]
    assert {rule["display"] for rule in THEME["globalCss"].values()} == {"none !important"}, (
        "else a button's own style wins"
    )


def test_it_hides_the_bins_as_airflow_names_them() -> None:
    selectors = " ".join(THEME["globalCss"])
    for language in ("nl", "en"):
        dags, common = words(language, "dags"), words(language, "common")
        wanted = {dags["dagActions"]["delete"]["button"]}
        for what in ("dagRun_one", "taskInstance_one"):
            wanted.add(dags["runAndTaskActions"]["delete"]["button"].replace("{{type}}", common[what]))
        assert len(wanted) == 3
        for label in wanted:
            assert f"button[aria-label='{label}']" in selectors


def test_it_hides_what_airflow_refuses_a_coordinator_as_airflow_names_it() -> None:
    selectors = " ".join(THEME["globalCss"])
    for language in ("nl", "en"):
        title = words(language, "browse")["xcom"]
        for label in (title["edit"]["title"], title["delete"]["title"], words(language, "components")["reparseDag"]):
            assert f"button[aria-label='{label}']" in selectors
        # Who has the administrators' menu keeps what it shows
        assert f"button[aria-label='{words(language, 'common')['nav']['admin']}']" in selectors


def test_a_deployment_has_the_same() -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))
    assert json.loads(compose["services"]["api-server"]["environment"]["AIRFLOW__API__THEME"]) == THEME
    values = yaml.safe_load((PROJECT / "deploy" / "helm" / "airflow-values.yaml").read_text(encoding="utf-8"))
    given = {one["name"]: one["value"] for one in values["apiServer"]["env"]}
    assert json.loads(given["AIRFLOW__API__THEME"]) == THEME
