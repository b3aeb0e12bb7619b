"""What Airflow's own pages show a coordinator: nothing that it would refuse, nothing of another region, no errors."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect

from overstap.pages.board import addresses
from overstap_tools.local.airflow import DATABASE
from overstap_tools.local.waiting import wait_until

from .stage import ADMINISTRATOR, ALFA, BETA, VIEWER, Stage

pytestmark = pytest.mark.boot

SETTLES_MS = 4_000
"""A page of Airflow asks for its parts in turn, and for ever, so that it is never idle."""
PATIENT = 120_000
REFUSED = ("importErrors", "pools", "assets/events", f"dags/agreement__{ALFA}/assets/queuedEvents")
MARKS = ("beta", "bèta")
_NOT_OF_AIRFLOWS_MAKING = "Failed to load resource: net::ERR_"
"""A request that was still on its way when the page was left."""


class Listener:
    """What one page's browser complains about, and which of its requests were refused or failed."""

    def __init__(self, page: Page) -> None:
        self.heard: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.heard.append(f"{page.url}: {error}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_NOT_OF_AIRFLOWS_MAKING):
            self.heard.append(f"{message.location.get('url')}: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.heard.append(f"{response.status} {response.url}")


def pages(stage: Stage) -> list[str]:
    """Every page of Airflow to which a coordinator comes by its own links."""
    dag = f"/dags/{stage.dag_id(ALFA)}"
    run = f"{dag}/runs/{quote(stage.run_id(ALFA), safe='')}"
    task = f"{run}/tasks/open_round"
    school = f"{run}/tasks/collect/mapped/0"
    return [
        *("/", "/dags", "/dag_runs", "/task_instances", "/required_actions", "/deadlines", "/xcoms", "/plugin/rondes"),
        *(dag, *(f"{dag}/{tab}" for tab in ("runs", "tasks", "calendar", "backfills", "details", "plugin/ronde"))),
        *(run, f"{run}/details", f"{dag}/tasks/collect"),
        *(task, f"{task}/details", f"{task}/xcom", f"{task}/task-state-store", school),
        *(f"/dags/{kind}__{ALFA}" for kind in ("agreement", "answers", "deliveries", "intake", "notices", "steer")),
    ]


@pytest.mark.parametrize("account", ["coordinator", VIEWER, ADMINISTRATOR])
def test_the_console_stays_empty(stage: Stage, visit: Callable[..., Page], account: str) -> None:
    page = visit(stage.coordinator(ALFA) if account == "coordinator" else account, "about:blank")
    listener = Listener(page)
    for path in pages(stage):
        page.goto(path)
        page.wait_for_timeout(SETTLES_MS)
    page.close()
    assert listener.heard == []


def test_nothing_is_offered_that_airflow_refuses(stage: Stage, visit: Callable[..., Page]) -> None:
    dag = f"/dags/{stage.dag_id(ALFA)}"
    task = f"{dag}/runs/{quote(stage.run_id(ALFA), safe='')}/tasks/open_round"
    hidden = ("Audit Log", "Code", "Asset Events", "Gerenderde templates", "Assets", "XCom toevoegen")
    buttons = ("Herparse Dag", "XCom bewerken", "XCom verwijderen", "Verwijder Dag", "Verwijder Taakinstantie")
    seen: dict[str, set[str]] = {}
    for account in (stage.coordinator(ALFA), ADMINISTRATOR):
        page = visit(account, dag)
        seen[account] = set()
        for path, there in ((dag, "Kalender"), (f"{task}/xcom", "return_value")):
            page.goto(path)
            expect(page.get_by_text(there, exact=True).first).to_be_visible(timeout=PATIENT)
            page.wait_for_timeout(SETTLES_MS)
            seen[account] |= {one for one in hidden if page.get_by_text(one, exact=True).filter(visible=True).count()}
            seen[account] |= {one for one in buttons if page.get_by_label(one).filter(visible=True).count()}
        page.close()
    assert seen[stage.coordinator(ALFA)] == set()
    # Whoever looks after all regions keeps what their rights show
    assert seen[ADMINISTRATOR] >= {"Audit Log", "Code", "Assets"}
    assert not seen[ADMINISTRATOR] & {"XCom toevoegen", "XCom bewerken", "XCom verwijderen", "Verwijder Dag"}


@pytest.fixture
def errors_of_another_region(stage: Stage) -> Iterator[None]:
    """Import errors as another region's files give them: of a file without DAGs, and of the file with all regions."""
    with psycopg.connect(stage.postgres.superuser_dsn(DATABASE), autocommit=True) as connection:
        bundle = connection.execute("select bundle_name from dag limit 1").fetchone()
        for name in ("beta.py", "regions.py"):
            connection.execute(
                "insert into import_error (filename, bundle_name, stacktrace, timestamp) values (%s, %s, %s, now())",
                [name, bundle[0] if bundle else None, "coordinator_beta does not exist: Regio Bèta"],
            )
        assets = connection.execute("select count(*) from asset where name like '%%beta%%'").fetchone()
        assert assets != (0,), "the other region has assets to hide"
        yield
        connection.execute("delete from import_error where stacktrace like 'coordinator_beta%%'")


@pytest.mark.usefixtures("errors_of_another_region")
def test_lists_of_all_regions_tell_nothing(stage: Stage, visit: Callable[..., Page]) -> None:
    """By the page's own script an empty list, by a token a refusal; by no way a word of the other region."""
    paths = [f"/api/v2/{path}" for path in REFUSED] + [f"/ui/next_run_assets/agreement__{BETA}"]
    kept = ["/api/v2/assets", "/api/v2/eventLogs", f"/api/v2/dagSources/{stage.dag_id(ALFA)}", "/api/v2/importErrors/1"]
    for account in (stage.coordinator(ALFA), VIEWER):
        page = visit(account, "/")
        for path in (*paths, *kept):
            status, text = page.evaluate(_FETCH, path)
            assert (status == 200) == (path in paths), (path, status)
            assert not [mark for mark in MARKS if mark in text.lower()], (path, text)
            if status == 200:
                assert '"total_entries":0' in text.replace(" ", "") or text.replace(" ", "") == '{"events":[]}'
        page.goto("/")
        page.wait_for_timeout(SETTLES_MS)
        assert not [mark for mark in MARKS if mark in page.content().lower()]
        page.close()
        with stage.api(account) as api:
            for path in (*paths, *kept):
                answer = api._send_once("GET", path)
                assert answer.status_code in {403, 404}, path
                assert not [mark for mark in MARKS if mark in answer.text.lower().replace(path.lower(), "")], path
    page = visit(ADMINISTRATOR, "/")
    status, text = page.evaluate(_FETCH, "/api/v2/importErrors")
    page.close()
    assert status == 200
    assert "coordinator_beta does not exist" in text, "who may see it does: the list above hid something"


def test_a_session_that_ended_while_somebody_answered(stage: Stage, browser: Browser) -> None:
    """The press says that nothing was done and how to go on; nothing was released, and the way back is short."""
    account = stage.coordinator(BETA)
    context = browser.new_context(locale="nl-NL", base_url=stage.address)
    context.set_default_timeout(PATIENT)
    page = context.new_page()

    def sign_in() -> None:
        page.fill("input[name=username]", account)
        page.fill("input[name=password]", stage.password(account))
        page.click("[type=submit]")
        page.wait_for_url(lambda url: "/auth/" not in url)

    page.goto("/")
    sign_in()
    with stage.api(account) as api:
        wait_until(
            lambda: bool(api.questions(stage.dag_id(BETA), stage.run_id(BETA))), "a question", 400, poll_seconds=2
        )
    before = stage.states(BETA)
    assert before["accepted"] > 0
    page.goto(addresses.framed("", addresses.question(stage.round_id(BETA), "release_for_review", 1)))
    board = page.frame_locator("iframe")
    board.get_by_label("Reden of opmerking").fill("Nagekeken")
    context.clear_cookies()
    board.get_by_role("button", name="Vrijgeven", exact=True).click()
    expect(board.get_by_role("heading", name="U bent niet meer ingelogd")).to_be_visible()
    expect(board.get_by_text("Uw opdracht is niet uitgevoerd.")).to_be_visible()
    if folder := os.environ.get("OVERSTAP_TEST_IMAGES_FOLDER"):
        page.screenshot(path=Path(folder) / "session-ended.png")
    assert stage.states(BETA) == before
    page.goto("/")
    sign_in()
    page.goto(addresses.framed("", addresses.home()))
    expect(board.get_by_role("link", name=re.compile("^Beantwoord")).first).to_be_visible()
    context.close()


_FETCH: Any = "async path => { const got = await fetch(path); return [got.status, await got.text()]; }"
