"""State of Airflow, read from its database: heartbeats, paused DAGs, DAG files with import errors."""

import os
from dataclasses import dataclass
from datetime import datetime

DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


class AirflowAwayError(Exception):
    """Its database cannot be reached, or has no tables yet."""


@dataclass(frozen=True, slots=True)
class Heart:
    """A component of Airflow.

    Args:
        service: its name, such as "dag-processor".
        is_healthy: whether Airflow calls it so.
        beat: its last heartbeat; None when there never was one.
    """

    service: str
    is_healthy: bool
    beat: datetime | None


@dataclass(frozen=True, slots=True)
class AirflowState:
    """What Airflow's database tells.

    Args:
        hearts: its components.
        dags: how many DAGs it knows.
        paused: those that stand still until somebody switches them on.
        unread: DAG files that cannot be read.
    """

    hearts: tuple[Heart, ...]
    dags: int
    paused: tuple[str, ...]
    unread: tuple[str, ...]


def is_known() -> bool:
    """Return whether this process knows Airflow's database."""
    return DATABASE in os.environ


def paused_dags() -> list[str]:
    """Return the ids of paused DAGs of agreements that are in use, sorted.

    Nothing of a paused DAG runs, and Airflow tells nobody. A DAG of an agreement that is gone or over is stale in
    Airflow, and is left out.
    """
    from airflow.models import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return sorted(session.scalars(select(DagModel.dag_id).where(DagModel.is_paused, ~DagModel.is_stale)).all())


def look() -> AirflowState:
    """Look into Airflow's database.

    Raises:
        AirflowAwayError: it cannot be reached, or has no tables yet.
    """
    from airflow.api.common.airflow_health import HEALTHY, get_airflow_health
    from airflow.models import DagModel
    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.exc import OperationalError, ProgrammingError

    try:
        with create_session() as session:
            dags = session.scalars(select(DagModel.dag_id).where(~DagModel.is_stale)).all()
            unread = session.scalars(select(ParseImportError.filename)).all()
        health, paused = get_airflow_health(), paused_dags()
    except (OperationalError, ProgrammingError) as problem:
        raise AirflowAwayError(type(problem).__name__) from None  # its words may hold the connection string
    hearts = []
    for name in ("scheduler", "dag_processor", "triggerer"):
        beat = health[name].get(f"latest_{name}_heartbeat")
        is_healthy = health[name]["status"] == HEALTHY
        hearts.append(Heart(name.replace("_", "-"), is_healthy, datetime.fromisoformat(beat) if beat else None))
    return AirflowState(tuple(hearts), len(dags), tuple(paused), tuple(sorted({name for name in unread if name})))
