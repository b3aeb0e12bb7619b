"""The coordinators' guide, page by page: what a page names is found on the screen, by its own words, and done there."""

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, TimeoutError, expect

from overstap.pages.board import addresses
from overstap.simulation.synthetic.school import SchoolBehaviour
from overstap_tools.local.waiting import wait_until

from .airflow_app import App
from .guide import Walk
from .stage import ALFA, BETA, TITLES, Stage

pytestmark = pytest.mark.boot

PATIENT = 120_000
AT_ANOTHER_MOMENT = {
    # Answered where they are asked: test_board_round.py presses them
    *("Nog niet", "Versturen", "Zo afsluiten"),
    *("Niet versturen", "Langer laten inzien", "School laten verklaren"),
    # Only while it is so
    *(
        "Deze ronde had al open moeten zijn.",
        "Rood in Airflow",
        "wordt vanzelf opnieuw geprobeerd",
        *("Vraag opnieuw stellen", "Geef door aan Airflow", "Ik zoek dit uit", "Bezig met ophalen"),
        "niets aangeleverd",
    ),
    *("Proefberichten voor deze ronde", "Dossiers die nog niet zijn aangekomen", "Vragen en verbeteringen van ouders"),
    *("Bevestigen", "Wie u belt of mailt", "Vrijgeven voor het samenwerkingsverband (uw besluit)", "Controlepunt"),
}
"""What the screens show at another moment of a round, or in another kind of round, than that of this walk."""


def walk(guide_page: str) -> Walk:
    return Walk(guide_page, AT_ANOTHER_MOMENT)


def board(page: Page) -> FrameLocator:
    return page.frame_locator("iframe")


@pytest.fixture
def coordinator(stage: Stage, visit: Callable[..., Page]) -> Iterator[Callable[[str], Page]]:
    """Open pages as the coordinator."""
    opened: list[Page] = []

    def at(path: str) -> Page:
        opened.append(visit(stage.coordinator(ALFA), path))
        return opened[-1]

    yield at
    for page in opened:
        page.close()


@pytest.fixture
def here(stage: Stage) -> str:
    """The round's page in Airflow's frame."""
    return addresses.framed("", addresses.round_page(stage.round_id(ALFA)))


def in_frame(page: Page, framed: str) -> None:
    """Open another page of the board in Airflow's frame, which stays: loading Airflow takes seconds of a processor."""
    page.frames[1].goto(framed.removeprefix(addresses.framed("", "")))


def shown(page: Page, words: str) -> None:
    expect(board(page).get_by_text(words, exact=True).first).to_be_visible(timeout=PATIENT)


def in_grid(page: Page, stage: Stage, *titles: str) -> None:
    """See tasks by their titles in Airflow's own page of the run."""
    App(page).open(f"/dags/{stage.dag_id(ALFA)}/runs/{stage.run_id(ALFA)}")
    for title in titles:
        # A long title is cut in the grid; its beginning is there
        expect(page.get_by_text(re.compile(f"^{re.escape(title[:20])}")).first).to_be_visible(timeout=PATIENT)


def clear_dialog(page: Page, stage: Stage, clear: str, downstream: str) -> None:
    """Open Airflow's dialog for one task, see what the guide names in it, and leave it."""
    page.goto(f"/dags/{stage.dag_id(ALFA)}/runs/{stage.run_id(ALFA)}")
    page.get_by_role("button", name=f"{clear} Taakinstantie").first.click(timeout=PATIENT)
    expect(page.get_by_text(downstream, exact=True).first).to_be_visible(timeout=PATIENT)
    page.keyboard.press("Escape")


def test_a_round_opens(coordinator: Callable[[str], Page], here: str) -> None:
    word = walk("openen")
    page = coordinator("/")
    page.get_by_role("link", name=word("Rondes")).click()
    for words in ("Vandaag", "Tijdlijn", "Afgesproken momenten"):
        shown(page, word(words))
    expect(page.get_by_role("link", name=word("Dags")).first).to_be_visible()
    word("Ronde openen")  # in the grid: see the page on following a round
    word.has_all()


def test_following_a_round(coordinator: Callable[[str], Page], here: str, stage: Stage) -> None:
    word = walk("volgen")
    page = coordinator("/")
    page.get_by_role("link", name=word("Rondes")).click()
    board(page).get_by_role("link", name="Advies 2026-2027").first.click()
    shown(page, word("Hoe ver is de ronde?"))
    for layer in ("Verwacht", "Aangeleverd", "Goedgekeurd", "Ingezien", "Verstuurd", "Bevestigd"):
        shown(page, word(layer))
    expect(board(page).get_by_role("heading", name=word("Basisscholen"))).to_be_visible()
    for show in ("Alle", "Probleem", "Wacht", "Haalt termijn niet", "Te laat", "Met fouten", "Klaar"):
        board(page).get_by_role("navigation", name="Welke scholen").get_by_role(
            "link", name=re.compile(f"^{word(show)} \\d+$")
        ).click()
    expect(board(page).get_by_text(word("Eerst:"))).to_be_visible()
    order = board(page).get_by_role("navigation", name="Volgorde")
    for name in ("grootste problemen", "op naam", "ontbreekt het meest", "kortste termijn"):
        order.get_by_role("link", name=word(name)).click()
        expect(order.get_by_role("link", name=name)).to_have_attribute("aria-current", "true")
    order.get_by_role("link", name="kortste termijn").click()
    expect(order.get_by_role("link", name="kortste termijn")).to_contain_text("omgekeerd")
    in_frame(page, here)
    for kind, ending in (("CSV", ".csv"), ("Excel", ".xlsx")):
        with page.expect_download() as waiting:
            board(page).get_by_role("link", name=word(kind), exact=True).click()
        assert waiting.value.suggested_filename.endswith(ending)
    school = stage.school(ALFA, SchoolBehaviour.FAULTY)
    board(page).get_by_role("searchbox").fill(school.name)
    board(page).get_by_role("button", name=word("Zoek"), exact=True).click()
    # Not before the search has answered: a link of the page that is going away leads nowhere.
    expect(board(page).locator("table.schools tbody th a", has_not_text=school.name)).to_have_count(0)
    board(page).locator("table.schools tbody th a", has_text=school.name).first.click()
    for heading in ("Waar wacht het op", "Wat er is gevonden", "Geschiedenis", "Per dossier"):
        expect(board(page).get_by_role("heading", name=word(heading))).to_be_visible()
    in_frame(page, here)
    board(page).get_by_role("link", name=word("Ronde in Airflow")).click()
    page.wait_for_url(f"**/dags/{stage.dag_id(ALFA)}*")
    in_grid(page, stage, word("Ophalen bij scholen"), word("Versturen naar scholen"))
    word.has_all()


def test_a_school_is_late_or_has_faults(coordinator: Callable[[str], Page], here: str, stage: Stage) -> None:
    late, faults = walk("te-laat"), walk("fouten")
    page = coordinator(f"{here}/school/{stage.school(ALFA, SchoolBehaviour.FAULTY).id}")
    expect(board(page).get_by_role("heading", name=faults("Wat er is gevonden"))).to_be_visible()
    expect(board(page).get_by_role("link", name=faults("Opnieuw ophalen"))).to_be_visible()
    expect(board(page).get_by_role("heading", name=faults("Foutenlijst voor de school"))).to_be_visible()
    for kind, ending in (("Foutenlijst", ".html"), ("Foutenlijst als CSV", ".csv")):
        with page.expect_download() as waiting:
            board(page).get_by_role("link", name=faults(kind), exact=True).click()
        assert waiting.value.suggested_filename.endswith(ending)
    in_frame(page, f"{here}/school/{stage.school(ALFA, SchoolBehaviour.LATE).id}")
    expect(board(page).get_by_role("link", name=late("Contact en gesprekken"))).to_be_visible(timeout=PATIENT)
    board(page).get_by_role("link", name=late("Opnieuw ophalen")).click()
    for heading in ("Dit gebeurt er", "Dit gebeurt er niet"):
        expect(board(page).get_by_role("heading", name=late(heading), exact=True)).to_be_visible(timeout=PATIENT)
    expect(board(page).get_by_label(late("Waarom"))).to_be_visible()
    in_grid(page, stage, late("Ophalen"))
    late.has_all()
    faults.has_all()


def test_contact_with_schools(coordinator: Callable[[str], Page], here: str, stage: Stage) -> None:
    word = walk("contact")
    page = coordinator(f"{here}/school/{stage.school(ALFA, SchoolBehaviour.LATE).id}")
    board(page).get_by_role("link", name=word("Contact en gesprekken")).click()
    expect(board(page).get_by_role("heading", name=word("Wie u belt"))).to_be_visible(timeout=PATIENT)
    board(page).get_by_label("Naam", exact=True).fill("Marja Jansen")
    board(page).get_by_role("button", name=word("Bewaren"), exact=True).click()
    expect(board(page).get_by_text("Bewaard.")).to_be_visible(timeout=PATIENT)
    board(page).get_by_label("Wat is er besproken").fill("Levert morgen aan.")
    board(page).get_by_role("button", name=word("Gesprek vastleggen")).click()
    expect(board(page).get_by_text("belde met Marja Jansen")).to_be_visible(timeout=PATIENT)
    expect(board(page).get_by_role("heading", name=word("Gesprekken en berichten"))).to_be_visible()
    board(page).get_by_text(re.compile(f"^{word('Tekst verwijderen')}")).click()
    board(page).get_by_role("button", name=word("Ja, de tekst verwijderen")).click()
    expect(board(page).get_by_text("Wat er is besproken, is verwijderd.")).to_be_visible(timeout=PATIENT)
    expect(board(page).get_by_role("link", name=word("Bericht schrijven"))).to_be_visible()

    in_frame(page, here)
    board(page).get_by_role("link", name=word("Contact en gesprekken")).click()
    expect(board(page).get_by_role("heading", name=word("Contact met scholen"))).to_be_visible(timeout=PATIENT)
    expect(board(page).get_by_role("link", name=word("Bericht aan ontvangende scholen"))).to_be_visible()
    expect(board(page).get_by_role("button", name=word("Lijst overnemen"))).to_be_visible()
    in_frame(page, here)
    show = board(page).get_by_role("navigation", name="Welke scholen")
    for words in ("Met fouten", "Te laat", "Alle"):
        show.get_by_role("link", name=re.compile(f"^{words} \\d+$")).click()
    word("Met fouten"), word("Te laat")
    expect(show.get_by_role("link", name="Alle")).to_have_attribute("aria-current", "true")
    board(page).get_by_role("link", name=word("Bericht aan deze scholen")).click()
    board(page).get_by_label("Onderwerp").fill("Aanleveren")
    board(page).get_by_label("Bericht", exact=True).fill("Wilt u vandaag nog aanleveren?")
    board(page).get_by_role("button", name=word("Voorbeeld bekijken")).click()
    board(page).get_by_role("button", name=word("Nog aanpassen")).click(timeout=PATIENT)
    board(page).get_by_role("button", name="Voorbeeld bekijken").click(timeout=PATIENT)
    board(page).get_by_role("button", name=word("Versturen")).click(timeout=PATIENT)
    expect(board(page).get_by_text("Het bericht wordt nu verstuurd.")).to_be_visible(timeout=PATIENT)
    word.has_all()


def release_and_take_back(stage: Stage, visit: Callable[..., Page], word: Walk) -> None:
    """Release the other region's dossiers on the board, and take it back: no family was told yet."""
    page = visit(stage.coordinator(BETA), addresses.framed("", addresses.home()))
    before = stage.states(BETA)
    assert before["accepted"] > 0
    board(page).get_by_role("link", name=re.compile(f"^{word('Beantwoord')}")).first.click(timeout=PATIENT)
    board(page).get_by_role("button", name=word("Vrijgeven"), exact=True).click(timeout=PATIENT)
    shown(page, "Uw besluit staat vast. De ronde gaat ermee verder.")
    assert stage.states(BETA)["in_review"] == before["accepted"]
    board(page).get_by_role("link", name=word("Laatste besluit terugnemen")).click(timeout=PATIENT)
    board(page).get_by_label("Waarom").fill("Verkeerde knop")
    board(page).get_by_role("button", name=word("Neem het besluit terug")).click(timeout=PATIENT)
    expect(board(page).get_by_text("Het besluit is teruggenomen.")).to_be_visible(timeout=PATIENT)
    assert stage.states(BETA) == before
    with stage.api(stage.coordinator(BETA)) as api:
        wait_until(
            lambda: bool(api.questions(stage.dag_id(BETA), stage.run_id(BETA))),
            "the question again",
            300,
            poll_seconds=2,
        )
    page.close()


def test_questions_and_reruns_in_airflow(
    coordinator: Callable[[str], Page], stage: Stage, visit: Callable[..., Page]
) -> None:
    release, again, delivery = walk("vrijgeven"), walk("opnieuw"), walk("levering")
    review, unseen = walk("inzage"), walk("niet-ingezien")
    page = coordinator("/")
    page.get_by_text(release("Verken"), exact=True).first.click()
    expect(page.get_by_text(release("Vereiste acties"), exact=True).first).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Rondes").click()
    shown(page, release("Vandaag"))
    shown(page, release("Tweede persoon en accounts van scholen"))
    release_and_take_back(stage, visit, release)
    unseen("Laatste besluit terugnemen")
    delivery("Laatste besluit terugnemen")
    for word in (release, again, delivery):
        clear_dialog(page, stage, word("Wis"), word("Downstream"))
    unseen("Wis"), unseen("Downstream")
    in_grid(
        page,
        stage,
        review("Inzage door ouders"),
        delivery("Controle voor de levering"),
        unseen("Niet ingezien (uw besluit)"),
        unseen("Verlengde inzage afsluiten"),
    )
    page.goto(addresses.framed("", addresses.round_page(stage.round_id(ALFA))))
    shown(page, delivery("Ontvangende scholen"))
    shown(page, review("Inzage"))
    board(page).locator("table.schools tbody a").first.click()
    expect(board(page).get_by_role("link", name=again("Opnieuw ophalen"))).to_be_visible()
    for word in (release, again, delivery, review, unseen):
        word.has_all()


def test_the_report_of_a_round(coordinator: Callable[[str], Page], here: str, tmp_path: Path) -> None:
    word = walk("afsluiten")
    page = coordinator(here)
    for name in ("Rondeverslag", "Kwaliteit van de dossiers"):
        with page.expect_download() as waiting:
            board(page).get_by_role("link", name=word(name), exact=True).click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        assert TITLES[ALFA] in path.read_text(encoding="utf-8"), name
    word.has_all()


def test_moving_a_moment_or_opening_again(coordinator: Callable[[str], Page], here: str, stage: Stage) -> None:
    word, notices = walk("afspraken"), walk("berichten")
    page = coordinator(here)
    shown(page, word("Afgesproken momenten"))
    board(page).get_by_role("link", name=word("Wat er in de afspraken is veranderd")).click()
    expect(board(page).get_by_role("heading", name="Wat er in de afspraken is veranderd")).to_be_visible()
    in_frame(page, here)
    board(page).get_by_role("link", name=word("Agenda")).click()
    with page.expect_download() as waiting:
        board(page).get_by_role("link", name="Alle momenten van de regio").first.click()
    assert waiting.value.suggested_filename == f"{ALFA}.ics"
    page.get_by_role("link", name=word("Dags")).first.click()
    page.get_by_role("link", name=re.compile(word("momenten verzetten of weer openen"))).first.click(timeout=PATIENT)
    page.wait_for_url(re.compile(rf"/dags/[a-z]+__{ALFA}"))  # the list of DAGs has a button with this name on each line
    trigger = page.get_by_role("button", name=word("Trigger")).first
    form = page.get_by_text(re.compile(f"^{word('Welke ronde')}")).first

    def is_open() -> bool:
        trigger.click(timeout=PATIENT)  # Airflow loses a click on a page that it is still drawing
        with contextlib.suppress(TimeoutError):
            form.wait_for(timeout=20_000)
        return form.is_visible()

    wait_until(is_open, "the form of a run", 300, poll_seconds=1)
    for field in ("Weer openen", "Waarom"):
        expect(page.get_by_text(re.compile(f"^{word(field)}")).first).to_be_visible(timeout=PATIENT)
    page.goto(f"{here}/school/{stage.school(ALFA, SchoolBehaviour.FAULTY).id}")
    expect(board(page).get_by_role("heading", name=notices("Foutenlijst voor de school"))).to_be_visible()
    word.has_all()
    notices.has_all()
