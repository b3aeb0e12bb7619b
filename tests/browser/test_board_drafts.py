"""A draft of an agreement in a real browser, without Airflow: written by one coordinator, approved by another."""

import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from playwright.sync_api import Browser, Page, expect

from overstap.agreements import RoundKind, load_agreement
from overstap.clock import NETHERLANDS
from overstap.ledger import Ledger
from overstap.ledger.region_keys import create_keys
from overstap.pages.board import addresses
from overstap.pages.board.app import Board, make_app
from overstap.pages.board.person import BoardUser
from overstap.rounds.agreeing import write_approved
from overstap.rounds.context import Context
from overstap.settings import Settings
from overstap.texts import texts
from overstap_tools.local import ports
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.waiting import wait_until

from .guide import Walk

ALFA = frozenset({"alfa"})
AGREEMENT = """\
region: alfa
name: Regio Alfa
school_year: 2026-2027
holiday_region: middle
coordinators:
  - {account: anna, name: Anna de Wit, email: anna@alfa-scholen.nl}
  - {account: bas, name: Bas Vermeer, email: bas@alfa-scholen.nl}
schools: {file: 2026-2027-schools.csv}
rounds:
  advice:
    receivers: registered
    milestones:
      opens: 2027-03-01 08:00
      data_due: 2027-03-16 12:00
      review_opens: 2027-03-16 14:00
      review_closes: 2027-03-24 16:00
      delivers: 2027-03-25 08:00
      receipts_due: 2027-04-06 17:00
"""
PRIMARY = "99A{0}00,Basisschool {0},PO,Bestuur,{0}@alfa-scholen.nl,drop_folder,\n"
SCHOOLS = (
    "id,name,kind,board,contact,supplies,receives\n"
    + "".join(PRIMARY.format(letter) for letter in "BCDEFG")
    + "98XA00,Het College,VO,Bestuur,vo@alfa-scholen.nl,,https://vo.alfa-scholen.nl/overstap\n"
)
_DESK, _PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
_PICTURES = os.environ.get("OVERSTAP_TEST_IMAGES_FOLDER")


class _WhoeverAsks:
    """An Airflow without rounds, in which the cookie says who asks."""

    base = ""

    @property
    def person(self) -> Callable[..., BoardUser]:
        def who(request: Request) -> BoardUser:
            account = request.cookies["account"]
            return BoardUser(account, account, ALFA, ALFA, coordinates=ALFA)

        return who

    def login(self, request: Request) -> str:
        return "/"

    def questions(self, dag_id: str) -> Sequence[Any]:
        return []

    def paused(self) -> Sequence[Any]:
        return []

    def health(self, now: datetime) -> Sequence[Any]:
        return []

    def secret(self) -> str:
        return "s" * 40


@dataclass
class _Served:
    address: str
    settings: Settings
    ledger: Ledger

    @property
    def file(self) -> Path:
        return self.settings.regions / "alfa" / "2026-2027.yaml"


@pytest.fixture
def served(postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path) -> Iterator[_Served]:
    name = f"drafts_{secrets.token_hex(4)}"
    postgres.copy_database(name, ledger_template)
    regions = tmp_path / "regions"
    (regions / "alfa").mkdir(parents=True)
    (regions / "alfa" / "2026-2027.yaml").write_text(AGREEMENT)
    (regions / "alfa" / "2026-2027-schools.csv").write_text(SCHOOLS)
    create_keys(tmp_path / "keys", "alfa", "1")
    settings = Settings(
        ledger=postgres.dsn("overstap_board", name),
        drafts=postgres.dsn("overstap_drafts", name),
        regions=regions,
        trust=None,
    )
    board = Board(_WhoeverAsks(), lambda: settings)  # type: ignore[arg-type]
    app, port = FastAPI(), ports.any_free()
    app.mount(addresses.PREFIX, make_app(board))
    server = uvicorn.Server(uvicorn.Config(app, host=ports.LOOPBACK, port=port, log_level="warning"))
    running = threading.Thread(target=server.run, daemon=True)
    running.start()
    wait_until(lambda: server.started, "the board", 60)
    ledger = Ledger(postgres.dsn("overstap_app", name), tmp_path / "keys")
    yield _Served(f"http://{ports.LOOPBACK}:{port}", settings, ledger)
    ledger.close()
    server.should_exit = True
    running.join()
    board.read_only_ledger.close()


@pytest.fixture
def visit_as(served: _Served, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a page of an account; what the browser complains of fails the test."""
    contexts = []
    complaints: list[str] = []

    def page(account: str, *, script: bool = True) -> Page:
        context = browser.new_context(
            viewport=_DESK,
            locale="nl-NL",
            base_url=served.address,
            java_script_enabled=script,  # type: ignore[arg-type]
        )
        context.set_default_timeout(30_000)
        context.add_cookies([{"name": "account", "value": account, "url": served.address}])
        contexts.append(context)
        opened = context.new_page()
        opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        return opened

    yield page
    for context in contexts:
        context.close()
    # A page of status 409, "somebody else changed it too", is one of ours.
    assert [one for one in complaints if "409 (Conflict)" not in one] == []


def sound(page: Page, serious: Callable[[Page], list[str]], name: str) -> None:
    """Axe finds nothing, and a phone of 320 pixels needs no scrolling sideways."""
    assert serious(page) == [], name
    page.set_viewport_size(_PHONE)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
    picture(page, f"{name}-phone")
    page.set_viewport_size(_DESK)  # type: ignore[arg-type]
    picture(page, name)


def picture(page: Page, name: str) -> None:
    if _PICTURES:
        page.screenshot(path=Path(_PICTURES) / f"{name}.png", full_page=True)


def test_a_draft_is_written_checked_and_approved(
    served: _Served, visit_as: Callable[..., Page], serious: Callable[[Page], list[str]]
) -> None:
    anna = visit_as("anna")
    anna.goto(addresses.home())
    anna.get_by_role("link", name="Afspraken wijzigen").click()
    sound(anna, serious, "drafts")
    anna.get_by_role("button", name="Voorstel maken").click()
    expect(anna.get_by_text("Het voorstel is begonnen.")).to_be_visible()

    # What is wrong stands beside its field while she types, and nothing is saved by it
    advice = anna.get_by_role("group", name="Ronde Advies")
    advice.get_by_label("Aanleveren uiterlijk").fill("2027-03-18T12:00")
    expect(advice.get_by_text("ligt voor Aanleveren uiterlijk")).to_be_visible()
    expect(anna.get_by_text("1 fout moet eruit")).to_be_visible()
    expect(anna.get_by_text("Dit is nog niet bewaard.")).to_be_visible()
    sound(anna, serious, "draft-wrong")
    advice.get_by_label("Aanleveren uiterlijk").fill("2027-03-16T11:30")
    expect(anna.get_by_text("De controle vindt geen fouten.")).to_be_visible()
    anna.locator("form[data-draft]").first.get_by_role("button", name="Bewaren", exact=True).last.click()
    expect(anna.get_by_text("Bewaard.", exact=True)).to_be_visible()
    expect(anna.get_by_role("cell", name="dinsdag 16 maart 2027, 11:30 uur")).to_be_visible()
    expect(anna.get_by_text("U schreef dit voorstel.")).to_be_visible()
    expect(anna.get_by_role("button", name="Versie 2 goedkeuren")).to_have_count(0)

    bas = visit_as("bas")
    bas.goto(anna.url)
    sound(bas, serious, "draft-approve")
    bas.get_by_role("button", name="Versie 2 goedkeuren").click()
    expect(bas.get_by_text("Goedgekeurd. Overstap schrijft het bestand binnen een minuut.")).to_be_visible()
    assert served.file.read_text() == AGREEMENT
    assert write_approved(Context(served.settings, served.ledger), "alfa") == {"written": 1}
    assert served.file.read_text() == AGREEMENT.replace("2027-03-16 12:00", "2027-03-16 11:30")
    bas.reload()
    expect(bas.get_by_text("doorgevoerd").first).to_be_visible()


def test_a_comparison_with_another_region_is_drafted(
    visit_as: Callable[..., Page], serious: Callable[[Page], list[str]]
) -> None:
    anna = visit_as("anna")
    anna.goto(addresses.agreements("alfa"))
    anna.get_by_role("button", name="Voorstel maken").first.click()
    anna.get_by_role("button", name="Vergelijken met een andere regio").click()
    other = anna.get_by_role("group", name="Vergelijken met een andere regio: 1")
    other.get_by_label("Korte naam van de andere regio").fill("Regio Delft")
    expect(other.locator("[aria-invalid=true]")).to_have_count(1)
    sound(anna, serious, "draft-comparison")
    other.get_by_label("Korte naam van de andere regio").fill("delft")
    other.get_by_label("Vergelijken na: moment 1").fill("2027-04-16T12:00")
    expect(anna.get_by_text("De controle vindt geen fouten.")).to_be_visible()
    anna.locator("form[data-draft]").first.get_by_role("button", name="Bewaren", exact=True).last.click()
    expect(anna.get_by_role("rowheader", name="Vergelijken met regio delft")).to_be_visible()
    expect(anna.get_by_label("Vergelijken na: moment 2")).to_be_visible()


def test_two_people_see_each_others_change(visit_as: Callable[..., Page], serious: Callable[[Page], list[str]]) -> None:
    anna, bas = visit_as("anna"), visit_as("bas")
    anna.goto(addresses.agreements("alfa"))
    anna.get_by_role("button", name="Voorstel maken").click()
    bas.goto(anna.url)
    for page, value in ((anna, "2027-03-16T11:00"), (bas, "2027-03-16T10:00")):
        page.get_by_role("group", name="Ronde Advies").get_by_label("Aanleveren uiterlijk").fill(value)
        page.locator("form[data-draft]").first.get_by_role("button", name="Bewaren", exact=True).last.click()
    expect(bas.get_by_text("U en Anna de Wit veranderden dezelfde regels.")).to_be_visible()
    expect(bas.get_by_text("data_due: 2027-03-16 11:00")).to_be_visible()
    sound(bas, serious, "draft-conflict")


def test_without_a_script_a_button_checks(visit_as: Callable[..., Page]) -> None:
    anna = visit_as("anna", script=False)
    anna.goto(addresses.agreements("alfa"))
    anna.get_by_role("button", name="Nieuwe afspraak voor 2027-2028 opstellen").click()
    expect(anna.get_by_text("Overgenomen of berekend: kijk hiernaar")).to_be_visible()
    picture(anna, "draft-new-year")
    advice = anna.get_by_role("group", name="Ronde Advies")
    expect(advice.get_by_label("Aanleveren uiterlijk")).to_have_value("2028-03-16T12:00")
    advice.get_by_label("Aanleveren uiterlijk").fill("2028-03-20T12:00")
    anna.locator("form[data-draft]").first.get_by_role("button", name="Controleren zonder te bewaren").click()
    expect(anna.get_by_role("group", name="Ronde Advies").get_by_text("ligt voor Aanleveren uiterlijk")).to_be_visible()
    expect(anna.get_by_text("Dit is nog niet bewaard.").first).to_be_visible()


def test_a_new_agreement_as_the_guide_says(served: _Served, visit_as: Callable[..., Page]) -> None:
    word = Walk("nieuwe-afspraak")
    anna, bas = visit_as("anna"), visit_as("bas")

    # A new year: composed, looked at, changed, approved by another, written
    anna.goto(addresses.home())
    anna.get_by_role("link", name=word("Afspraken wijzigen")).click()
    anna.get_by_role("button", name=re.compile(f"^{word('Nieuwe afspraak voor')}")).click()
    for heading in (
        *("Overgenomen of berekend: kijk hiernaar", "Controle", "Vergeleken met wat nu geldt"),
        *("Gegevens en momenten", "Scholen", "Het hele bestand"),
    ):
        expect(anna.get_by_role("heading", name=word(heading), exact=True)).to_be_visible()
    form = anna.get_by_role("form", name="Gegevens en momenten")
    expect(form.get_by_role("button", name=word("Vergelijken met een andere regio"))).to_be_visible()
    anna.get_by_role("group", name="Ronde Advies").get_by_label("Aanleveren uiterlijk").fill("2028-03-16T11:00")
    form.get_by_role("button", name=word("Controleren zonder te bewaren")).click()
    expect(anna.get_by_text("Dit is nog niet bewaard.")).to_be_visible()
    anna.get_by_role("form", name="Gegevens en momenten").get_by_role(
        "button", name=word("Bewaren"), exact=True
    ).last.click()
    expect(anna.get_by_text("Bewaard.", exact=True)).to_be_visible()
    bas.goto(anna.url)
    expect(bas.get_by_role("heading", name=word("Goedkeuren"), exact=True)).to_be_visible()
    bas.get_by_role("button", name="Versie 2 goedkeuren").click()
    expect(bas.get_by_text("Goedgekeurd.")).to_be_visible()
    assert write_approved(Context(served.settings, served.ledger), "alfa") == {"written": 1}
    written = load_agreement(served.file.with_name("2027-2028.yaml"))
    assert written.round(RoundKind.ADVICE).milestones.data_due == datetime(2028, 3, 16, 11, tzinfo=NETHERLANDS)
    assert served.file.read_text() == AGREEMENT, "the year before stays"
    anna.reload()
    expect(anna.get_by_text("doorgevoerd").first).to_be_visible()
    expect(anna.get_by_text(re.compile("goedgekeurd door Bas Vermeer"))).to_be_visible()
    anna.get_by_text("Wie schreef wat, en wanneer").click()
    expect(anna.locator("section[aria-labelledby=versies] li")).to_have_count(2)

    # A change beside one that the administrator made in the file by hand
    anna.goto(addresses.agreements("alfa"))
    anna.get_by_role("button", name=re.compile(f"{word('Voorstel maken')}.*2026-2027")).click()
    served.file.write_text(AGREEMENT.replace("receipts_due: 2027-04-06 17:00", "receipts_due: 2027-04-07 17:00"))
    anna.reload()
    anna.get_by_role("button", name=word("Wijzigingen van het bestand overnemen")).click()
    expect(anna.get_by_text("De wijzigingen van het bestand staan nu in het voorstel.")).to_be_visible()
    assert texts("orchestration/titles")["task.apply_agreement"]["nl"] == word("Goedgekeurde afspraken doorvoeren")
    word.has_all()
