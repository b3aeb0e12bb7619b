"""Settings of Airflow on one machine, all as environment variables, without airflow.cfg."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from overstap.resources import INCLUDE
from overstap_tools.local import ports
from overstap_tools.local.passwords import Passwords
from overstap_tools.project import PROJECT

AGREEMENTS_READ_EVERY = 10
"""Seconds until a new or changed agreement is seen, by the bundle that the image has (docker-compose.yaml)."""
POLICIES = INCLUDE / "airflow" / "config"
"""Folder with the module from which Airflow takes cluster policies, as its folder `config` elsewhere."""
BUNDLES = [
    {"name": "dags-folder", "classpath": "overstap.orchestration.bundle.AgreementsBundle", "kwargs": {}},
]


@dataclass(frozen=True, slots=True)
class AirflowFolders:
    """Folders, database and port of one Airflow.

    Attributes:
        home: Airflow's own folder, with its task logs.
        dags: folder with DAG files.
        plugins: folder with plugins.
        database: SQLAlchemy connection string of its metadata database.
        port: of the api-server, on 127.0.0.1.
        parallelism: how many tasks run at the same time.
    """

    home: Path
    dags: Path
    plugins: Path
    database: str
    port: int
    parallelism: int

    @property
    def address(self) -> str:
        """URL of the api-server."""
        return f"http://{ports.LOOPBACK}:{self.port}"


def environment(folders: AirflowFolders, passwords: Passwords, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of Airflow's components.

    Args:
        folders: folders, database and port of the Airflow.
        passwords: where the secrets that the components share are kept.
        extra: added last, so that it can change anything.
    """
    # What the user set for another Airflow, or another PostgreSQL, is not meant for this one.
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "PG", "_AIRFLOW")) and name not in {"PYTHONPATH", "PYTHONHOME"}
    }
    programs = str(Path(sys.executable).parent)
    return {
        **inherited,
        "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
        # The package and its tools as they stand in this checkout.
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT / "tools"), str(PROJECT), str(POLICIES)]),
        "PYTHONUNBUFFERED": "1",
        "AIRFLOW_HOME": str(folders.home),
        **_core(folders, passwords),
        **_api(folders, passwords),
        **_quiet(),
        **extra,
    }


def _core(folders: AirflowFolders, passwords: Passwords) -> dict[str, str]:
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folders.dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folders.plugins),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(folders.parallelism),
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__FAB__CONFIG_FILE": str(PROJECT / "include" / "airflow" / "webserver_config.py"),
        "AIRFLOW__CORE__FERNET_KEY": passwords.fernet_key("airflow fernet"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{folders.address}/execution/",
        # A schedule is what a clock on a Dutch wall shows.
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Europe/Amsterdam",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": folders.database,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folders.home / "logs"),
        # Within seconds, not after the usual five minutes.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": str(AGREEMENTS_READ_EVERY),
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "2",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "21600",  # a file that did not change
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        # A script that answers a gate waits for two of these (see AirflowApi.answer); usually they are 5 seconds apart.
        "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "1",
        # As in docker-compose.yaml: a task that has ended holds its slot for one second more, not five
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "4",
    }


def _api(folders: AirflowFolders, passwords: Passwords) -> dict[str, str]:
    return {
        "AIRFLOW__API__HOST": ports.LOOPBACK,
        "AIRFLOW__API__PORT": str(folders.port),
        "AIRFLOW__API__BASE_URL": folders.address,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__INSTANCE_NAME": "Overstap",
        "AIRFLOW__API__THEME": (INCLUDE / "airflow" / "theme.json").read_text(encoding="utf-8"),
        "AIRFLOW__API__SECRET_KEY": passwords.get("airflow api"),
        "AIRFLOW__API__EXPOSE_CONFIG": "False",
        "AIRFLOW__API__EXPOSE_STACKTRACE": "False",
        "AIRFLOW__API_AUTH__JWT_SECRET": passwords.get("airflow jwt"),
    }


def _quiet() -> dict[str, str]:
    """Nothing is sent to anybody, and no health or log server listens beside the api-server."""
    return {
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "AIRFLOW__METRICS__STATSD_ON": "False",
        "AIRFLOW__METRICS__OTEL_ON": "False",
        "AIRFLOW__TRACES__OTEL_ON": "False",
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
    }
