"""Every page of the board in a real browser, for a region of 150 schools; and a coordinator who calls and mails."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from overstap.agreements import Agreement, Milestones, RoundKind
from overstap.agreements.model.people import Coordinator
from overstap.clock import now
from overstap.ledger import Ledger
from overstap.ledger.migrate import add_region
from overstap.ledger.region_keys import create_keys, derive_board_keys
from overstap.ledger.rounds import offers, registrations, rounds
from overstap.notifications.updating import update_notices
from overstap.pages.board import addresses
from overstap.pages.board.airflow_port import GateQuestion, RunRef, TaskRef
from overstap.pages.board.app import Board
from overstap.pages.board.person import BoardUser
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import SyntheticRegion, make_region
from overstap_tools.bench.board import _StubAirflow
from overstap_tools.bench.filling import UNDER_WAY, Filling, fill, milestones_around
from overstap_tools.local.postgres import EmbeddedPostgres

from .guide import Walk
from .serving import DESK, pages_at, serve, sound

REGION = "groot"
ALL = frozenset({REGION})
PRIMARY, SECONDARY, DOSSIERS, TWICE, ELSEWHERE = 138, 12, 1_500, 60, 80
NARROW = (640, 360, 320)
"""CSS pixels: a laptop at 200 %, a telephone, and a laptop at 400 % (WCAG 1.4.10)."""
TABS = 12
_FOCUSED = """() => {
    const all = [...document.querySelectorAll("main *")], one = document.activeElement;
    const style = getComputedStyle(one), place = one.getBoundingClientRect();
    return {
        which: all.indexOf(one),
        said: one.outerHTML.slice(0, 120),
        has_parts: one.type === "datetime-local",
        is_outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
        is_shown: place.width > 0 && place.bottom > 0 && place.top < innerHeight,
    };
}"""
"""Where the focus is in the content (-1: not there), and whether somebody sees it."""
_TABLES_TOO_WIDE = """() => [...document.querySelectorAll("main .scroll:has(table)")].filter(
    one => one.offsetParent && one.scrollWidth > one.clientWidth + 1).map(one => one.outerHTML.slice(0, 160))"""
_PATIENCE_SECONDS = 20.0
"""Nobody waits longer for a page, on a busy machine of two processors (docs/rates.md has the budget)."""


class _Airflow(_StubAirflow):
    """An Airflow with one run, a question in it, and a task per school."""

    @property
    def person(self) -> Callable[..., BoardUser]:
        def who() -> BoardUser:
            return BoardUser("anna", "1", ALL, ALL, sees_dossiers=True, is_administrator=True, coordinates=ALL)

        return who

    def run(self, dag_id: str) -> RunRef | None:
        return RunRef(dag_id, "scheduled__2027")

    def questions(self, dag_id: str) -> list[GateQuestion]:
        if not dag_id.endswith("advice"):
            return []
        task = TaskRef("release_for_review", 0, "Vrijgeven", "awaiting_input")
        asked = f"/dags/{dag_id}/runs/x"
        title = "Dossiers vrijgeven voor inzage door ouders?"
        return [GateQuestion(title, asked, now(), "release_for_review", 1, "key", task, RunRef(dag_id, "x"))]

    def questions_task(self, run: RunRef, gate: str) -> TaskRef | None:
        return TaskRef("questions", -1, gate, "success")

    def collect_task(self, run: RunRef, school: str, *, is_guest: bool = False) -> TaskRef | None:
        return TaskRef("collect", 0, school, "success")


@dataclass
class _Large:
    address: str
    ledger: Ledger
    round_id: str
    schools: list[str]
    receivers: list[str]


@pytest.fixture(scope="module")
def large(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[_Large]:
    name, folder = f"large_{secrets.token_hex(4)}", tmp_path_factory.mktemp("large")
    postgres.copy_database(name, ledger_template)
    owner = postgres.superuser_dsn(name)
    add_region(owner, REGION)
    create_keys(folder / "keys", REGION, "1")
    derive_board_keys(folder / "keys", folder / "board", REGION)
    at = now()
    region = make_region(21, 900, PRIMARY, SECONDARY, today=at.date(), name=REGION, title="Regio Groot")
    later = {moment: at + timedelta(days=50 + 9 * step) for step, moment in enumerate(Milestones.model_fields)}
    agreed = {kind: milestones_around(at) for kind in (RoundKind.ADVICE, RoundKind.PLACEMENT)}
    agreement = agreement_of(region, agreed | {RoundKind.PRE_REGISTRATION: Milestones(**later)})
    people = (Coordinator(account="anna", name="Anna de Wit", email="anna@groot-scholen.nl"),)
    schools = tuple(
        one.model_copy(update={"board": f"Stichting {number % 9}"}) for number, one in enumerate(agreement.schools)
    )
    agreement = agreement.model_copy(update={"coordinators": people, "schools": schools})
    write_agreement(agreement, folder / "regions")
    ledger = Ledger(postgres.dsn("overstap_app", name), folder / "keys")
    fill(ledger, owner, agreement, RoundKind.ADVICE, Filling(DOSSIERS, UNDER_WAY, silent_every=11))
    _place(ledger, agreement, region)
    _compare(owner)
    settings = Settings(
        ledger=postgres.dsn("overstap_board", name),
        drafts=postgres.dsn("overstap_drafts", name),
        regions=folder / "regions",
        board_keys=folder / "board",
        trust=None,
    )
    board = Board(_Airflow([REGION]), lambda: settings)
    with serve(board) as address:
        yield _Large(
            address,
            ledger,
            agreement.round_id(RoundKind.ADVICE),
            [one.id for one in agreement.primary_schools],
            [one.id for one in agreement.secondary_schools],
        )
    ledger.close()


def _place(ledger: Ledger, agreement: Agreement, region: SyntheticRegion) -> None:
    """Open the placement round: places of every school, pupils placed twice, decisions whose legal period runs out."""
    pupils, at = list(region.pupils()), now()
    secondary = agreement.secondary_schools
    stated = [
        registrations.Registration(pupil.number, pupil.school.id, school.id, "placed", at)
        for number, pupil in enumerate(pupils[:TWICE])
        for school in (secondary[number % SECONDARY], secondary[(number + 1) % SECONDARY])
    ]
    undecided = [
        registrations.Registration(
            pupil.number, pupil.school.id, secondary[number % SECONDARY].id, "applied", at - timedelta(days=number % 50)
        )
        for number, pupil in enumerate(pupils[TWICE : TWICE + 200])
    ]
    offered = [
        offers.StatedOffer(school.id, location, kind, 30, 20 + number, at)
        for number, school in enumerate(secondary)
        for location in ("Markt 1", "Lange Houtstraat 112a")
        for kind in ("bb", "kb", "havo", "vwo")
    ]
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, agreement, RoundKind.PLACEMENT)
        registrations.record_registrations(unit, agreement.school_year, [*stated, *undecided])
        offers.take(unit, agreement.school_year, offered)


def _compare(owner: str) -> None:
    """Let a comparison have told that pupils applied in another region too: more than one page of a screen."""
    with psycopg.connect(owner) as connection:
        connection.execute(
            "with made as (insert into overstap.comparison (comparison, region, school_year, partner, part, pupils, "
            "question, answer, found, by_whom, ended_at) select gen_random_uuid(), region, max(school_year), "
            "'rivierenland', 'asked', 900, sha256('q'), sha256('a'), %(count)s, 'anna', now() from overstap.round "
            "group by region returning comparison, region, school_year) "
            "insert into overstap.applied_elsewhere (region, school_year, partner, pupil, secondary_school, state, "
            "comparison) select m.region, m.school_year, 'rivierenland', a.pupil, '97ZZ00', 'support_examined', "
            "m.comparison from made m cross join lateral (select distinct pupil from overstap.application x "
            "where x.region = m.region and x.withdrawn_at is null and x.stage = 'applied' "
            "order by 1 limit %(count)s) a",
            {"count": ELSEWHERE},
        )


@pytest.fixture
def visit_large(large: _Large, browser: Browser) -> Iterator[Callable[..., Page]]:
    with pages_at(large.address, browser) as page:
        yield page


def pages_of(large: _Large) -> dict[str, str]:
    """Every page of the board that a coordinator or an administrator can open."""
    this, school = large.round_id, large.schools[3]
    placement = this.replace("advice", "placement")
    return {
        "home": addresses.home(),
        "administration": addresses.administration(),
        "round": addresses.round_page(this),
        "round-late": f"{addresses.round_page(this)}?toon=te-laat&op=naam",
        "round-search": f"{addresses.round_page(this)}?zoek=bestaat+niet",
        "round-export-order": f"{addresses.round_page(this)}?op=termijn&om=1",
        "placement": addresses.round_page(placement),
        "planned": addresses.round_page(this.replace("advice", "pre_registration")),
        "school": addresses.school_page(this, school),
        "rerun": addresses.rerun_page(this, school),
        "question": addresses.question(this, "release_for_review", 1),
        "ask-again": addresses.ask_again(this, "release_for_review"),
        "placed-twice": addresses.placements(placement),
        "places": addresses.places(placement),
        "two-regions": addresses.two_regions(placement),
        "two-regions-search": f"{addresses.two_regions(placement)}?zoek=bestaat+niet",
        "guests": addresses.guests(this),
        "agreement": addresses.agreement_changes(this),
        "calendar": addresses.calendar(REGION),
        "drafts": addresses.agreements(REGION),
        "second": addresses.supervision(REGION),
        "contacts": addresses.contacts(this),
        "contact": addresses.contact(this, school),
        "contact-receiver": addresses.contact(this, large.receivers[0]),
        "contact-board": addresses.contact(this, "board:Stichting 3"),
        "message": f"{addresses.message(this)}?toon=alle",
    }


def test_every_page_of_150_schools(
    large: _Large, visit_large: Callable[..., Page], serious: Callable[[Page], list[str]]
) -> None:
    light, dark = visit_large(), visit_large(scheme="dark")
    for name, path in pages_of(large).items():
        begin = time.monotonic()
        answer = light.goto(path)
        assert answer is not None
        assert answer.status == 200, (name, light.content()[:2000])
        assert time.monotonic() - begin < _PATIENCE_SECONDS, name
        sound(light, serious, f"large-{name}", is_long=any(one in name for one in ("round", "contacts", "placement")))
        fits(light, name)
        by_keyboard(light, name)
        dark.goto(path)
        assert serious(dark) == [], f"{name}, dark"
    light.goto(addresses.round_page(large.round_id))
    expect(light.locator("table.schools tbody tr")).to_have_count(PRIMARY)
    light.goto(addresses.contacts(large.round_id))
    expect(light.locator("tbody tr")).to_have_count(PRIMARY + SECONDARY + 9)
    placement = large.round_id.replace("advice", "placement")
    light.goto(addresses.places(placement))
    expect(light.locator("tbody tr")).to_have_count(SECONDARY * 8)
    light.goto(addresses.two_regions(placement))
    expect(light.locator("tbody tr")).to_have_count(ELSEWHERE)
    light.goto(addresses.placements(placement))
    expect(light.locator("main form")).to_have_count(TWICE)
    light.goto(addresses.home())
    expect(light.get_by_role("heading", name="Scholen om te bellen").first).to_be_visible()
    expect(light.get_by_text(f"Van {TWICE} leerlingen moet u nog zeggen").first).to_be_visible()


def test_who_applied_in_two_regions_is_found_and_taken_up(large: _Large, visit_large: Callable[..., Page]) -> None:
    """As the guide says it to a coordinator."""
    word, page = Walk("aanmeldingen"), visit_large()
    page.goto(addresses.round_page(large.round_id.replace("advice", "placement")))
    for words in ("Aanmeldingen, met codes (CSV)", "Aanmeldingen, met codes (Excel)"):
        with page.expect_download() as file:
            page.get_by_role("link", name=word(words)).click()
        assert file.value.suggested_filename.startswith("aanmeldingen-")
        assert file.value.path().stat().st_size > 100_000
    page.get_by_role("link", name=word("Kijk wie ook in een andere regio is aangemeld")).click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(ELSEWHERE)
    sign = rows.first.get_by_role("link").inner_text()
    rows.first.get_by_role("button", name=word("Ik zoek dit uit")).click()
    page.get_by_role("link", name="Kijk wie ook in een andere regio is aangemeld").click()
    page.get_by_role("searchbox", name="Code, school of status").fill(sign)
    page.get_by_role("button", name="Zoek", exact=True).click()
    expect(rows).to_have_count(1)
    expect(rows.first.get_by_text("Anna de Wit")).to_be_visible()
    rows.first.get_by_role("link", name=sign).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(sign)


def test_the_sign_of_a_dossier_leads_to_its_school(large: _Large, visit_large: Callable[..., Page]) -> None:
    """As it stands on the board, in the school's list and in its report."""
    page = visit_large()
    page.goto(addresses.school_page(large.round_id, large.schools[5]))
    sign = page.locator("section[aria-labelledby=dossiers] tbody th").first.inner_text()
    for typed in (sign, sign.lower().replace("-", "")):
        page.goto(addresses.round_page(large.round_id))
        page.get_by_role("searchbox", name="School of code van een dossier").fill(typed)
        page.get_by_role("button", name="Zoek", exact=True).click()
        page.wait_for_url(f"**{addresses.school_page(large.round_id, large.schools[5])}#dossiers")
        expect(page.get_by_role("rowheader", name=sign)).to_be_visible()


def test_a_draft_of_150_schools(
    large: _Large, visit_large: Callable[..., Page], serious: Callable[[Page], list[str]]
) -> None:
    page = visit_large()
    page.goto(addresses.agreements(REGION))
    page.get_by_role("button", name="Voorstel maken").first.click()
    expect(page.get_by_text("Het voorstel is begonnen.")).to_be_visible()
    advice = page.get_by_role("group", name="Ronde Advies")
    field = advice.get_by_label("Aanleveren uiterlijk")
    was = field.input_value()
    field.fill("2020-01-01T12:00")
    begin = time.monotonic()
    expect(page.get_by_text("Dit is nog niet bewaard.").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ fout(en)? moet(en)? eruit")).first).to_be_visible()
    assert time.monotonic() - begin < _PATIENCE_SECONDS, "the check while somebody types"
    sound(page, serious, "large-draft", is_long=True)
    fits(page, "draft")
    by_keyboard(page, "draft")
    field.fill(was)
    page.get_by_role("button", name="Voorstel wegleggen").first.click()


def fits(page: Page, name: str) -> None:
    """Nothing needs scrolling sideways at 200 % and 400 % of a laptop's width and on a small telephone.

    On a telephone no table does either, inside its own box.
    """
    for width in NARROW:
        page.set_viewport_size({"width": width, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
    assert page.evaluate(_TABLES_TOO_WIDE) == [], (name, "tables that scroll sideways")
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})


def by_keyboard(page: Page, name: str) -> None:
    """The first key reaches the link to the content, and the keys after it go on, each to something with an outline."""
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    page.reload()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Naar de inhoud")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    seen: list[dict[str, Any]] = []
    for _ in range(TABS):
        page.keyboard.press("Tab")
        found = page.evaluate(_FOCUSED)
        if found["which"] < 0:  # the end of a short page
            break
        if not (found["has_parts"] and seen and seen[-1]["which"] == found["which"]):  # a moment: day, month, year
            seen.append(found)
    places = [one["which"] for one in seen]
    assert places == sorted(set(places)), (name, "the keys go down the page and stay nowhere", seen)
    assert [one["said"] for one in seen if not (one["is_outlined"] and one["is_shown"])] == [], name


def test_a_coordinator_calls_and_mails(
    large: _Large, visit_large: Callable[..., Page], serious: Callable[[Page], list[str]]
) -> None:
    page = visit_large()
    school = large.schools[0]
    page.goto(addresses.school_page(large.round_id, school))
    page.get_by_role("link", name="Contact en gesprekken").click()
    page.get_by_label("Naam").fill("Marja Jansen")
    page.get_by_label("Functie").fill("intern begeleider")
    page.get_by_label("Telefoon").fill("070 123 45 67")
    page.get_by_role("button", name="Bewaren", exact=True).click()
    expect(page.get_by_text("Bewaard.")).to_be_visible()
    page.get_by_label("Wat is er besproken").fill("Levert morgen aan.\nBel anders de directeur.")
    page.get_by_role("button", name="Gesprek vastleggen").click()
    expect(page.get_by_text("Anna de Wit belde met Marja Jansen")).to_be_visible()
    sound(page, serious, "contact-filled")
    page.goto(addresses.school_page(large.round_id, school))
    expect(page.get_by_role("link", name="070 123 45 67").first).to_be_visible()

    page.goto(f"{addresses.round_page(large.round_id)}?toon=te-laat#scholen")
    late = page.locator("table.schools tbody tr").count()
    assert late > 1, "some schools of the region supply nothing"
    page.get_by_role("link", name="Bericht aan deze scholen").click()
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(late)
    page.get_by_label("Onderwerp").fill("Aanleveren voor de overstap")
    page.get_by_label("Bericht", exact=True).fill("Wilt u vandaag nog aanleveren?\nLukt het niet? Bel mij.")
    page.get_by_role("button", name="Voorbeeld bekijken").click()
    expect(page.get_by_text(f"Totaal: {late} mails.")).to_be_visible()
    expect(page.get_by_text("Coördinator van de overstap, Regio Groot")).to_be_visible()
    sound(page, serious, "message-preview")
    page.get_by_role("button", name="Nog aanpassen").click()
    expect(page.get_by_label("Onderwerp")).to_have_value("Aanleveren voor de overstap")
    page.get_by_role("button", name="Voorbeeld bekijken").click()
    page.get_by_role("button", name="Versturen").click()
    expect(page.get_by_text("Het bericht wordt nu verstuurd.")).to_be_visible()
    done = update_notices(large.ledger, REGION, at=now(), expiring=(), board=lambda one: one, actor="tell")
    assert done["messages"] == late
