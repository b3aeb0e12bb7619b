"""One machine, no installation: PostgreSQL and Airflow's components as child processes, for the demo and the tests.

A deployment uses docker-compose.yaml with a PostgreSQL server of its own. Everything here listens on 127.0.0.1 and
keeps what it needs in one state folder, so that another process can stop it by that folder alone.
"""

from overstap_tools.local.airflow import AirflowStack
from overstap_tools.local.api import AirflowApi
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import Service, stop_all

__all__ = ["AirflowApi", "AirflowStack", "EmbeddedPostgres", "Service", "stop_all"]
