"""Test that Airflow loads the plugin once, although it imports plugins/ under bare names (AIRFLOW.md, trap 1)."""

import json
import os
import subprocess
import sys
from pathlib import Path

from overstap_tools.project import PROJECT

PROBE = """
import json, sys
from airflow import plugins_manager
plugins = plugins_manager._get_plugins()
names = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
print("RESULT" + json.dumps({"plugins": [p.name for p in plugins[0]], "errors": plugins[1], "modules": names}))
"""

VIEWS = """
import json
from airflow import plugins_manager
from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse
views, _ = plugins_manager._get_ui_plugins()
apps = [app for plugin in plugins_manager._get_plugins()[0] for app in plugin.fastapi_apps]
paths = [(app["url_prefix"], route.path) for app in apps for route in app["app"].routes]
print("RESULT" + json.dumps({"views": [ExternalViewResponse(**view).model_dump() for view in views], "paths": paths}))
"""


def test_only_the_plugin_is_loaded_and_under_no_bare_name(airflow_home: Path) -> None:
    environment = os.environ | {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "PYTHONPATH": os.pathsep.join(str(PROJECT / name) for name in ("src", "tools")),
    }
    # As the scheduler, which loads most: what its workers would import is imported before they are forked.
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "scheduler"], env=environment, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.split("RESULT")[1])
    assert found["errors"] == {}
    assert "overstap" in found["plugins"]
    ours = {
        name: file
        for name, file in found["modules"].items()
        if file.startswith(str(PROJECT / "plugins")) and not (name == "overstap" or name.startswith("overstap."))
    }
    assert {Path(file).name for file in ours.values()} <= {"overstap_plugin.py"}
    assert "overstap.orchestration.tasks" in found["modules"]


def test_the_board_is_where_airflow_looks_for_it(airflow_home: Path) -> None:
    """In the navigation, beside each DAG and beside each run: shown by Airflow (own route each), and served by us."""
    environment = os.environ | {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "PYTHONPATH": os.pathsep.join(str(PROJECT / name) for name in ("src", "tools")),
    }
    done = subprocess.run(
        [sys.executable, "-c", VIEWS, "api-server"], env=environment, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.split("RESULT")[1])
    ours = [view for view in found["views"] if view["href"].startswith("/rondes/")]
    assert {view["destination"] for view in ours} == {"nav", "dag", "dag_run"}
    routes = [view["url_route"] for view in ours]
    assert len(set(routes)) == 3
    assert all(routes)
    served = {tuple(one) for one in found["paths"]}
    assert {("/rondes", "/"), ("/rondes", "/dag/{dag_id}")} <= served
    hrefs = {view["destination"]: view["href"] for view in ours}
    assert hrefs == {
        "nav": "/rondes/",
        "dag": "/rondes/dag/{DAG_ID}",
        "dag_run": "/rondes/dag/{DAG_ID}?run={RUN_ID}",
    }
