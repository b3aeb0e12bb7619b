"""Fixtures: Airflow in a temporary folder, with the project's DAGs for synthetic regions."""

import os
import shutil
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from overstap.simulation.synthetic.region import make_region
from overstap.simulation.synthetic.writing import write
from overstap_tools.project import PROJECT

from .sign_ins import SignIns

REGIONS = ("alfa", "beta")


@pytest.fixture(scope="session")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the agreements of two regions, each with every round of the year."""
    folder = tmp_path_factory.mktemp("regions")
    for position, name in enumerate(REGIONS):
        region = make_region(3, 24, 4, 2, today=date(2026, 11, 23), name=name, first_position=position * 500)
        write(region, folder / name)
        shutil.copytree(folder / name / "regions" / name, folder / "all" / name)
    return folder / "all"


@pytest.fixture(scope="session", autouse=True)
def airflow_home() -> Iterator[Path]:
    """Settings of the Airflow of this process, in the home that tests/conftest.py gave it."""
    home = Path(os.environ["AIRFLOW_HOME"])
    settings = {
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Europe/Amsterdam",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    yield home
    for name, value in before.items():
        if value is None:
            os.environ.pop(name)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def sign_ins(airflow_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignIns]:
    """Processes that sign in at Airflow, forked from one that has loaded it."""
    made = SignIns(tmp_path_factory.mktemp("sign_ins"))
    yield made
    made.close()


@pytest.fixture
def read_dags(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read the project's DAG files for the agreements of a folder."""
    return partial(_read, monkeypatch)


@pytest.fixture(scope="module")
def dags(regions: Path) -> Iterator[dict[str, Any]]:
    """The DAGs of both regions, for tests that only look at them."""
    with pytest.MonkeyPatch.context() as patch:
        bag = _read(patch, regions)
        assert bag.import_errors == {}
        yield dict(bag.dags)


def _read(patch: pytest.MonkeyPatch, regions: Path) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    patch.setenv("OVERSTAP_REGIONS", str(regions))
    return DagBag(str(PROJECT / "dags"), bundle_name="dags-folder")
