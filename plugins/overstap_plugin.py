"""Airflow plugin of Overstap: registers the board with the api-server, and preloads modules in the scheduler.

Most of a task's start is importing modules. LocalExecutor forks its workers from the scheduler, so that modules
imported there need not be imported again, nor the built-in versions of the data set read again. Great Expectations is
left to the task that checks dossiers: it takes 160 MB, which every worker would hold.
"""

import importlib
import sys
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

PRELOADED = (
    "overstap.orchestration.tasks",
    "overstap.orchestration.dags",
    "overstap.orchestration.schedule",
    # What Airflow itself loads only when a DAG is made: a fifth of the time of reading the DAG file
    "airflow.api_fastapi.auth.managers.models.resource_details",
    "airflow.providers.common.io.assets.file",
    "airflow.providers.postgres.assets.postgres",
    "airflow.providers.standard.operators.empty",
    "airflow.sdk.bases.sensor",
    "airflow.sdk.definitions.timetables.interval",
    "overstap.intake.collect",
    "overstap.quality.publishing",
    "overstap.quality.region",
    "overstap.quality.registers",
    "overstap.oso.pdf_objects",
    "overstap.delivery.sealing",
    "overstap.delivery.sending",
    "overstap.closing.report",
    "overstap.closing.checkpoint",
    # What tasks import when they run: each would read the files of the providers, of SSH and of HTML anew
    "overstap.orchestration.connections",
    "overstap.rounds.agreeing",
    "overstap.rounds.checking",
    "overstap.rounds.closing",
    "overstap.rounds.delivering",
    "overstap.rounds.notifying",
    "overstap.rounds.publication",
    "overstap.rounds.region_comparison",
    "overstap.rounds.retaining",
    "overstap.rounds.reviewing",
    "overstap.rounds.watching",
    # What a worker imports with its first task
    "airflow.dag_processing.dagbag",
    "airflow.sdk.execution_time.supervisor",
)


class OverstapPlugin(AirflowPlugin):
    """Plugin with the board "Rondes", in the api-server only."""

    name = "overstap"
    fastapi_apps: ClassVar[list[Any]] = []
    external_views: ClassVar[list[Any]] = []
    fastapi_root_middlewares: ClassVar[list[Any]] = []


if "api-server" in sys.argv or sys.argv[0].endswith("uvicorn"):
    _board = importlib.import_module("overstap.orchestration.board")
    _addresses = importlib.import_module("overstap.pages.board.addresses")
    OverstapPlugin.fastapi_apps = [
        {
            "app": _board.make_board(importlib.import_module("overstap.doctor").examine),
            "url_prefix": _addresses.PREFIX,
            "name": "Overstap: rondes",
        }
    ]
    OverstapPlugin.external_views = _board.external_views()
    _limit = importlib.import_module("overstap.pages.shared.password_limit").PasswordLimit
    _withheld = importlib.import_module("overstap.pages.shared.withheld_lists").WithheldLists
    _readers = importlib.import_module("overstap.pages.shared.readers_theme").ReadersTheme
    OverstapPlugin.fastapi_root_middlewares = [
        {"middleware": _limit, "args": [], "kwargs": {}, "name": "passwords"},
        {"middleware": _withheld, "args": [], "kwargs": {}, "name": "withheld lists"},
        {"middleware": _readers, "args": [], "kwargs": {}, "name": "theme of readers"},
    ]

    importlib.import_module("overstap.orchestration.first_request").begin()

if "scheduler" in sys.argv:
    for _module in PRELOADED:
        importlib.import_module(_module)
    importlib.import_module("overstap.orchestration.preloading").preload()
