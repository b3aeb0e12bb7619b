"""A whole round by clicks alone, in Airflow's own frame: late school, faulty school, gate, rerun, export; its looks."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from openpyxl import load_workbook
from playwright.sync_api import Dialog, FrameLocator, Page, expect

from overstap.simulation.synthetic.school import SchoolBehaviour
from overstap_tools.local.api import FINISHED
from overstap_tools.local.waiting import wait_until

from .stage import ADMINISTRATOR, ALFA, BETA, HOSTILE, LEDGER, VIEWER, Administrations, Stage

pytestmark = pytest.mark.boot

PATIENT = 120_000
SETTLES = timedelta(seconds=9)
TOLD_LATE = "De aanlevertermijn is voorbij"
"""What a school's page says of the mail to a school that is late."""
ASKED = re.compile(r"Er (wacht een vraag|wachten \d+ vragen) op u")


@pytest.fixture(scope="module")
def schools(stage: Stage) -> Iterator[Administrations]:
    """The schools' administrations, at work beside the coordinator."""
    at_work = Administrations(stage, ALFA)
    at_work.start()
    yield at_work
    at_work.over.set()
    at_work.join()
    assert at_work.problem is None


def board(page: Page) -> FrameLocator:
    return page.frame_locator("iframe")


def framed(stage: Stage, rest: str = "") -> str:
    return f"/plugin/rondes/rondes/ronde/{stage.round_id(ALFA)}{rest}"


def show(page: Page, stage: Stage, rest: str = "") -> None:
    """Open another page of the board in Airflow's frame, which stays: loading Airflow takes seconds of a processor."""
    page.frames[1].goto(f"/rondes/ronde/{stage.round_id(ALFA)}{rest}")


def until_shown(page: Page, text: str | re.Pattern[str]) -> None:
    """Refresh the board, as a person does, until it tells something."""

    def is_shown() -> bool:
        if board(page).get_by_text(text).count():
            return True
        board(page).get_by_role("link", name="Vernieuwen").click()
        page.wait_for_timeout(1500)
        return bool(board(page).get_by_text(text).count())

    wait_until(is_shown, f"the board to tell {text}", 240, poll_seconds=1)


def let_it_settle(page: Page, stage: Stage) -> None:
    """Give Airflow 3.3.2 its seconds: it takes a task for broken that is answered, or cleared, right after it asked."""
    with stage.api(stage.coordinator(ALFA)) as api:
        asked = [one["created_at"] for one in api.questions(stage.dag_id(ALFA), stage.run_id(ALFA))]
    left = SETTLES - (datetime.now(UTC) - max(map(datetime.fromisoformat, asked)))
    page.wait_for_timeout(max(0, left.total_seconds() * 1000))


def answer_gate(page: Page, stage: Stage) -> None:
    """Answer the question on the board, with what lets the round go on; nobody leaves the board for it."""
    show(page, stage)
    until_shown(page, ASKED)
    let_it_settle(page, stage)
    board(page).locator("section[aria-labelledby=vragen] a").first.click()
    board(page).get_by_label("Reden of opmerking").fill("Nagekeken")
    board(page).get_by_role("button", name=re.compile("^(Vrijgeven|Versturen|Zo afsluiten)$")).click(timeout=PATIENT)
    expect(board(page).get_by_text("Uw besluit staat vast.")).to_be_visible(timeout=PATIENT)


def play_on(page: Page, stage: Stage, run: str) -> str:
    """Answer whatever is asked until the run is over; return how it ended."""
    with stage.api(stage.coordinator(ALFA)) as api:

        def is_over_or_asks() -> bool:
            return bool(api.questions(stage.dag_id(ALFA), run)) or api.run(stage.dag_id(ALFA), run)["state"] in FINISHED

        for _ in range(6):
            wait_until(is_over_or_asks, "the round's next question or its end", 400, poll_seconds=1)
            if api.run(stage.dag_id(ALFA), run)["state"] in FINISHED:
                break
            answer_gate(page, stage)
        return str(api.run(stage.dag_id(ALFA), run)["state"])


def asked_for(stage: Stage, run: str) -> int:
    """How many dossiers the question to the coordinator is about; 0 while none is asked."""
    with stage.api(stage.coordinator(ALFA)) as api:
        told = [re.search(r"(\d+) dossiers?", one["subject"]) for one in api.questions(stage.dag_id(ALFA), run)]
    return max((int(one[1]) for one in told if one), default=0)


def rerun(page: Page, stage: Stage, school: str, why: str) -> None:
    """Ask for a rerun of one school on the board, with a reason."""
    show(page, stage, f"/school/{school}")
    board(page).get_by_role("link", name="Opnieuw ophalen").click()
    expect(board(page).get_by_role("heading", name="Dit gebeurt er niet")).to_be_visible()
    expect(board(page).get_by_text("De andere scholen merken hier niets van.")).to_be_visible()
    board(page).get_by_label("Waarom").fill(why)
    board(page).get_by_role("button", name="Opnieuw ophalen").click()
    # It says so until it has ended, and looks again by itself
    expect(board(page).get_by_text(re.compile("Bezig met ophalen|Het ophalen is klaar"))).to_be_visible(timeout=PATIENT)
    expect(board(page).get_by_text("Het ophalen is klaar")).to_be_visible(timeout=PATIENT)


def test_a_round_by_clicks_alone(stage: Stage, schools: Administrations, visit: Callable[..., Page]) -> None:
    late, faulty = stage.school(ALFA, SchoolBehaviour.LATE), stage.school(ALFA, SchoolBehaviour.FAULTY)
    page = visit(stage.coordinator(ALFA), "/")
    # From Airflow's navigation to the round, which opens by itself: nothing has to be switched on.
    page.get_by_role("link", name="Rondes").click()
    board(page).get_by_role("link", name="Advies 2026-2027").first.click()
    expect(board(page).get_by_role("heading", name="Advies 2026-2027", level=1)).to_be_visible()
    board(page).get_by_role("link", name="Ronde in Airflow").click()
    page.wait_for_url(f"**/dags/{stage.dag_id(ALFA)}*")
    run = stage.run_id(ALFA)

    # The gate asks; a late school shows red and holds up nobody; the faulty one is told in a sentence.
    page.goto(framed(stage))
    until_shown(page, ASKED)
    expect(board(page).get_by_text("Rood in Airflow")).to_be_visible()
    expect(board(page).get_by_text("INTAKE-050").first).to_be_visible()
    until_shown(page, re.compile("zijn er problemen|hetzelfde probleem|kunnen niet verder"))
    board(page).get_by_role("link", name=re.compile(r"^Probleem \d")).click()
    expect(board(page).locator("table.schools tbody tr")).not_to_have_count(len(stage.regions[ALFA].primary))
    show(page, stage, f"/school/{faulty.id}")
    expect(board(page).get_by_text(re.compile("dossiers? (is|zijn) afgekeurd")).first).to_be_visible()
    only_the_late_school_was_told_so(page, stage)

    # It mends what was found before anybody answered; collected again by the board, so the question is another one.
    before = asked_for(stage, run)
    stage.mend(faulty)
    let_it_settle(page, stage)
    rerun(page, stage, faulty.id, "School heeft hersteld")
    wait_until(lambda: asked_for(stage, run) > before, "a question with what was mended", 240, poll_seconds=1)
    assert play_on(page, stage, run) == "failed"  # the late school is missing
    confirmed = stage.states(ALFA)["confirmed"]
    assert confirmed > 0

    # The late school supplies: collected again by the board, with the coordinator's own rights.
    stage.supply_late(late)
    rerun(page, stage, late.id, "School leverde alsnog aan")
    assert play_on(page, stage, run) == "success"
    show(page, stage, f"/school/{late.id}")
    until_shown(page, "Niets: alles is klaar.")
    states = stage.states(ALFA)
    assert set(states) <= {"confirmed", "no_receiver"}
    assert states["confirmed"] > confirmed
    with stage.api(stage.coordinator(ALFA)) as api:
        notes = {one["note"] for one in api.task_instances(stage.dag_id(ALFA), run) if one["note"]}
    assert {"School leverde alsnog aan", "School heeft hersteld"} & notes
    decided(page, stage)
    page.close()


def only_the_late_school_was_told_so(page: Page, stage: Stage) -> None:
    """The deadline had passed before the round opened; the files of the others lay ready and were still collected."""
    late = stage.school(ALFA, SchoolBehaviour.LATE)
    show(page, stage, f"/school/{late.id}")
    until_shown(page, re.compile(TOLD_LATE))
    for school in stage.regions[ALFA].primary:
        if school is not late:
            show(page, stage, f"/school/{school.id}")
            expect(board(page).get_by_role("heading", name="Hoe ver is de school?")).to_be_visible()
            expect(board(page).get_by_text(TOLD_LATE)).to_have_count(0)


def decided(page: Page, stage: Stage) -> None:
    """See every decision with the coordinator's name and reason, on the board and in the audit chain."""
    show(page, stage)
    name = stage.agreements[ALFA].coordinators[0].name
    said = board(page).locator("section[aria-labelledby=momenten] ul.plain li")
    expect(said.first).to_contain_text(f"{name}")
    with psycopg.connect(stage.postgres.superuser_dsn(LEDGER)) as connection:
        kept = connection.execute(
            "select gate, decided_by, reason, answer_key like 'asked %%' from overstap.gate_decision where region = %s",
            [ALFA],
        ).fetchall()
        lines = connection.execute(
            "select count(*) from overstap.audit_line where region = %s and payload::jsonb ->> 'action' like 'gate.%%' "
            "and payload::jsonb ->> 'action' not like 'gate.hold%%' and payload::jsonb ->> 'actor' = %s",
            [ALFA, stage.coordinator(ALFA)],
        ).fetchone()
    assert {gate for gate, *_ in kept} >= {"release_for_review", "accept_undeliverable"}
    assert {tuple(rest) for _, *rest in kept} == {(stage.coordinator(ALFA), "Nagekeken", True)}
    assert lines == (len(kept),)
    assert said.count() == len(kept)


def test_the_export_is_safe_to_open(stage: Stage, visit: Callable[..., Page], tmp_path: Path) -> None:
    page = visit(stage.coordinator(ALFA), framed(stage))
    files = {}
    for name in ("CSV", "Excel"):
        with page.expect_download() as waiting:
            board(page).get_by_role("link", name=name, exact=True).click()
        files[name] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(files[name])
    page.close()
    rows = list(csv.DictReader(io.StringIO(files["CSV"].read_text(encoding="utf-8-sig")), delimiter=";"))
    assert len(rows) == len(stage.regions[ALFA].primary)
    assert f"'{HOSTILE}" in {row["School"] for row in rows}
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@" and cell]
    sheet = load_workbook(files["Excel"]).active
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert HOSTILE in {cell.value for cell in cells}
    assert "f" not in {cell.data_type for cell in cells}


@pytest.mark.fault("F71")
def test_hostile_names_change_nothing(stage: Stage, visit: Callable[..., Page]) -> None:
    page = visit(stage.coordinator(ALFA), framed(stage))
    said: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    expect(board(page).locator("bdi", has_text="<script>alert(1)</script>").first).to_be_visible()
    assert board(page).locator("bdi", has_text="<script>").first.inner_text() == HOSTILE
    board(page).locator("table.schools a", has_text="<script>").first.click()
    expect(board(page).locator("h1")).to_have_text(HOSTILE)
    assert said == []
    page.close()


def pages(stage: Stage) -> dict[str, tuple[str, str]]:
    """Every page of the board: who sees it, and where."""
    coordinator, late = stage.coordinator(ALFA), stage.school(ALFA, SchoolBehaviour.LATE).id
    here = f"/rondes/ronde/{stage.round_id(ALFA)}"
    return {
        "home": (coordinator, "/rondes/"),
        "round": (coordinator, here),
        "empty search": (coordinator, f"{here}?zoek=bestaat+niet"),
        "school": (coordinator, f"{here}/school/{late}"),
        "rerun": (coordinator, f"{here}/school/{late}/opnieuw"),
        "question": (stage.coordinator(BETA), f"/rondes/ronde/{stage.round_id(BETA)}/besluit/release_for_review/1"),
        "question, answered": (coordinator, f"{here}/besluit/release_for_review/1"),
        "take back": (coordinator, f"{here}/terugnemen"),
        "ask again": (coordinator, f"{here}/opnieuw-vragen/release_for_review"),
        "changes": (coordinator, f"{here}/afspraken"),
        "calendar": (coordinator, f"/rondes/agenda/{ALFA}"),
        "nothing": (coordinator, f"{here}/school/00ZZ00"),
        "viewer's school": (VIEWER, f"{here}/school/{late}"),
        "administration": (ADMINISTRATOR, "/rondes/beheer"),
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    stage: Stage, visit: Callable[..., Page], serious: Callable[[Page], list[str]], scheme: str
) -> None:
    every = pages(stage)
    for name in every if scheme == "light" else ("home", "round", "school", "question", "administration"):
        account, path = every[name]
        page = visit(account, path, scheme=scheme)
        page.locator("main").wait_for()
        assert serious(page) == [], name
        page.close()


def test_nothing_is_cut_off_at_200_per_cent_and_on_a_phone(stage: Stage, visit: Callable[..., Page]) -> None:
    # 640 CSS pixels is a laptop's width at 200 %; 360 a phone's.
    for account, path in pages(stage).values():
        page = visit(account, path)
        for width in (640, 360):
            page.set_viewport_size({"width": width, "height": 780})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
        page.close()


def test_the_board_works_by_keyboard(stage: Stage, visit: Callable[..., Page]) -> None:
    page = visit(stage.coordinator(ALFA), f"/rondes/ronde/{stage.round_id(ALFA)}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Naar de inhoud")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("searchbox").focus()
    page.keyboard.type("script")
    page.keyboard.press("Enter")
    page.wait_for_url("**zoek=script*")
    expect(page.locator("table.schools tbody tr")).to_have_count(1)
    outline = page.locator("table.schools a").first
    outline.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert outline.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/school/*")
    page.close()


def test_a_page_leaves_the_frame_to_be_printed(stage: Stage, visit: Callable[..., Page]) -> None:
    """Airflow's frame allows no dialog, so no printing, and no new window: the page around it opens one."""
    page = visit(stage.coordinator(ALFA), framed(stage))
    expect(board(page).get_by_role("button", name="Afdrukken")).to_be_hidden()
    with page.context.expect_page() as waiting:
        board(page).get_by_role("link", name="Openen in eigen venster").click()
    alone = waiting.value
    expect(alone.get_by_role("button", name="Afdrukken")).to_be_visible()
    expect(alone.get_by_role("link", name="Openen in eigen venster")).to_be_hidden()
    assert alone.url.startswith(f"{stage.address}/rondes/ronde/{stage.round_id(ALFA)}")
    alone.close()
    page.close()


def test_the_board_follows_the_colours_that_were_chosen_in_airflow(stage: Stage, visit: Callable[..., Page]) -> None:
    page = visit(stage.coordinator(ALFA), framed(stage))
    board(page).locator("h1").wait_for()
    background = "() => getComputedStyle(document.body).backgroundColor"
    frame = page.frames[1]
    colours = {}
    for theme in ("dark", "light"):
        page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
        page.reload()
        board(page).locator("h1").wait_for()
        frame = page.frames[1]
        colours[theme] = frame.evaluate(background)
    page.evaluate("localStorage.removeItem('theme')")
    page.close()
    assert colours == {"dark": "rgb(14, 19, 25)", "light": "rgb(244, 246, 249)"}


@pytest.mark.fault("F71")
def test_a_form_of_another_page_or_person_does_nothing(stage: Stage, visit: Callable[..., Page]) -> None:
    """CSRF: a request with the person's cookie, without the mark that only our page has, is not carried out."""
    late = stage.school(ALFA, SchoolBehaviour.LATE).id
    here = f"/rondes/ronde/{stage.round_id(ALFA)}/school/{late}/opnieuw"
    coordinator = visit(stage.coordinator(ALFA), here)
    mark = coordinator.locator("input[name=mark]").get_attribute("value")
    run = stage.run_id(ALFA)
    with stage.api(stage.coordinator(ALFA)) as api:
        # By itself nothing moves once the round asks, or has ended: also where this test is run alone
        api.wait_for_task(stage.dag_id(ALFA), run, "release", ["awaiting_input", "success"], map_index=0, seconds=400)
        before = api.states(stage.dag_id(ALFA), run)
        sent = coordinator.request
        forms: tuple[tuple[dict[str, str | float | bool], dict[str, str]], ...] = (
            ({"note": "x", "mark": ""}, {}),
            ({"note": "x", "mark": str(mark)[:-2] + "xx"}, {}),
            ({"note": "x", "mark": str(mark)}, {"Sec-Fetch-Site": "cross-site"}),
            ({"note": "", "mark": str(mark)}, {"Sec-Fetch-Site": "same-origin"}),
        )
        for form, headers in forms:
            answer = sent.post(f"{stage.address}{here}", form=form, headers=headers, max_redirects=0)
            assert answer.status == 422, form
        coordinator.close()
        viewer = visit(VIEWER, here)
        expect(viewer.get_by_text("Uw account mag in deze regio geen taken opnieuw laten uitvoeren.")).to_be_visible()
        answer = viewer.request.post(f"{stage.address}{here}", form={"note": "x", "mark": str(mark)}, max_redirects=0)
        assert answer.status == 422
        viewer.close()
        assert api.states(stage.dag_id(ALFA), run) == before


def test_the_administrator_sees_all_regions_and_the_health_of_the_system(
    stage: Stage, visit: Callable[..., Page]
) -> None:
    page = visit(ADMINISTRATOR, "/plugin/rondes/rondes/beheer")
    for name in (
        "Planner (scheduler)",
        "Wachtrij",
        "Grootboek",
        "Certificaten",
        "Laatste back-up",
        "Ondertekend bewijs",
    ):
        expect(board(page).locator("strong", has_text=name)).to_be_visible()
    for region in stage.agreements.values():
        expect(board(page).get_by_role("link", name=region.name).first).to_be_visible()
    page.close()
