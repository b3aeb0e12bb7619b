"""What Airflow loads of Overstap: this file alone (see plugins/.airflowignore).

Starting a task is mostly importing. LocalExecutor forks its workers from the scheduler, so what the scheduler has
imported by then, its tasks need not import again.
"""

import importlib
import sys

from airflow.plugins_manager import AirflowPlugin

PRELOADED = (
    "overstap.orchestration.tasks",
    "overstap.intake.collect",
    "overstap.quality.region",
    "overstap.delivery.sealing",
    "overstap.delivery.sending",
    "overstap.closing.report",
    "overstap.closing.checkpoint",
    "great_expectations",
)


class OverstapPlugin(AirflowPlugin):
    """Overstap in Airflow."""

    name = "overstap"


if "scheduler" in sys.argv:
    for _module in PRELOADED:
        importlib.import_module(_module)
