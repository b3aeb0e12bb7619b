"""The board's pages about contact with schools, as coordinators, their colleagues elsewhere and attackers use them."""

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient

from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.ledger import Ledger, contacts, guests, retention
from overstap.ledger.contacts import ContactPerson
from overstap.ledger.decision_lines import differences
from overstap.ledger.notifications import outbox
from overstap.ledger.region_keys import EncryptedContent, create_keys, derive_board_keys, destroy_key, load_board_keys
from overstap.ledger.rounds.due_work import due_work
from overstap.notifications.outbox import send_due
from overstap.notifications.smtp import SmtpSession
from overstap.notifications.updating import update_notices
from overstap.pages.board.app import Board

from .conftest import ADMINISTRATOR, COORDINATOR, VIEWER, Alone

OTHER_REGION = replace(COORDINATOR, account="c.beta", regions=frozenset({"beta"}), reruns=frozenset({"beta"}))
STRANGER = replace(COORDINATOR, account="c.vreemd", key="8")
"""May clear tasks, and is in no agreement."""
EVIL = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
ALL_PERSONS = re.compile("Marja|0612345678|06 12345678|naar de dokter|Overleg|Graag vandaag", re.IGNORECASE)


@pytest.fixture
def round_id(board: Board, owner_dsn: str) -> str:
    """Round of alfa, whose agreement names the coordinator and a school board."""
    with psycopg.connect(owner_dsn) as owner:
        found = owner.execute("select round_id from overstap.round where region = 'alfa'").fetchone()
        people = [{"account": "c.alfa", "name": "Carla de Vries", "email": "carla@alfa.example"}]
        owner.execute(
            "update overstap.round_agreement set agreement = agreement || %s::jsonb where region = 'alfa'",
            [json.dumps({"coordinators": people})],
        )
        owner.execute(
            "update overstap.round_agreement set agreement = jsonb_set(agreement, '{schools,1,board}', %s::jsonb) "
            "where region = 'alfa'",
            [json.dumps("Stichting {{ 7*7 }} & Zn/Den Haag")],
        )
    assert found is not None
    return str(found[0])


@pytest.fixture
def with_keys(board: Board, keys_folder: Path, tmp_path: Path) -> Path:
    """The board has its keys, beside those of the tasks."""
    folder = tmp_path / "board"
    for region in ("alfa", "beta"):
        assert derive_board_keys(keys_folder, folder, region) == ["1~contacts"]
    board.__dict__["settings"] = board.settings.model_copy(update={"board_keys": folder})
    return folder


def mark(page: str) -> str:
    found = re.search(r'name="mark" value="([^"]+)"', page)
    return found[1] if found else ""


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return html.unescape(found[1])


def schools(owner_dsn: str, kind: str) -> list[str]:
    with psycopg.connect(owner_dsn) as owner:
        found = owner.execute(
            "select school from overstap.school where region = 'alfa' and kind = %s order by school", [kind]
        ).fetchall()
    return [school for (school,) in found]


def lines(owner_dsn: str) -> list[tuple[str, str, str]]:
    with psycopg.connect(owner_dsn) as owner:
        return owner.execute(
            "select payload::jsonb ->> 'action', payload::jsonb ->> 'actor', payload::jsonb ->> 'subject' "
            "from overstap.audit_line where payload::jsonb ->> 'action' like 'contact.%%' order by seq"
        ).fetchall()


def in_the_clear(owner_dsn: str) -> str:
    """Everything that the tables of contacts and the audit chain say to whoever has no key."""
    tables = ("contact_person", "contact_call", "contact_message", "contact_message_to", "audit_line", "notice", "mail")
    with psycopg.connect(owner_dsn) as owner:
        return "\n".join(
            str(row)
            for table in tables
            for row in owner.execute(f"select to_jsonb(t) from overstap.{table} t")  # noqa: S608
        )


def note(client: TestClient, round_id: str, party: str, **more: str) -> tuple[int, str]:
    path = f"/ronde/{round_id}/contact/{party}"
    page = client.get(path).text
    at = f"{dutch_time(now()) - timedelta(minutes=5):%Y-%m-%dT%H:%M}"
    form = {"mark": mark(page), "do": "call", "call": hidden(page, "call"), "at": at, "spoke_with": "Marja Jansen"}
    done = client.post(path, data=form | {"note": "Komt morgen <b>zeker</b> {{ 7*7 }}"} | more)
    return done.status_code, done.text


def test_whom_to_call_and_what_was_said(
    client: TestClient, round_id: str, with_keys: Path, owner_dsn: str, ledger: Ledger
) -> None:
    school = schools(owner_dsn, "PO")[0]
    path = f"/ronde/{round_id}/contact/{school}"
    page = client.get(path)
    assert page.status_code == 200
    assert "<script>alert(1)" not in page.text
    assert html.escape("<script>alert(1)") in page.text, "the school's name"
    form = {"mark": mark(page.text), "do": "person", "name": "Marja Jansen", "role": "intern begeleider"}
    done = client.post(path, data=form | {"phone": "06 12345678"})
    assert done.headers["location"] == f"/rondes{path}?gedaan=person"
    status, _ = note(client, round_id, school)
    assert status == 303
    shown = client.get(path).text
    assert "Carla de Vries belde met Marja Jansen" in shown
    assert "Komt morgen &lt;b&gt;zeker&lt;/b&gt; {{ 7*7 }}" in shown
    assert 'href="tel:0612345678"' in shown
    on_school = client.get(f"/ronde/{round_id}/school/{school}").text
    assert "Carla de Vries belde met Marja Jansen" in on_school
    assert "06 12345678" in on_school
    listed = client.get(f"/ronde/{round_id}/contact").text
    assert listed.count("06 12345678") == 1
    assert not ALL_PERSONS.search(in_the_clear(owner_dsn))
    assert lines(owner_dsn) == [("contact.person", "c.alfa", school), ("contact.call", "c.alfa", school)]
    with ledger.unit("alfa", "test") as unit:
        assert [why for _, why in differences(unit) if "contact" in why] == []
        assert contacts.persons(unit, unit.keys)[school].phone == "06 12345678", "tasks can read it too"
    # nobody any more
    client.post(path, data={"mark": mark(client.get(path).text), "do": "person"})
    assert "nog niet ingevuld" in client.get(path).text
    with ledger.unit("alfa", "test") as unit:
        assert contacts.persons(unit, unit.keys) == {}


def test_a_form_that_is_sent_twice_is_noted_once(
    client: TestClient, round_id: str, with_keys: Path, owner_dsn: str
) -> None:
    school, call = schools(owner_dsn, "PO")[0], str(uuid4())
    assert [note(client, round_id, school, call=call)[0] for _ in range(2)] == [303, 303]
    assert [action for action, _, _ in lines(owner_dsn)] == ["contact.call"]


def test_what_was_said_can_be_erased(
    client: TestClient, airflow: Alone, round_id: str, with_keys: Path, owner_dsn: str, ledger: Ledger
) -> None:
    school = schools(owner_dsn, "PO")[0]
    note(client, round_id, school)
    path = f"/ronde/{round_id}/contact/{school}"
    page = client.get(path).text
    [call] = re.findall(r'name="call" value="([^"]+)"><button', page)
    form = {"mark": mark(page), "do": "erase", "call": call}
    airflow.asks = STRANGER
    refused = client.post(path, data=form | {"mark": mark(client.get(path).text)})
    assert refused.status_code == 422
    assert "LEDGER" not in refused.text
    airflow.asks = COORDINATOR
    assert client.post(path, data=form).headers["location"].endswith("gedaan=erased")
    assert "Carla de Vries belde. Wat er is besproken, is verwijderd." in client.get(path).text
    assert lines(owner_dsn)[-1] == ("contact.erase", "c.alfa", school)
    with ledger.unit("alfa", "test") as unit:
        assert [why for _, why in differences(unit) if "contact" in why] == []


def test_a_school_without_a_telephone_number_is_mailed_and_not_called(
    client: TestClient, airflow: Alone, round_id: str, with_keys: Path
) -> None:
    shown = {path: client.get(path).text for path in ("/", f"/ronde/{round_id}")}
    found = re.findall(r'Mail <bdi>([^<]+)</bdi>: <a href="mailto:', shown["/"])
    assert found, "some school's problem is the school's own"
    for page in shown.values():
        assert not re.search(r"Bel <bdi>[^<]*</bdi>: <a href=.mailto", page)
    named = re.search(rf'/school/(\w+)"><bdi>{re.escape(found[0])}</bdi>', shown[f"/ronde/{round_id}"])
    assert named is not None
    path = f"/ronde/{round_id}/contact/{named[1]}"
    form = {"mark": mark(client.get(path).text), "do": "person", "name": "Marja Jansen", "phone": "06 12345678"}
    assert client.post(path, data=form).status_code == 303
    for path in shown:
        page = client.get(path).text
        said = rf"Bel <bdi>{re.escape(found[0])}</bdi>: <bdi>Marja Jansen</bdi>, <a[^>]* href=.tel:"
        assert re.search(said, page), path
        assert f"Mail <bdi>{found[0]}</bdi>" not in page, path
    airflow.asks = VIEWER
    assert not any("Marja" in client.get(path).text for path in shown)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"note": "BSN 999990019"}, "burgerservicenummer"),
        ({"note": "zie 123456782 in de lijst"}, "burgerservicenummer"),
        ({"note": ""}, "Vul “Wat is er besproken” in"),
        ({"spoke_with": "  "}, "Vul “Met wie” in"),
        ({"note": "a\x00b"}, "teken"),
        ({"note": "x" * 2_001}, "te lang"),
        ({"spoke_with": "x" * 121}, "te lang"),
        ({"at": "straks"}, "voorbij"),
        ({"at": "2999-01-01T10:00"}, "voorbij"),
        ({"at": "1999-01-01T10:00"}, "voorbij"),
        ({"call": "x"}, "te lang open"),
    ],
)
def test_what_cannot_be_is_told_and_kept_in_the_form(
    client: TestClient, round_id: str, with_keys: Path, owner_dsn: str, given: dict[str, str], says: str
) -> None:
    status, page = note(client, round_id, schools(owner_dsn, "PO")[0], **given)
    assert status == 422
    assert says in page
    assert lines(owner_dsn) == []
    if "spoke_with" not in given:
        assert "Marja Jansen" in page


def test_nobody_else_sees_or_writes(
    client: TestClient, airflow: Alone, round_id: str, with_keys: Path, owner_dsn: str
) -> None:
    school = schools(owner_dsn, "PO")[0]
    note(client, round_id, school)
    paths = [f"/ronde/{round_id}/contact", f"/ronde/{round_id}/contact/{school}", f"/ronde/{round_id}/bericht"]
    own = mark(client.get(paths[1]).text)
    form = {"mark": own, "do": "person", "name": "Mallory"}
    for who in (VIEWER, OTHER_REGION, ADMINISTRATOR):
        airflow.asks = who
        for path in paths:
            assert client.get(path).status_code == 404, (who.account, path)
        assert client.post(paths[1], data=form).status_code == 404
        assert client.post(paths[2], data=form).status_code == 404
    airflow.asks = VIEWER
    assert "Marja" not in client.get(f"/ronde/{round_id}/school/{school}").text
    assert "bericht" not in client.get(f"/ronde/{round_id}").text.lower()
    airflow.asks = STRANGER
    assert client.post(paths[1], data=form).status_code == 422, "another's mark"
    mine = form | {"mark": mark(client.get(paths[1]).text)}
    assert "Controleer of u in de afspraken" in client.post(paths[1], data=mine).text
    airflow.asks = COORDINATOR
    assert client.post(paths[1], data=form, headers=EVIL).status_code == 422
    for party in ("98ZZ00", "board:", "board:Niemand", "%00", "..%2F..%2Fx", "x" * 400):
        assert client.get(f"/ronde/{round_id}/contact/{party}").status_code == 404, party
        assert client.post(f"/ronde/{round_id}/contact/{party}", data=form).status_code == 404, party
    assert [action for action, _, _ in lines(owner_dsn)] == ["contact.call"]


def test_the_database_keeps_to_region_round_and_coordinator(
    postgres_dsn: str, board: Board, round_id: str, with_keys: Path, owner_dsn: str
) -> None:
    school = schools(owner_dsn, "PO")[0]
    keys = load_board_keys(with_keys, "alfa")
    pages = Ledger(postgres_dsn, None)
    person = ContactPerson("Marja")
    for region, account, party in (
        ("alfa", "c.vreemd", school),
        ("beta", "c.alfa", school),
        ("alfa", "c.alfa", "98ZZ00"),
        ("alfa", "", school),
    ):
        with pytest.raises(OverstapError, match="LEDGER-025"), pages.unit(region, account) as unit:
            contacts.keep_person(unit, keys, round_id, party, person)
        with pytest.raises(OverstapError, match="LEDGER-025"), pages.unit(region, account) as unit:
            contacts.keep_message(unit, keys, round_id, [party], uuid4(), subject="x", text="y")
    for statement in (
        "insert into overstap.contact_person values ('alfa', '99AA00', 'x', 'x', 'x')",
        "update overstap.contact_call set called_by = 'x'",
        "delete from overstap.contact_message_to",
        "update overstap.contact_message set queued_at = null",
        "select overstap.check_contact('x', '{}')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), pages.unit("alfa", "c.alfa") as unit:
            unit.run(statement)
    with pages.unit("alfa", "c.alfa") as unit:
        contacts.keep_person(unit, keys, round_id, school, person)
    with pages.unit("beta", "c.alfa") as unit:
        assert unit.rows("select * from overstap.contact_person") == []
    with pytest.raises(OverstapError, match="LEDGER-013"):
        keys.lookup("pupil", "999990019")
    with pytest.raises(OverstapError, match="LEDGER-002"):
        keys.decrypt(EncryptedContent("1", b"x" * 40), "dossier/x")
    pages.close()


@pytest.fixture
def postgres_dsn(board: Board) -> str:
    return str(board.settings.ledger)


def test_a_message_is_previewed_mailed_and_kept(
    client: TestClient, round_id: str, with_keys: Path, owner_dsn: str, ledger: Ledger
) -> None:
    primary, secondary = schools(owner_dsn, "PO"), schools(owner_dsn, "VO")
    board_party = "board:Stichting {{ 7*7 }} & Zn/Den Haag"
    of_board = f"/ronde/{round_id}/contact/board%3AStichting%20%7B%7B%207%2A7%20%7D%7D%20%26%20Zn%2FDen%20Haag"
    there = client.get(of_board)
    assert there.status_code == 200, "a name with a slash has a page too"
    form = {"mark": mark(there.text), "do": "person", "name": "Bestuurder", "email": "geen adres"}
    assert "geen geldig e-mailadres" in client.post(of_board, data=form).text
    assert client.post(of_board, data=form | {"email": "bestuur@alfa.example"}).status_code == 303
    page = client.get(f"/ronde/{round_id}/bericht").text
    to = [primary[0], secondary[0], board_party]
    form = {
        "mark": mark(page),
        "message": hidden(page, "message"),
        "subject": "Overleg",
        "text": "Graag vandaag.\r\n{x}",
    }
    preview = client.post(f"/ronde/{round_id}/bericht", data={**form, "do": "preview", "to": to})
    assert preview.status_code == 200
    assert "Totaal: 3 mails" in preview.text
    assert "Graag vandaag.\n{x}\n\nMet vriendelijke groet,\nCarla de Vries" in preview.text
    assert "carla@alfa.example" in preview.text
    assert lines(owner_dsn)[-1][0] == "contact.person", "nothing is kept by a preview"
    again = client.post(f"/ronde/{round_id}/bericht", data={**form, "do": "change", "to": to})
    assert "Graag vandaag.\n{x}</textarea>" in again.text
    for _ in range(2):
        sent = client.post(f"/ronde/{round_id}/bericht", data={**form, "do": "send", "to": to})
        assert sent.headers["location"] == f"/rondes/ronde/{round_id}/contact?gedaan=sent"
    assert [action for action, _, _ in lines(owner_dsn)].count("contact.message") == 1
    assert not ALL_PERSONS.search(in_the_clear(owner_dsn))
    assert "wordt verstuurd" in client.get(f"/ronde/{round_id}/contact/{primary[0]}").text
    with psycopg.connect(owner_dsn, autocommit=True) as owner:  # the mail server takes nothing for an hour
        owner.execute("update overstap.contact_message set sent_at = sent_at - interval '1 hour'")
        assert "de mailserver neemt nu niets aan" in client.get(f"/ronde/{round_id}/contact/{primary[0]}").text
        owner.execute("update overstap.contact_message set sent_at = sent_at + interval '1 hour'")

    mailed: list[tuple[str, EmailMessage]] = []

    class Server(SmtpSession):
        def send(self, message: EmailMessage, to: str) -> int:
            mailed.append((to, message))
            return 250

    @contextmanager
    def server() -> Iterator[SmtpSession]:
        yield Server(None, sender="overstap@alfa.example")  # type: ignore[arg-type]

    for _ in range(2):
        update_notices(ledger, "alfa", at=now(), expiring=(), board=lambda one: one, actor="tell")
    send_due(ledger, "alfa", server, actor="send_mail", clock=now)
    of_message = {to: message for to, message in mailed if message["Subject"] == "Overleg"}
    assert len(of_message) == 3
    assert "bestuur@alfa.example" in of_message
    for message in of_message.values():
        assert message["Reply-To"] == "carla@alfa.example"
        body = message.get_body(("plain",))
        assert body is not None
        assert "Graag vandaag.\n{x}" in body.get_content().replace("\r\n", "\n")
    for party in (primary[0], secondary[0]):
        shown = client.get(f"/ronde/{round_id}/contact/{party}").text
        assert "stuurde een bericht aan 3 scholen en besturen" in shown
        assert "> verstuurd<" in shown.replace("</svg>", ">")
    assert "Er is in deze ronde nog geen contact" in client.get(f"/ronde/{round_id}/contact/{primary[1]}").text
    with ledger.unit("alfa", "test") as unit:
        assert [why for _, why in differences(unit) if "contact" in why] == []


def test_a_message_that_cannot_go_says_so(client: TestClient, round_id: str, with_keys: Path, owner_dsn: str) -> None:
    path = f"/ronde/{round_id}/bericht"
    school = schools(owner_dsn, "PO")[0]
    page = client.get(path).text
    form = {"mark": mark(page), "message": hidden(page, "message"), "subject": "Overleg", "text": "Graag", "do": "send"}
    for more, says in (
        ({"to": []}, "Kies minstens één school"),
        ({"to": ["98ZZ00"]}, "doet niet (meer) mee"),
        ({"to": [school], "subject": ""}, "Vul “Onderwerp” in"),
        ({"to": [school], "text": " \n "}, "Vul “Bericht” in"),
        ({"to": [school], "text": "x" * 4_001}, "te lang"),
        ({"to": [school], "text": "Leerling 999990019"}, "burgerservicenummer"),
        ({"to": [school], "message": "x"}, "te lang open"),
        ({"to": [school], "mark": "x"}, "te lang open"),
        ({"to": ["board:Stichting {{ 7*7 }} & Zn/Den Haag"]}, "e-mailadres"),
    ):
        refused = client.post(path, data={**form, **more})
        assert refused.status_code == 422, more
        assert says in refused.text, more
    one_line = client.post(path, data={**form, "to": [school], "subject": "a\r\nBcc: x@y.example", "do": "preview"})
    assert "a Bcc: x@y.example" in one_line.text
    assert client.post(path, data={**form, "to": [school]}, headers=EVIL).status_code == 422
    assert lines(owner_dsn) == []


def test_a_filter_of_the_board_is_the_list_of_recipients(
    client: TestClient, round_id: str, with_keys: Path, owner_dsn: str
) -> None:
    for show in ("alle", "fouten", "te-laat", "probleem"):
        table = client.get(f"/ronde/{round_id}?toon={show}").text
        chosen = client.get(f"/ronde/{round_id}/bericht?toon={show}").text
        shown = set(re.findall(r'<th scope="row" role="rowheader"><a href="[^"]*/school/(\w{6})"', table))
        assert set(re.findall(r'name="to" value="(\w{6})" checked', chosen)) == shown, show
        assert shown or show == "te-laat"
    receiving = client.get(f"/ronde/{round_id}/bericht?aan=ontvangers").text
    assert set(re.findall(r'name="to" value="(\w{6})"', receiving)) == set(schools(owner_dsn, "VO"))


def test_mail_is_due_at_once(client: TestClient, board: Board, round_id: str, with_keys: Path, owner_dsn: str) -> None:
    with psycopg.connect(owner_dsn) as owner:
        owner.execute(
            "insert into overstap.due_work (region, work, began_at, began_line, looked_at, line, next_at) "
            "select 'alfa', 'notices', overstap.clock(), 9999999, overstap.clock(), 9999999, 'infinity'"
        )
    page = client.get(f"/ronde/{round_id}/bericht").text
    form = {"mark": mark(page), "message": hidden(page, "message"), "subject": "Overleg", "text": "Graag", "do": "send"}
    client.post(f"/ronde/{round_id}/bericht", data={**form, "to": schools(owner_dsn, "PO")[:1]})
    found = [one for one in due_work(board.read_only_ledger) if (one.region, one.work) == ("alfa", "notices")]
    assert [one.is_due for one in found] == [True]


def test_a_server_without_keys_says_so(client: TestClient, round_id: str, owner_dsn: str) -> None:
    school = schools(owner_dsn, "PO")[0]
    for path in ("contact", f"contact/{school}", "bericht"):
        page = client.get(f"/ronde/{round_id}/{path}")
        assert page.status_code == 200
        assert "OVERSTAP_BOARD_KEYS" in page.text
    assert client.get(f"/ronde/{round_id}/school/{school}").status_code == 200


def test_retention_erases_what_was_said(
    client: TestClient, round_id: str, with_keys: Path, keys_folder: Path, owner_dsn: str, ledger: Ledger
) -> None:
    school = schools(owner_dsn, "PO")[0]
    note(client, round_id, school)
    path = f"/ronde/{round_id}/contact/{school}"
    client.post(path, data={"mark": mark(client.get(path).text), "do": "person", "name": "Marja Jansen"})
    page = client.get(f"/ronde/{round_id}/bericht").text
    form = {"mark": mark(page), "message": hidden(page, "message"), "subject": "Overleg", "text": "Graag", "do": "send"}
    client.post(f"/ronde/{round_id}/bericht", data={**form, "to": [school]})
    create_keys(keys_folder, "alfa", "2")
    fresh = Ledger(ledger._dsn, keys_folder)
    with fresh.unit("alfa", "test") as unit:
        assert "1" not in retention.idle_keys(unit)
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("update overstap.round set closed_at = now() - interval '40 days' where region = 'alfa'")
        owner.execute("update overstap.contact_person set changed_at = now() - interval '40 days'")
        owner.execute("delete from overstap.retention_hold")
    with fresh.unit("alfa", "retain") as unit:
        gone = unit.one("select overstap.erase_of_round(%(round)s, 30, false)", round=round_id)[0]
        assert gone >= 3
        assert unit.one("select overstap.erase_of_round(%(round)s, 30, false)", round=round_id)[0] == 0
        assert unit.rows("select from overstap.contact_person") == []
        assert unit.one("select count(*) from overstap.contact_call where content is null")[0] == 1
        assert unit.one("select count(*) from overstap.contact_message where content is null")[0] == 1
        assert [why for _, why in differences(unit) if "contact" in why] == []
        assert outbox.due(unit) == []
    shown = client.get(path).text
    assert "Wat er is besproken, is verwijderd" in shown
    assert "Graag" not in shown
    assert derive_board_keys(keys_folder, with_keys, "alfa") == ["2~contacts"]
    destroy_key(keys_folder, "alfa", "1")
    derive_board_keys(keys_folder, with_keys, "alfa")
    assert [path.name for path in (with_keys / "alfa").iterdir()] == ["2~contacts.key"]
    fresh.close()


def test_a_list_is_taken_over_as_a_whole_or_not_at_all(
    client: TestClient, airflow: Alone, round_id: str, with_keys: Path, owner_dsn: str, ledger: Ledger
) -> None:
    first, second = schools(owner_dsn, "PO")[:2]
    path = f"/ronde/{round_id}/contact"
    form = {"mark": mark(client.get(path).text)}

    def send(text: str | bytes, **more: str) -> tuple[int, str]:
        content = text if isinstance(text, bytes) else text.encode()
        done = client.post(path, data=form | more, files={"file": ("lijst.csv", content)})
        return done.status_code, done.headers.get("location", done.text)

    head, row = "school;naam;telefoon;e-mail\n", f"{first};Marja Jansen;06 12345678;\n"
    for text, says in (
        (f"{head}{row}98ZZ00;X;1;\n", "Regel 3: deze school"),
        (f"{head}{row}{first.lower()};X;1;\n", "Regel 3: deze school of dit schoolbestuur staat al eerder"),
        (f"{head}{row}{second};999990019;1;\n", "Regel 3: Er staat een getal in"),
        (f"{head}{row}{second};X;1;geen adres\n", "Regel 3: Dit is geen geldig e-mailadres"),
        (f"{head}{row}{second};{'x' * 130};1;\n", "Regel 3: De tekst bij"),
        (f'{head}{row}{second};"X;1;\n', "aanhalingsteken"),
        ("a;b\n1;2\n", "andere kolommen"),
        (head, "staat niets"),
        (b"\x00\x01\x02" * 200, "Er is niets bewaard"),
        (head + "x" * 1_000_001, "te groot"),
    ):
        status, page = send(text)
        assert status == 422, text[:80]
        assert says in page, (text[:80], page)
    assert send(head + row, mark="x")[0] == 422
    assert client.post(path, data=form).status_code == 422, "no file"
    assert lines(owner_dsn) == []
    airflow.asks = VIEWER
    assert send(head + row)[0] == 404
    airflow.asks = COORDINATOR
    status, there = send(f"{head}{row}stichting {{{{ 7*7 }}}} & Zn/Den Haag;=1+1;2;bestuur@alfa.example\n")
    assert (status, there) == (303, f"/rondes{path}?gedaan=list")
    with ledger.unit("alfa", "test") as unit:
        kept = contacts.persons(unit, unit.keys)
    assert kept[first] == ContactPerson("Marja Jansen", "", "06 12345678")
    assert kept["board:Stichting {{ 7*7 }} & Zn/Den Haag"].email == "bestuur@alfa.example"
    assert [action for action, _, _ in lines(owner_dsn)] == ["contact.person"] * 2
    assert "06 12345678" in client.get(path).text


GUEST, FAR = "98ZZ00", "De Verre {{ 7*7 }} <b>Kim</b>"


def test_a_guest_school_is_called_and_written_to_like_the_others(
    client: TestClient, airflow: Alone, round_id: str, with_keys: Path, owner_dsn: str, ledger: Ledger
) -> None:
    path = f"/ronde/{round_id}/contact/{GUEST}"
    assert client.get(path).status_code == 404, "not invited yet"
    asked = guests.GuestAsked("directie@verre.example", ("Noor Berg, 1 februari 2014",))
    with ledger.unit("alfa", "c.alfa") as unit:
        assert guests.invite(unit, unit.keys, round_id, uuid4(), GUEST, FAR, asked) == "invited"
    page = client.get(path).text
    assert f"{html.escape(FAR)}</bdi></h1>" in page
    assert "directie@verre.example" in page
    assert "van buiten de regio" in page
    assert "Noor" not in page
    form = {"mark": mark(page), "do": "person", "name": "Marja Jansen", "phone": "06 12345678"}
    assert client.post(path, data=form).status_code == 303
    assert note(client, round_id, GUEST)[0] == 303
    listed = client.get(f"/ronde/{round_id}/contact").text
    assert f"{GUEST} · van buiten de regio" in listed
    assert "06 12345678" in listed
    page = client.get(f"/ronde/{round_id}/bericht?aan={GUEST}").text
    form = {"mark": mark(page), "message": hidden(page, "message"), "subject": "Overleg", "text": "Graag vandaag."}
    sent = client.post(f"/ronde/{round_id}/bericht", data={**form, "do": "send", "to": [GUEST]})
    assert sent.status_code == 303
    told = update_notices(ledger, "alfa", at=now(), expiring=(), board=str, actor="tell", school_page="https://x.test")
    assert (told["messages"], told["invitations"]) == (1, 1)
    with ledger.unit("alfa", "test") as unit:
        rows = unit.rows("select mail, kind from overstap.mail where state = 'waiting'")
        mails = {kind: outbox.claim(unit, mail) for mail, kind in rows}
        assert mails["coordinator_message"].to == "directie@verre.example"
        assert mails["coordinator_message"].text.startswith(f"Beste {FAR},"), mails["coordinator_message"].text
        assert [why for _, why in differences(unit) if "contact" in why] == []
    assert not re.search("Noor|verre\\.example", in_the_clear(owner_dsn))
    with ledger.unit("alfa", "c.alfa") as unit:
        member = schools(owner_dsn, "PO")[1]
        assert guests.invite(unit, unit.keys, round_id, uuid4(), member, "X", asked) == "member"
    assert client.get("/ronde/beta.2026-2027.advice/contact/98ZZ00").status_code == 404
    with psycopg.connect(owner_dsn) as owner:
        board = "select round_id from overstap.round where region = 'beta'"
        [(elsewhere,)] = owner.execute(board).fetchall()
    with pytest.raises(OverstapError, match="LEDGER-025"), ledger.unit("beta", "c.alfa") as unit:
        contacts.keep_person(unit, unit.keys, elsewhere, GUEST, ContactPerson("Marja"))
