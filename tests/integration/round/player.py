"""Airflow in a process of its own, that plays rounds with `dag.test()` as it is told on standard input.

`dag.test()` runs every task in one process, triggers included. It leaves a question to a person waiting, so a thread
answers it with the very function of Airflow's REST API, as a real FAB account. One JSON object a line in:
`{"dag": id, "answer": option or null, "account": login, "mark_success": pattern or null}`, one out:
`{"state": ..., "tasks": {"collect[0]": [state, label]}}`.
"""

import json
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

_HELD = timedelta(seconds=1.5)  # an answer in the very second of the question is lost (see overstap.demo.people)


def main() -> None:
    """Make Airflow's database and accounts, then play until there is no more input."""
    out, sys.stdout = sys.stdout, sys.stderr
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(min(seconds, 0.1))  # dag.test() looks once a second what can run next
    from airflow.utils.db import initdb

    initdb()

    from airflow.dag_processing.dagbag import DagBag
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    from overstap.agreements import load_all
    from overstap.clock import now
    from overstap.orchestration.access import Account, add_accounts, coordinator_role, people_of, sync_access
    from overstap.settings import Settings

    agreements = load_all(Settings().regions)[0]
    sync_access(people_of(agreements, now()))
    accounts = [(person.account, agreement.region) for agreement in agreements for person in agreement.coordinators]
    accounts += [("stranger", agreements[0].region)]
    add_accounts(
        Account(login, login, f"{login}@example.org", "x" * 20, coordinator_role(at)) for login, at in accounts
    )
    with get_application_builder() as builder:
        roles = {
            role.name: sorted(f"{one.action.name} on {one.resource.name}" for one in role.permissions)
            for role in builder.sm.get_all_roles()
        }
    bag = DagBag(sys.argv[1])
    print(json.dumps({"dags": sorted(bag.dags), "roles": roles}), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(_play(bag.dags, **json.loads(line))), file=out, flush=True)


def _play(dags: Any, dag: str, answer: str | None, account: str, mark_success: str | None) -> dict[str, Any]:
    over = threading.Event()
    coordinator = threading.Thread(target=_answer, args=(dag, answer, account, over), daemon=True)
    coordinator.start()
    try:
        run = dags[dag].test(mark_success_pattern=mark_success)
    finally:
        over.set()
    coordinator.join()
    tasks = {
        f"{one.task_id}[{one.map_index}]" if one.map_index >= 0 else one.task_id: (one.state, one.rendered_map_index)
        for one in run.get_task_instances()
    }
    return {"state": run.state, "tasks": tasks, "run": run.run_id}


def _answer(dag: str, answer: str | None, account: str, over: threading.Event) -> None:
    """Answer every question of a DAG as it comes, until the run is over."""
    from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
    from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
    from airflow.models.hitl import HITLDetail
    from airflow.models.taskinstance import TaskInstance
    from airflow.providers.fab.auth_manager.models import User
    from airflow.utils.session import create_session
    from sqlalchemy import select

    waiting = select(TaskInstance).where(TaskInstance.dag_id == dag, TaskInstance.state == "awaiting_input")
    while not over.is_set():
        time.sleep(0.2)
        with create_session() as session:
            for task in session.scalars(waiting).all():
                asked = session.scalar(select(HITLDetail).where(HITLDetail.ti_id == task.id))
                if asked is None or asked.response_received or datetime.now(UTC) - asked.created_at < _HELD:
                    continue
                # What was told is an answer to one of the gates; the others are let through.
                chosen = answer if answer in asked.options else asked.options[0]
                filled = {name: "Afgesproken" if name == "reden" else None for name in asked.params}
                payload = UpdateHITLDetailPayload(chosen_options=[chosen], params_input=filled)
                user = session.scalar(select(User).where(User.username == account))
                update_hitl_detail(dag, task.run_id, task.task_id, payload, user, session, task.map_index)


if __name__ == "__main__":
    main()
