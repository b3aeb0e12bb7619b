"""Client of Airflow's REST API, for demonstration and tests."""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx

from overstap.errors import OverstapError
from overstap_tools.local.waiting import Wait, wait_until

ADMIN = "admin"
_PAUSED_SECONDS = 4.0
"""From a paused task's start: its supervisor goes on for up to a second and a half (`MIN_HEARTBEAT_INTERVAL`) before
its scheduler hears that it paused."""
_SCHEDULER_SECONDS = 300.0
RETRY_SECONDS = 300.0
"""How long no answer is waited out: a machine that is busy with other things lets one request take half a minute."""
ASK_SECONDS = 1.0
"""Between two questions of a wait: each takes the api-server, which has other work, some hundredths of a second."""
FINISHED = frozenset({"success", "failed"})
"""The states in which a DAG run is over."""
UNDER_WAY = frozenset({"scheduled", "queued", "running", "deferred", "up_for_retry", "awaiting_input"})
"""States of a task instance during which its run is not over."""


class AirflowApi:
    """One account's session with an Airflow that has FAB logins.

    Args:
        address: of the api-server, such as `http://127.0.0.1:8080`.
        account: the login.
        password: of the account.
        timeout_seconds: how long one answer may take.
        tokens: of accounts that signed in before, used again: a sign-in takes a tenth of a second of a processor.
    """

    def __init__(
        self,
        address: str,
        account: str,
        password: str,
        *,
        timeout_seconds: float = 30,
        tokens: MutableMapping[str, str] | None = None,
    ) -> None:
        self.address = address
        self.account = account
        self._password = password
        self._tokens: MutableMapping[str, str] = {} if tokens is None else tokens
        # `trust_env=False`: a proxy of the user's environment must not see a request to 127.0.0.1.
        self._http = httpx.Client(base_url=address, timeout=timeout_seconds, trust_env=False)

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close its connections."""
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def call(self, method: str, path: str, **request: Any) -> Any:
        """Make one request with the account's token, fetched anew when it has run out.

        Args:
            method: GET, POST, PATCH or DELETE.
            path: such as `/api/v2/dags`.
            request: `params` and `json` of httpx.

        Returns:
            The answer's JSON; None when it has no content.

        Raises:
            OverstapError: LOCAL-008 for an answer other than 2xx (`facts["status"]` has it), LOCAL-009 when none came
                within `RETRY_SECONDS`, however often it was tried.
        """
        answer, is_repeated = self._send(method, path, **request)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._tokens.pop(self.account, None)
            answer, _ = self._send(method, path, **request)
        if is_repeated and answer.status_code == HTTPStatus.CONFLICT:
            return None  # it had arrived the first time, and the answer had not
        return _content(answer, method, path)

    def health(self) -> dict[str, dict[str, str | None]] | None:
        """Return what `/monitor/health` says, heartbeats of earlier boots included; None when nothing answers yet."""
        try:
            answer = self._http.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return None
        return dict(answer.json()) if answer.is_success else None

    # Accounts (FAB)

    def put_role(self, name: str, permissions: Iterable[tuple[str, str]]) -> None:
        """Make a role with exactly these permissions, or bring an existing one to them.

        Args:
            name: the role.
            permissions: pairs of action and resource, such as ("can_read", "DAG Runs").
        """
        actions = [{"action": {"name": action}, "resource": {"name": resource}} for action, resource in permissions]
        body = {"name": name, "actions": actions}
        try:
            self.call("POST", "/auth/fab/v1/roles", json=body)
        except OverstapError as error:
            if error.facts.get("status") != HTTPStatus.CONFLICT:
                raise
            self.call("PATCH", f"/auth/fab/v1/roles/{name}", json=body)

    def put_user(self, name: str, password: str, roles: Sequence[str], *, shown_as: tuple[str, str]) -> None:
        """Make an account, or bring an existing one to this password and these roles.

        Args:
            name: the login.
            password: of the account.
            roles: existing roles.
            shown_as: first and last name as the UI shows them.
        """
        body = {
            "username": name,
            "password": password,
            "first_name": shown_as[0],
            "last_name": shown_as[1],
            "email": f"{name}@overstap.invalid",
            "roles": [{"name": role} for role in roles],
        }
        try:
            self.call("POST", "/auth/fab/v1/users", json=body)
        except OverstapError as error:
            if error.facts.get("status") != HTTPStatus.CONFLICT:
                raise
            self.call("PATCH", f"/auth/fab/v1/users/{name}", json=body)

    # DAGs and their runs

    def dags(self) -> list[dict[str, Any]]:
        """Return the DAGs that the account may see."""
        return list(self.call("GET", "/api/v2/dags", params={"limit": 100})["dags"])

    def import_errors(self) -> list[dict[str, Any]]:
        """Return the DAG files that could not be read."""
        return list(self.call("GET", "/api/v2/importErrors")["import_errors"])

    def wait_for_dag(self, dag_id: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until the dag-processor has put a DAG in the database.

        Raises:
            OverstapError: LOCAL-010 when it does not come.
        """
        found: dict[str, Any] = {}

        def is_there() -> bool:
            try:
                found.update(self.call("GET", f"/api/v2/dags/{dag_id}"))
            except OverstapError as error:
                if error.facts.get("status") != HTTPStatus.NOT_FOUND:
                    raise
            return bool(found)

        wait_until(is_there, f"DAG {dag_id}", seconds, ASK_SECONDS)
        return found

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's runs start."""
        self.call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def trigger(
        self,
        dag_id: str,
        *,
        run_id: str | None = None,
        logical_date: datetime | None = None,
        conf: Mapping[str, Any] | None = None,
        note: str | None = None,
    ) -> str:
        """Start a run.

        Args:
            dag_id: the DAG.
            run_id: the run's name; one with the moment in it when None.
            logical_date: aware; None for a run without one.
            conf: its parameters: ids and counts, never pupil data.
            note: shown with the run.

        Returns:
            The run's id.
        """
        # A name of ours: a request that is repeated starts no second run.
        name = run_id or f"manual__{datetime.now(UTC).isoformat()}"
        body: dict[str, Any] = {"logical_date": logical_date.isoformat() if logical_date else None, "dag_run_id": name}
        body |= {"conf": dict(conf)} if conf else {}
        body |= {"note": note} if note else {}
        self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        return name

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a run, with its `state`."""
        return dict(self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"))

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return a DAG's runs, the newest first."""
        params = {"order_by": "-run_after", "limit": 100}
        return list(self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=params)["dag_runs"])

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float = 300) -> str:
        """Wait until a run is over.

        Returns:
            Its state: "success" or "failed".

        Raises:
            OverstapError: LOCAL-010 when it goes on for longer.
        """
        state = ""

        def is_over() -> bool:
            nonlocal state
            state = str(self.run(dag_id, run_id)["state"])
            return state in FINISHED

        wait_until(is_over, f"{dag_id} {run_id}", seconds, ASK_SECONDS)
        return state

    # Task instances

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return all task instances of a run, mapped ones each (`map_index`, `rendered_map_index`), page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.call(
                "GET",
                f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances",
                params={"limit": 100, "offset": len(found)},
            )
            found += page["task_instances"]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def states(self, dag_id: str, run_id: str) -> dict[tuple[str, int], str | None]:
        """Return the state of each task instance by task id and map index (-1: not mapped)."""
        return {(one["task_id"], one["map_index"]): one["state"] for one in self.task_instances(dag_id, run_id)}

    def state(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str | None:
        """Return the state of one task instance; None when it has none, or does not exist yet."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        try:
            found = self.call("GET", path if map_index < 0 else f"{path}/{map_index}")
        except OverstapError as error:
            if error.facts.get("status") != HTTPStatus.NOT_FOUND:
                raise
            return None
        return found["state"] and str(found["state"])

    def wait_for_task(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        states: Iterable[str],
        *,
        map_index: int = -1,
        seconds: float = 300,
    ) -> str:
        """Wait until a task instance is in one of the given states; return which.

        Raises:
            OverstapError: LOCAL-010 when it does not get there.
        """
        wanted = frozenset(states)
        reached = ""

        def is_there() -> bool:
            nonlocal reached
            reached = self.state(dag_id, run_id, task_id, map_index) or ""
            return reached in wanted

        def what() -> str:
            return (
                f"{dag_id} {run_id} {task_id}[{map_index}]: {', '.join(sorted(wanted))} (now {reached or 'no state'})"
            )

        wait_until(is_there, what, seconds, ASK_SECONDS)
        return reached

    def clear(
        self,
        dag_id: str,
        run_id: str,
        tasks: Sequence[str | tuple[str, int]],
        *,
        downstream: bool = True,
        only_failed: bool = False,
        note: str | None = None,
    ) -> int:
        """Clear task instances, so that Airflow runs them again.

        A script is quicker than a coordinator: while the scheduler is still telling the tasks behind a failed one that
        they cannot run (`upstream_failed`), clearing that one leaves them so. Wait until they have been told.

        Args:
            dag_id: the DAG.
            run_id: the run.
            tasks: task ids, or pairs of task id and map index for one mapped instance.
            downstream: also what comes after them.
            only_failed: leave alone what succeeded.
            note: shown with the cleared instances.

        Returns:
            How many were cleared.
        """
        body: dict[str, Any] = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": [list(task) if isinstance(task, tuple) else task for task in tasks],
            "include_downstream": downstream,
            "only_failed": only_failed,
            "reset_dag_runs": True,
        }
        body |= {"note": note} if note else {}
        return int(self.call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", json=body)["total_entries"])

    def log(self, dag_id: str, run_id: str, task_id: str, *, try_number: int = 1, map_index: int = -1) -> Any:
        """Return the log of one try of a task instance, as Airflow's UI gets it."""
        return self.call(
            "GET",
            f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}",
            params={"map_index": map_index, "full_content": True},
        )

    def xcoms(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the XCom entries of a run (keys and tasks, without values)."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/~/xcomEntries"
        return list(self.call("GET", path, params={"limit": 100})["xcom_entries"])

    # Human in the loop

    def questions(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the questions of a run that wait for a person."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/hitlDetails"
        details = self.call("GET", path, params={"limit": 100})["hitl_details"]
        # One that was cleared before its answer keeps its text, also when it is asked no more.
        return [
            detail
            for detail in details
            if not detail["response_received"] and detail["task_instance"]["state"] == "awaiting_input"
        ]

    def answer(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        chosen: Sequence[str],
        *,
        filled_in: Mapping[str, Any] | None = None,
        map_index: int = -1,
    ) -> None:
        """Answer a question as this account, no quicker than a person would.

        A scheduler that hears of the task's first half only after the answer has queued its second half takes the task
        for broken and fails it (Airflow 3.3.2: "reported that the task instance finished with state success, but the
        task instance's state attribute is queued"; one in eight answers that came at once). So this first waits until
        the first half has ended and the scheduler has had two heartbeats since.

        Args:
            dag_id: the DAG.
            run_id: the run.
            task_id: the task that asks.
            chosen: one of its options, or more where it takes more.
            filled_in: values of its form.
            map_index: of a mapped task.

        Raises:
            OverstapError: LOCAL-008 with status 403 when it is another's to answer, 409 when it was answered already.
        """
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/{map_index}/hitlDetails"
        asked_at = datetime.fromisoformat(self.call("GET", path)["task_instance"]["start_date"])
        self._wait_for_scheduler(after=asked_at + timedelta(seconds=_PAUSED_SECONDS))
        self.call("PATCH", path, json={"chosen_options": list(chosen), "params_input": dict(filled_in or {})})

    def _wait_for_scheduler(self, after: datetime) -> None:
        """Wait until the scheduler has been through a whole loop since a moment: its second heartbeat after that."""
        seen: set[str] = set()

        def has_looped() -> bool:
            beat = ((self.health() or {}).get("scheduler") or {}).get("latest_scheduler_heartbeat")
            if beat is not None and datetime.fromisoformat(beat) > after:
                seen.add(beat)
            return len(seen) > 1

        wait_until(has_looped, "the scheduler's next two heartbeats", _SCHEDULER_SECONDS, ASK_SECONDS)

    def _send(self, method: str, path: str, **request: Any) -> tuple[httpx.Response, bool]:
        """Make one request, again and again until there is an answer; return it, and whether it was repeated."""
        wait = Wait(f"Airflow ({method} {path})", RETRY_SECONDS)
        is_repeated = False
        while True:
            try:
                return self._send_once(method, path, **request), is_repeated
            except httpx.TransportError as problem:
                try:
                    wait.go_on()
                except OverstapError:
                    raise OverstapError("LOCAL-009", address=self.address) from problem
                is_repeated = True

    def _send_once(self, method: str, path: str, **request: Any) -> httpx.Response:
        token = self._tokens.get(self.account)
        if token is None:
            login = {"username": self.account, "password": self._password}
            answer = self._http.post("/auth/token", json=login)
            token = self._tokens[self.account] = str(_content(answer, "POST", "/auth/token")["access_token"])
        return self._http.request(method, path, headers={"Authorization": f"Bearer {token}"}, **request)


def _content(answer: httpx.Response, method: str, path: str) -> Any:
    if not answer.is_success:
        raise OverstapError("LOCAL-008", status=answer.status_code, method=method, path=path)
    return answer.json() if answer.content else None
