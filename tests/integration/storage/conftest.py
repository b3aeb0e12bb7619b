"""Fixtures: an S3 server, and places in it by Airflow's `ObjectStoragePath`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from object_store import BUCKET, ObjectStore, connection, object_store


@pytest.fixture(scope="session", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """AIRFLOW_HOME, before anything imports Airflow."""
    home = tmp_path_factory.mktemp("airflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(home))
        yield home


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with object_store() as running:
        yield running


@pytest.fixture
def opened(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Open a place as a task does: by a connection of Airflow, and a setting that names it."""

    def open_place(prefix: str = "drop", *, bucket: str = BUCKET, address: str | None = None, **login: str) -> Any:
        from airflow.sdk.io import store as of_airflow

        from overstap.orchestration.object_storage import place_of

        of_airflow._STORE_CACHE.clear()  # a process keeps a connection's store, and these are different servers
        monkeypatch.setenv("AIRFLOW_CONN_FILES", connection(address or store.address, **login))
        return place_of(f"s3://files@{bucket}/{prefix}")

    return open_place
