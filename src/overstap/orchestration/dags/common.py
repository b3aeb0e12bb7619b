"""What all DAGs of a region have alike: owner, tags, rights, and that they run from the moment they exist."""

from typing import Any

from overstap.agreements import Agreement
from overstap.orchestration.roles import access_of
from overstap.orchestration.task_factory import AGAIN


def common(agreement: Agreement, *tags: str) -> dict[str, Any]:
    """Return the arguments of a DAG that do not depend on what it does.

    Args:
        agreement: the region's.
        tags: further tags, in Dutch, by which a coordinator finds it.
    """
    region = agreement.region
    return {
        "catchup": False,
        "max_active_runs": 1,
        # Airflow pauses a new DAG unless it is told otherwise: no round would open, and nobody would be told
        "is_paused_upon_creation": False,
        "default_args": {"owner": region, **AGAIN},
        "owner_links": {region: f"mailto:{agreement.coordinators[0].email}"},
        "tags": ["overstap", f"regio:{region}", *tags, f"schooljaar:{agreement.school_year}"],
        "access_control": access_of(region),
    }
