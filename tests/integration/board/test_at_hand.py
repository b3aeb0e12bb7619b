"""The board's page on which a pupil is found by number, and notes about pupils and schools: users and attackers."""

# ruff: noqa: F401, F811 (fixtures of another module)

import html
import inspect
import logging
import re
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from overstap.agreements import RoundId
from overstap.cli import app
from overstap.errors import OverstapError
from overstap.key_service.operations import KeyOperations
from overstap.key_service.permissions import CLIENTS
from overstap.ledger import Ledger, pupil_search, retention, subject_access
from overstap.ledger.decision_lines import differences
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.region_keys import create_keys, load_keys
from overstap.ledger.session import UnitOfWork
from overstap.ledger.subject_access import DataSubject
from overstap.pages.board.app import Board

from .conftest import ADMINISTRATOR, COORDINATOR, VIEWER, Alone
from .test_contacts import EVIL, OTHER_REGION, STRANGER, hidden, mark, round_id, schools, with_keys

NUMBER, UNKNOWN, EDUCATION = "999990019", "123456782", "101222331"
SAID = "Moeder belt over de plaatsing {{ 7*7 }} <b>snel</b>"


@pytest.fixture
def keys_here(board: Board, round_id: str, with_keys: Path, keys_folder: Path) -> None:
    """One process has everything, as on a machine for development."""
    board.__dict__["settings"] = board.settings.model_copy(update={"keys": keys_folder})


@pytest.fixture
def dossier(keys_here: None, owner_dsn: str, keys_folder: Path) -> UUID:
    """A dossier of alfa whose pupil has NUMBER."""
    with psycopg.connect(owner_dsn) as owner:
        found = owner.execute(
            "update overstap.dossier set pupil = %s where dossier = (select min(dossier::text)::uuid "
            "from overstap.dossier where region = 'alfa') returning dossier",
            [load_keys(keys_folder, "alfa").lookup("pupil", NUMBER)],
        ).fetchone()
    assert found is not None
    return UUID(str(found[0]))


def look(client: TestClient, number: str, region: str = "alfa", **headers: str) -> tuple[int, str, str]:
    path = f"/leerling/{region}"
    form = {"mark": mark(client.get(path).text), "number": number}
    done = client.post(path, data=form, headers=headers)
    return done.status_code, done.text, done.headers.get("location", "")


def searches(owner_dsn: str) -> list[tuple[str, str, str]]:
    with psycopg.connect(owner_dsn) as owner:
        return owner.execute(
            "select payload::jsonb ->> 'actor', payload::jsonb #>> '{detail,outcome}', payload::jsonb ->> 'subject' "
            "from overstap.audit_line where payload::jsonb ->> 'action' = 'search.pupil' order by seq"
        ).fetchall()


def everything(owner_dsn: str) -> str:
    with psycopg.connect(owner_dsn) as owner:
        return "\n".join(
            str(row)
            for table in ("board_note", "pupil_search", "audit_line")
            for row in owner.execute(f"select to_jsonb(t) from overstap.{table} t")  # noqa: S608
        )


def faults(unit: UnitOfWork) -> list[str]:
    """Faults about notes: the filled rounds have decisions without lines."""
    return [fault for _, fault in differences(unit) if "note" in fault]


def write(client: TestClient, path: str, text: str, **more: str) -> tuple[int, str]:
    page = client.get(path).text
    form = {"mark": mark(page), "do": "note", "note": text}
    ids = re.findall(r'name="note_id" value="([^"]+)"', page)
    done = client.post(path, data=form | {"note_id": ids[-1] if ids else str(uuid4())} | more)
    return done.status_code, done.text


def test_a_pupil_is_found_by_number_and_shown_without_it(
    client: TestClient, dossier: UUID, owner_dsn: str, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    status, _, there = look(client, "9999 90019")
    assert (status, there) == (303, f"/rondes/leerling/alfa/{dossier}")
    page = client.get(there.removeprefix("/rondes")).text
    sign = reference(dossier)
    assert f"Leerling {sign}" in page
    assert "Advies" in page
    said, told = everything(owner_dsn), "\n".join(record.getMessage() for record in caplog.records)
    for place in (page, said, told, there):
        assert NUMBER not in place
    assert searches(owner_dsn) == [("c.alfa", "found", str(dossier))]


def test_who_is_not_there_is_recorded_too(client: TestClient, dossier: UUID, owner_dsn: str) -> None:
    status, page, _ = look(client, UNKNOWN)
    assert status == 200
    assert "geen leerling met dit nummer" in page
    assert UNKNOWN not in page
    assert searches(owner_dsn) == [("c.alfa", "unknown", "alfa")]


@pytest.fixture
def applicant(keys_here: None, owner_dsn: str, keys_folder: Path) -> bytes:
    """Keyed hash of a pupil of alfa with EDUCATION, who has an application and no dossier."""
    pupil = load_keys(keys_folder, "alfa").lookup("pupil", EDUCATION)
    po, vo = schools(owner_dsn, "PO")[0], schools(owner_dsn, "VO")[0]
    values = {"pupil": pupil, "po": po, "vo": vo}
    with psycopg.connect(owner_dsn) as owner:
        for statement in (
            "insert into overstap.application (region, school_year, pupil, secondary_school, primary_school, stage, "
            "recorded_at, status, preference) select 'alfa', max(school_year), %(pupil)s, %(vo)s, %(po)s, 'applied', "
            "now(), 'admissible', 2 from overstap.round where region = 'alfa'",
            "insert into overstap.application_event (region, school_year, pupil, secondary_school, stage, status, "
            "is_withdrawn, stated_at, source, noted_by) select 'alfa', max(school_year), %(pupil)s, %(vo)s, 'applied', "
            "'admissible', false, now(), 'file', 'x' from overstap.round where region = 'alfa'",
        ):
            owner.execute(statement, values)
    return pupil


def test_a_pupil_with_an_application_alone_is_found(client: TestClient, applicant: bytes, owner_dsn: str) -> None:
    status, _, there = look(client, EDUCATION)
    assert status == 303
    page = client.get(there.removeprefix("/rondes")).text
    assert "toelaatbaar" in page
    assert "Er is nog geen dossier van deze leerling" in page
    assert applicant.hex()[:8] not in page
    assert applicant.hex() not in everything(owner_dsn).replace("\\\\x", "")
    assert write(client, there.removeprefix("/rondes"), "Wacht op de loting")[0] == 303
    assert "Wacht op de loting" in client.get(there.removeprefix("/rondes")).text


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345678",
        "999990018",
        "{{ 7*7 }}",
        "<script>alert(1)",
        "' or 1=1 --",
        "９９９９９００１９",
        "9" * 5_000,
        "\x00",
    ],
)
def test_what_is_no_number_is_not_looked_up(client: TestClient, dossier: UUID, owner_dsn: str, typed: str) -> None:
    status, page, there = look(client, typed)
    assert status in (200, 422)
    assert there == ""
    assert "<script>alert" not in page
    assert ">49<" not in page
    assert 'name="number" maxlength="20" required autocomplete="off" spellcheck="false" value=""' in page
    assert searches(owner_dsn) == []


def test_the_code_of_a_dossier_leads_there_without_a_look_up(client: TestClient, dossier: UUID, owner_dsn: str) -> None:
    status, _, there = look(client, reference(dossier).lower())
    assert (status, there) == (303, f"/rondes/leerling/alfa/{dossier}")
    assert searches(owner_dsn) == []


def test_a_number_in_the_address_is_not_read(client: TestClient, dossier: UUID, owner_dsn: str) -> None:
    assert client.get("/leerling/alfa", params={"number": NUMBER}).status_code == 200
    assert client.get(f"/leerling/alfa/{NUMBER}").status_code == 404
    assert searches(owner_dsn) == []


@pytest.mark.parametrize("who", [VIEWER, ADMINISTRATOR, OTHER_REGION, replace(COORDINATOR, sees_dossiers=False)])
def test_nobody_else_finds_a_pupil(
    client: TestClient, dossier: UUID, airflow: Alone, owner_dsn: str, who: object
) -> None:
    airflow.asks = who  # type: ignore[assignment]
    assert client.get("/leerling/alfa").status_code == 404
    assert client.get(f"/leerling/alfa/{dossier}").status_code == 404
    assert client.post("/leerling/alfa", data={"number": NUMBER}).status_code == 404
    assert client.post(f"/leerling/alfa/{dossier}", data={"do": "note", "note": "x"}).status_code == 404
    assert searches(owner_dsn) == []


def test_another_regions_pupil_is_not_shown(
    client: TestClient, dossier: UUID, airflow: Alone, owner_dsn: str, keys_folder: Path
) -> None:
    airflow.asks = OTHER_REGION
    assert client.get(f"/leerling/beta/{dossier}").status_code == 404
    create = load_keys(keys_folder, "beta").lookup("pupil", NUMBER)
    assert create != load_keys(keys_folder, "alfa").lookup("pupil", NUMBER)


def test_who_is_in_no_agreement_is_refused_by_the_database(
    client: TestClient, dossier: UUID, airflow: Alone, owner_dsn: str
) -> None:
    airflow.asks = STRANGER
    status, page, _ = look(client, NUMBER)
    assert status == 422
    assert "Alleen" not in page
    assert "coördinator" in page
    assert write(client, f"/leerling/alfa/{dossier}", "x")[0] == 422
    assert searches(owner_dsn) == []


def test_a_form_from_elsewhere_is_not_carried_out(client: TestClient, dossier: UUID, owner_dsn: str) -> None:
    assert look(client, NUMBER, **EVIL)[0] == 422
    assert client.post("/leerling/alfa", data={"number": NUMBER, "mark": "x"}).status_code == 422
    path = f"/leerling/alfa/{dossier}"
    other = mark(client.get("/leerling/alfa").text)
    for given in ("", "x", other):
        done = client.post(path, data={"mark": given, "do": "note", "note": SAID, "note_id": str(uuid4())})
        assert done.status_code == 422
    assert searches(owner_dsn) == []
    assert "board_note" not in everything(owner_dsn)
    assert "note.keep" not in everything(owner_dsn)


def test_look_ups_end_at_the_limit(
    client: TestClient, board: Board, dossier: UUID, owner_dsn: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    by_key = Board.pupil_hash

    def counted(self: Board, region: str, number: str) -> bytes | None:
        asked.append(region)
        return by_key(self, region, number)

    monkeypatch.setattr(Board, "pupil_hash", counted)
    with ledger.unit("alfa", "c.alfa") as unit:
        most = pupil_search.most_an_hour(unit)
        for _ in range(most):
            pupil_search.find(unit, unit.keys.lookup("pupil", UNKNOWN))
    for _ in range(3):
        status, page, there = look(client, NUMBER)
        assert (status, there) == (429, "")
        assert f"al {most} keer" in page
    assert len(asked) == 1, "the key service counts look-ups of the region, which are not one account's to use up"
    assert [one[1] for one in searches(owner_dsn)] == ["unknown"] * most + ["limit"]
    with psycopg.connect(owner_dsn) as owner:
        alarms = owner.execute("select kind, region, failed from overstap.alarm").fetchall()
        assert alarms == [("mass_searching", "alfa", most)], "the administrator is told, once"
        owner.execute("update overstap.pupil_search set searched_at = searched_at - interval '61 minutes'")
    board.over_limit.clear()  # a minute later
    assert look(client, NUMBER)[0] == 303


def test_without_a_key_service_no_number_is_looked_up(
    client: TestClient,
    round_id: str,
    with_keys: Path,
) -> None:
    assert "Deze server kan geen leerling op nummer zoeken" in client.get("/leerling/alfa").text
    status, page, _ = look(client, NUMBER)
    assert status == 422
    assert "sleuteldienst" in page


def test_notes_about_a_pupil(client: TestClient, dossier: UUID, owner_dsn: str, ledger: Ledger) -> None:
    path = f"/leerling/alfa/{dossier}"
    assert write(client, path, SAID)[0] == 303
    page = client.get(path).text
    assert html.escape(SAID) in page
    assert "c.alfa schreef" in page
    assert "<b>snel" not in page
    assert SAID not in everything(owner_dsn)
    assert write(client, path, SAID, note_id=re.findall(r'name="note_id" value="([^"]+)"', page)[0])[0] == 303
    assert client.get(path).text.count(html.escape(SAID)) == 1
    for wrong in ("", "   ", "x" * 2_001, "a\x01b", f"leerling {NUMBER}"):
        status, said = write(client, path, wrong)
        assert status == 422
        assert "niet bewaard" in said
    with ledger.unit("alfa", "test") as unit:
        subject = DataSubject([load_pupil(owner_dsn, dossier)], [], [], None, "", NUMBER)
        collected = subject_access.collect(unit, subject)
        assert collected is not None
        found = collected.tables["board_note"]
        assert [one["content"] for one in found] == [SAID]
        assert faults(unit) == []
    note = str(found[0]["note"])
    assert write(client, path, "", do="erase_note", note_id=note)[0] == 303
    assert "De tekst is verwijderd" in client.get(path).text
    assert html.escape(SAID) not in client.get(path).text


def load_pupil(owner_dsn: str, dossier: UUID) -> bytes:
    with psycopg.connect(owner_dsn) as owner:
        found = owner.execute("select pupil from overstap.dossier where dossier = %s", [dossier]).fetchone()
    assert found is not None
    return bytes(found[0])


def test_notes_about_a_school_and_its_board(client: TestClient, round_id: str, keys_here: None, owner_dsn: str) -> None:
    with psycopg.connect(owner_dsn) as owner:
        found = owner.execute(
            "select agreement #>> '{schools,1,id}', agreement #>> '{schools,1,board}' from overstap.round_agreement "
            "where region = 'alfa'"
        ).fetchone()
    assert found is not None
    school, of_board = found
    path = f"/ronde/{round_id}/contact/{school}"
    assert write(client, path, "Directeur met verlof tot mei")[0] == 303
    assert "Directeur met verlof tot mei" in client.get(path).text
    page = client.get(path).text
    form = {"mark": mark(page), "do": "call", "call": hidden(page, "call"), "at": hidden_at(page), "spoke_with": "M."}
    assert client.post(path, data=form | {"note": "Levert morgen"}).status_code == 303
    at_board = client.get(f"/ronde/{round_id}/contact/board:{of_board.replace('/', '%2F')}").text
    assert "Gesprekken en berichten met het bestuur en de scholen ervan" in at_board
    assert "Levert morgen" in at_board, "the calls of its schools"
    assert "Directeur met verlof" not in at_board


def hidden_at(page: str) -> str:
    found = re.search(r'name="at" type="datetime-local" required value="([^"]+)"', page)
    assert found
    return found[1]


def test_nobody_writes_notes_calls_or_messages_without_end(
    client: TestClient, board: Board, dossier: UUID, round_id: str, owner_dsn: str
) -> None:
    """Each stays, and a page reads and decrypts all; so for the board's login too, which can name any coordinator."""
    path, school = f"/leerling/alfa/{dossier}", schools(owner_dsn, "PO")[0]
    assert write(client, path, SAID)[0] == 303
    values = {"year": RoundId(round_id).school_year, "dossier": dossier, "school": school, "round": round_id}
    pages = Ledger(str(board.settings.ledger), None)
    for asked, most in (
        ("keep_note({}, %(year)s, null, %(dossier)s, '1', 'x')", 199),
        ("keep_note({}, %(year)s, %(school)s, null, '1', 'x')", 200),
        ("note_call({}, %(round)s, %(school)s, now(), '1', 'x')", 200),
        ("keep_message({}, %(round)s, array[%(school)s], '1', 'x')", 2_000),
    ):
        statement = f"select overstap.{asked.format('gen_random_uuid()')}"
        with pages.unit("alfa", "c.alfa") as unit:
            assert len(unit.rows(f"{statement} from generate_series(1, {most})", **values)) == most
        with pytest.raises(psycopg.errors.ProgramLimitExceeded), pages.unit("alfa", "c.alfa") as unit:
            unit.run(statement, **values)
    pages.close()
    with psycopg.connect(owner_dsn) as owner:
        for table in ("board_note", "contact_call", "contact_message"):  # no key opens an x
            owner.execute(f"update overstap.{table} set key_id = null, content = null")  # noqa: S608 (names above)
    for one in (path, f"/ronde/{round_id}/contact/{school}"):
        status, page = write(client, one, SAID)
        assert status == 422
        assert "al zoveel notities" in page


def test_retention_erases_notes(
    client: TestClient, dossier: UUID, round_id: str, owner_dsn: str, ledger: Ledger
) -> None:
    assert write(client, f"/leerling/alfa/{dossier}", SAID)[0] == 303
    school = schools(owner_dsn, "PO")[0]
    assert write(client, f"/ronde/{round_id}/contact/{school}", "Over de school")[0] == 303
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("update overstap.round set closed_at = now() - interval '40 days' where region = 'alfa'")
        owner.execute("update overstap.dossier set state = 'confirmed' where region = 'alfa' and state = 'sealed'")
    with ledger.unit("alfa", "retention") as unit:
        unit.one("select overstap.erase_content(%(ids)s, 35)", ids=[dossier])
        assert unit.rows("select party from overstap.board_note") == [(school,)]
        assert unit.one("select overstap.erase_of_round(%(round)s, 35, false)", round=round_id)[0] > 0
        assert unit.rows("select party from overstap.board_note") == []
        assert faults(unit) == []


def noted(client: TestClient, applicant: bytes, text: str) -> None:
    """Keep a note about the pupil without a dossier."""
    _, _, there = look(client, EDUCATION)
    assert write(client, there.removeprefix("/rondes"), text)[0] == 303


def forgotten(ledger: Ledger) -> list[tuple[str, str, str]]:
    with ledger.unit("alfa", "test") as unit:
        return unit.rows(
            "select payload::jsonb ->> 'actor', payload::jsonb ->> 'subject', payload::jsonb #>> '{detail,reason}' "
            "from overstap.audit_line where payload::jsonb ->> 'action' = 'note.forget' order by seq"
        )


def notes(ledger: Ledger) -> list[str]:
    with ledger.unit("alfa", "test") as unit:
        return [row[0] for row in unit.rows("select note::text from overstap.board_note order by note")]


def test_retention_takes_the_notes_about_a_pupil_without_a_dossier(
    client: TestClient, applicant: bytes, round_id: str, owner_dsn: str, ledger: Ledger
) -> None:
    noted(client, applicant, SAID)
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("update overstap.round set closed_at = now() - interval '40 days' where region = 'alfa'")
        owner.execute("update overstap.dossier set state = 'confirmed' where region = 'alfa' and state = 'sealed'")
    retention.retain(ledger, "alfa", actor="retain", content_days=45, traces_days=90)
    assert len(notes(ledger)) == 1, "its days are not over"
    assert retention.retain(ledger, "alfa", actor="retain", content_days=35, traces_days=90)["of_rounds"] > 0
    assert notes(ledger) == []
    with ledger.unit("alfa", "test") as unit:
        assert faults(unit) == []
        assert unit.one(
            "select count(*) from overstap.audit_line where payload::jsonb ->> 'action' = 'retention.round'"
        )[0]


def test_notes_are_erased_on_request_without_a_dossier(
    client: TestClient,
    applicant: bytes,
    dossier: UUID,
    round_id: str,
    ledger: Ledger,
    app_dsn: str,
    keys_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted(client, applicant, SAID)
    noted(client, applicant, "Belt nog eens")
    about = notes(ledger)
    assert write(client, f"/leerling/alfa/{dossier}", "Over een ander")[0] == 303
    [other] = set(notes(ledger)) - set(about)
    with ledger.unit("alfa", "hold") as unit:
        held = retention.hold(unit, round_id, reason="klacht")
    with pytest.raises(OverstapError) as refused:
        retention.erase_notes(ledger, "alfa", EDUCATION, actor="beheer", reason="verzoek 12")
    assert refused.value.code == "LEDGER-026"
    assert len(notes(ledger)) == 3
    with ledger.unit("alfa", "hold") as unit:
        retention.lift(unit, held)
        retention.hold(unit, round_id, reason="klacht", dossier=dossier)
    assert retention.erase_notes(ledger, "alfa", UNKNOWN, actor="beheer", reason="verzoek 12") == 0
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    words = ["ledger", "erase-notes", "alfa", "--by", "beheer", "--reason", "verzoek 12"]
    for wrong in ("12", f"{EDUCATION[:-1]}{(int(EDUCATION[-1]) + 1) % 10}", "geen nummer"):
        done = CliRunner().invoke(app, words, input=f"{wrong}\n")
        assert isinstance(done.exception, OverstapError), done.output
        assert (done.exception.code, wrong in f"{done.output}{done.exception}") == ("PRIVACY-004", False)
    # As it stands on official papers: that nothing is known would be a false answer to the request
    done = CliRunner().invoke(app, words, input=f"{EDUCATION[:4]}.{EDUCATION[4:6]}.{EDUCATION[6:]}\n")
    assert (done.exit_code, "notes erased: 2" in done.output, EDUCATION in done.output) == (0, True, False)
    assert notes(ledger) == [other], "a hold of another pupil's dossier does not keep them"
    assert forgotten(ledger) == [("beheer", one, "verzoek 12") for one in about]
    assert retention.erase_notes(ledger, "alfa", EDUCATION, actor="beheer", reason="verzoek 12") == 0
    with pytest.raises(OverstapError):
        retention.erase_notes(ledger, "alfa", NUMBER, actor="beheer", reason="verzoek 13")
    with ledger.unit("alfa", "test") as unit:
        assert faults(unit) == []


def test_a_note_without_its_line_is_found(client: TestClient, dossier: UUID, owner_dsn: str, ledger: Ledger) -> None:
    assert write(client, f"/leerling/alfa/{dossier}", SAID)[0] == 303
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("update overstap.board_note set noted_by = 'somebody'")
    with ledger.unit("alfa", "test") as unit:
        assert faults(unit) == ["a note by somebody whose audit line names c.alfa"]


def test_no_key_is_idle_that_encrypts_something(owner_dsn: str) -> None:
    """A key that `ledger` destroys as idle while a table needs it is content that nobody reads any more."""
    with psycopg.connect(owner_dsn) as owner:
        found = owner.execute(
            "select c.table_name, c.column_name from information_schema.columns c join information_schema.tables t "
            "using (table_schema, table_name) where c.table_schema = 'overstap' and t.table_type = 'BASE TABLE' "
            "and c.column_name like '%key_id'"
        ).fetchall()
    asked = re.findall(r"select (\w+) from overstap\.(\w+)", inspect.getsource(retention.idle_keys))
    looked_at = {(table, column) for column, table in asked}
    by_function = {"school_factor"}  # overstap.factor_keys: this login may not read it
    missing = [
        f"{table}.{column}" for table, column in found if table not in by_function and (table, column) not in looked_at
    ]
    assert missing == []


def test_the_key_service_hashes_numbers_for_the_board_and_does_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    create_keys(tmp_path, "alfa", "1")
    may = replace(CLIENTS["board"], most_lookups=3)
    service = KeyOperations("board", may, tmp_path, None)
    asked = {"operation": "lookup", "region": "alfa", "kind": "pupil"}
    expected = load_keys(tmp_path, "alfa").lookup("pupil", NUMBER)
    assert [service.answer(asked, NUMBER.encode())[1] for _ in range(3)] == [expected] * 3
    with pytest.raises(OverstapError) as refused:
        service.answer(asked, NUMBER.encode())
    assert refused.value.code == "KEYS-004"
    assert [one.name for one in caplog.records if "key_refused" in one.getMessage()] == ["overstap.alarm"]
    for operation in (
        {"operation": "encrypt", "bound_to": "board_note/x", "key_id": ""},
        {"operation": "decrypt", "bound_to": "x/1", "key_id": "1"},
        {"operation": "derive", "key_id": f"1~{uuid4()}"},
        {"operation": "sign_proof"},
    ):
        with pytest.raises(OverstapError) as refused:
            service.answer(operation | {"region": "alfa"}, b"%PDF-")
        assert refused.value.code == "KEYS-002"
    with pytest.raises(OverstapError) as refused:
        service.answer(asked | {"kind": "las_key"}, b"x")
    assert refused.value.code in ("KEYS-002", "KEYS-004")
