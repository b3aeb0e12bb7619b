"""Tests of drafts of agreements on the board: writing together, the second person, the file, and who may not."""

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from overstap.agreements import RoundKind
from overstap.agreements.load import load_agreement
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.audit import verify
from overstap.ledger.rounds import rounds
from overstap.pages.board.app import Board
from overstap.pages.board.person import BoardUser
from overstap.rounds.agreeing import write_approved
from overstap.rounds.context import Context
from overstap.settings import Settings
from overstap_tools.local.postgres import EmbeddedPostgres

from .conftest import Alone

ALFA = frozenset({"alfa"})
ANNA = BoardUser("anna", "1", ALFA, ALFA, sees_dossiers=True, coordinates=ALFA)
BAS = BoardUser("bas", "2", ALFA, ALFA, sees_dossiers=True, coordinates=ALFA)
CARLA = BoardUser("Carla", "3", ALFA, ALFA, sees_dossiers=True, coordinates=ALFA)
VIEWER = BoardUser("kijker", "4", ALFA)
OTHER = BoardUser("beta", "5", frozenset({"beta"}), frozenset({"beta"}), coordinates=frozenset({"beta"}))
ADMINISTRATOR = BoardUser("beheer", "6", ALFA, ALFA, is_administrator=True)

AGREEMENT = """\
# Onze afspraken; deze regel blijft staan.
region: alfa
name: Regio Alfa
school_year: 2026-2027
holiday_region: middle
coordinators:
  - {account: anna, name: Anna, email: anna@alfa-scholen.nl}
  - {account: bas, name: Bas, email: bas@alfa-scholen.nl}
schools: {file: 2026-2027-schools.csv}
rounds:
  advice:
    receivers: registered
    milestones:
      opens: 2027-03-01 08:00
      data_due: 2027-03-16 12:00  # na de uitslag
      review_opens: 2027-03-16 14:00
      review_closes: 2027-03-24 16:00
      delivers: 2027-03-25 08:00
      receipts_due: 2027-04-06 17:00
"""
SCHOOLS = """\
id,name,kind,board,contact,supplies,receives
99AB00,De Eerste,PO,,a@alfa-scholen.nl,drop_folder,
98XA00,Het College,VO,,b@alfa-scholen.nl,,https://vo.alfa-scholen.nl/overstap
"""


class Place:
    """The board for several people, over one agreement."""

    def __init__(self, board: Board, airflow: Alone, client: TestClient, regions: Path, ledger: Ledger) -> None:
        self.board, self.airflow, self.client, self.regions, self.ledger = board, airflow, client, regions, ledger
        self.file = regions / "alfa" / "2026-2027.yaml"
        self.schools = regions / "alfa" / "2026-2027-schools.csv"

    def get(self, who: BoardUser | None, path: str) -> Any:
        self.airflow.asks = who
        return self.client.get(path)

    def post(self, who: BoardUser, path: str, data: dict[str, str], **more: Any) -> Any:
        self.airflow.asks = who
        return self.client.post(path, data=data, **more)

    def mark(self, who: BoardUser, path: str) -> str:
        found = re.search(r'name="mark" value="([^"]+)"', self.get(who, path).text)
        assert found is not None
        return found[1]

    def begin(self, who: BoardUser = ANNA, what: str = "change", school_year: str = "2026-2027") -> str:
        form = {"mark": self.mark(who, "/afspraken/alfa"), "what": what, "school_year": school_year}
        answer = self.post(who, "/afspraken/alfa", form)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"].removeprefix("/rondes").partition("?")[0])

    def send(self, who: BoardUser, draft: str, do: str = "save", version: int = 1, **fields: str) -> Any:
        form = {"mark": self.mark(who, draft), "do": do, "version": str(version), "part": "fields", **fields}
        return self.post(who, draft, form)

    def moment(self, value: str, name: str = "data_due") -> dict[str, str]:
        return {f"v.rounds.advice.milestones.{name}": value}

    def write(self) -> dict[str, int]:
        return dict(write_approved(Context(self.board.settings, self.ledger), "alfa"))

    def whole(self, who: BoardUser, draft: str) -> str:
        found = re.search(
            r'<textarea class="code" id="content"[^>]*>\n(.*?)</textarea>', self.get(who, draft).text, re.S
        )
        assert found is not None
        return unescape(found[1])


@pytest.fixture
def filled() -> None:
    """These fill their ledger themselves."""


@pytest.fixture
def place(
    airflow: Alone,
    ledger: Ledger,
    postgres: EmbeddedPostgres,
    ledger_database: str,
    tmp_path: Path,
    pages: Callable[[Board], FastAPI],
) -> Iterator[Place]:
    regions = tmp_path / "regions"
    (regions / "alfa").mkdir(parents=True)
    (regions / "alfa" / "2026-2027.yaml").write_text(AGREEMENT)
    (regions / "alfa" / "2026-2027-schools.csv").write_text(SCHOOLS)
    settings = Settings(
        ledger=postgres.dsn("overstap_board", ledger_database),
        drafts=postgres.dsn("overstap_drafts", ledger_database),
        regions=regions,
        trust=None,
    )
    board = Board(airflow, lambda: settings)
    with TestClient(pages(board), follow_redirects=False) as client:
        yield Place(board, airflow, client, regions, ledger)
    board.read_only_ledger.close()


@pytest.fixture
def lines(place: Place) -> Callable[[], list[dict[str, Any]]]:
    """The region's audit lines."""

    def read() -> list[dict[str, Any]]:
        with place.ledger.unit("alfa", "test") as unit:
            rows = unit.rows("select payload, hash from overstap.audit_line order by seq")
        assert verify(rows, region="alfa") is None
        return [json.loads(payload) for payload, _ in rows]

    return read


def test_a_change_becomes_the_file_when_a_second_person_approved_it(
    place: Place, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    draft = place.begin()
    assert place.send(ANNA, draft, **place.moment("2027-03-16T11:00")).status_code == 303
    page = place.get(BAS, draft).text
    assert "Advies: Aanleveren uiterlijk" in page
    assert "dinsdag 16 maart 2027, 12:00" in page
    assert "dinsdag 16 maart 2027, 11:00" in page
    assert place.write() == {}, "nothing is written before it is approved"
    assert place.send(BAS, draft, "approve", 2).status_code == 303
    assert place.file.read_text() == AGREEMENT, "the board writes no file"
    assert place.write() == {"written": 1}
    assert place.file.read_text() == AGREEMENT.replace("2027-03-16 12:00", "2027-03-16 11:00"), "comments stay"
    assert place.write() == {}
    [kept] = (place.regions / "alfa" / "history").glob("*.yaml")
    assert kept.read_text() == AGREEMENT
    assert "doorgevoerd" in place.get(ANNA, draft).text
    told = [(line["action"], line["detail"].get("by")) for line in lines() if line["action"].startswith("agreement.")]
    assert told == [
        ("agreement.draft", "anna"),
        ("agreement.draft_save", "anna"),
        ("agreement.draft_approve", "bas"),
        ("agreement.draft_write", None),
        ("agreement.draft_applied", None),
    ]
    approved = next(line["detail"] for line in lines() if line["action"] == "agreement.draft_approve")
    assert approved["written_by"] == ["anna"]
    assert approved["version"] == 2


ANNA_IN_CAPITALS = BoardUser("ANNA", "9", ALFA, ALFA, coordinates=ALFA)


def test_nobodys_own_words_hold_by_that_person_alone(place: Place) -> None:
    draft = place.begin()
    place.send(ANNA, draft, **place.moment("2027-03-16T11:00"))
    for who in (ANNA, ANNA_IN_CAPITALS):
        answer = place.send(who, draft, "approve", 2)
        assert answer.status_code == 422
        assert "U schreef dit voorstel" in answer.text
    assert place.write() == {}


def test_two_who_wrote_approve_each_others_part(place: Place, lines: Callable[[], list[dict[str, Any]]]) -> None:
    draft = place.begin()
    place.send(ANNA, draft, **place.moment("2027-03-16T11:00"))
    place.send(BAS, draft, version=2, **place.moment("2027-04-07T17:00", "receipts_due"))
    assert "U keurt goed wat Anna schreef" in place.get(BAS, draft).text
    assert place.send(BAS, draft, "approve", 3).headers["location"].endswith("gedaan=agreed")
    assert place.write() == {}, "what Bas wrote was read by nobody else yet"
    assert "U hebt deze versie goedgekeurd" in place.get(BAS, draft).text
    place.send(BAS, draft, "approve", 3)
    assert place.write() == {}, "the same person twice is one person"
    # Another version is another approval
    place.send(ANNA, draft, version=3, **place.moment("2027-03-16T10:30"))
    assert place.send(ANNA, draft, "approve", 4).headers["location"].endswith("gedaan=agreed")
    assert place.send(ANNA_IN_CAPITALS, draft, "approve", 4).headers["location"].endswith("gedaan=agreed")
    assert place.write() == {}
    assert place.send(BAS, draft, "approve", 4).headers["location"].endswith("gedaan=approved")
    assert place.write() == {"written": 1}
    [approved] = [line["detail"] for line in lines() if line["action"] == "agreement.draft_approve"]
    assert approved["approved_by"] == ["anna", "bas"]
    assert [line["detail"]["by"] for line in lines() if line["action"] == "agreement.draft_agree"][:1] == ["bas"]


def test_whoever_wrote_none_of_it_approves_alone(place: Place) -> None:
    draft = place.begin()
    place.send(ANNA, draft, **place.moment("2027-03-16T11:00"))
    place.send(BAS, draft, version=2, **place.moment("2027-04-07T17:00", "receipts_due"))
    assert place.send(CARLA, draft, "approve", 3).headers["location"].endswith("gedaan=approved")
    assert place.write() == {"written": 1}


def test_whoever_only_began_it_approves_what_another_wrote(place: Place) -> None:
    draft = place.begin()
    place.send(BAS, draft, **place.moment("2027-03-16T11:00"))
    assert place.send(BAS, draft, "approve", 2).status_code == 422
    assert place.send(ANNA, draft, "approve", 2).headers["location"].endswith("gedaan=approved")
    assert place.write() == {"written": 1}


def test_a_draft_that_changed_after_it_was_read_is_not_approved(place: Place) -> None:
    draft = place.begin()
    place.send(ANNA, draft, **place.moment("2027-03-16T11:00"))
    mark = place.mark(BAS, draft)  # Bas reads version 2
    place.send(ANNA, draft, version=2, **place.moment("2027-03-16T10:00"))
    form = {"mark": mark, "do": "approve", "version": "2"}
    answer = place.post(BAS, draft, form)
    assert answer.status_code == 422
    assert "Dit voorstel veranderde nadat u het las" in answer.text
    assert place.write() == {}
    # The database says so too, to whoever comes past the page
    with psycopg.connect(str(place.board.settings.drafts)) as connection:
        connection.execute("set local role overstap_drafts_alfa")
        found = connection.execute("select overstap.approve_draft(%s, 2, 'bas')", [draft.rpartition("/")[2]]).fetchone()
    assert found == ("changed",)


def test_two_people_at_once_lose_nothing(place: Place) -> None:
    draft = place.begin()
    place.send(ANNA, draft, **place.moment("2027-03-16T11:00"))
    # Bas began from version 1 as well, and changed something else
    answer = place.send(BAS, draft, version=1, **place.moment("2027-04-07T17:00", "receipts_due"))
    assert answer.status_code == 409
    assert "Anna bewaarde intussen versie 2" in answer.text
    for value in ("2027-03-16T11:00", "2027-04-07T17:00"):
        assert f'value="{value}"' in answer.text, "both changes are shown"
    assert "2027-04-07" not in place.whole(BAS, draft), "and nothing is saved unseen"
    merged = re.search(r'id="content"[^>]*>\n(.*?)</textarea>', answer.text, re.S)
    assert merged is not None
    saved = place.send(BAS, draft, version=2, part="whole", content=unescape(merged[1]))
    assert saved.status_code == 303
    assert "2027-03-16 11:00" in place.whole(BAS, draft)
    assert "2027-04-07 17:00" in place.whole(BAS, draft)
    # The same field: both are shown, the reader chooses
    answer = place.send(ANNA, draft, version=2, **place.moment("2027-04-08T17:00", "receipts_due"))
    assert answer.status_code == 409
    assert "U en Bas veranderden dezelfde regels" in answer.text
    assert "receipts_due: 2027-04-08 17:00" in answer.text
    assert "receipts_due: 2027-04-07 17:00" in answer.text


def test_two_approvals_at_once_are_one(place: Place) -> None:
    draft = place.begin()
    place.send(ANNA, draft, **place.moment("2027-03-16T11:00"))
    answers: list[str] = []
    barrier = Barrier(2)

    def approve(who: str) -> None:
        with psycopg.connect(str(place.board.settings.drafts)) as connection:
            connection.execute("set local role overstap_drafts_alfa")
            barrier.wait()
            found = connection.execute(
                "select overstap.approve_draft(%s, 2, %s)", [draft.rpartition("/")[2], who]
            ).fetchone()
            assert found is not None
            answers.append(found[0])

    threads = [Thread(target=approve, args=[who]) for who in ("bas", "carla")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["approved", "settled"]
    assert place.write() == {"written": 1}


def test_a_file_changed_by_hand_is_not_overwritten(place: Place) -> None:
    draft = place.begin()
    place.send(ANNA, draft, **place.moment("2027-03-16T11:00"))
    by_hand = AGREEMENT.replace("receipts_due: 2027-04-06 17:00", "receipts_due: 2027-04-07 17:00")
    place.file.write_text(by_hand)
    page = place.send(BAS, draft, "approve", 2)
    assert page.status_code == 422
    assert "Het afsprakenbestand is veranderd sinds dit voorstel begon" in page.text
    # Approved first, changed by hand after it: the writer refuses
    place.file.write_text(AGREEMENT)
    assert place.send(BAS, draft, "approve", 2).status_code == 303
    place.file.write_text(by_hand)
    assert place.write() == {"refused": 1}
    assert place.file.read_text() == by_hand
    assert "intussen met de hand veranderd" in place.get(ANNA, draft).text


def test_the_list_of_schools_counts_as_the_file(place: Place) -> None:
    draft = place.begin()
    place.send(ANNA, draft, **place.moment("2027-03-16T11:00"))
    place.send(BAS, draft, "approve", 2)
    place.schools.write_text(SCHOOLS.replace("De Eerste", "De Eerste School"))
    assert place.write() == {"refused": 1}


def test_changes_of_the_file_can_be_taken_over(place: Place) -> None:
    draft = place.begin()
    place.send(ANNA, draft, **place.moment("2027-03-16T11:00"))
    place.file.write_text(AGREEMENT.replace("receipts_due: 2027-04-06 17:00", "receipts_due: 2027-04-07 17:00"))
    assert place.send(ANNA, draft, "rebase", 2).status_code == 303
    text = place.whole(ANNA, draft)
    assert "2027-03-16 11:00" in text
    assert "2027-04-07 17:00" in text
    assert place.send(BAS, draft, "approve", 3).status_code == 303
    assert place.write() == {"written": 1}
    assert place.file.read_text() == text


def test_a_writer_that_was_killed_in_the_middle_goes_on(place: Place) -> None:
    draft = place.begin()
    changed = SCHOOLS.replace("De Eerste", "De Nieuwe Eerste")
    place.send(ANNA, draft, part="schools", schools=changed)
    place.send(ANNA, draft, version=2, **place.moment("2027-03-16T11:00"))
    place.send(BAS, draft, "approve", 3)
    place.schools.write_text(changed)  # the first of the two files, and then the end
    assert place.write() == {"written": 1}
    assert load_agreement(place.file).school("99AB00").name == "De Nieuwe Eerste"


def test_next_year_is_composed_on_the_board(place: Place) -> None:
    draft = place.begin(what="new", school_year="2027-2028")
    page = place.get(ANNA, draft).text
    assert "Anna (anna) was in 2026-2027 ook coördinator." in page
    assert 'value="2028-03-16T12:00"' in page
    assert "Voor dit schooljaar geldt nog niets." in page
    assert place.send(BAS, draft, "approve", 1).status_code == 303
    assert place.write() == {"written": 1}
    made = load_agreement(place.regions / "alfa" / "2027-2028.yaml")
    assert len(made.schools) == 2
    again = {"mark": place.mark(ANNA, "/afspraken/alfa"), "what": "new", "school_year": "2027-2028"}
    assert place.post(ANNA, "/afspraken/alfa", again).status_code == 422


def test_findings_stand_beside_their_field_and_keep_it_from_being_approved(place: Place) -> None:
    draft = place.begin()
    wrong = place.moment("2027-04-10T12:00")
    page = place.send(ANNA, draft, "check", **wrong)
    assert page.status_code == 200
    field = re.search(r'id="v-rounds.advice.milestones.review_opens-f"[^>]*>(.*?)</div>', page.text, re.S)
    assert field is not None
    assert "ligt voor Aanleveren uiterlijk" in field[1]
    assert "Dit is nog niet bewaard." in page.text
    assert place.whole(ANNA, draft) == AGREEMENT, "checking saves nothing"
    form = {"mark": place.mark(ANNA, draft), "version": "1", "part": "fields", **wrong}
    told = place.post(ANNA, f"{draft}/controle", form).json()
    assert told["errors"] >= 1
    assert "rounds.advice.milestones.review_opens" in told["fields"]
    place.send(ANNA, draft, **wrong)
    answer = place.send(BAS, draft, "approve", 2)
    assert answer.status_code == 422
    assert "Goedkeuren kan als er geen fouten meer zijn." in answer.text


def test_schools_come_from_a_spreadsheet(place: Place) -> None:
    draft = place.begin()
    pasted = "id\tname\tkind\tcontact\tsupplies\treceives\n99AC00\tDe Derde\tPO\tc@alfa-scholen.nl\tdrop_folder\t\n"
    assert place.send(ANNA, draft, part="schools", schools=pasted).status_code == 303
    assert "99AC00,De Derde,PO,,c@alfa-scholen.nl,drop_folder," in place.get(ANNA, draft).text
    form = {"mark": place.mark(ANNA, draft), "do": "save", "version": "2", "part": "schools", "schools": ""}
    file = {"file": ("lijst.csv", SCHOOLS.replace(",", ";").encode(), "text/csv")}
    assert place.post(ANNA, draft, form, files=file).status_code == 303
    assert "98XA00,Het College" in place.get(ANNA, draft).text
    bad = {"file": ("lijst.csv", b"brin\n1\n", "text/csv")}
    answer = place.post(ANNA, draft, {**form, "version": "3"}, files=bad)
    assert answer.status_code == 422
    assert "De lijst van scholen in dit bestand kan niet worden gelezen" in answer.text


def test_coordinators_are_added_and_taken_out(place: Place) -> None:
    draft = place.begin()
    assert place.send(ANNA, draft, "add_coordinator").status_code == 303
    name = "Dirk: {{ 7*7 }} {x} <b>"
    new = {"account": "dirk", "name": name, "email": "dirk@alfa-scholen.nl"}
    fields = {f"v.coordinators.2.{key}": value for key, value in new.items()}
    place.send(ANNA, draft, version=2, **fields, **{"remove.1": "1"})
    page = place.get(ANNA, draft).text
    assert "49" not in re.sub(r"mark\" value=\"[^\"]+|9[0-9a-f-]+", "", page.split("Coördinator 2")[1][:900])
    assert "<b>" not in page
    place.send(BAS, draft, "approve", 3)
    assert place.write() == {"written": 1}
    assert [person.account for person in load_agreement(place.file).coordinators] == ["anna", "dirk"]
    assert load_agreement(place.file).coordinators[1].name == name


def test_moments_of_the_national_file_are_written_out(place: Place) -> None:
    short = AGREEMENT[: AGREEMENT.index("rounds:")] + "rounds:\n  advice:\n  placement: {receivers: placed}\n# slot\n"
    place.file.write_text(short)
    before = load_agreement(place.file)
    draft = place.begin()
    assert "v.rounds.advice" not in place.get(ANNA, draft).text
    assert place.send(ANNA, draft, "write_out").status_code == 303
    page = place.get(ANNA, draft).text
    assert 'name="v.rounds.advice.milestones.delivers"' in page
    assert "Er is geen verschil." in page, "it means the same"
    assert "Alle momenten uitschrijven" not in page
    place.send(ANNA, draft, version=2, **place.moment("2027-03-16T11:00"))
    place.send(BAS, draft, "approve", 3)
    assert place.write() == {"written": 1}
    after = load_agreement(place.file)
    assert after.rounds[RoundKind.PLACEMENT] == before.rounds[RoundKind.PLACEMENT]
    assert "# slot" in place.file.read_text()


def test_what_a_running_round_would_not_take_over_is_told(place: Place) -> None:
    text = AGREEMENT
    for old, new in (("2027-03-01", "2026-03-01"), ("2027-03-16 12:00  # na de uitslag", "2026-03-16 12:00")):
        text = text.replace(old, new)
    place.file.write_text(text)
    with place.ledger.unit("alfa", "open_round") as unit:
        assert rounds.open_round(unit, load_agreement(place.file), RoundKind.ADVICE)
    draft = place.begin()
    page = place.send(ANNA, draft, "check", **place.moment("2026-03-02T08:00", "opens")).text
    assert "Ronde Advies loopt: 1 verschil neemt de ronde niet over" in page
    assert "Kan niet meer" in page


@pytest.mark.parametrize("who", [VIEWER, OTHER, ADMINISTRATOR])
def test_nobody_else_sees_or_changes_a_draft(place: Place, who: BoardUser) -> None:
    draft = place.begin()
    assert place.get(who, "/afspraken/alfa").status_code == 404
    assert place.get(who, draft).status_code == 404
    for path, form in (
        ("/afspraken/alfa", {"what": "change", "school_year": "2026-2027"}),
        (draft, {"do": "approve", "version": "1"}),
        (draft, {"do": "drop"}),
        (draft, {"do": "save", "version": "1", "part": "whole", "content": "x"}),
        (f"{draft}/controle", {"version": "1"}),
    ):
        assert place.post(who, path, form).status_code == 404, path
    # Their own region's address does not lead to it either
    moved = draft.replace("/alfa/", "/beta/")
    assert place.get(who, moved).status_code == 404
    assert place.get(None, draft).status_code == 303


def test_another_regions_role_cannot_reach_it_in_the_database(
    place: Place, postgres: EmbeddedPostgres, ledger_database: str
) -> None:
    draft = place.begin().rpartition("/")[2]
    with psycopg.connect(str(place.board.settings.drafts)) as connection:
        connection.execute("set local role overstap_drafts_beta")
        for query in ("overstap.approve_draft(%s, 1, 'x')", "overstap.drop_draft(%s, 'x')"):
            assert connection.execute(f"select {query}", [draft]).fetchone() == ("settled",)
        saved = connection.execute("select overstap.save_draft(%s, 1, 'x', null, 'x')", [draft]).fetchone()
        assert saved == ("settled",)
    for statement in (
        "select * from overstap.agreement_draft",
        "update overstap.agreement_draft set state = 'approved'",
        f"select overstap.settle_draft('{draft}', 'applied', null)",
        "select overstap.release('alfa.2026-2027.advice', true, 'x', '', 'x', now(), null)",
    ):
        with psycopg.connect(str(place.board.settings.drafts)) as connection:
            connection.execute("set local role overstap_drafts_alfa")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    for login in ("overstap_board", "overstap_school", "overstap_desk"):
        dsn = postgres.dsn(login, ledger_database)
        with psycopg.connect(dsn) as connection:
            connection.execute(f"set local role {login}_alfa")  # type: ignore[arg-type]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select overstap.approve_draft(%s, 1, 'bas')", [draft])


def test_a_form_of_another_site_person_or_draft_does_nothing(place: Place) -> None:
    draft, second = place.begin(), place.begin()
    good = place.mark(BAS, draft)
    for mark, headers in (
        ("", {}),
        (place.mark(ANNA, draft), {}),
        (place.mark(BAS, second), {}),
        (place.mark(BAS, "/afspraken/alfa"), {}),
        (good, {"sec-fetch-site": "cross-site"}),
        (good, {"origin": "https://elders.example"}),
    ):
        answer = place.post(BAS, draft, {"mark": mark, "do": "approve", "version": "1"}, headers=headers)
        assert answer.status_code == 422, (mark, headers)
        assert "hoort bij een ander account" in answer.text
    typed = {"mark": "", "do": "save", "version": "1", "part": "whole", "content": "mijn tekst"}
    assert "mijn tekst" in place.post(ANNA, draft, typed).text, "what was typed is not lost"
    assert place.write() == {}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [
        BOMB,
        "[" * 50_000,
        "{" * 50_000,
        "? " * 20_000,
        "a: &a [*a]",
        "!!python/object/apply:os.system ['x']",
        "region: {{ 7*7 }}\nname: {x}\n",
        "\t",
        "",
        "rounds: {advice: {milestones: {opens: [1], data_due: {}}}}\ncoordinators: [1, {account: [2]}]\nschools: 5\n",
        "name: " + "é" * 90_000,
        "schools: {file: ../../etc/passwd}",
        "schools: {file: 2025-2026-schools.csv}",
    ],
    ids=[
        "bomb",
        "deep",
        "deep-map",
        "keys",
        "self",
        "tag",
        "template",
        "tab",
        "empty",
        "forms",
        "long",
        "path",
        "other",
    ],
)
def test_hostile_text_is_told_and_kept_from_the_file(place: Place, content: str) -> None:
    draft = place.begin()
    answer = place.send(ANNA, draft, "check", part="whole", content=content)
    assert answer.status_code == 200
    answer = place.send(ANNA, draft, part="whole", content=content)
    assert answer.status_code == 303
    assert place.get(BAS, draft).status_code == 200
    assert place.send(BAS, draft, "approve", 2).status_code == 422
    assert place.write() == {}
    assert place.file.read_text() == AGREEMENT


def test_what_is_too_large_or_cannot_be_stored_is_refused(place: Place) -> None:
    draft = place.begin()
    for content, said in (("x" * 200_001, "te groot"), ("\n" * 5_001, "te groot"), ("a\0b", "een teken")):
        answer = place.send(ANNA, draft, part="whole", content=content)
        assert answer.status_code == 422
        assert said in answer.text
    mark = place.mark(ANNA, draft)
    huge = {"mark": mark, "do": "save", "version": "1", "part": "whole", "content": "x" * 2_000_000}
    assert place.post(ANNA, draft, huge).status_code == 413
    many = {"mark": mark, "do": "save", "version": "1"} | {f"v.{number}": "x" for number in range(3_000)}
    assert place.post(ANNA, draft, many).status_code in (303, 400, 422)
    for version in ("-1", "99999999999999999999", "1e3", "", "x", "2"):
        form = {"mark": mark, "do": "save", "version": version, "part": "fields"}
        assert place.post(ANNA, draft, form).status_code == 422, version
    assert place.get(ANNA, draft).status_code == 200


def test_a_draft_names_no_new_connection_and_writes_no_other_list(place: Place) -> None:
    (place.regions / "alfa" / "andere.csv").write_text("x")
    draft = place.begin()
    schools = SCHOOLS.replace("drop_folder", "las_database:las_beta")
    page = place.send(ANNA, draft, "check", part="schools", schools=schools)
    assert "De verbinding las_beta staat nog niet in de afspraken van deze regio." in page.text
    content = AGREEMENT.replace("2026-2027-schools.csv", "andere.csv")
    page = place.send(ANNA, draft, "check", part="whole", content=content)
    assert "De lijst van scholen andere.csv is niet die van deze afspraken." in page.text
    place.send(ANNA, draft, part="whole", content=content)
    assert place.send(BAS, draft, "approve", 2).status_code == 422


def test_without_the_login_nothing_is_drafted(place: Place) -> None:
    place.board.settings = place.board.settings.model_copy(update={"drafts": None})
    form = {"mark": place.mark(ANNA, "/afspraken/alfa"), "what": "change", "school_year": "2026-2027"}
    answer = place.post(ANNA, "/afspraken/alfa", form)
    assert answer.status_code == 422
    assert "OVERSTAP_DRAFTS" in answer.text


def test_due_work_starts_the_writer_also_before_a_round_opened(place: Place) -> None:
    def due() -> list[str]:
        return [work for _, work in place.ledger.without_region("select region, work from overstap.due_work()")]

    draft = place.begin()
    place.send(ANNA, draft, **place.moment("2027-03-16T11:00"))
    assert "agreements" not in due()
    place.send(BAS, draft, "approve", 2)
    assert due() == ["agreements"]
    place.write()
    assert due() == []


def test_a_folder_that_cannot_be_written_keeps_the_draft_approved(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = place.begin()
    place.send(ANNA, draft, **place.moment("2027-03-16T11:00"))
    place.send(BAS, draft, "approve", 2)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr("overstap.agreements.drafting.files.write_atomically", full)
    with pytest.raises(OverstapError, match="AGREEMENT-032"):
        place.write()
    monkeypatch.undo()
    assert place.write() == {"written": 1}


def test_a_draft_is_dropped_and_its_versions_stay(place: Place) -> None:
    draft = place.begin()
    late, changed = {"mark": place.mark(BAS, draft), "version": "1"}, place.moment("2027-03-16T11:00")
    assert place.send(BAS, draft, "drop").status_code == 303
    for form in ({"do": "approve"}, {"do": "drop"}, {"do": "rebase"}, {"do": "save", "part": "fields", **changed}):
        answer = place.post(BAS, draft, late | form)
        assert answer.status_code == 422, form
        assert "Dit voorstel is niet meer in bewerking" in answer.text
    assert "weggelegd" in place.get(ANNA, "/afspraken/alfa").text


COMPARES = "comparisons:\n  - region: beta  # zij ook\n    at: [2027-04-16 12:00]\n"


def test_a_comparison_with_another_region_is_drafted_checked_and_compared(place: Place) -> None:
    """Added with a button, checked while somebody types, laid beside what holds, approved and written."""
    draft = place.begin()
    assert "Korte naam van de andere regio" not in place.get(ANNA, draft).text
    assert place.send(ANNA, draft, "add_comparison").status_code == 303
    page = unescape(place.get(ANNA, draft).text)
    assert "Vergelijken met een andere regio: 1" in page
    fields = {"v.comparisons.0.region": "Beta regio", "v.comparisons.0.at.0": "2027-04-16T12:00"}
    form = {"mark": place.mark(ANNA, draft), "version": "2", "part": "fields", **fields}
    checked = place.post(ANNA, f"{draft}/controle", form).json()
    assert checked["errors"] == 1
    assert list(checked["fields"]) == ["comparisons.0.region"]
    both = {**form, "v.comparisons.0.region": "beta", "v.comparisons.0.conductor": "00000003123456780000"}
    checked = place.post(ANNA, f"{draft}/controle", both).json()
    assert list(checked["fields"]) == ["comparisons.0.region"], "a comparison as a whole stands at its first field"
    checked = place.post(ANNA, f"{draft}/controle", {**form, "v.comparisons.0.region": "beta"}).json()
    assert checked["errors"] == 0
    assert place.send(ANNA, draft, version=2, **{**fields, "v.comparisons.0.region": "beta"}).status_code == 303
    page = unescape(place.get(ANNA, draft).text)
    assert "Vergelijken met regio beta" in page
    assert "vrijdag 16 april 2027" in page
    assert place.send(BAS, draft, "approve", 3).status_code == 303
    assert place.write() == {"written": 1}
    assert place.file.read_text().startswith(AGREEMENT.rstrip())
    [found] = load_agreement(place.file).comparisons
    assert (found.region, len(found.at)) == ("beta", 1)


def test_a_comparison_is_changed_in_its_place_and_taken_out(place: Place) -> None:
    place.file.write_text(AGREEMENT + COMPARES)
    draft = place.begin()
    moments = {"v.comparisons.0.at.0": "2027-04-23T12:00", "v.comparisons.0.at.1": "2027-05-21T12:00"}
    assert place.send(ANNA, draft, **{"v.comparisons.0.at.0": "2027-04-23T12:00"}).status_code == 303
    assert place.whole(ANNA, draft) == AGREEMENT + COMPARES.replace("04-16", "04-23")
    page = unescape(place.get(ANNA, draft).text)
    assert "Vergelijken met regio beta: momenten" in page
    assert place.send(ANNA, draft, version=2, **moments).status_code == 303
    assert "at: ['2027-04-23 12:00', '2027-05-21 12:00']" in place.whole(ANNA, draft)
    assert place.send(ANNA, draft, version=3, **{"leave.0": "1"}).status_code == 303
    assert "comparisons: []" in place.whole(ANNA, draft)
    page = unescape(place.get(ANNA, draft).text)
    assert "Vergelijken met een andere regio: 1" not in page
    assert "Vergelijken met regio beta" in page
