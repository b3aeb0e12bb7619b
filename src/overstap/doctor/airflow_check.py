"""Airflow: its database, its components' heartbeats, DAGs that stand still, files that cannot be read."""

import importlib.util
import os
from collections.abc import Iterator
from datetime import datetime

from overstap.clock import now
from overstap.doctor.finding import Finding, good, mind, unseen, wrong
from overstap.settings import Settings

_DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_COMPONENTS = ("scheduler", "dag_processor", "triggerer")


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield how Airflow stands, as its database tells it."""
    if importlib.util.find_spec("airflow") is None or _DATABASE not in os.environ:
        yield unseen("airflow", "its database is not known here")
        return
    from sqlalchemy.exc import OperationalError, ProgrammingError

    try:
        yield from _look()
    except OperationalError:
        yield wrong("airflow", "its database cannot be reached", "docker compose ps postgres")
    except ProgrammingError:
        yield wrong("airflow", "its database has no tables yet", "docker compose run --rm init")


def _look() -> Iterator[Finding]:
    from airflow.api.common.airflow_health import HEALTHY, get_airflow_health
    from airflow.models import DagModel
    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session
    from sqlalchemy import select

    health = get_airflow_health()
    for name in _COMPONENTS:
        beat = health[name].get(f"latest_{name}_heartbeat")
        service = name.replace("_", "-")
        if health[name]["status"] == HEALTHY:
            yield good(f"airflow {service}", "its heart beats")
            continue
        since = f"silent for {(now() - datetime.fromisoformat(beat)).total_seconds():.0f} s" if beat else "never seen"
        yield wrong(f"airflow {service}", since, f"docker compose logs {service}")
    with create_session() as session:
        dags = session.execute(select(DagModel.dag_id, DagModel.is_paused).where(~DagModel.is_stale)).all()
        unread = session.scalars(select(ParseImportError.filename)).all()
    paused = sorted(name for name, is_paused in dags if is_paused)
    for name in paused:
        do = "in Airflow, switch it on: nothing of it starts until then (a round does not open, mail does not go)"
        yield wrong(f"dag {name}", "it is paused", do)
    if dags and not paused:
        yield good("airflow dags", f"{len(dags)}, none paused")
    if not dags:
        do = "wait a minute after a start; else: docker compose logs dag-processor"
        yield mind("airflow dags", "there are none", do)
    for name in sorted(set(filter(None, unread))):
        do = "Airflow's page shows why (Import Errors); `overstap agreement check` shows an agreement's faults"
        yield wrong(f"dag file {name}", "it cannot be read", do)
