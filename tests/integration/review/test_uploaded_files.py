"""OSO files that a school uploads on its pages, also as careless people, strangers and a killed process send them."""

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from families import REGION
from guest_school import GUEST, context_of, coordinator, exported, hidden, invited, let_in, typed_in
from school_service import ACCOUNT, PASSWORD, School, attempt, school_service, signed_in
from typed_pupil import NUMBER

from overstap.ledger import guests, retention
from overstap.ledger.decision_lines import differences
from overstap.ledger.invariants import check
from overstap.ledger.rounds import registrations
from overstap.rounds import checking, collection
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture
def school(postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path / "school") as made:
        yield made


def upload(client: httpx.Client, round_id: str, *files: bytes, name: str = "export.xml") -> httpx.Response:
    page = client.get(f"/ronde/{round_id}/invullen").text
    sent = [("bestand", (f"{number}-{name}", content, "text/xml")) for number, content in enumerate(files, start=1)]
    return client.post(f"/ronde/{round_id}/invullen/oso", data={"formulier": hidden(page, "formulier")}, files=sent)


def test_a_guest_uploads_and_the_dossiers_are_collected_and_checked(school: School, tmp_path: Path) -> None:
    place = school.review_round
    _, client = let_in(school, invited(school))
    files = exported()
    with closing(client):
        answer = upload(client, place.round_id, *files)
        assert answer.status_code == 200, answer.text
        assert "3 dossiers zijn aangeleverd" in answer.text
        again = upload(client, place.round_id, *files)
        assert "Onveranderd sinds de vorige keer: 3 dossiers" in again.text
        context = context_of(school, tmp_path)
        found = collection.collect(context, GUEST)
        assert (found.stored.new, found.refused.total()) == (3, 0)
        checking.check(context)
        drafts = re.findall(r"/invullen/([0-9a-f-]{36})", again.text)
        assert len(drafts) == 3
        seen = client.get(f"/ronde/{place.round_id}/invullen/{drafts[0]}")
        assert "geüpload als OSO-bestand" in seen.text
        assert "/stap/" not in seen.text
        assert "Verzorger" in client.get(f"/ronde/{place.round_id}/invullen/{drafts[0]}/ouders").text
        key = {"formulier": hidden(seen.text, "formulier")}
        for act in ("aanleveren", "verbeteren", "weggooien"):
            data = key | {"versie": "1", "zeker": "ja"}
            assert client.post(f"/ronde/{place.round_id}/invullen/{drafts[0]}/{act}", data=data).status_code == 409
        step = f"/ronde/{place.round_id}/invullen/{drafts[0]}/stap/leerling"
        assert (client.get(step).status_code, client.post(step, data=key).status_code) == (404, 404)
        # corrected in the school's own system, and uploaded again: a new version of the same dossier
        mended = files[0].replace(b"<roepnaam>", b"<roepnaam>X", 1)
        assert mended != files[0]
        assert upload(client, place.round_id, mended).status_code == 200
        found = collection.collect(context, GUEST)
        assert (found.stored.new, found.stored.changed, found.stored.unchanged) == (0, 1, 2)
    with place.unit("look") as unit:
        states = dict(
            unit.rows("select state, count(*) from overstap.dossier where primary_school = %(s)s group by 1", s=GUEST)
        )
        assert states == {"supplied": 1, "accepted": 2}
        assert list(differences(unit)) == []
        assert list(check(unit)) == []
        kept = b"".join(bytes(row[0]) for row in unit.rows("select content from overstap.typed_dossier"))
    assert not re.search(rb"overstapdossier|<leerling", kept), "encrypted"
    assert "export" not in school.log


def test_what_is_wrong_is_told_and_only_that_file_is_left_out(school: School) -> None:
    place = school.review_round
    _, client = let_in(school, invited(school))
    good, other, third = exported()
    [strange] = exported("98YY00", 1)
    missing = re.sub(rb"<achternaam>[^<]*</achternaam>", b"", other, count=1)
    with closing(client):
        answer = upload(
            client,
            place.round_id,
            *(good, strange, missing, b"PK\x03\x04nothing", b"", b"<a>{{ 7*7 }}</a>", third, third),
            name="<b>{{ 7*7 }}</b> Sanne.xml",
        )
        assert answer.status_code == 422
        assert "1 dossier is aangeleverd" in answer.text
        assert answer.text.count("niet aangeleverd. Verbeter dit") == 7
        assert "{{ 7*7 }}" in answer.text
        assert "<b>{{" not in answer.text
        assert "achternaam" in answer.text.lower()
        assert answer.text.count("twee bestanden tegelijk") == 2
        assert client.get(f"/ronde/{place.round_id}/invullen").text.count("· OSO-bestand") == 1
        nothing = upload(client, place.round_id)
        assert (nothing.status_code, "Kies eerst" in nothing.text) == (422, True)
    assert not re.search("Sanne|7\\*7|<b>", school.log)


def test_a_pupil_that_was_typed_in_is_not_replaced_by_a_file(school: School) -> None:
    place = school.review_round
    _, client = let_in(school, invited(school))
    with closing(client):
        typed_in(client, f"/ronde/{place.round_id}/invullen")
        [file] = exported(count=1)
        same = re.sub(rb"(<(?:\w+:)?bsn>)\d+", rb"\g<1>" + NUMBER.encode(), file, count=1)
        assert same != file
        answer = upload(client, place.round_id, same)
        assert answer.status_code == 422
        assert "zelf ingevuld en aangeleverd" in answer.text


def test_nobody_uploads_elsewhere_or_too_late(school: School) -> None:
    place = school.review_round
    _, client = let_in(school, invited(school))
    files = exported(count=1)
    with closing(client), closing(signed_in(school, ACCOUNT)) as member:
        there = f"/ronde/{place.round_id}/invullen/oso"
        sent = [("bestand", ("a.xml", files[0], "text/xml"))]
        assert httpx.post(f"{school.address}{there}", files=sent, timeout=60).status_code == 403
        for one in (client, member):  # a form that is not the session's ends it in that browser: copies of the cookies
            with httpx.Client(base_url=school.address, cookies=dict(one.cookies), timeout=60) as forged:
                assert forged.post(there, data={"formulier": "x" * 32}, files=sent).status_code == 403
        assert upload(member, place.round_id, *files).status_code == 422, "another school's file"
        assert upload(client, place.round_id, *files).status_code == 200
        own = re.findall(r"/invullen/([0-9a-f-]{36})", client.get(f"/ronde/{place.round_id}/invullen").text)
        for path in ("", "/ouders", "/stap/leerling"):
            assert member.get(f"/ronde/{place.round_id}/invullen/{own[0]}{path}").status_code in (404, 422)
        key = {"formulier": hidden(client.get(f"/ronde/{place.round_id}/invullen").text, "formulier")}
        with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
            owner.execute("update overstap.round set closed_at = now()")
            assert client.post(there, data=key, files=sent).status_code == 403, "the round was closed in the middle"
            answer = upload(member, place.round_id, *files)
            assert (answer.status_code, "SCHOOL" in answer.text) == (422, False)
            owner.execute("update overstap.round set closed_at = null")
        with place.unit("look") as unit:
            [one] = guests.of_round(unit, place.round_id)
        with place.unit(coordinator(school)) as unit:
            assert guests.end(unit, one.guest)
        assert client.post(there, data=key, files=sent).status_code == 403


def test_a_process_that_is_killed_in_the_middle_keeps_whole_files_alone(school: School) -> None:
    """Kill -9 at six moments of an upload: a dossier is there as a whole or not at all, and a second time helps."""
    place = school.review_round
    login, client = let_in(school, invited(school))
    client.close()
    files = exported(count=8)
    for turn in range(6):
        with closing(httpx.Client(base_url=school.address, timeout=60)) as client:
            assert attempt(school, login, PASSWORD, client).status_code in (200, 303)
            page = client.get(f"/ronde/{place.round_id}/invullen").text
            data = {"formulier": hidden(page, "formulier")}
            sent = [("bestand", (f"{number}.xml", content, "text/xml")) for number, content in enumerate(files)]
            process = school.process
            assert process is not None
            timer = threading.Timer(0.06 * turn, process.send_signal, (signal.SIGKILL,))
            timer.start()
            with suppress(httpx.TransportError):
                client.post(f"/ronde/{place.round_id}/invullen/oso", data=data, files=sent)
            timer.join()
        process.wait()
        with place.unit("look") as unit:
            rows = unit.one(
                "select count(*), count(*) filter (where t.content is null or s.typed is null) "
                "from overstap.typed_dossier t left join overstap.typed_step s using (typed)"
            )
            assert rows[1] == 0
            assert list(differences(unit)) == []
            assert list(check(unit)) == []
        school.start()
    with closing(httpx.Client(base_url=school.address, timeout=60)) as client:
        attempt(school, login, PASSWORD, client)
        assert upload(client, place.round_id, *files).status_code == 200
    with place.unit("look") as unit:
        assert unit.one("select count(*), count(distinct pupil) from overstap.typed_dossier") == (8, 8)


def test_what_a_guest_uploaded_and_typed_is_erased(school: School, tmp_path: Path) -> None:
    """Collected or not, begun or handed in: nothing that was typed or uploaded outlives the agreed time."""
    place = school.review_round
    login, client = let_in(school, invited(school))
    first, second = exported(count=2)
    with closing(client):
        listed = f"/ronde/{place.round_id}/invullen"
        assert upload(client, place.round_id, first).status_code == 200
        collection.collect(context_of(school, tmp_path), GUEST)
        assert upload(client, place.round_id, second).status_code == 200
        key = hidden(client.get(listed).text, "formulier")
        assert client.post(listed, data={"formulier": key}).status_code == 303, "a draft that nobody ends"
    with place.unit("look") as unit:
        registrations.note_outside(unit, place.agreement.school_year, [(NUMBER, "98YY00", "99VO00", 1)])
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        assert owner.execute("select count(*) from overstap.typed_step").fetchone() != (0,)
        owner.execute("update overstap.dossier set state = 'withdrawn'")
        owner.execute("update overstap.round set closed_at = now() - interval '400 days'")
    assert retention.retain(place.ledger, REGION, actor="retain", content_days=30, traces_days=60)["content"] > 0
    with psycopg.connect(school.home.owner_dsn) as owner:
        for nothing in (
            "select count(*) from overstap.typed_step",
            "select count(*) from overstap.typed_file",
            "select count(*) from overstap.outside_registration",
            "select count(*) from overstap.typed_dossier where octet_length(content) > 0 or pupil is not null",
            "select count(*) from overstap.guest_school where content is not null or finds is not null",
            "select count(*) from overstap.school_account where round_id is not null and name <> account",
            "select count(*) from overstap.school_account where round_id is not null and ended_at is null",
        ):
            assert owner.execute(nothing).fetchone() == (0,), nothing
    assert attempt(school, login, PASSWORD).status_code == 422
