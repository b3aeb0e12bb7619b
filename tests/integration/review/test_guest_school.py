"""A primary school from outside the region: invited to one round, typing a pupil in, what its account never opens."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from families import REGION
from guest_school import (
    ASKED,
    EMAIL,
    GUEST,
    accepted,
    another_round,
    browser,
    context_of,
    coordinator,
    hidden,
    invited,
    let_in,
    mailed,
    pages_ledger,
    typed_in,
)
from school_service import PASSWORD, School, attempt, school_service
from typed_pupil import NUMBER

from overstap.agreements.model.registrations import RegistrationStage
from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.intake.applications import Application
from overstap.intake.registrations import SourceRegistrations, collect_registrations
from overstap.ledger import accounts, guests, retention
from overstap.ledger.decision_lines import differences
from overstap.ledger.invariants import check
from overstap.ledger.notifications import outbox
from overstap.ledger.rounds import counts, milestones
from overstap.ledger.rounds.rounds import get_round
from overstap.notifications.updating import update_notices
from overstap.pages.school.passwords import hash_password
from overstap.rounds import checking, collection
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture
def school(postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path / "school") as made:
        yield made


def test_a_guest_types_a_pupil_in_and_it_is_collected_and_checked(school: School, tmp_path: Path) -> None:
    place = school.review_round
    address = invited(school)
    with place.unit("look") as unit:
        assert {one.school: one.expected for one in counts.primary_schools(unit, place.round_id)}[GUEST] == 2
    login, client = let_in(school, address)
    with closing(client):
        listed = f"/ronde/{place.round_id}/invullen"
        assert client.get("/rondes").headers["location"] == listed
        page = client.get(listed).text
        assert "Sam Zonneveld, 3 mei 2014" in page
        assert "Noor {{ 7*7 }} &lt;i&gt;Berg" in page
        assert "/leerlingenlijst" not in page
        typed_in(client, listed)
        context = context_of(school, tmp_path)
        assert GUEST in {one.id for one in context.agreement.suppliers(context.kind)}
        found = collection.collect(context, GUEST)
        assert (found.stored.new, found.refused.total()) == (1, 0)
        checking.check(context)
        with place.unit("look") as unit:
            rows = {one.school: one for one in counts.primary_schools(unit, place.round_id)}
            assert rows[GUEST].states["accepted"] == 1
            assert get_round(unit, place.round_id).agreement.digest == place.agreement.digest, "never stored in it"
            assert unit.one(
                "select array_agg(distinct v.source) from overstap.dossier d join overstap.dossier_version v "
                "on v.dossier = d.dossier where d.primary_school = %(school)s",
                school=GUEST,
            )[0] == ["typed"]
            assert list(differences(unit)) == []
        with place.unit("x") as unit:
            assert list(check(unit)) == []
        assert client.get(f"/ronde/{place.round_id}").text.count("Zonneveld") >= 1
    with psycopg.connect(school.home.owner_dsn) as owner:
        said = owner.execute(
            "select string_agg(payload::jsonb ->> 'action', ' ' order by seq) from overstap.audit_line "
            "where payload::jsonb ->> 'action' like 'guest.%%'"
        ).fetchone()
        clear = str(owner.execute("select array_agg(to_jsonb(g)) from overstap.guest_school g").fetchone())
        clear += str(owner.execute("select string_agg(payload, ' ') from overstap.audit_line").fetchone())
    assert said == ("guest.invite guest.mail guest.accept",)
    assert not re.search("Noor|verre\\.example|Sam Z", clear)
    assert login in clear
    assert not re.search("Zonneveld|uitnodiging/G|Kim", school.log)


def test_an_address_serves_once_and_for_three_days(school: School) -> None:
    address = invited(school)
    with closing(browser(school)) as client:
        for _ in range(3):  # a mail program that opens it by itself does not use it up
            assert client.get(address).status_code == 200
        assert accepted(client, address, nogmaals="iets anders dan dat").status_code == 422
        assert accepted(client, address, wachtwoord="kort", nogmaals="kort").status_code == 422
        assert accepted(client, address, naam=" ").status_code == 422
        assert accepted(client, address, formulier="x").status_code == 403
        with closing(browser(school)) as elsewhere:  # without the cookie of the form
            stolen = {"naam": "X", "wachtwoord": PASSWORD, "nogmaals": PASSWORD, "formulier": "a" * 32}
            assert elsewhere.post(address, data=stolen).status_code == 403
        assert accepted(client, address).status_code == 200
        assert client.get(address).status_code == 404, "used"
        for wrong in (
            address[:-1],
            f"{address}x",
            "/uitnodiging/%00",
            "/uitnodiging/{{7*7}}",
            f"/uitnodiging/{'a' * 5000}",
        ):
            assert client.get(wrong).status_code in (404, 414), wrong
    place = school.review_round
    with place.unit("look") as unit:
        [one] = guests.of_round(unit, place.round_id)
    with place.unit(coordinator(school)) as unit:
        assert guests.renew(unit, place.ledger.keys(REGION), one.guest, ASKED)
    second = mailed(school)
    with place.unit(coordinator(school)) as unit:
        assert guests.renew(unit, place.ledger.keys(REGION), one.guest, ASKED)
    third = mailed(school)
    with closing(browser(school)) as client:
        assert client.get(second).status_code == 404, "a newer one was asked for"
        assert client.get(third).status_code == 200
        with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
            owner.execute("update overstap.guest_school set expires_at = now() - interval '1 second'")
        assert client.get(third).status_code == 404
        assert client.post(third, data={"naam": "X", "wachtwoord": PASSWORD}).status_code == 404


def test_several_who_use_an_address_at_once_make_one_account(school: School) -> None:
    secret = invited(school).rpartition("/")[2]
    kept = hash_password(PASSWORD)

    def use(name: str) -> str | None:
        with closing(pages_ledger(school)) as ledger:
            return guests.accept(ledger, secret, name, kept, GUEST)

    with ThreadPoolExecutor(6) as several:
        made = [one for one in several.map(use, "ABCDEF") if one is not None]
    with school.review_round.unit("look") as unit:
        assert [one.account for one in accounts.all_accounts(unit) if one.school == GUEST] == made
    assert len(made) == 1
    assert use("G") is None


def test_wrong_addresses_are_counted_and_the_administrator_is_told(school: School) -> None:
    with closing(pages_ledger(school)) as ledger:
        for count in range(102):
            found, failed = guests.look(ledger, f"G{count}", [b"n" * 32, b"w" * 32])
            assert found is None
            assert failed == count
    with psycopg.connect(school.home.owner_dsn) as owner:
        assert owner.execute("select kind, failed from overstap.alarm where kind <> 'odd_hours'").fetchall() == [
            ("invitation_guessed", 100)
        ]


def test_the_account_opens_its_own_round_and_school_alone(school: School, tmp_path: Path) -> None:
    place = school.review_round
    other_round = another_round(school)
    _, client = let_in(school, invited(school))
    with closing(client), place.unit("look") as unit:
        strange = [str(row[0]) for row in unit.rows("select dossier from overstap.dossier limit 3")]
        listed = f"/ronde/{place.round_id}/invullen"
        key = hidden(client.get(listed).text, "formulier")
        for path in ("", "/invullen", "/vragen", "/leerlingenlijst", "/fouten", "/invullen/werkmap.xlsx"):
            assert client.get(f"/ronde/{other_round}{path}").status_code == 404, path
        assert client.post(f"/ronde/{other_round}/invullen", data={"formulier": key}).status_code == 404
        assert client.get(f"/ronde/{place.round_id}/leerlingenlijst").status_code == 404
        assert client.post(f"/ronde/{place.round_id}/leerlingenlijst", data={"formulier": key}).status_code == 404
        for dossier in strange:
            assert client.get(f"/ronde/{place.round_id}/leerling/{dossier}").status_code in (404, 422)
            made = client.post(listed, data={"formulier": key, "eerder": dossier})
            assert made.status_code in (404, 422), made.status_code
        assert client.post(listed, data={"formulier": "x" * 32}).status_code == 403, "CSRF"
        assert client.post(listed).status_code == 403


def test_a_dossier_of_another_round_of_the_same_school_stays_shut(school: School, tmp_path: Path) -> None:
    """A guest of two rounds: each account sees the pupils of its own round only."""
    place = school.review_round
    _, client = let_in(school, invited(school))
    with closing(client):
        typed_in(client, f"/ronde/{place.round_id}/invullen")
        context = context_of(school, tmp_path)
        collection.collect(context, GUEST)
        with place.unit("look") as unit:
            dossier = unit.one("select dossier from overstap.dossier where primary_school = %(s)s", s=GUEST)[0]
            draft = unit.one("select typed from overstap.typed_dossier where primary_school = %(s)s", s=GUEST)[0]
        other_round = another_round(school)
        _, second = let_in(school, invited(school, other_round))
        with closing(second):
            assert second.get("/rondes").headers["location"] == f"/ronde/{other_round}/invullen"
            page = second.get(f"/ronde/{other_round}/invullen").text
            assert str(dossier) not in page, "no earlier dossier is offered"
            key = hidden(page, "formulier")
            assert second.get(f"/ronde/{other_round}/leerling/{dossier}").status_code in (404, 422)
            assert second.get(f"/ronde/{other_round}/invullen/{draft}").status_code in (404, 422)
            made = second.post(f"/ronde/{other_round}/invullen", data={"formulier": key, "eerder": str(dossier)})
            assert made.status_code in (404, 422)
            for act in ("afdruk", "brief", "bewijs", "vastleggen"):
                sent = second.post(f"/ronde/{other_round}/leerling/{dossier}/{act}", data={"formulier": key})
                assert sent.status_code in (404, 422), (act, sent.status_code)


def test_the_account_ends_with_the_round_or_with_the_guest(school: School) -> None:
    place = school.review_round
    login, client = let_in(school, invited(school))
    with closing(client):
        listed = f"/ronde/{place.round_id}/invullen"
        with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
            owner.execute("update overstap.round set closed_at = now()")
            assert client.get(listed).status_code == 403
            assert attempt(school, login, PASSWORD).status_code == 422
            owner.execute("update overstap.round set closed_at = null")
        assert attempt(school, login, PASSWORD, client).status_code == 303, "opened again"
        assert client.get(listed).status_code == 200
        with place.unit("look") as unit:
            [one] = guests.of_round(unit, place.round_id)
        with place.unit(coordinator(school)) as unit:
            assert guests.end(unit, one.guest)
            assert not guests.end(unit, one.guest)
        assert client.get(listed).status_code == 403
        assert attempt(school, login, PASSWORD).status_code == 422
        with place.unit("look") as unit:
            assert list(differences(unit)) == []


def test_whoever_was_let_in_by_a_wrong_mail_stays_out_when_the_right_school_is_invited(school: School) -> None:
    place = school.review_round
    login, client = let_in(school, invited(school))
    with place.unit("look") as unit:
        [one] = guests.of_round(unit, place.round_id)
    with place.unit(coordinator(school)) as unit:
        assert guests.end(unit, one.guest)
    with place.unit(coordinator(school)) as unit:
        assert guests.renew(unit, place.ledger.keys(REGION), one.guest, ASKED)
    right, newcomer = let_in(school, mailed(school))
    with closing(client), closing(newcomer):
        listed = f"/ronde/{place.round_id}/invullen"
        assert newcomer.get(listed).status_code == 200
        assert client.get(listed).status_code in (303, 403)
        assert attempt(school, login, PASSWORD).status_code == 422
    with place.unit("look") as unit:
        assert list(differences(unit)) == []
        assert {one.account: one.ended_at is None for one in accounts.all_accounts(unit) if one.school == GUEST} == {
            login: False,
            right: True,
        }


def test_a_guest_is_late_registered_and_forgotten_like_other_schools(school: School) -> None:
    place = school.review_round
    login, client = let_in(school, invited(school))
    client.close()
    secondary = place.region.secondary[0].id
    row = Application(NUMBER, None, GUEST, secondary, RegistrationStage.APPLIED, now() - timedelta(days=1))
    found = collect_registrations(place.ledger, place.agreement, [SourceRegistrations("file", [row], [])], "x")
    assert (found["changed"], found["outside"]) == (1, 0)
    with place.unit("look") as unit:
        passed = {one.milestone: one for one in milestones.note_passed(unit, place.round_id)}
        assert GUEST in passed["data_due"].behind
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        owner.execute("update overstap.round set closed_at = now() - interval '400 days'")
        owner.execute("update overstap.dossier set state = 'withdrawn'")
    with place.unit("look") as unit:
        assert list(differences(unit)), "the round was closed past the functions"
    retention.retain(place.ledger, REGION, actor="retain", content_days=30, traces_days=60)
    with place.unit("look") as unit:
        assert unit.one("select content is null and key_id is null and finds is null from overstap.guest_school")[0]
        [account] = [one for one in accounts.all_accounts(unit) if one.account == login]
    assert account.name == login, "who it was is forgotten"
    assert account.ended_at is not None


def test_a_late_guest_is_told_by_mail_also_when_a_newer_round_does_not_have_it(school: School, tmp_path: Path) -> None:
    place = school.review_round
    invited(school)
    another_round(school)
    with pytest.raises(OverstapError, match="INTAKE-050") as late:
        collection.collect(context_of(school, tmp_path), GUEST)
    assert "zie Contact met scholen op het bord" in late.value.do_nl
    assert EMAIL not in str(late.value), "it goes into Airflow's log"
    # Tomorrow by day, since no mail goes in the evening
    by_day = (dutch_time(now()) + timedelta(days=1)).replace(hour=11)
    update_notices(place.ledger, REGION, at=by_day, expiring=(), board=str, actor="tell", school_page=school.address)
    with place.unit("test") as unit:
        told = unit.rows("select kind, recipient from overstap.notice where recipient = %(to)s", to=f"school:{GUEST}")
        waiting = unit.rows("select mail from overstap.mail where state = 'waiting'")
        mails = [mail for (one,) in waiting if (mail := outbox.claim(unit, one)) is not None]
    assert ("missed_data_due", f"school:{GUEST}") in told
    mine = [one for one in mails if one.to == EMAIL]
    assert any("De Verre" in one.text for one in mine), [one.subject for one in mails]
    assert not re.search("Zonneveld|Noor", "".join(one.text for one in mails))
