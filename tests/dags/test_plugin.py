"""AIRFLOW.md, trap 1: Airflow imports what it finds below plugins/ under bare names; ours may be loaded once."""

import json
import os
import subprocess
import sys
from pathlib import Path

from overstap.settings import PROJECT

PROBE = """
import json, sys
from airflow import plugins_manager
plugins = plugins_manager._get_plugins()
names = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
print("RESULT" + json.dumps({"plugins": [p.name for p in plugins[0]], "errors": plugins[1], "modules": names}))
"""


def test_only_the_plugin_is_loaded_and_under_no_bare_name(airflow_home: Path) -> None:
    environment = os.environ | {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "PYTHONPATH": str(PROJECT / "plugins"),
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
