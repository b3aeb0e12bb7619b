"""Test that Airflow loads the plugin once, although it imports plugins/ under bare names (AIRFLOW.md, trap 1)."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overstap_tools.local.environment import AirflowFolders, environment
from overstap_tools.local.passwords import Passwords
from overstap_tools.project import PROJECT

PROBE = """
import json, runpy, sys
from airflow import plugins_manager
plugins = plugins_manager._get_plugins()
names = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
runpy.run_path(sys.argv[2])
read = sorted(set(sys.modules) - set(names))
found = {"plugins": [p.name for p in plugins[0]], "errors": plugins[1], "modules": names, "read": read}
print("RESULT" + json.dumps(found))
"""
"""What a process has loaded with our plugin, and what the reading of a DAG file adds to that."""

VIEWS = """
import json
from airflow import plugins_manager
from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse
views, _ = plugins_manager._get_ui_plugins()
apps = [app for plugin in plugins_manager._get_plugins()[0] for app in plugin.fastapi_apps]
paths = [(app["url_prefix"], route.path) for app in apps for route in app["app"].routes]
print("RESULT" + json.dumps({"views": [ExternalViewResponse(**view).model_dump() for view in views], "paths": paths}))
"""

POLICY = """
import sys
from airflow.settings import task_instance_mutation_hook
assert task_instance_mutation_hook.is_noop is False, "Airflow makes tasks in bulk and asks nobody"
print("RESULT" + sys.modules["airflow_local_settings"].task_instance_mutation_hook.__module__)
"""


def as_process(component: str, program: str, *words: str, **settings: str) -> Any:
    """Run a program in the place of a process of Airflow with our plugin; return the JSON that it prints.

    Args:
        component: "scheduler" or "api-server".
        program: its source; it prints RESULT before the JSON.
        words: further arguments.
        settings: further environment variables.
    """
    plugin = {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "PYTHONPATH": os.pathsep.join(str(PROJECT / name) for name in ("src", "tools")),
    }
    command = [sys.executable, "-c", program, component, *words]
    done = subprocess.run(command, env=os.environ | settings | plugin, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.split("RESULT")[1])


@pytest.fixture(scope="module")
def scheduler(airflow_home: Path) -> Any:
    """What a process in the place of the scheduler finds: it loads most, since its workers are forked from it."""
    regions = {"OVERSTAP_REGIONS": str(PROJECT / "include" / "regions")}
    return as_process("scheduler", PROBE, str(PROJECT / "dags" / "regions.py"), **regions)


def test_reading_the_dag_file_in_a_task_imports_nothing_that_the_scheduler_has_not(scheduler: Any) -> None:
    """Each task's process reads the file anew, and is forked from the scheduler."""
    assert [name for name in scheduler["read"] if name.partition(".")[0] in ("airflow", "overstap")] == []


def imported_by_tasks() -> set[str]:
    """Return the modules of ours that a task imports when it runs, not when its DAG file is read."""
    found = set()
    for folder in ("tasks", "gates"):
        for path in (PROJECT / "src" / "overstap" / "orchestration" / folder).glob("*.py"):
            found |= _within_functions(path)
    return found | _within_functions(PROJECT / "src" / "overstap" / "orchestration" / "round_context.py")


def _within_functions(path: Path) -> set[str]:
    functions = [one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.FunctionDef)]
    imports = [one for each in functions for one in ast.walk(each) if isinstance(one, ast.ImportFrom)]
    named = {f"{one.module}.{name.name}" for one in imports for name in one.names}
    return {name if _is_module(name) else name.rpartition(".")[0] for name in named if name.startswith("overstap.")}


def _is_module(name: str) -> bool:
    """Whether a dotted name is that of a module, and not of something in one."""
    place = PROJECT / "src" / Path(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def test_a_task_finds_what_it_imports_in_the_scheduler_that_it_was_forked_from(scheduler: Any) -> None:
    loaded = set(scheduler["modules"])
    wanted = imported_by_tasks()
    assert {"overstap.rounds.collection", "overstap.rounds.delivering"} < wanted
    assert wanted - loaded == set()
    assert "great_expectations" not in loaded, "it takes 160 MB, and one task a day needs it"


def test_only_the_plugin_is_loaded_and_under_no_bare_name(scheduler: Any) -> None:
    assert scheduler["errors"] == {}
    assert "overstap" in scheduler["plugins"]
    ours = {
        name: file
        for name, file in scheduler["modules"].items()
        if file.startswith(str(PROJECT / "plugins")) and not (name == "overstap" or name.startswith("overstap."))
    }
    assert {Path(file).name for file in ours.values()} == {"overstap_plugin.py"}
    assert "overstap.orchestration.tasks" in scheduler["modules"]


def test_plugins_holds_the_plugin_and_nothing_to_hide() -> None:
    assert {path.name for path in (PROJECT / "plugins").iterdir()} - {"__pycache__"} == {"overstap_plugin.py"}


def _path_of_image(_: Path) -> list[str]:
    """Return what the image has on Python's path, as folders of this project."""
    line = next(one for one in (PROJECT / "Dockerfile").read_text().splitlines() if one.startswith("ENV PYTHONPATH="))
    folders = line.removeprefix("ENV PYTHONPATH=").removesuffix("\\").strip().split(":")
    return [str(PROJECT / Path(folder).relative_to("/opt/overstap")) for folder in folders]


def _path_of_demonstration(state: Path) -> list[str]:
    folders = AirflowFolders(Path("home"), Path("dags"), Path("plugins"), "sqlite://", 1, 1)
    return environment(folders, Passwords(state), {})["PYTHONPATH"].split(os.pathsep)


@pytest.mark.parametrize("path", [_path_of_image, _path_of_demonstration])
def test_airflow_finds_the_policy_that_names_squares(
    airflow_home: Path, tmp_path: Path, path: Callable[[Path], list[str]]
) -> None:
    """From Python's path, not from plugins/, where it would be imported a second time as a plugin (decision 77)."""
    done = subprocess.run(
        [sys.executable, "-c", POLICY],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path(tmp_path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("RESULT")[1].strip() == "overstap.orchestration.square_names"


def test_the_board_is_where_airflow_looks_for_it(airflow_home: Path) -> None:
    """In the navigation, beside each DAG and beside each run: shown by Airflow (own route each), and served by us."""
    found = as_process("api-server", VIEWS)
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
