"""A secondary school without a system collects on its page and confirms by account; and what others cannot do there."""

import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import uuid4

import httpx
import psycopg
import pytest
from collecting_school import agreement_with_page, deliver, enrol, on_page, press, receiver, token
from families import REGION
from school_service import ACCOUNT, OTHER, PASSWORD, School, rows, school_service, signed_in, sound

from overstap.clock import now
from overstap.closing.report import secondary_table
from overstap.delivery.revocation_sender import take_back_all
from overstap.ledger import accounts
from overstap.ledger.delivery.withdrawals import WithdrawalReason, statuses, withdraw
from overstap.ledger.invariants import check
from overstap.ledger.rounds.counts import secondary_schools
from overstap.oso.reading import read
from overstap.pages.school.passwords import hash_password
from overstap.pki import TrustStore
from overstap_tools.local.postgres import EmbeddedPostgres

COLLEAGUE = "collega@vo.example"
ELSEWHERE = "elders@vo.example"


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        deliver(made)
        with made.review_round.unit("beheer") as unit:
            accounts.put_account(unit, COLLEAGUE, receiver(made), "Een collega", hash_password(PASSWORD))
            other = made.review_round.region.secondary[1].id
            accounts.put_account(unit, ELSEWHERE, other, "Een andere school", hash_password(PASSWORD))
        yield made


@pytest.fixture(scope="module")
def elsewhere(school: School) -> Iterator[httpx.Client]:
    with closing(enrol(school, ELSEWHERE)) as made:
        yield made


def state_of(school: School, message: str) -> tuple[str, int, int, int]:
    """State, times collected, confirmations, and audit lines of confirmation by account."""
    [found] = rows(
        school,
        "select l.state, (select count(*) from overstap.page_collection c where c.message_id = l.message_id), "
        "(select count(*) from overstap.page_confirmation c where c.message_id = l.message_id), "
        "(select count(*) from overstap.audit_line a where a.payload::jsonb ->> 'action' = 'delivery.by_account' "
        "and a.payload::jsonb ->> 'subject' = l.message_id::text) from overstap.delivery l where l.message_id = %s",
        message,
    )
    return tuple(found)


def test_without_a_second_factor_nothing_is_listed_or_given(school: School, person: httpx.Client) -> None:
    ids = on_page(person)
    with closing(signed_in(school, COLLEAGUE)) as weak:
        page = weak.get("/ophalen")
        assert "Eerst een tweede stap" in page.text
        assert 'href="/beveiliging"' in page.text
        assert not any(one in page.text for one in ids)
        key = token(page.text)
        for button, more in (("bestand", {"vorm": "xml"}), ("bevestigen", {"zeker": "ja"})):
            answer = weak.post(f"/ophalen/{button}", data={"formulier": key, "dossier": ids, **more})
            assert answer.status_code in (403, 404)
            assert b"<dossier" not in answer.content
    assert all(state_of(school, one) == ("sealed", 0, 0, 0) for one in ids)


def test_a_stay_of_before_the_factor_does_not_become_one_with_it(school: School, person: httpx.Client) -> None:
    """A thief's session with the password alone, while the owner has a factor elsewhere, stays without."""
    with closing(signed_in(school, COLLEAGUE)) as thief:
        rows(
            school,
            "insert into overstap.school_factor (factor, region, account, kind, name, key_id, secret, confirmed_at) "
            "values (%s, %s, %s, 'totp', 'x', '1', 'x', now())",
            *(uuid4(), REGION, COLLEAGUE),
        )
        assert "Eerst een tweede stap" in thief.get("/ophalen").text
    rows(school, "delete from overstap.school_factor where account = %s", COLLEAGUE)


def test_collected_and_confirmed(school: School, person: httpx.Client) -> None:
    assert person.get("/rondes").headers["location"] == "/ophalen"
    first, second, *_ = on_page(person)
    assert press(person, "bevestigen", [first], zeker="ja").status_code == 409, "it was not collected"
    assert state_of(school, first)[0] == "sealed"

    xml = press(person, "bestand", [first], vorm="xml")
    assert xml.headers["content-type"].startswith("application/xml")
    given = read(xml.content)
    assert given.tree.block("inzage") is not None
    assert str(given.pupil_number) in school.review_round.made
    assert str(given.surname) not in xml.headers["content-disposition"]
    pdf = press(person, "bestand", [first], vorm="pdf")
    both = press(person, "bestand", [first, second], vorm="both")
    names = zipfile.ZipFile(io.BytesIO(both.content)).namelist()
    assert {name.rpartition("/")[2] for name in names} >= {"dossier.xml", "dossier.pdf"}
    assert len({name.partition("/")[0] for name in names}) == 2
    assert pdf.content.startswith(b"%PDF") or zipfile.is_zipfile(io.BytesIO(pdf.content))
    assert press(person, "bestand", [first, second], vorm="sheet").content.startswith(b"%PDF")
    assert state_of(school, first) == ("sealed", 4, 0, 0)

    assert press(person, "bevestigen", [first]).status_code == 422, "the statement was not ticked"
    done = press(person, "bevestigen", [first], zeker="ja")
    assert (done.status_code, state_of(school, first)) == (200, ("confirmed", 4, 1, 1))
    assert "Bevestigd: 1 dossier." in done.text
    assert press(person, "bevestigen", [first], zeker="ja").status_code == 409
    assert state_of(school, first) == ("confirmed", 4, 1, 1)
    assert press(person, "bestand", [first], vorm="xml").status_code == 200, "once more is allowed"
    [(state,)] = rows(
        school,
        "select d.state from overstap.dossier d join overstap.delivery l using (dossier) where l.message_id = %s",
        first,
    )
    assert state == "confirmed"
    sound(school)
    with school.review_round.unit() as unit:
        counts = [
            one for one in secondary_schools(unit, school.review_round.round_id) if one.school == receiver(school)
        ]
    assert (counts[0].confirmed, counts[0].by_account) == (1, 1)
    assert "door een account van de school" in secondary_table(counts, str).notes[0]


def test_confirmed_twice_at_once_is_confirmed_once(school: School, person: httpx.Client) -> None:
    message = on_page(person)[1]
    press(person, "bestand", [message], vorm="xml")
    form = {"formulier": token(person.get("/ophalen").text), "dossier": [message], "zeker": "ja"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: person.post("/ophalen/bevestigen", data=form).status_code, range(4)))
    assert sorted(answers) == [200, 409, 409, 409]
    assert state_of(school, message)[2:] == (1, 1)
    sound(school)


def test_another_school_gets_nothing(school: School, person: httpx.Client, elsewhere: httpx.Client) -> None:
    ids = on_page(person)
    before = [state_of(school, one) for one in ids]
    assert not any(one in elsewhere.get("/ophalen").text for one in ids)
    for kind in ("xml", "pdf", "both", "sheet"):
        answer = press(elsewhere, "bestand", ids, vorm=kind)
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (404, "text/html")
    assert press(elsewhere, "bevestigen", ids, zeker="ja").status_code == 409
    assert press(elsewhere, "verwijderd", ids, zeker="ja").status_code == 409
    assert [state_of(school, one) for one in ids] == before


def test_a_primary_school_has_no_such_page(school: School) -> None:
    with closing(signed_in(school, ACCOUNT)) as primary:
        assert primary.get("/ophalen").status_code == 404


def test_no_form_of_another_site_and_no_form_without_the_token(school: School, person: httpx.Client) -> None:
    message = on_page(person)[2]
    form = {"dossier": [message], "vorm": "xml", "zeker": "ja"}
    cookies = dict(person.cookies)
    for key in ("", "x" * 40):
        for button in ("bestand", "bevestigen", "verwijderd"):
            with httpx.Client(base_url=school.address, cookies=cookies) as forger:  # the answer ends its session
                answer = forger.post(f"/ophalen/{button}", data={**form, "formulier": key})
            assert answer.status_code == 403
            assert b"<dossier" not in answer.content
    key = token(person.get("/ophalen").text)
    foreign = person.post(
        "/ophalen/bestand", data={**form, "formulier": key}, headers={"origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    assert person.get("/ophalen/bestand", params=form).status_code in (404, 405), "a GET gives nothing"
    assert state_of(school, message) == ("sealed", 0, 0, 0)


@pytest.mark.parametrize("wrong", ["' or 1=1", "../../x", "{{ 7 * 7 }}", "%00", "0" * 5000])
def test_what_is_no_id_is_no_dossier(person: httpx.Client, wrong: str) -> None:
    assert press(person, "bestand", [wrong], vorm="xml").status_code == 404
    assert press(person, "bestand", [], vorm="xml").status_code == 422
    assert press(person, "bestand", [str(uuid4())], vorm="exe").status_code == 400
    assert press(person, "bestand", [str(uuid4()) for _ in range(60)], vorm="xml").status_code == 422


def test_the_pages_login_writes_no_confirmation_itself(school: School) -> None:
    role = f"overstap_school_{REGION}"
    for statement in (
        "insert into overstap.page_confirmation (message_id, region, account, envelope_digest) "
        "select message_id, region, 'x', envelope_digest from overstap.delivery limit 1",
        "update overstap.delivery set state = 'confirmed'",
        "delete from overstap.page_collection",
        "select overstap.audit('delivery.by_account', array['x'], array['{}'])",
        "select overstap.audit('delivery.collect', array['x'], array['{}'])",
        "select overstap.page_account('\\x00')",
    ):
        with psycopg.connect(school.dsn) as login:
            login.execute(f"set local role {role}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(statement)
    with psycopg.connect(school.dsn) as login:  # a stay that is none: nothing
        login.execute(f"set local role {role}")
        found = login.execute("select overstap.page_confirm(%s, %s)", [b"x" * 32, [uuid4()]]).fetchone()
        assert found == (None,)


def test_the_check_sees_a_forged_confirmation(school: School, person: httpx.Client) -> None:
    message = on_page(person)[3]
    for statement, why in (
        ("update overstap.delivery set state = 'confirmed' where message_id = %s", "confirmed by account: False"),
        (
            "insert into overstap.page_confirmation (message_id, region, account, envelope_digest) "
            "select message_id, region, 'x', envelope_digest from overstap.delivery where message_id = %s",
            "not collected before",
        ),
    ):
        with psycopg.connect(school.home.owner_dsn) as owner:
            owner.execute(statement, [message])
            owner.execute("commit")
        try:
            with school.review_round.unit() as unit:
                found = [one.why for one in check(unit) if one.subject == message]
            assert any(why in one for one in found), found
        finally:
            rows(school, "delete from overstap.page_confirmation where message_id = %s", message)
            rows(school, "update overstap.delivery set state = 'sealed' where message_id = %s", message)
    sound(school)


def test_taken_back_before_and_after_it_was_collected(school: School, person: httpx.Client) -> None:
    place, agreement = school.review_round, agreement_with_page(school)
    never, had = on_page(person)[-2:]
    press(person, "bestand", [had], vorm="sheet")
    press(person, "bevestigen", [had], zeker="ja")
    dossiers = [
        rows(school, "select dossier from overstap.delivery where message_id = %s", one)[0][0] for one in (never, had)
    ]
    with place.unit("coordinator") as unit:
        withdraw(unit, place.round_id, dossiers, reason=WithdrawalReason.WRONG_RECEIVER, decided_by="coordinator")
    for one in (never, had):
        assert press(person, "bestand", [one], vorm="xml").status_code == 404
        assert press(person, "bevestigen", [one], zeker="ja").status_code == 409
    done = take_back_all(
        *(place.ledger, TrustStore(school.folder / "trust", production=False)),
        agreement=agreement,
        actor="take back",
        clock=now,
    )
    assert (done["signed"], done["offered"]) == (1, 1), "what nobody collected is not at any school"
    page = person.get("/ophalen").text
    assert "Ingetrokken dossiers" in page
    assert had in page
    assert never not in page
    assert press(person, "verwijderd", [had]).status_code == 422
    assert press(person, "verwijderd", [had], zeker="ja").status_code == 200
    assert press(person, "verwijderd", [had], zeker="ja").status_code == 409
    assert had not in person.get("/ophalen").text
    with place.unit() as unit:
        states = {one.dossier: (one.message_id is not None, one.state) for one in statuses(unit, place.round_id)}
    assert states == {dossiers[0]: (False, None), dossiers[1]: (True, "confirmed")}
    sound(school)


def test_a_pupil_who_does_not_come_any_more_is_gone_from_the_page(school: School, person: httpx.Client) -> None:
    message = on_page(person)[4]
    change = (
        "update overstap.application a set withdrawn_at = %s from overstap.delivery l join overstap.dossier d "
        "using (dossier) where l.message_id = %s and a.pupil = d.pupil"
    )
    rows(school, change, now(), message)
    try:
        assert message not in person.get("/ophalen").text
        assert press(person, "bestand", [message], vorm="xml").status_code == 404
    finally:
        rows(school, change, None, message)
    assert message in person.get("/ophalen").text


def test_what_was_collected_is_erased_with_the_round(school: School, person: httpx.Client) -> None:
    """The last test: nothing is left on the page."""
    place = school.review_round
    for one in on_page(person):
        press(person, "bestand", [one], vorm="xml")
    press(person, "bevestigen", on_page(person), zeker="ja")
    rows(school, "update overstap.round set closed_at = now() - interval '200 days'")
    with place.unit("retention") as unit:
        ids = [row[0] for row in unit.rows("select dossier from overstap.dossier")]
        assert unit.one("select overstap.erase_content(%(ids)s, 30)", ids=ids)[0] > 0
    assert on_page(person) == []
    assert rows(school, "select count(*) from overstap.delivery where envelope <> ''") == [(0,)]
    assert rows(school, "select count(*) from overstap.page_collection")[0][0] > 0
    with place.unit("retention") as unit:
        unit.one("select overstap.forget_traces(%(ids)s, 30)", ids=ids)
    assert rows(school, "select count(*) from overstap.page_collection") == [(0,)]
    with place.unit() as unit:
        about = ("page", "account", "envelope", "collected")
        assert [one for one in check(unit) if any(word in one.why for word in about)] == []
    assert PASSWORD not in school.log
    assert OTHER not in school.log
