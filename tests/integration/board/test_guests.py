"""The board's page on which a coordinator invites primary schools from outside the region, also as attackers use it."""

import json
import re
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from overstap.ledger import guests
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.region_keys import derive_board_keys, load_board_keys
from overstap.pages.board.airflow_port import RunRef, TaskRef
from overstap.pages.board.app import Board

from .conftest import ADMINISTRATOR, COORDINATOR, VIEWER, Alone
from .test_contacts import EVIL, OTHER_REGION, STRANGER, hidden, mark

GIVEN = {
    "do": "invite",
    "school": "98zz-00",
    "name": "De Verre <script>alert(1)</script> {{ 7*7 }}",
    "email": "directie@verre.example",
    "pupils": "Noor Berg, 1 februari 2014\n\n  Sam {{ 7*7 }}, 3-5-2014",
}


@pytest.fixture
def round_id(board: Board, owner_dsn: str) -> str:
    with psycopg.connect(owner_dsn) as owner:
        people = [{"account": "c.alfa", "name": "Carla de Vries", "email": "carla@alfa.example"}]
        owner.execute(
            "update overstap.round_agreement set agreement = agreement || %s::jsonb where region = 'alfa'",
            [json.dumps({"coordinators": people})],
        )
        found = owner.execute("select round_id from overstap.round where region = 'alfa'").fetchone()
    assert found is not None
    return str(found[0])


@pytest.fixture
def with_keys(board: Board, keys_folder: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "board"
    for region in ("alfa", "beta"):
        assert derive_board_keys(keys_folder, folder, region) == ["1~contacts"]
    board.__dict__["settings"] = board.settings.model_copy(update={"board_keys": folder})
    return folder


def sent(client: TestClient, round_id: str, **more: str) -> tuple[int, str]:
    path = f"/ronde/{round_id}/gasten"
    page = client.get(path).text
    ids = re.search(r'name="guest" value="([^"]*)"><p><label for="g-school"', page.replace("\n", ""))
    given = {"mark": mark(page), "guest": ids[1] if ids else ""} | GIVEN | more
    answer = client.post(path, data=given)
    return answer.status_code, answer.text


def rows(owner_dsn: str) -> list[tuple[object, ...]]:
    with psycopg.connect(owner_dsn) as owner:
        return owner.execute("select school, pupils, invited_by, asked, ended_by from overstap.guest_school").fetchall()


def test_a_coordinator_invites_again_and_ends(
    client: TestClient, round_id: str, owner_dsn: str, with_keys: Path, board: Board
) -> None:
    status, text = sent(client, round_id)
    assert status == 303, text
    assert rows(owner_dsn) == [("98ZZ00", 2, "c.alfa", 1, None)]
    page = client.get(f"/ronde/{round_id}/gasten").text
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7*7 }}" in page, "no template"
    assert "Noor" not in page, "who it is about is shown to the guest alone"
    assert sent(client, round_id)[0] == 422, "invited before"
    school = client.get(f"/ronde/{round_id}/school/98ZZ00")
    assert school.status_code == 200
    assert "98ZZ00 · van buiten de regio" in school.text
    assert client.get(f"/ronde/{round_id}").text.count("van buiten de regio") == 1
    guest = hidden(page, "guest")
    form = {"mark": mark(page), "guest": guest}
    assert client.post(f"/ronde/{round_id}/gasten", data=form | {"do": "renew"}).status_code == 303
    moved = form | {"do": "renew", "email": "ander@verre.example"}
    assert client.post(f"/ronde/{round_id}/gasten", data=moved).status_code == 303
    assert client.post(f"/ronde/{round_id}/gasten", data=form | {"do": "end"}).status_code == 303
    assert rows(owner_dsn) == [("98ZZ00", 2, "c.alfa", 3, "c.alfa")]
    keys = load_board_keys(with_keys, "alfa")
    assert keys is not None
    with board.read_only_ledger.regions() as turn:
        asked = guests.asked_of(turn("alfa"), keys, round_id, "98ZZ00")
    assert asked == guests.GuestAsked("ander@verre.example", ("Noor Berg, 1 februari 2014", "Sam {{ 7*7 }}, 3-5-2014"))
    with psycopg.connect(owner_dsn) as owner:
        clear = str(owner.execute("select array_agg(to_jsonb(g)) from overstap.guest_school g").fetchone())
    assert not re.search("Noor|verre\\.example", clear)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"school": "98ZZ"}, "Bedoelt u 98ZZ00?"),
        ({"school": "x"}, "geen BRIN"),
        ({"name": " "}, "naam van de school"),
        ({"email": "geen adres"}, "geen e-mailadres"),
        ({"email": "a@b.example\r\nBcc: x@y.example"}, "geen e-mailadres"),
        ({"pupils": "\n \n"}, "minstens één"),
        ({"pupils": "Noor\n" * 51}, "hoogstens 50"),
        ({"pupils": "N" * 121}, "langer dan 120"),
        ({"pupils": "Noor 999999990"}, "burgerservicenummer"),
        ({"guest": "x"}, "te lang open"),
        ({"mark": "x"}, "te lang open"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_kept(
    client: TestClient, round_id: str, owner_dsn: str, with_keys: Path, wrong: dict[str, str], says: str
) -> None:
    status, text = sent(client, round_id, **wrong)
    assert status == 422
    assert says in text
    assert rows(owner_dsn) == []


def test_a_school_of_the_agreement_is_no_guest(
    client: TestClient, round_id: str, owner_dsn: str, with_keys: Path
) -> None:
    with psycopg.connect(owner_dsn) as owner:
        member = owner.execute("select school from overstap.school where region = 'alfa' and kind = 'PO'").fetchone()
    assert member is not None
    status, text = sent(client, round_id, school=member[0])
    assert (status, "doet al mee" in text) == (422, True)
    assert rows(owner_dsn) == []


def test_nobody_else_invites(
    client: TestClient, airflow: Alone, round_id: str, owner_dsn: str, with_keys: Path
) -> None:
    path = f"/ronde/{round_id}/gasten"
    page = client.get(path).text
    form = {"mark": mark(page), "guest": "0" * 8 + "-0000-4000-8000-" + "0" * 12} | GIVEN
    assert client.post(path, data=form, headers=EVIL).status_code == 422
    for person in (VIEWER, OTHER_REGION, ADMINISTRATOR):
        airflow.asks = person
        assert client.get(path).status_code == 404, person.account
        assert client.post(path, data=form).status_code == 404
    airflow.asks = STRANGER
    assert sent(client, round_id)[0] == 422, "the database knows who coordinates"
    airflow.asks = COORDINATOR
    assert client.post("/ronde/beta.2026-2027.advice/gasten", data=form).status_code == 404
    assert rows(owner_dsn) == []


def test_without_keys_nothing_is_kept(client: TestClient, round_id: str, owner_dsn: str) -> None:
    page = client.get(f"/ronde/{round_id}/gasten").text
    assert "OVERSTAP_BOARD_KEYS" in page
    form = {"mark": mark(page), "guest": "0" * 8 + "-0000-4000-8000-" + "0" * 12} | GIVEN
    assert client.post(f"/ronde/{round_id}/gasten", data=form).status_code == 422
    assert rows(owner_dsn) == []


def test_collecting_again_from_a_guest_clears_its_own_square_or_looks_for_guests_again(
    client: TestClient,
    airflow: Alone,
    monkeypatch: pytest.MonkeyPatch,
    round_id: str,
    owner_dsn: str,
    with_keys: Path,
) -> None:
    assert sent(client, round_id)[0] == 303
    asked: list[tuple[str, bool]] = []
    cleared: list[TaskRef] = []

    def collect_task(run: RunRef, school: str, *, is_guest: bool = False) -> TaskRef | None:
        asked.append((school, is_guest))
        return TaskRef("plan_guests", -1, "Bepalen", "success") if is_guest else None

    async def clear(request: object, run: RunRef, task: TaskRef, *, note: str, is_rehearsal: bool) -> list[TaskRef]:
        if not is_rehearsal:
            cleared.append(task)
        return [task]

    monkeypatch.setattr(airflow, "run", lambda dag_id: RunRef(dag_id, "scheduled__1"))
    monkeypatch.setattr(airflow, "collect_task", collect_task)
    monkeypatch.setattr(airflow, "clear", clear)
    there = f"/ronde/{round_id}/school/98ZZ00/opnieuw"
    page = client.get(there)
    assert page.status_code == 200, page.text
    assert "{{ 7*7 }}" in page.text
    done = client.post(there, data={"mark": mark(page.text), "note": "nu ingevuld"})
    assert done.status_code == 303
    assert cleared == [TaskRef("plan_guests", -1, "Bepalen", "success")]
    assert set(asked) == {("98ZZ00", True)}
    with psycopg.connect(owner_dsn) as owner:
        [(member,)] = owner.execute(
            "select school from overstap.school where region = 'alfa' and kind = 'PO' and not is_guest limit 1"
        ).fetchall()
    assert client.get(f"/ronde/{round_id}/school/{member}/opnieuw").status_code == 409
    assert asked[-1] == (member, False)


def test_a_secondary_school_from_outside_is_let_collect_by_reference(
    client: TestClient, round_id: str, owner_dsn: str, with_keys: Path
) -> None:
    with psycopg.connect(owner_dsn) as owner:
        [(dossier,)] = owner.execute(
            "select dossier from overstap.dossier where region = 'alfa' and state <> 'withdrawn' limit 1"
        ).fetchall()
    given = {"do": "collect", "school": "97zz 00", "name": "Het Verre {{ 7*7 }}", "email": "post@verre.example"}
    for wrong, says in (
        ({"dossiers": "ZZZZ-ZZZZ"}, "code op regel 1"),
        ({"dossiers": " "}, "minstens één"),
        ({"email": "x", "dossiers": reference(dossier)}, "geen e-mailadres"),
    ):
        status, text = sent(client, round_id, **(given | wrong))
        assert (status, says in text) == (422, True), wrong
        assert "Het Verre {{ 7*7 }}" in text, "what was filled in stays"
    status, text = sent(client, round_id, **(given | {"dossiers": f"{reference(dossier).lower()},"}))
    assert status == 303, text
    assert "97ZZ00 · haalt op" in client.get(f"/ronde/{round_id}/gasten").text
