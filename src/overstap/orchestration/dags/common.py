"""Common arguments of a region's DAGs: owner, tags, rights, not paused when created."""

from typing import Any

from overstap.agreements import Agreement
from overstap.orchestration.roles import access_of
from overstap.orchestration.task_factory import AGAIN


def common(agreement: Agreement, *tags: str) -> dict[str, Any]:
    """Return the common arguments of a DAG.

    Args:
        agreement: the region's.
        tags: further tags, in Dutch.
    """
    region = agreement.region
    return {
        "catchup": False,
        "max_active_runs": 1,
        # Airflow pauses a new DAG by default: no round would open, without any message
        "is_paused_upon_creation": False,
        "default_args": {"owner": region, **AGAIN},
        "owner_links": {region: f"mailto:{agreement.coordinators[0].email}"},
        "tags": ["overstap", f"regio:{region}", *tags, f"schooljaar:{agreement.school_year}"],
        "access_control": access_of(region),
    }
