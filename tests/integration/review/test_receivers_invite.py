"""A secondary school asks a primary school outside the region for its own applicants, also as attackers do."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from families import REGION
from guest_school import EMAIL, GUEST, NAME, another_round, coordinator, hidden, let_in, mailed, pages_ledger
from school_service import ACCOUNT, OTHER, PASSWORD, School, attempt, school_service

from overstap.agreements.model.registrations import RegistrationStage
from overstap.clock import now
from overstap.intake.applications import Application
from overstap.intake.registrations import SourceRegistrations, collect_registrations
from overstap.ledger import accounts, guests
from overstap.ledger.decision_lines import differences
from overstap.ledger.notifications import outbox
from overstap.ledger.region_keys import sha256
from overstap.notifications.updating import update_notices
from overstap.pages.school.passwords import hash_password
from overstap_tools.local.postgres import EmbeddedPostgres

SECOND = "tweede@school.example"
NUMBERS = ("999990019", "999990020", "999990032")
EVIL = "Sam {{ 7*7 }} <i>Zonneveld</i>, 3 mei 2014"


@pytest.fixture
def school(postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path / "school") as made:
        yield made


def registered(school: School, *, second: bool = False, preference: int | None = None) -> None:
    """Two pupils of the guest applied with the first secondary school, and one of them with the second as well."""
    place = school.review_round
    to = [one.id for one in place.region.secondary]
    rows = [(NUMBERS[0], to[0], preference), (NUMBERS[1], to[0], preference)]
    rows += [(NUMBERS[0], to[1], None)] if second else []
    found = [
        Application(number, None, GUEST, of, RegistrationStage.APPLIED, now() - timedelta(days=1), preference=first)
        for number, of, first in rows
    ]
    counts = collect_registrations(place.ledger, place.agreement, [SourceRegistrations("file", found, [])], "x")
    assert counts["rows"] == len(rows)


def let_in_receiver(school: School, account: str = OTHER, *, factor: bool = True) -> httpx.Client:
    client = httpx.Client(base_url=school.address, follow_redirects=False, timeout=120)
    assert attempt(school, account, PASSWORD, client).status_code == 303
    if factor:
        with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
            owner.execute("update overstap.school_stay set has_shown = true where account = %s", [account])
    return client


def ask(client: httpx.Client, round_id: str, **more: str) -> httpx.Response:
    page = client.get(f"/ronde/{round_id}/uitnodigen")
    assert page.status_code == 200, page.text
    form = {
        "school": GUEST,
        "naam": NAME,
        "email": EMAIL,
        "leerlingen": EVIL,
        "formulier": hidden(page.text, "formulier"),
    }
    return client.post(f"/ronde/{round_id}/uitnodigen", data=form | more)


def content(school: School) -> guests.GuestAsked | None:
    place = school.review_round
    with place.unit("look") as unit:
        return guests.asked_of(unit, unit.keys, place.round_id, GUEST)


def test_the_school_of_first_choice_invites_and_the_coordinator_sees_and_ends_it(school: School) -> None:
    place = school.review_round
    registered(school)
    with closing(let_in_receiver(school)) as client:
        there = f"/ronde/{place.round_id}/uitnodigen"
        assert there in client.get("/ophalen").text
        page = client.get(there).text
        assert "2 leerlingen het eerst bij uw school aangemeld" in page
        assert "nog niet uitgenodigd" in page
        done = ask(client, place.round_id)
        assert done.status_code == 200, done.text
        assert "Uw vraag is vastgelegd" in done.text
        assert "Sam {{ 7*7 }} &lt;i&gt;" in done.text
    address = mailed(school)
    with place.unit("look") as unit:
        [one] = guests.of_round(unit, place.round_id)
        assert (one.school, one.pupils, one.invited_by) == (GUEST, 1, f"school:{OTHER}")
        assert guests.asked_by_receivers(unit, place.round_id)[one.guest][0][1] == 1
        assert list(differences(unit)) == []
    _, guest = let_in(school, address)
    with closing(guest):
        assert "Sam {{ 7*7 }} &lt;i&gt;Zonneveld" in guest.get(f"/ronde/{place.round_id}/invullen").text
        assert guest.get(there).status_code == 404, "a guest invites nobody"
        with place.unit(coordinator(school)) as unit:
            assert guests.end(unit, one.guest)
        assert guest.get(f"/ronde/{place.round_id}/invullen").status_code == 403
    with closing(let_in_receiver(school)) as client:
        assert "beëindigd" in client.get(there).text
        page = client.get("/ophalen").text
        form = {"school": GUEST, "leerlingen": EVIL, "formulier": hidden(page, "formulier")}
        again = client.post(there, data=form)
        assert (again.status_code, "beëindigd" in again.text) == (422, True)
    assert not re.search(r"Zonneveld|7\*7|verre\.example", school.log)
    with psycopg.connect(school.home.owner_dsn) as owner:
        said = str(owner.execute("select string_agg(payload, ' ') from overstap.audit_line").fetchone())
    assert not re.search(r"Zonneveld|verre\.example|999990019", said)


def test_two_schools_ask_for_one_pupil_and_it_is_asked_for_once(school: School) -> None:
    place = school.review_round
    registered(school, second=True)
    with place.unit("beheer") as unit:
        accounts.put_account(unit, SECOND, place.region.secondary[1].id, "Tweede", hash_password(PASSWORD))
    with closing(let_in_receiver(school)) as first, closing(let_in_receiver(school, SECOND)) as second:
        assert (
            ask(first, place.round_id, leerlingen="Sam Zonneveld, 3 mei 2014\nNoor Berg, 1-2-2014").status_code == 200
        )
        page = second.get(f"/ronde/{place.round_id}/uitnodigen").text
        assert "1 leerling het eerst" in page
        assert "Noor" not in page, "what another school asked for is not shown"
        other = ask(second, place.round_id, leerlingen="sam  ZONNEVELD 3 mei 2014", email="ander@elders.example")
        assert other.status_code == 200
    found = content(school)
    assert found is not None
    assert found.email == EMAIL, "the second does not move the first's invitation"
    assert len(found.everybody) == 2
    with place.unit("look") as unit:
        [one] = guests.of_round(unit, place.round_id)
        assert one.pupils == 2
        assert len(guests.asked_by_receivers(unit, place.round_id)[one.guest]) == 2
        assert list(differences(unit)) == []
    mailed(school)
    with place.unit(coordinator(school)) as unit, pytest.raises(psycopg.errors.InsufficientPrivilege):
        unit.run("insert into overstap.guest_ask values ('00000000-0000-4000-8000-000000000000', 'alfa', 'x', 1, 'x')")


def test_only_for_its_own_applicants_and_with_a_second_factor(school: School) -> None:
    place = school.review_round
    registered(school)
    other_round = another_round(school)
    with closing(let_in_receiver(school, factor=False)) as client:
        page = client.get(f"/ronde/{place.round_id}/uitnodigen").text
        assert "Eerst een tweede stap" in page
        assert GUEST not in page
        key = hidden(page, "formulier")
        form = {"school": GUEST, "naam": NAME, "email": EMAIL, "leerlingen": EVIL, "formulier": key}
        assert client.post(f"/ronde/{place.round_id}/uitnodigen", data=form).status_code == 403
    with closing(let_in_receiver(school)) as client:
        member = place.region.primary[0].id
        for wrong, says in (
            ({"leerlingen": "A, 1-1-2014\nB, 1-1-2014\nC, 1-1-2014"}, "meer leerlingen dan"),
            ({"school": "98YY00"}, "meer leerlingen dan"),
            ({"school": member}, "meer leerlingen dan"),
            ({"school": "{{ 7*7 }}"}, "meer leerlingen dan"),
            ({"school": ""}, "meer leerlingen dan"),
            ({"email": "geen adres"}, "geldig e-mailadres"),
            ({"email": ""}, "geldig e-mailadres"),
            ({"email": "a@b.example\r\nBcc: c@d.example"}, "geldig e-mailadres"),
            ({"leerlingen": " \n "}, "minstens één"),
            ({"leerlingen": "Sam 999990019"}, "burgerservicenummer"),
            ({"leerlingen": "S" * 121}, "langer dan 120"),
        ):
            answer = ask(client, place.round_id, **wrong)
            assert (answer.status_code, says in answer.text) == (422, True), (wrong, answer.text[-1500:])
        assert content(school) is None
        assert client.get("/ronde/andere.2026-2027.advice/uitnodigen").status_code == 404
        forged = httpx.Client(base_url=school.address, cookies=dict(client.cookies), timeout=60)
        assert forged.post(f"/ronde/{place.round_id}/uitnodigen", data={"school": GUEST}).status_code == 403
        with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
            owner.execute("update overstap.round set closed_at = now() where round_id = %s", [place.round_id])
            assert client.get(f"/ronde/{place.round_id}/uitnodigen").status_code == 404
            owner.execute("update overstap.round set closed_at = null")
    registered(school, preference=2)
    with closing(let_in_receiver(school)) as client:
        assert "geen aanmeldingen" in client.get(f"/ronde/{place.round_id}/uitnodigen").text, "no first choice"
        assert client.get(f"/ronde/{other_round}/uitnodigen").status_code in (200, 404)
    with closing(let_in_receiver(school, ACCOUNT)) as primary:
        assert primary.get(f"/ronde/{place.round_id}/uitnodigen").status_code == 404, "a primary school receives nobody"


def test_the_database_keeps_to_the_stay(school: School) -> None:
    place = school.review_round
    registered(school)
    with closing(pages_ledger(school)) as ledger, ledger.unit(REGION, f"school:{OTHER}") as unit:
        to = place.region.secondary[0].id
        [about] = guests.applicants(unit, place.round_id, to)
        assert about.pupils == 2
        forged = guests.ask(unit, sha256(b"no session"), place.round_id, about, name=NAME, email=EMAIL, pupils=["X"])
        assert forged == "factor"
        for statement in (
            "select overstap.first_choices('x', 'x', 'x', 'x')",
            "insert into overstap.outside_registration values ('alfa', 'x', '', '98ZZ00', 'x', 1)",
            "delete from overstap.guest_ask",
            "update overstap.guest_school set pupils = 9",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.unit(REGION, "school:x") as own:
                own.run(statement)


def told(school: School) -> list[str]:
    """Tell what there is to tell; return the texts of the mails about changes."""
    place = school.review_round
    update_notices(place.ledger, REGION, at=now(), expiring=(), board=str, actor="tell", school_page=school.address)
    with place.unit("test") as unit:
        waiting = unit.rows("select mail from overstap.mail where kind = 'guest_change' and state = 'waiting'")
        mails = [outbox.claim(unit, one[0]) for one in waiting]
    assert {one.to for one in mails} <= {EMAIL}
    return [f"{one.subject}\n{one.text}" for one in mails]


def withdraw(client: httpx.Client, round_id: str, school: str = GUEST) -> httpx.Response:
    there = f"/ronde/{round_id}/uitnodigen"
    form = {"school": school, "formulier": hidden(client.get(there).text, "formulier")}
    return client.post(f"{there}/intrekken", data=form)


def test_a_guest_with_an_account_is_mailed_when_another_school_asks_and_when_one_withdraws(school: School) -> None:
    place = school.review_round
    registered(school, second=True)
    with place.unit("beheer") as unit:
        accounts.put_account(unit, SECOND, place.region.secondary[1].id, "Tweede", hash_password(PASSWORD))
    with closing(let_in_receiver(school)) as first, closing(let_in_receiver(school, SECOND)) as second:
        assert ask(first, place.round_id, leerlingen="Noor Berg, 1-2-2014").status_code == 200
        address = mailed(school)
        assert told(school) == [], "the invitation says it"
        assert ask(first, place.round_id, leerlingen="Noor Berg, 1-2-2014\nBo Dal, 1-2-2014").status_code == 200
        assert told(school) == [], "no account yet: its first page says it"
        _, guest = let_in(school, address)
        assert told(school) == []
        assert ask(second, place.round_id, leerlingen=EVIL, naam="", email="").status_code == 200
        [mail] = told(school)
        assert "Het gaat nu om 3 leerlingen van uw school" in mail
        assert school.address in mail
        assert not re.search("Zonneveld|Berg|Dal|uitnodiging/", mail)
        assert told(school) == [], "once"
        done = withdraw(first, place.round_id)
        assert done.status_code == 200
        assert "Andere scholen vragen nog wel iets" in done.text
        assert "Noor Berg" not in done.text
        [mail] = told(school)
        assert "Het gaat nu om 1 leerling van uw school" in mail
        with closing(guest):
            page = guest.get(f"/ronde/{place.round_id}/invullen").text
            assert "Zonneveld" in page
            assert "Noor Berg" not in page
        with place.unit("look") as unit:
            assert list(differences(unit)) == []
            [one] = guests.of_round(unit, place.round_id)
            assert (one.pupils, one.ended_at) == (1, None)
        again = withdraw(first, place.round_id)
        assert (again.status_code, "vraagt niets" in again.text) == (422, True)


def test_the_last_that_withdraws_ends_the_part_and_may_ask_again(school: School) -> None:
    place = school.review_round
    registered(school)
    with closing(let_in_receiver(school)) as client:
        ask(client, place.round_id)
        address = mailed(school)
        login, guest = let_in(school, address)
        done = withdraw(client, place.round_id)
        assert "Niemand vraagt nog iets aan deze school" in done.text
        with closing(guest):
            assert guest.get(f"/ronde/{place.round_id}/invullen").status_code == 403
        assert attempt(school, login, PASSWORD).status_code == 422
        with place.unit("look") as unit:
            [one] = guests.of_round(unit, place.round_id)
            assert one.ended_at is not None
            assert list(differences(unit)) == []
        assert told(school) == []
        assert "de vraag is ingetrokken" in client.get(f"/ronde/{place.round_id}/uitnodigen").text
        assert ask(client, place.round_id, email="").status_code == 422, "whom to mail is asked again"
        assert ask(client, place.round_id).status_code == 200
        second = mailed(school)
        assert second != address
        other, guest = let_in(school, second)
        guest.close()
        assert other != login
        with place.unit("look") as unit:
            assert list(differences(unit)) == []


def test_nobody_withdraws_what_another_asked(school: School) -> None:
    place = school.review_round
    registered(school, second=True)
    with place.unit("beheer") as unit:
        accounts.put_account(unit, SECOND, place.region.secondary[1].id, "Tweede", hash_password(PASSWORD))
    with closing(let_in_receiver(school)) as first, closing(let_in_receiver(school, SECOND)) as second:
        assert ask(first, place.round_id).status_code == 200
        assert withdraw(second, place.round_id).status_code == 422
        assert withdraw(second, place.round_id, "99AA00").status_code == 422
        with closing(let_in_receiver(school, factor=False)) as without:
            form = {"school": GUEST, "formulier": hidden(without.get("/ophalen").text, "formulier")}
            assert without.post(f"/ronde/{place.round_id}/uitnodigen/intrekken", data=form).status_code == 403
        with closing(let_in_receiver(school, ACCOUNT)) as primary:
            form = {"school": GUEST, "formulier": hidden(primary.get("/beveiliging").text, "formulier")}
            assert primary.post(f"/ronde/{place.round_id}/uitnodigen/intrekken", data=form).status_code in (404, 422)
        with place.unit(coordinator(school)) as unit:
            [one] = guests.of_round(unit, place.round_id)
            assert guests.end(unit, one.guest)
        assert withdraw(first, place.round_id).status_code == 409
        assert ask(first, place.round_id).status_code == 422, "a coordinator's end stays one"
    with place.unit("look") as unit:
        assert list(differences(unit)) == []
    with psycopg.connect(school.dsn, autocommit=True) as login:
        login.execute("set role overstap_school_alfa")
        for statement in (
            "select overstap.tell_guest(null, 1)",
            "select overstap.end_part(null, 'x')",
            "delete from overstap.guest_ask",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(statement)
