"""Tests of the wheel where rounds run: every DAG file is parsed without the checkout."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from overstap_tools.project import PROJECT

from .wheels import bare_environment, build

READS = """
import pathlib, sys
import overstap
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1], bundle_name="dags-folder")
print(overstap.__file__)
print(len(bag.dags))
for name, problem in sorted(bag.import_errors.items()):
    print(pathlib.Path(name).name, problem, file=sys.stderr)
sys.exit(1 if bag.import_errors else 0)
"""


def test_every_dag_file_is_read(tmp_path: Path) -> None:
    installed, dags, empty = tmp_path / "installed", tmp_path / "dags", tmp_path / "empty"
    wheel = build(tmp_path)
    words = ["-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--target", str(installed), str(wheel)]
    done = subprocess.run([sys.executable, *words], env=bare_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shutil.copytree(PROJECT / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
    empty.mkdir()
    airflow = {
        "PYTHONPATH": str(installed),
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(tmp_path / "plugins"),
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
    }
    done = subprocess.run(
        [sys.executable, "-c", READS, dags],
        cwd=empty,
        env=bare_environment(**airflow),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    where, count = done.stdout.split()[-2:]
    assert Path(where).is_relative_to(installed)
    assert int(count) >= len(list(dags.glob("*.py")))


@pytest.mark.parametrize("name", ["schemas/oso", "texts/errors/delivery.yaml", "static/overstap.css", "templates"])
def test_the_folder_include_travels_along(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "unpacked"
    if not folder.exists():
        shutil.unpack_archive(build(tmp_path_factory.mktemp("built")), folder, "zip")
    assert (folder / "overstap" / "include" / name).exists()
