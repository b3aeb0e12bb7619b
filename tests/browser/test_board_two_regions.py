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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from overstap_tools.local.api import AirflowApi

from . import routes
from .airflow_app import App
from .stage import ADMINISTRATOR, ALFA, BETA, VIEWER, Stage

pytestmark = pytest.mark.boot

_ANSWERS = {401, 403, 404}
_SLOW_OR_FINAL = ("/wait", "/auth/logout", "/auth/login")
_BROKEN = "/ui/dependencies"
"""Airflow 3.3.2 asks PostgreSQL for `json #> varchar` here, which fails over psycopg 3 for every account."""


@dataclass(frozen=True)
class Other:
    """A region as those of the other one must never see it.

    Args:
        region: its id.
        run: a run of its round, with logs, XCom, a note and a configuration.
        marks: its id and its name, as they may be written: in a DAG's id, a label, a note, a configuration, a log.
    """

    region: str
    run: str
    marks: tuple[str, ...]

    @property
    def note(self) -> str:
        """What its coordinator noted at the run."""
        return f"notitie van {self.region}"

    @property
    def strangers(self) -> tuple[str, ...]:
        """Regions whose people must not see it."""
        return tuple(one for one in (ALFA, BETA) if one != self.region)

    @property
    def tasks(self) -> str:
        """Address of the run's task instances."""
        return f"/api/v2/dags/{Stage.dag_id(self.region)}/dagRuns/{self.run}/taskInstances"


def _noted(stage: Stage, region: str, run: str, marks: tuple[str, ...]) -> Other:
    other = Other(region, run, marks)
    with stage.api(stage.coordinator(region)) as api:
        path = f"/api/v2/dags/{stage.dag_id(region)}/dagRuns/{run}"
        api.call("PATCH", path, json={"note": other.note})
    return other


@pytest.fixture(scope="module")
def alfa(stage: Stage) -> Other:
    """Region alfa's round as the clicks of test_board_round left it; where those did not go before, at its gate."""
    with stage.api(stage.coordinator(ALFA)) as api:
        if not api.runs(stage.dag_id(ALFA)):
            api.unpause(stage.dag_id(ALFA))
            api.wait_for_task(stage.dag_id(ALFA), stage.run_id(ALFA), "release", ["awaiting_input"], map_index=0)
    return _noted(stage, ALFA, stage.run_id(ALFA), ("alfa", "Alfa"))


@pytest.fixture(scope="module")
def beta(stage: Stage) -> Other:
    """Region beta's round at its gate."""
    run = stage.run_id(BETA)
    with stage.api(stage.coordinator(BETA)) as api:
        api.wait_for_task(stage.dag_id(BETA), run, "release", ["awaiting_input"], map_index=0)
    return _noted(stage, BETA, run, ("beta", "Bèta", "B\\u00e8ta", "B%C3%A8ta"))


@pytest.fixture(scope="module", params=[ALFA, BETA])
def other(request: pytest.FixtureRequest) -> Other:
    """Each of the two regions, looked at by those of the other."""
    found: Other = request.getfixturevalue(request.param)
    return found


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
    return api._send_once("GET", path, params=params)


def asked(addresses: list[str], dag: str, run: str, task: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each address with these ids in its places, and with places that mean all; without and with arguments; once."""
    values = {"dag_id": dag, "dag_run_id": run, "run_id": run, "task_id": task, "xcom_key": "return_value"}
    some = {"map_index": "0", "try_number": "1", "task_try_number": "1", "version_number": "1", "section": "core"}
    some |= {"pool_name": "default_pool", "option": "fernet_key"}
    arguments = {"dag_id": dag, "dag_ids": dag, "run_id": run, "root": task, "dag_id_pattern": "%", "limit": "100"}
    arguments |= {"start_date": "2020-01-01T00:00:00Z", "order_by": "dag_id", "map_index": "0"}
    for address in addresses:
        if address.endswith(_SLOW_OR_FINAL):
            continue
        paths = [
            re.sub(r"\{(\w+)(:path)?\}", lambda name, at=places: (at | some).get(name[1], "1"), address)
            for places in (values, dict.fromkeys(values, "~"))
        ]
        for path in dict.fromkeys(paths):
            full = path if path.startswith(("/ui", "/api")) else f"/api/v2{path}"
            yield full, {}
            yield full, {name: value for name, value in arguments.items() if name != "order_by"}


def seen(api: AirflowApi, addresses: list[str], other: Other) -> dict[str, str]:
    """What an account gets to see of a region: by address, the first mark and what stands around it."""
    found = {}
    of_gate = [address for address in addresses if "hitlDetails" in address]
    for task, some in (("collect", addresses), ("release", of_gate)):
        for path, params in asked(some, Stage.dag_id(other.region), other.run, task):
            answer = get(api, path, **params)
            assert answer.status_code < 500 or path == _BROKEN, f"{path} {answer.status_code}"
            for mark in (*other.marks, other.note):
                at = answer.text.find(mark)
                # What was asked for is repeated in an answer that refuses it.
                if at >= 0 and answer.status_code not in (*_ANSWERS, 422):
                    found[path] = f"{answer.status_code} {answer.text[max(0, at - 60) : at + 60]}"
    return found


@pytest.fixture(scope="module")
def shown(stage: Stage, addresses: list[str], beta: Other) -> set[str]:
    """Every address at which region beta's coordinator sees something of the own region."""
    with stage.api(stage.coordinator(BETA)) as own:
        return set(seen(own, addresses, beta))


@pytest.mark.fault("F68")
def test_the_search_finds_what_may_be_seen(beta: Other, shown: set[str]) -> None:
    """In lists, runs, logs, XCom, the notes and the labels: else it would find nothing elsewhere either."""
    base = beta.tasks.removesuffix("/taskInstances")
    expected = {base.partition("/dagRuns")[0], base, beta.tasks, "/ui/dags", "/api/v2/dags"}
    expected |= {f"{base}/hitlDetails", f"{beta.tasks}/collect/logs/1", "/api/v2/dags/~/dagRuns"}
    expected |= {f"{beta.tasks}/collect/xcomEntries", "/api/v2/dags/~/dagRuns/~/taskInstances"}
    assert expected - shown == set()


@pytest.mark.fault("F68")
def test_no_address_shows_the_other_region(stage: Stage, addresses: list[str], other: Other) -> None:
    accounts = [stage.coordinator(region) for region in other.strangers]
    accounts += [VIEWER] if ALFA in other.strangers else []
    for account in accounts:
        with stage.api(account) as api:
            assert seen(api, addresses, other) == {}, account
    # The same run's own coordinator reads its logs, XCom and note.
    with stage.api(stage.coordinator(other.region)) as own:
        for path in (f"{other.tasks}/collect/0", other.tasks, other.tasks.removesuffix("/taskInstances")):
            assert get(own, path).status_code == 200
        assert other.note in get(own, other.tasks.removesuffix("/taskInstances")).text
        assert f"round__{other.region}" in get(own, f"{other.tasks}/registrations/xcomEntries").text


@pytest.mark.fault("F68")
def test_lists_that_are_asked_for_by_post_are_filtered(stage: Stage, other: Other) -> None:
    dag = stage.dag_id(other.region)
    for path, body in (
        ("/api/v2/dags/~/dagRuns/list", {"page_limit": 100}),
        ("/api/v2/dags/~/dagRuns/list", {"dag_ids": [dag]}),
        ("/api/v2/dags/~/dagRuns/~/taskInstances/list", {"page_limit": 100}),
        ("/api/v2/dags/~/dagRuns/~/taskInstances/list", {"dag_ids": [dag]}),
    ):
        for region in other.strangers:
            with stage.api(stage.coordinator(region)) as api:
                api.dags()
                answer = api._send_once("POST", path, json=body)
                assert dag not in answer.text or answer.status_code in _ANSWERS, (path, answer.text[:200])
        with stage.api(stage.coordinator(other.region)) as api:
            api.dags()
            assert dag in api._send_once("POST", path, json=body).text


def changes(dag: str, run: str) -> Iterator[tuple[str, str, Any]]:
    base = f"/api/v2/dags/{dag}"
    tasks = f"{base}/dagRuns/{run}/taskInstances"
    clear = {"dag_run_id": run, "task_ids": [["collect", 0]], "include_downstream": True}
    yield "PATCH", base, {"is_paused": True}
    yield "PATCH", f"/api/v2/dags?dag_id_pattern=%25{dag}%25", {"is_paused": True}
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
    return api._send_once(method, path, **({} if body is None else {"json": body}))


def standing(api: AirflowApi, dag: str, run: str) -> tuple[object, ...]:
    """What somebody could move: whether it is switched off, its note, its state, and that of each task."""
    told = api.run(dag, run)
    return api.call("GET", f"/api/v2/dags/{dag}")["is_paused"], told["note"], told["state"], api.states(dag, run)


@pytest.mark.fault("F68")
def test_nothing_of_the_other_region_can_be_moved(stage: Stage, other: Other) -> None:
    dag = stage.dag_id(other.region)
    accounts = [stage.coordinator(region) for region in other.strangers]
    accounts += [VIEWER] if ALFA in other.strangers else []
    with stage.api(stage.coordinator(other.region)) as own:
        before = standing(own, dag, other.run)
        for account in accounts:
            refused(stage, account, dag, other.run)
        assert standing(own, dag, other.run) == before


def refused(stage: Stage, account: str, dag: str, run: str) -> None:
    """See that an account can move nothing of a run, by whatever request."""
    with stage.api(account) as api:
        api.dags()
        for method, path, body in changes(dag, run):
            answer = _try(api, method, path, body)
            # A pattern means what may be seen: nothing, here.
            is_empty_list = "pattern" in path and answer.status_code == 200 and dag not in answer.text
            assert answer.status_code in {*_ANSWERS, 405} or is_empty_list, (account, method, path, answer.text)


def test_nobody_of_a_region_reads_what_is_of_the_whole_or_deletes_what_is_its_own(stage: Stage, other: Other) -> None:
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
    own_dag = stage.dag_id(other.region)
    with stage.api(stage.coordinator(other.region)) as api:
        api.dags()
        for name in of_the_whole:
            assert get(api, f"/api/v2/{name}").status_code == 403, name
        for path in (f"/api/v2/dags/{own_dag}", f"/api/v2/dags/{own_dag}/dagRuns/{other.run}"):
            assert _try(api, "DELETE", path, None).status_code == 403, path
        assert get(api, f"/api/v2/dagSources/{own_dag}").status_code == 403  # one file has every region's DAGs


def test_a_viewer_sees_the_own_region_and_moves_nothing(stage: Stage, alfa: Other) -> None:
    dag = stage.dag_id(ALFA)
    of_alfa = {
        dag,
        *(f"{kind}__{ALFA}" for kind in ("agreement", "answers", "deliveries", "intake", "notices", "steer")),
    }
    with stage.api(ADMINISTRATOR) as api:
        for one in of_alfa:
            api.wait_for_dag(one)
        assert {one["dag_id"] for one in api.dags() if one["dag_id"].split("__")[1] == ALFA} == of_alfa
    with stage.api(VIEWER) as api:
        assert {one["dag_id"] for one in api.dags()} == of_alfa
        before = standing(api, dag, alfa.run)
        assert get(api, f"{alfa.tasks}/collect/logs/1", map_index="0").status_code == 200
        refused(stage, VIEWER, dag, alfa.run)
        assert standing(api, dag, alfa.run) == before


def test_an_administrator_sees_all_and_answers_no_gate(stage: Stage, beta: Other) -> None:
    dag = stage.dag_id(BETA)
    with stage.api(ADMINISTRATOR) as api:
        assert {one["dag_id"].split("__")[1] for one in api.dags()} == {ALFA, BETA}
        path = f"{beta.tasks}/release/0/hitlDetails"
        assert api.call("GET", path)["subject"]
        answer = {"chosen_options": ["Vrijgeven"], "params_input": {}}
        assert _try(api, "PATCH", path, answer).status_code == 403
        assert _try(api, "DELETE", f"/api/v2/dags/{dag}", None).status_code == 403
        assert get(api, "/api/v2/variables").status_code == 403


BOARD = ("", "/scholen.csv", "/scholen.xlsx", "/school/99AB00", "/school/99AB00/opnieuw")


def test_the_board_is_apart_as_well(stage: Stage, other: Other) -> None:
    there = f"/rondes/ronde/{stage.round_id(other.region)}"
    dag = f"/rondes/dag/{stage.dag_id(other.region)}"
    school = stage.regions[other.region].primary[0].id
    for account in (*(stage.coordinator(region) for region in other.strangers), *(VIEWER,) * (other.region == BETA)):
        with stage.api(account) as api:
            for path in (*(there + rest for rest in BOARD), dag, f"{dag}?run={other.run}", "/rondes/beheer"):
                answer = get(api, path)
                assert answer.status_code == 404, path
                assert other.region not in answer.text.lower().replace(path.lower(), ""), path
            home = get(api, "/rondes/")
            assert home.status_code == 200
            assert not [mark for mark in other.marks if mark in home.text]
            # With a mark of the own region's form, and with none.
            own = f"/rondes/ronde/{stage.round_id(other.strangers[0])}/school/{school}/opnieuw"
            found = re.search(r'name="mark" value="([^"]+)"', get(api, own).text)
            for mark in ("y", *([found[1]] if found else [])):
                posted = api._send_once("POST", f"{there}/school/{school}/opnieuw", data={"note": "x", "mark": mark})
                assert posted.status_code == 404
    with stage.api(stage.coordinator(other.region)) as api:
        assert get(api, there).status_code == 200


def test_who_looks_on_or_looks_after_all_sees_no_single_dossier(stage: Stage, beta: Other) -> None:
    with stage.api(ADMINISTRATOR) as api:
        assert "Regio Alfa" in get(api, "/rondes/beheer").text
        there = f"/rondes/ronde/{stage.round_id(BETA)}"
        assert get(api, there).status_code == 200
        assert "Per dossier" not in get(api, f"{there}/school/{stage.regions[BETA].primary[0].id}").text
    with stage.api(VIEWER) as api:
        own = f"/rondes/ronde/{stage.round_id(ALFA)}"
        assert get(api, own).status_code == 200
        of_school = get(api, f"{own}/school/{stage.regions[ALFA].primary[0].id}").text
        assert "Hoe ver is de school?" in of_school
        assert "Per dossier" not in of_school
        assert "/opnieuw" not in of_school
    with stage.api(stage.coordinator(ALFA)) as api:
        assert "Per dossier" in get(api, f"{own}/school/{stage.regions[ALFA].primary[0].id}").text


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


def test_search_and_navigation_show_one_region(stage: Stage, other: Other, visit: Callable[..., Page]) -> None:
    names = {ALFA: "Regio Alfa", BETA: "Bèta"}
    [mine], hidden = other.strangers, names[other.region]
    own = re.compile(f"{names[mine]}.*: Advies")
    page = visit(stage.coordinator(mine), "/dags")
    page.get_by_text(own).first.wait_for()
    assert hidden not in page.content()
    page.keyboard.press("Control+k")
    page.keyboard.type("advies")
    page.get_by_text(own).last.wait_for()
    page.wait_for_load_state("networkidle")
    assert hidden not in page.content()
    dag, app = stage.dag_id(other.region), App(page)
    app.load(f"/dags/{dag}/runs/{other.run}")
    assert hidden not in page.content()
    for path in (
        f"/dags/{dag}",
        f"/dags/{dag}/runs/{other.run}",
        f"/dags/{dag}/runs/{other.run}/tasks/collect/mapped/0",
        "/required_actions",
    ):
        app.open(path)
        assert hidden not in page.content(), path
    page.goto(f"/plugin/rondes/rondes/ronde/{stage.round_id(other.region)}")
    page.frame_locator("iframe").get_by_role("heading", name="Deze pagina bestaat niet").wait_for()
    page.close()


def test_who_leaves_loses_what_they_had(stage: Stage) -> None:
    """The agreement is the truth: who is no longer named cannot sign in, and gets back in when named again."""
    path = next((stage.folder / "region" / "regions" / ALFA).glob("*.yaml"))
    written = path.read_text(encoding="utf-8")
    assert stage.airflow.sync_access().endswith("0 changes\n")  # safe to repeat
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
        said = stage.airflow.sync_access()
        assert f"account {VIEWER} loses viewer_{ALFA}; cannot sign in any more" in said
        assert f"role viewer_{ALFA}: taken away can_read on Variables" in said
        with httpx.Client(base_url=stage.address, trust_env=False) as client:
            login = {"username": VIEWER, "password": stage.password(VIEWER)}
            assert client.post("/auth/token", json=login).status_code == 401
    finally:
        path.write_text(written, encoding="utf-8")
        said = stage.airflow.sync_access()
        stage.airflow.end_commands()
    assert f"account {VIEWER} gets viewer_{ALFA}" in said
    with AirflowApi(stage.address, VIEWER, stage.password(VIEWER)) as api:  # signs in
        assert {one["dag_id"].split("__")[1] for one in api.dags()} == {ALFA}
