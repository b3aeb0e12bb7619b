"""Airflow's own pages, in a real browser, as a coordinator, an administrator and a reader see them.

Nothing on them may be in error, in English where Dutch is at hand, without a name, or a button that Airflow refuses.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Response, Route, TimeoutError, expect

from overstap.texts import texts

from .airflow_app import App
from .stage import ADMINISTRATOR, ALFA, KIND, VIEWER, Stage

pytestmark = pytest.mark.boot

REFUSED = re.compile(
    r"^40[34]$|\bForbidden\b|\bNot Found\b|Toegang geweigerd|Pagina niet gevonden|Een onverwachte fout|Ongeldige URL"
)
"""What Airflow shows for a page or a call that failed. Whole words, since moments and run ids hold any digits."""
ROLES = ("coordinator", "administrator", "reader")


@dataclass
class Watch:
    """A page, with what its browser complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    app: App = field(init=False)

    def __post_init__(self) -> None:
        self.app = App(self.page)
        self.page.on("console", self._told)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", self._answered)

    def _told(self, message: ConsoleMessage) -> None:
        # An interface of this machine came or went, as containers' do; the browser asks again
        if message.type == "error" and "ERR_NETWORK_CHANGED" not in message.text:
            self.complaints.append(message.text)

    def _answered(self, answer: Response) -> None:
        if answer.status >= 400:
            self.complaints.append(f"{answer.status} {answer.request.method} {urlsplit(answer.url).path}")


def account(stage: Stage, role: str) -> str:
    return {"coordinator": stage.coordinator(ALFA), "administrator": ADMINISTRATOR, "reader": VIEWER}[role]


@pytest.fixture(scope="module")
def run(stage: Stage) -> str:
    """The run of alfa's round, which asks whether dossiers are released."""
    found = stage.run_id(ALFA)
    with stage.api(stage.coordinator(ALFA)) as api:
        api.wait_for_task(stage.dag_id(ALFA), found, "release", ["awaiting_input"], map_index=0, seconds=400)
    return found


@pytest.fixture(params=ROLES)
def watched(request: pytest.FixtureRequest, stage: Stage, visit: Callable[..., Page]) -> Iterator[tuple[str, Watch]]:
    role = str(request.param)
    watch = Watch(visit(account(stage, role), "about:blank"))
    yield role, watch
    watch.page.close()


def pages(stage: Stage, run: str) -> list[str]:
    """Where somebody comes by clicking through a round in Airflow."""
    dag = f"/dags/{stage.dag_id(ALFA)}"
    here = f"{dag}/runs/{quote(run)}"
    return [
        "/",
        "/dags",
        dag,
        f"{dag}/runs",
        f"{dag}/tasks",
        f"{dag}/calendar",
        f"{dag}/backfills",
        f"{dag}/details",
        here,
        f"{here}/details",
        f"{here}/tasks/open_round",
        f"{here}/tasks/open_round/details",
        f"{here}/tasks/open_round/xcom",
        f"{here}/tasks/collect/mapped",
        f"{here}/tasks/collect/mapped/0",
        f"{here}/tasks/collect/mapped/0/details",
        f"{here}/tasks/release/mapped/0/required_actions",
        f"{dag}/tasks/collect",
        "/dag_runs",
        "/task_instances",
        "/required_actions",
        "/xcoms",
    ]


def test_no_page_is_in_error_for_who_may_see_it(stage: Stage, run: str, watched: tuple[str, Watch]) -> None:
    role, watch = watched
    every = pages(stage, run)
    shown = {"coordinator": every, "administrator": every, "reader": every[:: len(every) // 8]}[role]
    for path in shown:
        watch.app.open(path)
        assert watch.complaints == [], (role, path)
        assert not watch.page.get_by_text(REFUSED).count(), (role, path)
    watch.app.load(shown[-1])  # as by a link in a mail
    assert watch.complaints == [], (role, "loaded")
    assert not watch.page.get_by_text(REFUSED).count(), (role, "loaded")


def test_a_page_that_is_refused_or_not_there_would_be_seen(stage: Stage, visit: Callable[..., Page]) -> None:
    """What the test above looks for is what Airflow shows, also to who goes on from a page that is right."""
    watch = Watch(visit(VIEWER, "about:blank"))
    watch.app.open("/dags")
    assert watch.complaints == []
    assert not watch.page.get_by_text(REFUSED).count()
    watch.app.open("/is_er_niet")
    assert watch.page.get_by_text(REFUSED).count()
    watch.app.open("/dags")
    assert not watch.page.get_by_text(REFUSED).count()
    watch.app.open("/connections")
    assert any(one.startswith("403 ") for one in watch.complaints), watch.complaints
    assert watch.page.get_by_text(REFUSED).count()
    watch.page.close()


def test_what_the_menus_of_an_administrator_offer_opens(stage: Stage, visit: Callable[..., Page]) -> None:
    watch = Watch(visit(ADMINISTRATOR, "about:blank"))
    watch.app.open("/")
    offered: set[str] = set()
    for menu in ("Verken", "Beheer", "Beveiliging", "Documentatie", "Gebruiker"):
        found = watch.page.get_by_text(menu, exact=True)
        if not found.count():
            continue
        found.first.click()
        watch.app.settle()
        links = watch.page.locator("[role=menu] a[href^='/'], a[role=menuitem][href^='/']")
        offered |= {str(link.get_attribute("href")) for link in links.all()}
        watch.page.keyboard.press("Escape")
    assert {"/connections", "/pools"} <= offered, offered
    for path in sorted(offered):
        watch.app.open(path)
        assert watch.complaints == [], path
        assert not watch.page.get_by_text(REFUSED).count(), path
    watch.page.close()


def test_the_page_to_sign_in_is_dutch(stage: Stage, browser: Browser) -> None:
    context = browser.new_context(locale="nl-NL", base_url=stage.address)
    watch = Watch(context.new_page())
    watch.page.goto("/")
    watch.page.wait_for_url("**/auth/login/**")
    expect(watch.page.get_by_text("Voer uw gebruikersnaam en wachtwoord in")).to_be_visible(timeout=60_000)
    expect(watch.page.get_by_text("Wachtwoord", exact=False).first).to_be_visible(timeout=60_000)
    watch.page.fill("input[name=username]", "niemand")
    watch.page.fill("input[name=password]", "fout")
    watch.page.click("[type=submit]")
    expect(watch.page.get_by_text(re.compile("Invalid login|Ongeldige|onjuist", re.IGNORECASE)).first).to_be_visible(
        timeout=60_000
    )
    shown = watch.page.locator("body").inner_text()
    assert not re.search("Invalid|Sign In|Password|Enter your", shown), shown
    # Airflow's own start, which asks for its settings before it goes to this page
    own = ("401 GET /ui/", "reading 'tz'", "Failed to load resource")
    assert [one for one in watch.complaints if not any(part in one for part in own)] == []
    context.close()


def tasks_of(stage: Stage, run: str) -> list[dict[str, Any]]:
    with stage.api(stage.coordinator(ALFA)) as api:
        return list(api.task_instances(stage.dag_id(ALFA), run))


def test_every_task_has_its_title(stage: Stage, run: str, visit: Callable[..., Page]) -> None:
    found = {one["task_id"]: one["task_display_name"] for one in tasks_of(stage, run)}
    titles = {name: texts("orchestration/titles")[f"task.{name}"]["nl"] for name in found}
    assert found == titles
    page = visit(stage.coordinator(ALFA), f"/dags/{stage.dag_id(ALFA)}/runs/{quote(run)}")
    for title in titles.values():
        # A long title is cut in the grid; its beginning is there
        expect(page.get_by_text(re.compile(f"^{re.escape(title[:20])}")).first).to_be_visible(timeout=60_000)
    shown = page.locator("body").inner_text()
    assert not [name for name in titles if re.search(rf"\b{name}\b", shown) and "_" in name]
    page.close()


def labels(stage: Stage, run: str, task: str) -> dict[int, str | None]:
    return {one["map_index"]: one["rendered_map_index"] for one in tasks_of(stage, run) if one["task_id"] == task}


def test_squares_name_their_school_also_while_a_wait_is_tried_again(
    stage: Stage, run: str, visit: Callable[..., Page]
) -> None:
    """A gate that is asked again, and a collection that is tried again, have been at work and wait anew."""
    schools = [school.label for school in stage.agreements[ALFA].primary_schools]
    with stage.api(stage.coordinator(ALFA)) as api:
        dag = stage.dag_id(ALFA)
        tries = next(one["try_number"] for one in tasks_of(stage, run) if one["task_id"] == "release")
        api.clear(dag, run, [("release", 0)], downstream=False, note="Opnieuw vragen")
        api.wait_for_task(dag, run, "release", ["awaiting_input"], map_index=0, seconds=240)
        again = next(one for one in tasks_of(stage, run) if one["task_id"] == "release")
        assert again["try_number"] > tries
        assert str(again["rendered_map_index"]).startswith("Dossiers vrijgeven voor inzage door ouders?"), again
    collected = labels(stage, run, "collect")
    assert sorted(collected) == list(range(len(schools)))
    for index, label in collected.items():
        assert str(label).startswith(f"Ophalen - {schools[index]}"), label
    page = visit(stage.coordinator(ALFA), f"/dags/{dag}/runs/{quote(run)}/tasks/collect/mapped")
    for label in schools:
        expect(page.get_by_text(f"Ophalen - {label[:20]}").first).to_be_visible(timeout=60_000)
    page.close()


def test_squares_of_tasks_that_did_not_run_name_their_school(
    stage: Stage, run: str, visit: Callable[..., Page]
) -> None:
    """Nothing was sent yet. What waits, or never runs because an earlier task failed, still says for which school."""
    schools = [school.label for school in stage.agreements[ALFA].receivers(KIND)]
    with stage.api(stage.coordinator(ALFA)) as api:
        states = api.states(stage.dag_id(ALFA), run)
    assert {states["deliver", index] for index in range(len(schools))} <= {None, "upstream_failed"}
    assert labels(stage, run, "deliver") == {index: f"Versturen - {one}" for index, one in enumerate(schools)}
    page = visit(stage.coordinator(ALFA), f"/dags/{stage.dag_id(ALFA)}/runs/{quote(run)}/tasks/deliver/mapped")
    for label in schools:
        expect(page.get_by_text(f"Versturen - {label[:20]}").first).to_be_visible(timeout=60_000)
    page.close()


class Pressed:
    """Presses every button of pages of Airflow; no press changes anything, since each request is sent without sense.

    Airflow looks at the right before it looks at what was sent: an account without it gets 403, one with it 422.

    Args:
        page: a page of an account.
    """

    def __init__(self, page: Page) -> None:
        self.page, self.app = page, App(page)
        self.refused: set[str] = set()
        self.asked: set[str] = set()
        self.around: set[str] = set()
        """Buttons of the navigation beside each page: the same everywhere, so the first page has them pressed."""
        page.route("**/*", self._stop)
        page.on("popup", lambda beside: beside.close())  # in front of the page, it would take the next presses

    def _stop(self, route: Route) -> None:
        request = route.request
        if request.method == "GET":
            route.continue_()
            return
        said = f"{request.method} {urlsplit(request.url).path}"
        self.asked.add(said)
        if request.method == "DELETE":  # nothing may be sent, and nobody of ours may delete
            self.refused.add(said)
            route.abort()
            return
        answer = route.fetch(post_data="[]", headers={**request.headers, "content-type": "application/json"})
        if answer.status == 403:
            self.refused.add(said)
        route.fulfill(response=answer)

    def every_button(self, path: str) -> None:
        """Press every button of a page, and what opens behind it, once."""
        self.app.open(path)
        offered = self.names(self.page.locator("button:visible:enabled")) - self.around
        self.around |= self.names(self._beside().locator("button:visible:enabled"))
        for name in sorted(offered):
            for _ in range(2):  # the first press may meet a menu that is still open
                with contextlib.suppress(TimeoutError):
                    self._press(name)
                    break
                self.page.keyboard.press("Escape")
            for _ in range(2):
                self.page.keyboard.press("Escape")
            dialog = self.page.locator("[role=dialog]:visible")
            if dialog.count():
                self.app.open("/dags")  # away from it, and back
                self.app.open(path)
            if dialog.count():
                self.app.load(path)
            elif urlsplit(self.page.url).path != urlsplit(path).path:
                self.app.open(path)

    def _press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click(timeout=2_000)
        self.app.settle()
        first = self.page.locator("[role=menuitem]:visible").first
        if first.count():
            first.click(timeout=2_000)
            self.app.settle()
        self._confirm()

    def _beside(self) -> Locator:
        """The innermost part of the page that has both ends of the navigation."""
        first = self.page.get_by_role("link", name="Dags", exact=True)
        last = self.page.get_by_role("button", name="Gebruiker", exact=True)
        return self.page.locator("*").filter(has=first).filter(has=last).last

    def _confirm(self) -> None:
        for name in ("Bevestig", "Trigger", "Opslaan"):
            button = self.page.locator("[role=dialog]:visible").get_by_role("button", name=name, exact=True)
            if button.count() and button.last.is_enabled():
                button.last.click(timeout=2_000)
                self.app.settle()

    @staticmethod
    def names(found: Locator) -> set[str]:
        names: list[str] = found.evaluate_all(
            "found => found.map(one => one.getAttribute('aria-label') || one.innerText.trim())"
        )
        return {name for name in names if name and "\n" not in name}


def test_no_button_of_a_coordinator_is_refused(stage: Stage, run: str, visit: Callable[..., Page]) -> None:
    page = visit(stage.coordinator(ALFA), "about:blank")
    pressed = Pressed(page)
    here = f"/dags/{stage.dag_id(ALFA)}/runs/{quote(run)}"
    for path in (
        f"/dags/{stage.dag_id(ALFA)}",
        here,
        f"{here}/tasks/open_round/xcom",
        f"{here}/tasks/release/mapped/0/required_actions",
    ):
        pressed.every_button(path)
    page.close()
    assert pressed.refused == set()
    assert {one.split()[0] for one in pressed.asked} >= {"POST", "PATCH"}, pressed.asked


def test_a_reader_sees_no_buttons_that_change_something_and_is_told_of_a_refused_answer(
    stage: Stage, run: str, visit: Callable[..., Page]
) -> None:
    dag = stage.dag_id(ALFA)
    here = f"/dags/{dag}/runs/{quote(run)}"
    acts = ("Trigger Dag", "Wis Taakinstantie", "Wis Dag Run", "Bewerk notitie", "Notitie toevoegen")
    marks = re.compile(r"^(Markeer .* als|Druk op Shift\+C)")
    seen: dict[str, set[str]] = {}
    with stage.api(stage.coordinator(ALFA)) as api:
        before = api.states(dag, run)
        for account in (stage.coordinator(ALFA), VIEWER):
            page = visit(account, "about:blank")
            app = App(page)
            seen[account] = set()
            for path in (f"/dags/{dag}", f"/dags/{dag}/runs", here, f"{here}/tasks/open_round"):
                app.open(path)
                names = Pressed.names(page.locator("button:visible:enabled"))
                seen[account] |= {name for name in names if name in acts or marks.match(name)}
            page.close()
        assert len(seen[stage.coordinator(ALFA)]) >= len(acts) + 2
        assert seen[VIEWER] == set()
        page = visit(VIEWER, f"{here}/tasks/release/mapped/0/required_actions")
        page.get_by_role("button", name="Vrijgeven", exact=True).click()
        expect(page.get_by_text("Toegang geweigerd").first).to_be_visible(timeout=60_000)
        page.close()
        assert api.states(dag, run) == before
