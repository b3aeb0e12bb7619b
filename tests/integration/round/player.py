"""Airflow in processes of their own, one for each deployment, that play rounds with `dag.test()` as they are told.

The first process loads Airflow, makes its database, and builds the API that tasks speak to: half a minute of processor
time. For each deployment it is asked for on its socket (the file descriptor in the first argument) it forks, and hands
the deployment's environment, log and socket to the child. Before that it has read no setting of a deployment, keeps no
connection, and runs no thread.

`dag.test()` runs every task in one process, triggers included. It leaves a question to a person waiting, so a thread
answers it with the very function of Airflow's REST API, as a real FAB account. One JSON object a line to the child:
`{"dag": id, "answer": {gate: option}, "account": login, "mark_success": pattern or null, "skip": gate or null, "only":
tasks or null, "conf": the form or null, "by": login or null, "reason": words}`, one out: `{"state": ..., "tasks":
{"collect[0]": [state, label]}}`. Tasks of `only` run each by itself and are not tried again, as if they had been
cleared one by one.
"""

import asyncio
import contextlib
import html
import json
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

_HELD = timedelta(seconds=1.5)  # an answer in the very second of the question is lost (see overstap_tools.demo.people)


def main() -> None:
    """Load Airflow, then fork a player for each deployment until nobody asks any more."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a player
    while True:
        told, descriptors, _, _ = socket.recv_fds(control, 2**20, 2)
        if not told:
            os._exit(0)  # at once: its players watch for that
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            listening, log = descriptors
            _enter(log, **json.loads(told))
            _serve(socket.socket(fileno=listening))
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _load() -> None:
    """Make Airflow's database, and load what every played round needs."""
    from airflow import settings
    from airflow.utils.db import initdb

    initdb()

    import httpx
    from airflow.api_fastapi.core_api.routes.public import hitl, task_instances  # noqa: F401  # with all other routes
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    from overstap.quality import suites  # noqa: F401  # with Great Expectations

    async def ask() -> None:
        transport = httpx.ASGITransport(in_process_api_server().app)
        async with httpx.AsyncClient(transport=transport, base_url="http://in-process.invalid.") as client:
            await client.get("/health")  # the first request builds the routes

    asyncio.run(ask())
    settings.dispose_orm()


def _enter(log: int, folder: str, environment: dict[str, str]) -> None:
    """Become the player of one deployment."""
    from airflow import settings

    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(log, stream.fileno())
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    settings.configure_orm()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: a run of tests that was killed leaves no player that waits on."""
    wait = time.sleep
    while os.getppid() == parent:
        wait(1)
    os._exit(1)


def _serve(connection: socket.socket) -> None:
    """Make the accounts of a deployment, then play until there is no more input."""
    sleep = time.sleep
    # dag.test() looks once a second what can run next; each look takes a tenth of a second of processor time
    time.sleep = lambda seconds: sleep(min(seconds, 0.3))
    from airflow.dag_processing import collection
    from airflow.dag_processing.dagbag import DagBag
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    from overstap.agreements import load_all
    from overstap.clock import now
    from overstap.orchestration.access import AirflowAccount, add_accounts, coordinator_role, people_of, sync_access
    from overstap.settings import Settings

    agreements = load_all(Settings().regions)[0]
    sync_access(people_of(agreements, now()))
    accounts = [(person.account, agreement.region) for agreement in agreements for person in agreement.coordinators]
    accounts += [("stranger", agreements[0].region)]
    add_accounts(
        AirflowAccount(login, login, f"{login}@example.org", "x" * 20, coordinator_role(at)) for login, at in accounts
    )
    with get_application_builder() as builder:
        roles = {
            role.name: sorted(f"{one.action.name} on {one.resource.name}" for one in role.permissions)
            for role in builder.sm.get_all_roles()
        }
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    collection._sync_dag_perms = _once(collection._sync_dag_perms)
    with connection.makefile("rw", encoding="utf-8") as lines:
        print(json.dumps({"pid": os.getpid(), "dags": sorted(bag.dags), "roles": roles}), file=lines, flush=True)
        for line in lines:
            print(json.dumps(_play(bag.dags, **json.loads(line))), file=lines, flush=True)


def _once(permit: Callable[..., None]) -> Callable[..., None]:
    """Let `dag.test()`, which stores all DAGs at each run, look at the permissions of each at the first run only."""
    done: set[str] = set()

    def permitted(dag: Any, session: Any) -> None:
        if dag.dag_id not in done:
            permit(dag, session=session)
            done.add(dag.dag_id)

    return permitted


def _play(
    dags: Any,
    dag: str,
    answer: dict[str, str],
    account: str,
    mark_success: str | None,
    skip: str | None,
    only: list[str] | None,
    conf: dict[str, Any] | None,
    by: str | None,
    reason: str,
    on_board: bool = False,
) -> dict[str, Any]:
    over = threading.Event()
    to_do = (_answer_on_board, (dag, answer, account, reason, over)) if on_board else None
    target, args = to_do or (_answer, (dag, answer, account, reason, skip, over))
    coordinator = threading.Thread(target=target, args=args, daemon=True)
    coordinator.start()
    try:
        played = _apart(dags[dag], only) if only else dags[dag]
        # dag.test() of Airflow 3.3.2 cannot make the alerts of a DAG that is not stored; test_boot.py sees them come.
        played.deadline = []
        with _started_by(by):
            run = played.test(mark_success_pattern=mark_success, run_conf=conf)
    finally:
        over.set()
    coordinator.join()
    tasks = {
        f"{one.task_id}[{one.map_index}]" if one.map_index >= 0 else one.task_id: (one.state, one.rendered_map_index)
        for one in run.get_task_instances()
    }
    return {"state": run.state, "tasks": tasks, "run": run.run_id}


@contextlib.contextmanager
def _started_by(account: str | None) -> Iterator[None]:
    """Let a run say who started it, as Airflow's API does; dag.test() says "dag_test" of each."""
    from airflow.models import dagrun

    make = dagrun.get_or_create_dagrun
    dagrun.get_or_create_dagrun = lambda **told: make(**{**told, "triggering_user_name": account})
    try:
        yield
    finally:
        dagrun.get_or_create_dagrun = make


def _apart(dag: Any, only: list[str]) -> Any:
    """Return some tasks of a DAG: those that hand nothing on by themselves, and none of them tried again."""
    part = dag.partial_subset(only, include_upstream=False, include_downstream=False)
    for task in part.tasks:
        if task.is_mapped:
            task.partial_kwargs["retries"] = 0
        else:
            task.retries = 0
        task.upstream_task_ids &= _hands_on(task)
    for task in part.tasks:
        task.downstream_task_ids = {one.task_id for one in part.tasks if task.task_id in one.upstream_task_ids}
    return part


def _hands_on(task: Any) -> set[str]:
    """Return the tasks whose result a mapped task is mapped over."""
    return {one for one in task.upstream_task_ids if task.is_mapped and one.endswith("questions")}


def _answer(
    dag: str, answer: dict[str, str], account: str, reason: str, skip: str | None, over: threading.Event
) -> None:
    """Answer every question of a DAG as it comes, until the run is over; mark that of one gate as skipped instead."""
    from airflow.api_fastapi.common.dagbag import create_dag_bag
    from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
    from airflow.api_fastapi.core_api.datamodels.task_instances import PatchTaskInstanceBody
    from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
    from airflow.api_fastapi.core_api.routes.public.task_instances import patch_task_instance
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
                user = session.scalar(select(User).where(User.username == account))
                if task.task_id == skip:
                    body = PatchTaskInstanceBody(new_state="skipped")
                    patch_task_instance(
                        dag, task.run_id, task.task_id, create_dag_bag(), body, user, session, task.map_index, None
                    )
                    continue
                # A gate for which no answer was told is let through.
                chosen = answer.get(task.task_id, asked.options[0])
                filled = {name: reason if name == "reden" else None for name in asked.params}
                payload = UpdateHITLDetailPayload(chosen_options=[chosen], params_input=filled)
                update_hitl_detail(dag, task.run_id, task.task_id, payload, user, session, task.map_index)


def _answer_on_board(dag: str, answer: dict[str, str], account: str, reason: str, over: threading.Event) -> None:
    """Answer every question on the board, served as in the api-server, as somebody who has signed in."""
    from airflow.api_fastapi.main import app
    from airflow.models.hitl import HITLDetail
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from fastapi import FastAPI
    from fastapi.testclient import TestClient
    from sqlalchemy import select

    from overstap.doctor import examine
    from overstap.orchestration.board import make_board
    from overstap.pages.board import addresses

    with TestClient(app) as airflow:
        signed_in = airflow.post("/auth/token", json={"username": account, "password": "x" * 20}).json()
    served = FastAPI()
    served.mount(addresses.PREFIX, make_board(examine))  # the plugin does it in an api-server only
    waiting = (
        select(TaskInstance.task_id, HITLDetail.created_at)
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .where(TaskInstance.dag_id == dag, TaskInstance.state == "awaiting_input")
    )
    with TestClient(served, follow_redirects=False) as client:
        client.headers = {"Authorization": f"Bearer {signed_in['access_token']}", "Sec-Fetch-Site": "same-origin"}
        while not over.is_set():
            time.sleep(0.2)
            with create_session() as session:
                asked = session.execute(waiting).first()
            if asked is None or datetime.now(UTC) - asked[1] < _HELD:
                continue
            page = client.get(f"/rondes/dag/{dag}").text
            path = html.unescape(re.findall(r'href="(/rondes/ronde/[^"]+/besluit/[^"]+)"', page)[0])
            page = client.get(path).text
            buttons = {label: name for name, label in re.findall(r'name="choice" value="([^"]+)">([^<]+)<', page)}
            chosen = buttons[answer.get(asked[0], next(iter(buttons)))]
            [mark] = re.findall(r'name="mark" value="([^"]+)"', page)
            told = client.post(path, data={"mark": mark, "choice": chosen, "reason": reason})
            print(f"{path} {told.status_code} {told.headers.get('location')}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
