"""Check of Airflow: its database, heartbeats of its components, paused DAGs, import errors of DAG files."""

from collections.abc import Iterator

from overstap.clock import now
from overstap.doctor.finding import Finding, good, mind, unseen, wrong
from overstap.orchestration.state import AirflowAwayError, is_known, look
from overstap.settings import Settings


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield the findings on Airflow, from its database."""
    if not is_known():
        yield unseen("airflow", "its database is not known here")
        return
    try:
        state = look()
    except AirflowAwayError as problem:
        do = "docker compose ps postgres; when it is new: docker compose run --rm init"
        yield wrong("airflow", f"its database cannot be used ({problem})", do)
        return
    for heart in state.hearts:
        if heart.is_healthy:
            yield good(f"airflow {heart.service}", "its heart beats")
            continue
        silent = f"silent for {(now() - heart.beat).total_seconds():.0f} s" if heart.beat else "never seen"
        yield wrong(f"airflow {heart.service}", silent, f"docker compose logs {heart.service}")
    for name in state.paused:
        do = "in Airflow, switch it on: nothing of it starts until then (a round does not open, mail does not go)"
        yield wrong(f"dag {name}", "it is paused", do)
    if not state.dags:
        do = "wait a minute after a start; else: docker compose logs dag-processor"
        yield mind("airflow dags", "there are none", do)
    elif not state.paused:
        yield good("airflow dags", f"{state.dags}, none paused")
    for name in state.unread:
        do = "Airflow's page shows why (Import Errors); `overstap agreement check` shows an agreement's faults"
        yield wrong(f"dag file {name}", "it cannot be read", do)
