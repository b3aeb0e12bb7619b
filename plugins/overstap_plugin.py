"""What Airflow loads of Overstap: this file alone.

Starting a task is mostly importing. LocalExecutor forks its workers from the scheduler, so what the scheduler has
imported by then, its tasks need not import again. Great Expectations is left to the one task of a round that judges:
it takes 160 MB, which every worker would hold.
"""

import importlib
import sys
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

PRELOADED = (
    "overstap.orchestration.tasks",
    "overstap.intake.collect",
    "overstap.quality.region",
    "overstap.oso.pdf_objects",
    "overstap.delivery.sealing",
    "overstap.delivery.sending",
    "overstap.closing.report",
    "overstap.closing.checkpoint",
)


class OverstapPlugin(AirflowPlugin):
    """Overstap in Airflow: the board "Rondes", in the process that serves pages and nowhere else."""

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
    OverstapPlugin.fastapi_root_middlewares = [{"middleware": _limit, "args": [], "kwargs": {}, "name": "passwords"}]

if "scheduler" in sys.argv:
    for _module in PRELOADED:
        importlib.import_module(_module)
