"""Which DAGs of ours are paused in Airflow: nothing of them runs, and Airflow itself tells nobody."""

from airflow.models import DagModel
from airflow.utils.session import create_session
from sqlalchemy import select

KINDS = ("round__", "intake__", "notices__", "deliveries__", "answers__", "steer__")
"""Prefixes of the ids of our DAGs; the region follows."""


def paused_dags() -> list[str]:
    """Return the ids of paused DAGs of agreements that are in use, sorted. Needs Airflow's own database.

    A DAG of an agreement that is gone or over is stale in Airflow, and is left out.
    """
    with create_session() as session:
        found = session.scalars(select(DagModel.dag_id).where(DagModel.is_paused, ~DagModel.is_stale)).all()
    return sorted(dag_id for dag_id in found if dag_id.startswith(KINDS))
