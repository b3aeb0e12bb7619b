"""Adapter of the board to Airflow: users and their rights, clearing of tasks, open gates, health."""

import logging
import os
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from airflow.api.common.airflow_health import HEALTHY, get_airflow_health
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from airflow.models import DagModel, DagRun, TaskInstance
from airflow.models.hitl import HITLDetail
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from fastapi import FastAPI, Request
from sqlalchemy import func, select, text

from overstap.errors import OverstapError
from overstap.orchestration.gate_names import GATE_OF_TASK, QUESTIONS_OF_GATE, answer_key
from overstap.orchestration.roles import ALL_REGIONS, DOSSIERS, coordinated_region
from overstap.orchestration.state import paused_dags
from overstap.orchestration.titles import title
from overstap.pages.board import addresses, health
from overstap.pages.board.airflow_port import AirflowRefusedError, FailedTask, GateQuestion, PausedDag, RunRef, TaskRef
from overstap.pages.board.app import Board, Examine, make_app
from overstap.pages.board.person import BoardUser
from overstap.texts import texts

log = logging.getLogger(__name__)

_OURS = ("round__", "intake__")
_WAITING = (TaskInstanceState.QUEUED, TaskInstanceState.SCHEDULED)
_COLLECT, _COLLECT_GUESTS, _PLAN_GUESTS = "collect", "collect_guests", "plan_guests"


class AirflowAdapter:
    """Implementation of the board's interface to Airflow, within the api-server."""

    @property
    def base(self) -> str:
        """Path below which Airflow is served."""
        return urlsplit(conf.get("api", "base_url", fallback="/")).path.rstrip("/")

    def person(self, user: GetUserDep) -> BoardUser:
        """Return the signed-in user; Airflow answers 401 when there is none."""
        manager = get_auth_manager()
        seen = _regions(manager.get_authorized_dag_ids(user=user, method="GET"))
        may_clear = manager.is_authorized_dag(
            method="PUT", access_entity=DagAccessEntity.TASK_INSTANCE, details=DagDetails(), user=user
        )
        roles = [str(role.name) for role in getattr(user, "roles", ())]
        return BoardUser(
            account=str(user.get_name()),
            key=str(user.get_id()),
            regions=seen,
            reruns=_regions(manager.get_authorized_dag_ids(user=user, method="PUT")) if may_clear else frozenset(),
            sees_dossiers=manager.is_authorized_custom_view(method="GET", resource_name=DOSSIERS, user=user),
            is_administrator=manager.is_authorized_custom_view(method="GET", resource_name=ALL_REGIONS, user=user),
            coordinates=frozenset(filter(None, map(coordinated_region, roles))),
        )

    def login(self, request: Request) -> str:
        """Return the address of the sign-in page, which leads back to the requested page."""
        there = f"{self.base}{request.url.path.removeprefix(self.base)}"
        asked = f"{there}?{request.url.query}" if request.url.query else there
        return str(get_auth_manager().get_url_login(next_url=asked))

    def run(self, dag_id: str) -> RunRef | None:
        """Return the newest run of a round's DAG."""
        with create_session() as session:
            found = session.scalar(
                select(DagRun.run_id).where(DagRun.dag_id == dag_id).order_by(DagRun.run_after.desc()).limit(1)
            )
        return RunRef(dag_id, found) if found else None

    def questions(self, dag_id: str) -> list[GateQuestion]:
        """Return the open gates of a round's newest run."""
        run = self.run(dag_id)
        if run is None:
            return []
        with create_session() as session:
            found = session.execute(
                select(
                    TaskInstance.id,
                    TaskInstance.task_id,
                    TaskInstance.map_index,
                    HITLDetail.subject,
                    TaskInstance.start_date,
                )
                .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
                .where(
                    TaskInstance.dag_id == dag_id,
                    TaskInstance.run_id == run.run_id,
                    TaskInstance.state == TaskInstanceState.AWAITING_INPUT,
                )
            ).all()
        return [
            GateQuestion(
                asked,
                f"/dags/{quote(dag_id)}/runs/{quote(run.run_id)}/tasks/{quote(task)}"
                f"{f'/mapped/{index}' if index >= 0 else ''}/required_actions",
                since,
                GATE_OF_TASK[task],
                index + 1,  # the questions of a gate are numbered from 1, and mapped in that order
                answer_key(asking),
                TaskRef(task, index, asked, TaskInstanceState.AWAITING_INPUT.value),
                run,
            )
            for asking, task, index, asked, since in found
            if task in GATE_OF_TASK
        ]

    async def respond(self, request: Request, question: GateQuestion, choice: str) -> None:
        """Answer a human-in-the-loop task by a request to Airflow's API with the user's own token.

        The request stays in this process, as in `clear`. The task reads the decision in the ledger, so the answer in
        Airflow only lets it continue.
        """
        run, task = question.run, question.task
        if run is None or task is None:
            raise AirflowRefusedError(question.title)
        options = texts("orchestration/gates")[question.gate]["options"]
        answer = await self._call(
            request,
            "PATCH",
            f"/dags/{quote(run.dag_id)}/dagRuns/{quote(run.run_id)}/taskInstances/{quote(task.task_id)}"
            f"/{task.map_index}/hitlDetails",
            {"chosen_options": [options[choice]["nl"]], "params_input": {}},
        )
        if answer.status_code not in (HTTPStatus.OK, HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND):
            raise AirflowRefusedError(_why(answer))

    def questions_task(self, run: RunRef, gate: str) -> TaskRef | None:
        """Return the task that finds what a gate has to ask; with everything downstream it asks again."""
        task = QUESTIONS_OF_GATE[gate]
        with create_session() as session:
            state = session.execute(
                select(TaskInstance.state).where(
                    TaskInstance.dag_id == run.dag_id,
                    TaskInstance.run_id == run.run_id,
                    TaskInstance.task_id == task,
                )
            ).first()
        return TaskRef(task, -1, _title_of(task), state[0]) if state else None

    def paused(self) -> list[PausedDag]:
        """Return our DAGs that are paused, sorted by id."""
        with create_session() as session:
            ours = [dag_id for dag_id in paused_dags() if "__" in dag_id]
            found = session.scalars(select(DagModel).where(DagModel.dag_id.in_(ours)).order_by(DagModel.dag_id)).all()
            named = [(dag.dag_id, str(dag.dag_display_name)) for dag in found]
        return [PausedDag(dag_id.split("__")[1], shown, f"/dags/{quote(dag_id)}") for dag_id, shown in named]

    def collect_task(self, run: RunRef, school: str, *, is_guest: bool = False) -> TaskRef | None:
        """Return the task that collects from a school, by the label that Airflow shows, which ends with its id.

        A guest school that was invited after the run had looked for guests has none: the task that looks, and makes
        the others anew, is returned instead.
        """
        with create_session() as session:
            found = session.execute(
                select(
                    TaskInstance.task_id, TaskInstance.map_index, TaskInstance.rendered_map_index, TaskInstance.state
                ).where(
                    TaskInstance.dag_id == run.dag_id,
                    TaskInstance.run_id == run.run_id,
                    TaskInstance.task_id.in_([_COLLECT, _COLLECT_GUESTS, _PLAN_GUESTS]),
                )
            ).all()
        for task, map_index, label, state in found:
            if label and label.endswith(f"({school})"):
                return TaskRef(task, map_index, label, state)
        plans = [(map_index, state) for task, map_index, _, state in found if task == _PLAN_GUESTS]
        return TaskRef(_PLAN_GUESTS, plans[0][0], _title_of(_PLAN_GUESTS), plans[0][1]) if is_guest and plans else None

    async def clear(
        self, request: Request, run: RunRef, task: TaskRef, *, note: str, is_rehearsal: bool
    ) -> Sequence[TaskRef]:
        """Clear a task and its downstream tasks, by a request to Airflow's API with the user's own token.

        The request stays in this process, and is handled as one from outside: Airflow checks the token and the rights,
        and its audit log names the account.
        """
        body: dict[str, Any] = {
            "dry_run": is_rehearsal,
            "dag_run_id": run.run_id,
            "task_ids": [task.task_id if task.map_index < 0 else [task.task_id, task.map_index]],
            "include_downstream": True,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        body |= {} if is_rehearsal else {"note": note}
        answer = await self._call(request, "POST", f"/dags/{quote(run.dag_id)}/clearTaskInstances", body)
        if answer.status_code != HTTPStatus.OK:
            raise AirflowRefusedError(_why(answer))
        return [
            TaskRef(one["task_id"], one["map_index"], _title(one), one["state"])
            for one in answer.json()["task_instances"]
        ]

    async def _call(self, request: Request, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        from airflow.api_fastapi.main import app as airflow  # the application of this process

        given = request.headers.get("authorization") or f"Bearer {request.cookies.get(COOKIE_NAME_JWT_TOKEN, '')}"
        # An exception in Airflow becomes an answer 500, as it does for a client outside
        transport = httpx.ASGITransport(app=airflow, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow.invalid") as client:
            return await client.request(
                method, f"{self.base}/api/v2{path}", json=body, headers={"Authorization": given}
            )

    def health(self, now: datetime) -> list[health.HealthLine]:
        """Return the health of Airflow's components."""
        found = get_airflow_health()
        lines = []
        for name in ("scheduler", "dag_processor", "triggerer"):
            beat = found[name].get(f"latest_{name}_heartbeat")
            seen = datetime.fromisoformat(beat) if beat else None
            lines.append(health.component(name, seen, found[name]["status"] == HEALTHY, now))
        with create_session() as session:
            waiting, since = session.execute(
                select(func.count(), func.min(func.coalesce(TaskInstance.queued_dttm, TaskInstance.scheduled_dttm)))
                .select_from(TaskInstance)
                .where(TaskInstance.state.in_(_WAITING))
            ).one()
            running = session.scalar(
                select(func.count()).select_from(TaskInstance).where(TaskInstance.state == TaskInstanceState.RUNNING)
            )
            begin = time.perf_counter()
            size = session.scalar(text("select pg_database_size(current_database())"))
            took = (time.perf_counter() - begin) * 1000
        return [
            *lines,
            health.paused(paused_dags()),
            health.queue(waiting, since, running or 0, now),
            health.database("airflow_database", took, size),
        ]

    def red_tasks(self) -> list[FailedTask]:
        """Return the failed tasks in the newest runs of our DAGs, without tasks that failed because of them."""
        newest = select(func.max(DagRun.id)).where(DagRun.dag_id.like("round__%")).group_by(DagRun.dag_id)
        with create_session() as session:
            found = session.execute(
                select(
                    TaskInstance.dag_id,
                    TaskInstance.task_id,
                    TaskInstance.map_index,
                    TaskInstance.rendered_map_index,
                    TaskInstance.end_date,
                )
                .join(DagRun, (DagRun.dag_id == TaskInstance.dag_id) & (DagRun.run_id == TaskInstance.run_id))
                .where(DagRun.id.in_(newest), TaskInstance.state == TaskInstanceState.FAILED)
                .order_by(TaskInstance.end_date)
            ).all()
        return [
            FailedTask(dag, task, _title_of(task) if label in (None, str(index)) else label, end)
            for dag, task, index, label, end in found
        ]

    def secret(self) -> str:
        """Return the secret that all processes of the api-server share."""
        return str(conf.get("api", "secret_key"))


def make_board(examine: Examine) -> FastAPI:
    """Return the board for this api-server; it prepares itself in a thread while Airflow starts.

    Args:
        examine: the checks of `overstap doctor`.
    """
    board = Board(AirflowAdapter(), examine=examine)
    at_work = threading.Thread(target=_prepare, args=[board], name="overstap board", daemon=True)
    at_work.start()
    # A server that forks its workers (gunicorn) must not fork in the middle of the preparation
    os.register_at_fork(before=at_work.join)
    return make_app(board)


def _prepare(board: Board) -> None:
    """Prepare the board; an error is logged here, and shown by the page that needs the missing part."""
    begin = time.perf_counter()
    try:
        board.prepare()
    except (OverstapError, OSError) as problem:
        log.warning("the board could not be made ready: %s", problem)
    else:
        log.info("the board was made ready in %.1f s", time.perf_counter() - begin)


def external_views() -> list[dict[str, Any]]:
    """Return Airflow's external views of the board: in the navigation, and beside each DAG and run."""
    icon = f"{addresses.PREFIX}/static/rondes.svg"
    shared = {"name": "Rondes", "icon": icon, "icon_dark_mode": f"{addresses.PREFIX}/static/rondes-dark.svg"}
    of_dag = f"{addresses.PREFIX}/dag/{{DAG_ID}}"
    return [
        {**shared, "href": addresses.home(), "destination": "nav", "url_route": addresses.ROUTE, "nav_top_level": True},
        {**shared, "href": of_dag, "destination": "dag", "url_route": "ronde"},
        {**shared, "href": f"{of_dag}?run={{RUN_ID}}", "destination": "dag_run", "url_route": "ronde-van-run"},
    ]


def _regions(dag_ids: Sequence[str] | set[str]) -> frozenset[str]:
    return frozenset(dag_id.split("__")[1] for dag_id in dag_ids if dag_id.startswith(_OURS))


def _title(task: dict[str, Any]) -> str:
    return str(task.get("rendered_map_index") or task.get("task_display_name") or _title_of(task["task_id"]))


def _title_of(task_id: str) -> str:
    try:
        return title(f"task.{task_id}")
    except KeyError:
        return task_id


def _why(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = ""
    return f"{answer.status_code} {detail}".strip()
