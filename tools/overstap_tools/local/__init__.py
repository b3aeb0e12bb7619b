"""PostgreSQL and Airflow as child processes on one machine, without installation, for demonstration and tests.

A deployment uses docker-compose.yaml instead. All services listen on 127.0.0.1 and keep their data in one state
folder, through which another process can stop them.
"""

from overstap_tools.local.airflow import AirflowStack
from overstap_tools.local.api import AirflowApi
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import Service, stop_all

__all__ = ["AirflowApi", "AirflowStack", "EmbeddedPostgres", "Service", "stop_all"]
