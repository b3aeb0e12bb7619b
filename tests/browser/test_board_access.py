"""Two coordinators on a booted Airflow: neither sees nor moves the other's region, whatever address they ask for.

Every address that the installed Airflow reads with GET is asked for, with the other region's ids and without any; then
what lists and searches, what changes something, and the board's own pages.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from overstap.local.api import AirflowApi

from . import routes
from .stage import ADMINISTRATOR, ALFA, BETA, VIEWER, Stage, sync

pytestmark = pytest.mark.boot

_ANSWERS = {401, 403, 404}
_MARKS = ("beta", "Bèta", "B\\u00e8ta", "B%C3%A8ta")
"""Region beta by its id and its name: in a DAG's id, a label, a note, a run's configuration, a log."""
_SECRET_NOTE = "notitie van beta"
_SLOW_OR_FINAL = ("/wait", "/auth/logout", "/auth/login")


@pytest.fixture(scope="module")
def beta_run(stage: Stage) -> str:
    """Region beta's round at its gate: with logs, XCom, a note and a configuration."""
    run = stage.run_id(BETA)
    with stage.api(stage.coordinator(BETA)) as coordinator:
        dag = stage.dag_id(BETA)
        coordinator.wait_for_task(dag, run, "release", ["awaiting_input"], map_index=0)
        coordinator.call("PATCH", f"/api/v2/dags/{dag}/dagRuns/{run}", json={"note": _SECRET_NOTE})
    return run


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every address that the installed Airflow reads with GET."""
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
    }
    done = subprocess.run(
        [sys.executable, str(Path(routes.__file__))], env=environment, capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    assert len(found) > 80
    return found


def get(api: AirflowApi, path: str, **params: Any) -> httpx.Response:
    if api._token is None:
        api.dags()  # signs in
    return api._send("GET", path, params=params)


def asked(addresses: list[str], dag: str, run: str, task: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each address with these ids in its places, and with places that mean all; without and with arguments."""
    values = {"dag_id": dag, "dag_run_id": run, "run_id": run, "task_id": task, "xcom_key": "return_value"}
    some = {"map_index": "0", "try_number": "1", "task_try_number": "1", "version_number": "1", "section": "core"}
    some |= {"pool_name": "default_pool", "option": "fernet_key"}
    arguments = {"dag_id": dag, "dag_ids": dag, "run_id": run, "root": task, "dag_id_pattern": "%", "limit": "100"}
    arguments |= {"start_date": "2020-01-01T00:00:00Z", "order_by": "dag_id", "map_index": "0"}
    for address in addresses:
        if address.endswith(_SLOW_OR_FINAL):
            continue
        for places in (values, dict.fromkeys(values, "~")):
            path = re.sub(r"\{(\w+)(:path)?\}", lambda name, at=places: (at | some).get(name[1], "1"), address)
            full = path if path.startswith(("/ui", "/api")) else f"/api/v2{path}"
            yield full, {}
            yield full, {name: value for name, value in arguments.items() if name != "order_by"}


def seen(api: AirflowApi, addresses: list[str], dag: str, run: str) -> dict[str, str]:
    """What an account gets to see of region beta: by address, the first mark and what stands around it."""
    found = {}
    of_gate = [address for address in addresses if "hitlDetails" in address]
    for task, some in (("collect", addresses), ("release", of_gate)):
        for path, params in asked(some, dag, run, task):
            answer = get(api, path, **params)
            assert answer.status_code < 500, f"{path} {answer.status_code}"
            for mark in (*_MARKS, _SECRET_NOTE):
                at = answer.text.find(mark)
                # What was asked for is repeated in an answer that refuses it.
                if at >= 0 and answer.status_code not in (*_ANSWERS, 422):
                    found[path] = f"{answer.status_code} {answer.text[max(0, at - 60) : at + 60]}"
    return found


def test_no_address_shows_the_other_region(stage: Stage, beta_run: str, addresses: list[str]) -> None:
    dag = stage.dag_id(BETA)
    for account in (stage.coordinator(ALFA), VIEWER):
        with stage.api(account) as api:
            assert seen(api, addresses, dag, beta_run) == {}, account
    with stage.api(stage.coordinator(BETA)) as own:
        shown = seen(own, addresses, dag, beta_run)
    # The same search finds it where it may be seen: in lists, runs, logs, XCom, the notes and the labels.
    base = f"/api/v2/dags/{dag}/dagRuns/{beta_run}"
    expected = {f"/api/v2/dags/{dag}", base, f"{base}/taskInstances", "/ui/dags", "/api/v2/dags"}
    expected |= {f"{base}/hitlDetails", f"{base}/taskInstances/collect/logs/1", "/api/v2/dags/~/dagRuns"}
    expected |= {f"{base}/taskInstances/collect/xcomEntries", "/api/v2/dags/~/dagRuns/~/taskInstances"}
    assert expected - shown.keys() == set()


def test_lists_that_are_asked_for_by_post_are_filtered(stage: Stage, beta_run: str) -> None:
    dag = stage.dag_id(BETA)
    for path, body in (
        ("/api/v2/dags/~/dagRuns/list", {"page_limit": 100}),
        ("/api/v2/dags/~/dagRuns/list", {"dag_ids": [dag]}),
        ("/api/v2/dags/~/dagRuns/~/taskInstances/list", {"page_limit": 100}),
        ("/api/v2/dags/~/dagRuns/~/taskInstances/list", {"dag_ids": [dag]}),
    ):
        with stage.api(stage.coordinator(ALFA)) as api:
            api.dags()
            answer = api._send("POST", path, json=body)
            assert "beta" not in answer.text or answer.status_code in _ANSWERS, (path, answer.text[:200])
        with stage.api(stage.coordinator(BETA)) as api:
            api.dags()
            assert "beta" in api._send("POST", path, json=body).text


def changes(dag: str, run: str) -> Iterator[tuple[str, str, Any]]:
    base = f"/api/v2/dags/{dag}"
    tasks = f"{base}/dagRuns/{run}/taskInstances"
    clear = {"dag_run_id": run, "task_ids": [["collect", 0]], "include_downstream": True}
    yield "PATCH", base, {"is_paused": True}
    yield "PATCH", "/api/v2/dags?dag_id_pattern=%25beta%25", {"is_paused": True}
    yield "POST", f"{base}/dagRuns", {"logical_date": None}
    yield "PATCH", f"{base}/dagRuns/{run}", {"state": "failed"}
    yield "PATCH", f"{base}/dagRuns/{run}", {"note": "van alfa"}
    yield "POST", f"{base}/dagRuns/{run}/clear", {"dry_run": False}
    yield "POST", f"{base}/clearTaskInstances", clear | {"dry_run": True}
    yield "POST", f"{base}/clearTaskInstances", clear | {"dry_run": False}
    yield "PATCH", f"{tasks}/collect/0", {"new_state": "success"}
    yield "PATCH", f"{tasks}/release/0", {"new_state": "success"}
    yield "PATCH", f"{tasks}/release/0/hitlDetails", {"chosen_options": ["Vrijgeven"], "params_input": {}}
    yield "PATCH", f"{tasks}/collect/dependencies", {}
    yield "DELETE", base, None
    yield "DELETE", f"{base}/dagRuns/{run}", None
    yield "DELETE", f"{tasks}/collect/0", None
    yield "POST", f"{tasks}/collect/xcomEntries", {"key": "x", "value": 1}


def _try(api: AirflowApi, method: str, path: str, body: Any) -> httpx.Response:
    return api._send(method, path, **({} if body is None else {"json": body}))


def test_nothing_of_the_other_region_can_be_moved(stage: Stage, beta_run: str) -> None:
    dag = stage.dag_id(BETA)
    with stage.api(stage.coordinator(BETA)) as own:
        before = (own.call("GET", f"/api/v2/dags/{dag}")["is_paused"], own.run(dag, beta_run)["note"])
        states = own.states(dag, beta_run)
        for account in (stage.coordinator(ALFA), VIEWER):
            with stage.api(account) as api:
                api.dags()
                for method, path, body in changes(dag, beta_run):
                    answer = _try(api, method, path, body)
                    is_empty_list = "pattern" in path and answer.status_code == 200 and "beta" not in answer.text
                    assert answer.status_code in {*_ANSWERS, 405} or is_empty_list, (account, method, path, answer.text)
        assert (own.call("GET", f"/api/v2/dags/{dag}")["is_paused"], own.run(dag, beta_run)["note"]) == before
        assert own.states(dag, beta_run) == states


def test_nobody_of_a_region_reads_what_is_of_the_whole_or_deletes_what_is_its_own(stage: Stage, beta_run: str) -> None:
    of_the_whole = (
        "connections",
        "variables",
        "config",
        "pools",
        "jobs",
        "eventLogs",
        "importErrors",
        "assets",
        "providers",
    )
    own_dag = stage.dag_id(BETA)
    with stage.api(stage.coordinator(BETA)) as api:
        api.dags()
        for name in of_the_whole:
            assert get(api, f"/api/v2/{name}").status_code == 403, name
        for path in (f"/api/v2/dags/{own_dag}", f"/api/v2/dags/{own_dag}/dagRuns/{beta_run}"):
            assert _try(api, "DELETE", path, None).status_code == 403, path
        assert get(api, f"/api/v2/dagSources/{own_dag}").status_code == 403  # one file has every region's DAGs


def test_a_viewer_sees_the_own_region_and_moves_nothing(stage: Stage) -> None:
    dag = stage.dag_id(ALFA)
    of_alfa = {dag, *(f"{kind}__{ALFA}" for kind in ("answers", "deliveries", "intake", "notices", "steer"))}
    with stage.api(ADMINISTRATOR) as api:
        for one in of_alfa:
            api.wait_for_dag(one)
        assert {one["dag_id"] for one in api.dags() if one["dag_id"].split("__")[1] == ALFA} == of_alfa
    with stage.api(VIEWER) as api:
        assert {one["dag_id"] for one in api.dags()} == of_alfa
        for method, path, body in changes(dag, "no_run"):
            assert _try(api, method, path, body).status_code in {*_ANSWERS, 405} or "pattern" in path, (method, path)
        assert api.call("GET", f"/api/v2/dags/{dag}")["is_paused"] is True


def test_an_administrator_sees_all_and_answers_no_gate(stage: Stage, beta_run: str) -> None:
    dag = stage.dag_id(BETA)
    with stage.api(ADMINISTRATOR) as api:
        assert {one["dag_id"].split("__")[1] for one in api.dags()} == {ALFA, BETA}
        path = f"/api/v2/dags/{dag}/dagRuns/{beta_run}/taskInstances/release/0/hitlDetails"
        assert api.call("GET", path)["subject"]
        answer = {"chosen_options": ["Vrijgeven"], "params_input": {}}
        assert _try(api, "PATCH", path, answer).status_code == 403
        assert _try(api, "DELETE", f"/api/v2/dags/{dag}", None).status_code == 403
        assert get(api, "/api/v2/variables").status_code == 403


BOARD = ("", "/scholen.csv", "/scholen.xlsx", "/school/99AB00", "/school/99AB00/opnieuw")


def test_the_board_is_apart_as_well(stage: Stage, beta_run: str) -> None:
    other = f"/rondes/ronde/{stage.round_id(BETA)}"
    with stage.api(stage.coordinator(ALFA)) as api:
        for path in (*(other + rest for rest in BOARD), f"/rondes/dag/{stage.dag_id(BETA)}", "/rondes/beheer"):
            answer = get(api, path)
            assert answer.status_code == 404, path
            assert "beta" not in answer.text.lower().replace(path, "")
        home = get(api, "/rondes/")
        assert home.status_code == 200
        assert not [mark for mark in _MARKS if mark in home.text]
        posted = api._send("POST", f"{other}/school/99AB00/opnieuw", data={"note": "x", "mark": "y"})
        assert posted.status_code == 404
    with stage.api(ADMINISTRATOR) as api:
        assert "Regio Alfa" in get(api, "/rondes/beheer").text
        assert get(api, other).status_code == 200
        assert "Per dossier" not in get(api, f"{other}/school/99AB00").text
    with stage.api(VIEWER) as api:
        own = get(api, f"/rondes/ronde/{stage.round_id(ALFA)}")
        assert own.status_code == 200


def test_without_a_login_there_is_nothing(stage: Stage) -> None:
    with httpx.Client(base_url=stage.address, trust_env=False) as client:
        for path in ("/rondes/", f"/rondes/ronde/{stage.round_id(ALFA)}", "/rondes/beheer"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["location"].split("?")[0]) == (
                303,
                f"{stage.address}/auth/login/",
            )
        posted = client.post(f"/rondes/ronde/{stage.round_id(ALFA)}/school/99AB00/opnieuw", data={"note": "x"})
        assert posted.status_code == 401
        for path in ("/rondes/docs", "/rondes/openapi.json", "/rondes/redoc"):
            assert client.get(path).status_code == 404
        assert "default-src 'none'" in client.get("/rondes/").headers["content-security-policy"]


def test_search_and_navigation_show_one_region(stage: Stage, beta_run: str, visit: Callable[..., Page]) -> None:
    page = visit(stage.coordinator(ALFA), "/dags")
    page.get_by_text("Regio Alfa: Advies").first.wait_for()
    assert "Bèta" not in page.content()
    page.keyboard.press("Control+k")
    page.keyboard.type("advies")
    page.get_by_text("Regio Alfa: Advies").last.wait_for()
    page.wait_for_load_state("networkidle")
    assert "Bèta" not in page.content()
    page.goto(f"/dags/{stage.dag_id(BETA)}/runs/{beta_run}")
    page.wait_for_load_state("networkidle")
    assert "Bèta" not in page.content()
    page.close()


def test_who_leaves_loses_what_they_had(stage: Stage) -> None:
    """The agreement is the truth: who is no longer named cannot sign in, and gets back in when named again."""
    path = next((stage.folder / "region" / "regions" / ALFA).glob("*.yaml"))
    written = path.read_text(encoding="utf-8")
    assert sync(stage).endswith("0 changes\n")  # safe to repeat
    with stage.api("admin") as admin:
        # By hand somebody gave a role more than it may have.
        admin.call(
            "PATCH",
            f"/auth/fab/v1/roles/viewer_{ALFA}",
            params={"update_mask": "actions"},
            json={
                "name": f"viewer_{ALFA}",
                "actions": [
                    *admin.call("GET", f"/auth/fab/v1/roles/viewer_{ALFA}")["actions"],
                    {"action": {"name": "can_read"}, "resource": {"name": "Variables"}},
                ],
            },
        )
    try:
        path.write_text(re.sub(r"viewers:\n(?:- .*\n(?:  .*\n)*)", "", written), encoding="utf-8")
        assert path.read_text(encoding="utf-8") != written
        said = sync(stage)
        assert f"account {VIEWER} loses viewer_{ALFA}; cannot sign in any more" in said
        assert f"role viewer_{ALFA}: taken away can_read on Variables" in said
        with httpx.Client(base_url=stage.address, trust_env=False) as client:
            login = {"username": VIEWER, "password": stage.password(VIEWER)}
            assert client.post("/auth/token", json=login).status_code == 401
    finally:
        path.write_text(written, encoding="utf-8")
        said = sync(stage)
    assert f"account {VIEWER} gets viewer_{ALFA}" in said
    with stage.api(VIEWER) as api:
        assert {one["dag_id"].split("__")[1] for one in api.dags()} == {ALFA}
