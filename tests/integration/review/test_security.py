"""Security tests of the parents' pages, one per attack."""

import base64
import contextlib
import io
import json
import re
import socket
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from families import Family, Home, ReviewRound, home, open_review_round
from fpdf import FPDF
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from served import Parent, Served, hidden, title
from starlette.exceptions import HTTPException

from overstap.pages.shared.delays import MAX_SECONDS, delay_seconds
from overstap.pages.shared.networks import networks
from overstap.pages.shared.security_txt import security_txt
from overstap.review.code_keys import SIGNS, PageSession, code_keys, new_code, read_code
from overstap.review.copies import decrypt_copy
from overstap.settings import Settings
from overstap_tools.local import ports
from overstap_tools.local.postgres import EmbeddedPostgres

EVIL = "<script>alert(1)</script>\"'&{{7*7}}"


@pytest.fixture(scope="module")
def at_home(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    with home(postgres, tmp_path_factory.mktemp("security"), ledger_template) as found:
        yield found


@pytest.fixture(scope="module")
def review_round(at_home: Home) -> ReviewRound:
    found = open_review_round(at_home.ledger, 40)

    def evil(pupil) -> None:
        pupil["achternaam"], pupil["roepnaam"] = [EVIL], [EVIL]
        pupil["verzorger"][0]["achternaam"] = [EVIL]

    one = found.families()[0]
    found.supply(found.changed(one, evil))
    found.release()
    with psycopg.connect(at_home.owner_dsn) as connection:
        connection.execute("update overstap.school set name = %s", [EVIL])
    return found


@pytest.fixture(scope="module")
def families(review_round: ReviewRound) -> list[Family]:
    found = review_round.families()
    review_round.give_codes(found)
    return found


@pytest.fixture(scope="module")
def served(at_home: Home, families: list[Family], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(at_home.review_dsn, tmp_path_factory.mktemp("served") / "review.log").start()
    yield found
    found.kill()


@pytest.fixture
def review(at_home: Home) -> Iterator[psycopg.Connection]:
    with psycopg.connect(at_home.review_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
def fresh_limits(at_home: Home) -> None:
    with psycopg.connect(at_home.owner_dsn) as connection:
        connection.execute("delete from overstap.review_attempt")
        connection.execute("update overstap.review_access set wrong_dates = 0")


def sign_in(connection, code: str, born: date, address: str = "203.0.113.9") -> tuple[str, PageSession]:
    keys, stay, whence = code_keys(code, born), PageSession.new(), networks(address)
    [status, *_] = connection.execute(
        "select * from overstap.review_sign_in(%s, %s, %s, %s, %s, %s)",
        [keys.lookup_token, keys.proof_token, whence.narrow, whence.wide, stay.token, stay.seal_key(keys.copy_key)],
    ).fetchone()
    return status, stay


# What the pages' login can do


def test_the_login_reads_no_table_and_runs_no_other_function(at_home: Home, review: psycopg.Connection) -> None:
    with psycopg.connect(at_home.owner_dsn) as owner:
        relations = owner.execute(
            "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname in ('overstap', 'public') and c.relkind in ('r', 'v', 'm', 'S', 'p')"
        ).fetchall()
        allowed = owner.execute(
            "select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace "
            "where n.nspname = 'overstap' and has_function_privilege('overstap_review', p.oid, 'execute') "
            "and prorettype <> 'trigger'::regtype"
        ).fetchall()
        roles = owner.execute(
            "select r.rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid "
            "join pg_roles u on u.oid = m.member where u.rolname = 'overstap_review'"
        ).fetchall()
        attributes = owner.execute(
            "select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication from pg_roles "
            "where rolname = 'overstap_review'"
        ).fetchone()
    assert len(relations) > 20
    for (name,) in relations:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            review.execute(f"select * from {name} limit 1")  # noqa: S608 (names of our own catalogue)
        for statement in ("delete from {}", "insert into {} default values"):
            with pytest.raises(psycopg.Error):
                review.execute(statement.format(name))
    own = {"sign_in", "look", "file", "decide", "ask", "sign_out", "sweep", "trail", "wish", "proof_of"}
    assert {name for (name,) in allowed if name.startswith("review_")} == {f"review_{name}" for name in own}
    assert {name for (name,) in allowed} - {f"review_{name}" for name in own} <= {"my_region", "clock"}
    assert roles == []
    assert attributes == (False,) * 5
    for attempt in (
        "set role overstap_region_alfa",
        "set role overstap_app",
        "call overstap.review_audit('alfa', 'x', 'y', '{}')",
        "create table overstap.mine (a int)",
        "create function overstap.mine() returns int language sql return 1",
        "copy overstap.dossier to stdout",
        "select pg_read_file('/etc/passwd')",
        "select * from overstap.review_stay('\\x00'::bytea)",
    ):
        with pytest.raises(psycopg.Error):
            review.execute(attempt)


def test_a_copy_of_the_database_opens_nothing(
    at_home: Home, families: list[Family], review: psycopg.Connection
) -> None:
    """Who has every row can neither sign in with what stands there, nor open a copy."""
    with psycopg.connect(at_home.owner_dsn) as owner:
        finds, proves = owner.execute("select finds, proves from overstap.review_access limit 1").fetchone()
        kept = str(owner.execute("select array_agg(a::text) from overstap.review_access a").fetchone())
        sessions = owner.execute("select finds from overstap.review_session").fetchall()
    stay = PageSession.new()
    row = review.execute(
        "select * from overstap.review_sign_in(%s, %s, %s, %s, %s, %s)",
        [finds, proves, "203.0.113.9", "203.0.113.0/24", stay.token, b"held"],
    ).fetchone()
    assert row[0] == "wrong"
    for (session,) in sessions:
        assert review.execute("select * from overstap.review_look(%s)", [session]).fetchone() is None
    for family in families:
        for code in family.codes.values():
            assert code not in kept
            assert (read_code(code) or "") not in kept
        assert family.born.isoformat() not in kept


def test_a_search_path_of_ones_own_changes_no_function(at_home: Home, families: list[Family]) -> None:
    with psycopg.connect(at_home.review_dsn, autocommit=True) as connection:
        connection.execute("create temporary table review_access (finds bytea, proves bytea, ended_at timestamptz)")
        connection.execute("set search_path = pg_temp, overstap")
        assert sign_in(connection, read_code(families[1].code) or "", families[1].born)[0] == "open"


# Codes


@pytest.mark.fault("F69")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_code_opens_its_own_family_and_no_other(
    data, at_home: Home, families: list[Family], review: psycopg.Connection
) -> None:
    with psycopg.connect(at_home.owner_dsn) as owner:  # else twenty wrong dates end a code
        owner.execute("update overstap.review_access set wrong_dates = 0")
    one, other = data.draw(st.sampled_from(families)), data.draw(st.sampled_from(families))
    person = data.draw(st.sampled_from(one.persons))
    code = read_code(one.codes[person]) or ""
    status, stay = sign_in(review, code, other.born, f"198.51.{data.draw(st.integers(0, 255))}.1")
    if one.born != other.born:
        assert status == "wrong"
        assert review.execute("select * from overstap.review_look(%s)", [stay.token]).fetchone() is None
        status, stay = sign_in(review, code, one.born)
    assert status == "open"
    access, region, dossier, _, _, held, showing, *_ = review.execute(
        "select * from overstap.review_look(%s)", [stay.token]
    ).fetchone()
    assert dossier == one.dossier
    copy = decrypt_copy(showing, stay.open_key(held), region, access, is_whole=True)
    assert one.surname in copy["pupil"]
    assert code_keys(code, one.born).copy_key != code_keys(code, one.born + timedelta(days=1)).copy_key


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_code_or_none(typed: str) -> None:
    found = read_code(typed)
    assert found is None or (len(found) == SIGNS and found.isascii())
    code = new_code()
    assert read_code(f"  {code.lower().replace('-', ' ')} ") == code.replace("-", "")


def test_codes_hold_a_hundred_random_bits() -> None:
    codes = [new_code() for _ in range(2_000)]
    assert len(set(codes)) == len(codes)
    signs = "".join(codes).replace("-", "")
    assert len(set(signs)) == 32
    assert all(900 < signs.count(sign) < 1_600 for sign in set(signs))  # 1,250 expected; 10 deviations wide


@pytest.mark.fault("F69")
def test_a_new_code_ends_the_old_one_and_its_stays(
    review_round: ReviewRound, families: list[Family], served: Served
) -> None:
    family = families[2]
    parent = Parent(served.address)
    parent.enter(family)
    old = dict(family.codes)
    review_round.give_codes([family])
    assert title(parent.get("overzicht")) == "U bent uitgelogd"
    assert "horen niet bij elkaar" in parent.sign_in(old[family.persons[0]], family.born).text
    assert title(parent.enter(family)).startswith("Dossier van")


# Guessing


@pytest.mark.fault("F69")
def test_a_wrong_code_and_a_wrong_date_give_the_same_page(families: list[Family], served: Served) -> None:
    family = families[3]
    pages = []
    for code, born in ((new_code(), family.born), (family.code, family.born + timedelta(days=1))):
        parent = Parent(served.address)
        page = parent.sign_in(code, born)
        assert page.status_code == 422
        token = hidden(page.text, "/nl/inloggen")["formulier"]
        kept = {name: value for name, value in page.headers.items() if name not in ("date", "set-cookie")}
        pages.append((page.text.replace(token, ""), kept, len(page.cookies)))
    assert pages[0] == pages[1]
    assert family.code not in pages[1][0]


def test_a_wrong_code_and_a_wrong_date_take_the_same_steps(
    at_home: Home, families: list[Family], review: psycopg.Connection
) -> None:
    """The time is the same since the work is: the same rows are read and written, only their contents differ."""
    family = families[3]
    written = []
    for code, born in ((read_code(new_code()), family.born), (read_code(family.code), date(2001, 1, 1))):
        with psycopg.connect(at_home.owner_dsn) as owner:
            owner.execute("delete from overstap.review_attempt")
        assert sign_in(review, code or "", born)[0] == "wrong"
        with psycopg.connect(at_home.owner_dsn) as owner:
            written.append(owner.execute("select kind, failed from overstap.review_attempt order by 1").fetchall())
    assert written[0] == written[1] == [("all", 1), ("code", 1), ("network", 1), ("wide", 1)]


def failures(at_home: Home, kind: str) -> int:
    with psycopg.connect(at_home.owner_dsn) as owner:
        row = owner.execute("select max(failed) from overstap.review_attempt where kind = %s", [kind]).fetchone()
        return row[0] if row else 0


def guess(
    at_home: Home, times: int, addresses: Callable[[int], str] = lambda _: "192.0.2.1", code: str | None = None
) -> None:
    """Guess codes as fast as the database takes them."""
    with psycopg.connect(at_home.review_dsn, autocommit=True) as connection:
        for turn in range(times):
            assert (
                sign_in(connection, code or read_code(new_code()) or "", date(2001, 1, 1), addresses(turn))[0]
                == "wrong"
            )


@pytest.mark.fault("F69")
def test_nobody_is_kept_out_by_guesses_from_their_own_network(
    at_home: Home, families: list[Family], served: Served, review: psycopg.Connection
) -> None:
    """Eleven wrong codes a second, sixty from one address, hundreds of a block: who has it right is let in at once."""
    family = families[4]
    guess(at_home, 400)
    guess(at_home, 120, lambda turn: f"192.0.2.{turn}")
    for address in ("192.0.2.1", "192.0.2.77"):
        assert sign_in(review, read_code(family.code) or "", family.born, address)[0] == "open"
    with psycopg.connect(at_home.owner_dsn) as owner:
        owner.execute("update overstap.review_attempt set failed = 100000")
    guess(at_home, 1, lambda _: ports.LOOPBACK)
    assert title(Parent(served.address).enter(family)).startswith("Dossier van")


def test_a_crowd_of_wrong_answers_that_wait_keeps_nobody_waiting(families: list[Family], served: Served) -> None:
    """The answers to wrong codes wait, and not the connections that right ones need."""
    family = families[5]

    def wrong(_: int) -> int:
        return Parent(served.address).sign_in(new_code(), family.born).status_code

    with ThreadPoolExecutor(60) as pool:
        crowd = [pool.submit(wrong, number) for number in range(120)]
        for _ in range(5):
            assert title(Parent(served.address).enter(family)).startswith("Dossier van")
        statuses = {one.result() for one in crowd}
    assert statuses == {422, 429}, "a few wait, the others are told to"


def test_wrong_answers_wait_longer_and_longer() -> None:
    waits = [delay_seconds(failed, free=5) for failed in range(60)]
    assert waits[:6] == [0] * 6
    assert waits[6] > 0
    assert waits == sorted(waits)
    assert waits[-1] == MAX_SECONDS


def test_a_block_of_ipv6_is_one_network(at_home: Home) -> None:
    guess(at_home, 50, lambda turn: f"2001:db8:0:{turn:x}::{turn:x}")
    assert failures(at_home, "network") == 50, "56 bits are one customer"
    guess(at_home, 50, lambda turn: f"2001:db8:0:{turn:x}00::1")
    assert failures(at_home, "wide") == 100, "and 48 bits are what a customer may have"
    for address, same in (
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("64:ff9b::c000:201", "192.0.2.1"),
        ("2001:0:53aa:64c:0:fbf1:3fff:fdfe", "192.0.2.1"),  # Teredo: the address is written inverted
        ("fe80::1%eth0", "fe80::2"),
    ):
        assert networks(address) == networks(same)
    assert networks("2002:c000:201:1::1") == networks("2002:c000:201:2::1"), "6to4: one address of IPv4"
    assert networks("no address").narrow == networks("").narrow == "unknown"


@pytest.mark.fault("F69")
def test_a_found_letter_ends_after_twenty_wrong_dates(
    at_home: Home, review_round: ReviewRound, families: list[Family], served: Served, review: psycopg.Connection
) -> None:
    """Who found a letter tries twenty birth dates, however slowly. Then a new letter follows, and nothing says why."""
    family = families[11]
    code = read_code(family.code) or ""
    inside = Parent(served.address)
    inside.enter(family)
    for turn in range(19):
        assert sign_in(review, code, family.born + timedelta(days=turn + 1), f"198.51.100.{turn}")[0] == "wrong"
        with psycopg.connect(at_home.owner_dsn) as owner:
            owner.execute("delete from overstap.review_attempt")  # half an hour later
    assert sign_in(review, code, family.born)[0] == "open", "nineteen mistakes are forgiven"
    assert sign_in(review, code, family.born + timedelta(days=99))[0] == "wrong"
    assert sign_in(review, code, family.born)[0] == "wrong", "and the right date is told from no other any more"
    assert title(inside.get("overzicht")) == "U bent uitgelogd"
    assert "U krijgt dan een nieuwe brief" in Parent(served.address).enter(family).text
    with psycopg.connect(at_home.owner_dsn) as owner:
        [(kind, region)] = owner.execute(
            "select kind, region from overstap.alarm where kind = 'code_ended' and told_at is null"
        ).fetchall()
        assert (kind, region) == ("code_ended", "alfa")
        owner.execute("update overstap.alarm set told_at = now()")
    with review_round.unit() as unit:
        line = unit.one(
            "select payload::jsonb -> 'detail' ->> 'why' from overstap.audit_line "
            "where payload::jsonb ->> 'action' = 'review.code_ended'"
        )
    assert line == ("guessed",)
    review_round.give_codes([family])
    assert title(Parent(served.address).enter(family)).startswith("Dossier van")


def test_dates_that_are_tried_all_at_once_are_twenty_at_most(
    at_home: Home, families: list[Family], review: psycopg.Connection
) -> None:
    family = families[12]
    code = read_code(family.code) or ""

    def attempt(turn: int) -> str:
        with psycopg.connect(at_home.review_dsn, autocommit=True) as connection:
            return sign_in(connection, code, family.born + timedelta(days=turn - 30))[0]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, range(30)))
    with psycopg.connect(at_home.owner_dsn) as owner:
        query = "select wrong_dates, ended_why from overstap.review_access where dossier = %s and ended_at is not null"
        assert owner.execute(query, [family.dossier]).fetchall()[-1] == (20, "guessed")
    assert sign_in(review, code, family.born)[0] == "wrong"


def test_guessing_raises_an_alarm_without_personal_data(at_home: Home, served: Served, families: list[Family]) -> None:
    with psycopg.connect(at_home.owner_dsn) as owner:
        owner.execute("delete from overstap.alarm")
    family, before = families[13], len(served.log.read_text().splitlines())
    parent = Parent(served.address)
    parent.sign_in(new_code(), family.born)
    with psycopg.connect(at_home.owner_dsn) as owner:
        owner.execute("update overstap.review_attempt set failed = 59 where kind = 'network'")
    parent.sign_in(new_code(), family.born)
    with psycopg.connect(at_home.owner_dsn) as owner:
        rows = owner.execute("select kind, region, subject, failed from overstap.alarm").fetchall()
    assert [row[:2] for row in rows] == [("guessing_network", None)]
    assert ports.LOOPBACK not in str(rows)
    lines = [line for line in served.log.read_text().splitlines()[before:] if "overstap.alarm" in line]
    assert len(lines) == 1
    said = json.loads(lines[0][lines[0].index("{") :])
    assert (said["event.kind"], said["event.action"], said["service.name"]) == (
        "alert",
        "guessing_network",
        "overstap-review",
    )
    assert ports.LOOPBACK not in lines[0]


def test_who_tries_stands_nowhere_in_clear(at_home: Home, review: psycopg.Connection) -> None:
    sign_in(review, read_code(new_code()) or "", date(2015, 1, 1), "203.0.113.77")
    with psycopg.connect(at_home.owner_dsn) as owner:
        assert "203.0.113.77" not in str(
            owner.execute("select array_agg(t::text) from overstap.review_attempt t").fetchone()
        )


# Stays, forms and requests


def test_a_stay_cannot_be_chosen_by_somebody_else(families: list[Family], served: Served) -> None:
    """Session fixation: a cookie that an attacker set is not the one that counts after signing in."""
    parent = Parent(served.address)
    parent.http.cookies.set("inzage", "A" * 43 + "=")
    parent.get("")
    parent.enter(families[6])
    mine = [cookie.value for cookie in parent.http.cookies.jar if cookie.name == "inzage"]
    assert all(value != "A" * 43 + "=" for value in mine[-1:])
    thief = Parent(served.address)
    thief.http.cookies.set("inzage", "A" * 43 + "=")
    assert title(thief.get("overzicht")) == "U bent uitgelogd"


def test_a_cookie_is_for_our_pages_alone(families: list[Family], served: Served) -> None:
    parent = Parent(served.address)
    token = hidden(parent.get("").text, "/nl/inloggen")["formulier"]
    family = families[6]
    fields = {"formulier": token, "code": family.code, "dag": family.born.day, "maand": family.born.month}
    answer = parent.http.post("/nl/inloggen", data={**fields, "jaar": family.born.year}, follow_redirects=False)
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("inzage="))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert answer.status_code == 303


def test_a_signed_out_stay_is_over_for_its_copies_too(families: list[Family], served: Served) -> None:
    parent = Parent(served.address)
    parent.enter(families[6])
    copied = dict(parent.http.cookies)
    parent.send("overzicht", "uitloggen")
    thief = Parent(served.address)
    thief.http.cookies.update(copied)
    assert title(thief.get("dossier")) == "U bent uitgelogd"


@pytest.mark.fault("F69")
def test_a_stay_ends_by_itself(at_home: Home, families: list[Family], served: Served) -> None:
    for column, hours in (("used_at", 1), ("began_at", 4)):
        parent = Parent(served.address)
        parent.enter(families[6])
        with psycopg.connect(at_home.owner_dsn) as owner:
            owner.execute(
                f"update overstap.review_session set {column} = {column} - interval '{hours} hours 1 second'"  # noqa: S608
            )
        page = parent.http.post("/nl/antwoord", data={"antwoord": "oneens", "zienswijze": "Een lang verhaal."})
        assert title(page) == "U bent uitgelogd"
        assert "Een lang verhaal." in page.text


@pytest.mark.fault("F71")
def test_forms_of_others_change_nothing(at_home: Home, families: list[Family], served: Served) -> None:
    family = families[7]
    parent = Parent(served.address)
    parent.enter(family)
    mine = hidden(parent.get("antwoord").text, "/nl/antwoord")
    other = Parent(served.address)
    other.enter(families[8])
    theirs = hidden(other.get("antwoord").text, "/nl/antwoord")
    good = {**mine, "antwoord": "eens"}
    tries = [
        ({**good, "formulier": ""}, {}, 422),
        ({**good, "formulier": theirs["formulier"]}, {}, 422),
        ({name: value for name, value in good.items() if name != "formulier"}, {}, 422),
        (good, {"origin": "https://evil.example"}, 403),
        (good, {"origin": "null"}, 403),
        (good, {"sec-fetch-site": "cross-site"}, 403),
        (good, {"sec-fetch-site": "same-site"}, 403),
    ]
    for fields, headers, status in tries:
        assert parent.http.post("/nl/antwoord", data=fields, headers=headers).status_code == status
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert parent.http.request(method, "/nl/antwoord", data=good).status_code == 405
    assert parent.http.post("/nl/antwoord", json={"antwoord": "eens"}).status_code == 422
    assert answers(at_home, family) == 0
    assert parent.http.post("/nl/antwoord", data=good).status_code == 200
    assert answers(at_home, family) == 1


def answers(at_home: Home, family: Family) -> int:
    with psycopg.connect(at_home.owner_dsn) as owner:
        row = owner.execute(
            "select count(*) from overstap.review_decision where dossier = %s", [family.dossier]
        ).fetchone()
        return row[0] if row else 0


@pytest.mark.fault("F69")
def test_a_get_changes_nothing(at_home: Home, families: list[Family], served: Served) -> None:
    """A mail scanner, or an impatient browser, opens every address there is, also with what a form would send."""
    parent = Parent(served.address)
    parent.enter(families[9])

    def state() -> list[str]:
        with psycopg.connect(at_home.owner_dsn) as owner:
            tables = (
                "dossier",
                "review_decision",
                "review_access",
                "review_request",
                "review_answer",
                "content_access",
                "review_proof",
            )
            return [
                str(
                    owner.execute(
                        f"select array_agg(t::text order by t::text) from overstap.{table} t"  # noqa: S608
                    ).fetchone()
                )
                for table in tables
            ]

    before = state()
    form = hidden(parent.get("antwoord").text, "/nl/antwoord")
    pages = ("", "uitleg", "overzicht", "dossier", "antwoord", "ontvangstbewijs", "vraag", "bijlage/1", "inloggen")
    for page in (*pages, "logboek", "bewijs", "bewijs.zip"):
        for lang in ("nl", "en"):
            parent.http.get(f"/{lang}/{page}", params={**form, "antwoord": "eens", "code": families[9].code})
            parent.http.head(f"/{lang}/{page}")
    assert state() == before
    assert title(parent.get("overzicht")).startswith("Dossier van")


def test_sent_twice_counts_once(at_home: Home, families: list[Family], served: Served) -> None:
    family = families[10]
    parent = Parent(served.address)
    parent.enter(family)
    form = {**hidden(parent.get("antwoord").text, "/nl/antwoord"), "antwoord": "eens", "zienswijze": ""}
    for _ in range(3):
        assert title(parent.http.post("/nl/antwoord", data=form)) == "Uw antwoord is ontvangen"
    assert answers(at_home, family) == 1
    # Back, and another answer on the same form: that is another answer.
    done = parent.http.post("/nl/antwoord", data={**form, "antwoord": "oneens"})
    assert "U hebt het dossier gezien en u bent het er niet mee eens" in done.text
    assert answers(at_home, family) == 2


def test_parameters_that_nobody_sends(families: list[Family], served: Served) -> None:
    parent = Parent(served.address)
    parent.enter(families[11])
    form = hidden(parent.get("antwoord").text, "/nl/antwoord")
    for extra in (
        {"antwoord": "Ja"},
        {"antwoord": "eens\r\nSet-Cookie: x=y"},
        {"antwoord": ["", "eens"]},
        {"antwoord": "eens", "zienswijze": "x" * 10_001},
    ):
        assert parent.http.post("/nl/antwoord", data={**form, **extra}).status_code == 422
    for path in (
        "bijlage/0",
        "bijlage/-1",
        "bijlage/99999999999999999999",
        "bijlage/1e3",
        "bijlage/%31%00",
        "bijlage/٣",
    ):
        assert parent.get(path).status_code == 404
    for path in (
        *("/xx/overzicht", "/nl/../../etc/passwd", "/static/../../pyproject.toml", "/static/%2e%2e/%2e%2e/LICENSE"),
        *("/docs", "/openapi.json", "/nl/overzicht/extra"),
    ):
        assert parent.http.get(path).status_code == 404, path
    view = parent.http.post("/nl/antwoord", data={**form, "antwoord": "eens", "zienswijze": "a\x00b\x1bc\ud7ff"})
    assert "abc" in view.text


@pytest.mark.fault("F65", "F71")
def test_what_pupils_schools_and_parents_are_called_runs_nowhere(families: list[Family], served: Served) -> None:
    evil = next(family for family in families if family.surname == EVIL)
    parent = Parent(served.address)
    parent.enter(evil)
    parent.decide("oneens", EVIL)
    parent.ask(EVIL)
    for page in ("overzicht", "dossier", "antwoord", "ontvangstbewijs", "vraag"):
        text = parent.get(page).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text
        assert "{{7*7}}" in text
        assert not re.search(r"\son[a-z]+=|javascript:|<style|style=", text)
    assert parent.get("dossier.pdf").status_code == 200
    assert parent.get("ontvangstbewijs.pdf").status_code == 200


def test_every_answer_is_guarded(families: list[Family], served: Served) -> None:
    parent = Parent(served.address)
    parent.enter(families[12])
    for page in ("", "uitleg", "overzicht", "dossier", "antwoord", "ontvangstbewijs", "vraag", "dossier.pdf", "weg"):
        head = parent.get(page).headers
        assert "unsafe-inline" not in head["content-security-policy"] or "sandbox" in head["content-security-policy"]
        assert "default-src 'none'" in head["content-security-policy"]
        assert head["cache-control"] == "no-store"
        assert head["x-content-type-options"] == "nosniff"
        assert head["x-frame-options"] == "DENY"
        assert head["referrer-policy"] == "same-origin"
        assert "server" not in head
    assert "max-age" in parent.http.get("/static/overstap.css").headers["cache-control"]
    text = "".join(parent.get(page).text for page in ("", "overzicht", "dossier"))
    assert not re.search(r"(src|href|action)=\"(https?:)?//", text)


@pytest.mark.fault("F70")
def test_no_code_name_or_id_is_in_an_address_or_the_log(families: list[Family], served: Served) -> None:
    family = families[13]
    parent = Parent(served.address)
    seen: list[str] = []
    parent.http.event_hooks["request"].append(lambda sent: seen.append(str(sent.url)))
    parent.enter(family)
    parent.decide("eens", "Geheim-verhaal-van-ouders")
    parent.ask("Geheime-vraag-van-ouders")
    parent.get("dossier.pdf")
    parent.http.get(f"/nl/%0aERROR%20vals{family.surname}")
    parent.http.get("/nl/overzicht", params={"q": family.code}, headers={"user-agent": family.surname.encode()})
    log = served.log.read_text()
    kept = (
        family.code,
        read_code(family.code),
        family.surname,
        str(family.dossier),
        "Geheim",
        f"{family.born:%Y-%m-%d}",
    )
    for words in kept:
        assert str(words) not in log
        assert str(words) not in "".join(seen[:-2])
    assert "\nERROR" not in log
    assert "127.0.0.1" not in log


# Too much, and too slow


def test_bodies_have_a_limit(served: Served) -> None:
    for body in (b"a=" + b"x" * 70_000, (b"x" * 1_000 for _ in range(100))):
        try:
            answer = httpx.post(f"{served.address}/nl/inloggen", content=body, timeout=30)
        except httpx.HTTPError:
            continue  # cut off
        assert answer.status_code == 413
    for length in (b"99999999999999999999", b"70000", b"-1", b"1e9", b"12\r\nContent-Length: 13"):
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as line:
            line.sendall(b"POST /nl/inloggen HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n")
            assert line.recv(1_000).split(b" ")[1] in (b"400", b"413")
    fields = "&".join(f"a{n}=1" for n in range(50))
    assert httpx.post(f"{served.address}/nl/inloggen", content=fields).status_code == 422


def opened(served: Served, text: bytes) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", served.port), timeout=40)
    found.sendall(text)
    return found


@pytest.fixture(scope="module", autouse=True)
def slow(served: Served) -> list[socket.socket]:
    """Slowloris: heads that never end, bodies that never come. They lie there while the other tests go on."""
    post = b"POST /nl/inloggen HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na="
    heads = (b"", b"GET / HTTP/1.1\r\nX-a: b\r\n", post)
    return [opened(served, text) for text in heads for _ in range(40)]


def test_slow_and_endless_clients_are_cut_off(served: Served, slow: list[socket.socket]) -> None:
    assert httpx.get(f"{served.address}/nl/", timeout=30).status_code == 200
    endless = opened(served, b"GET / HTTP/1.1\r\n")
    try:
        for _ in range(200):
            endless.sendall(b"X-filler: " + b"y" * 1_000 + b"\r\n")
            time.sleep(0.001)
        ended = endless.recv(10_000)
    except OSError:
        ended = b""
    assert b" 200 " not in ended
    for one in slow:
        while one.recv(4_096):  # an answer may come first; then the end of the connection, which is what is waited for
            pass
        one.close()


def test_pdfs_that_were_asked_for_and_left_hold_up_no_other_parent(families: list[Family], served: Served) -> None:
    """Forty requests of one parent for PDFs, each left at once: another parent's own is made all the same."""
    one, other = Parent(served.address), Parent(served.address)
    one.enter(families[13])
    other.enter(families[14])
    cookie = "; ".join(f"{name}={value}" for name, value in one.http.cookies.items())
    for number in range(40):
        page = ("nl/dossier.pdf", "en/dossier.pdf", "nl/ontvangstbewijs.pdf", "en/ontvangstbewijs.pdf")[number % 4]
        left = opened(served, f"GET /{page} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
        left.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        left.close()  # with a reset, as when a tab is closed
    found = other.http.get("/nl/dossier.pdf", timeout=120)
    assert found.status_code == 200
    assert found.content.startswith(b"%PDF")
    assert one.http.get("/nl/dossier.pdf", timeout=120).status_code in (200, 503)
    assert "Error at" not in served.log.read_text()


def test_where_weaknesses_are_reported(served: Served) -> None:
    assert httpx.get(f"{served.address}/.well-known/security.txt").status_code == 404
    with pytest.raises(HTTPException):
        security_txt(Settings(security_contact="mailto:a@example.nl\nContact: mailto:b@example.nl"))
    said = security_txt(Settings(security_contact="mailto:veilig@example.nl")).body.decode()
    assert said.startswith("Contact: mailto:veilig@example.nl\nExpires: ")


# Two parents


def test_neither_parent_sees_the_other(review_round: ReviewRound, served: Served) -> None:
    family = next(one for one in review_round.families() if len(one.persons) == 2)

    def apart(pupil) -> None:
        pupil["verzorger"][0]["achternaam"], pupil["verzorger"][1]["achternaam"] = ["Eerste"], ["Tweede"]
        pupil["verzorger"][1]["adresgeheim"] = ["true"]
        pupil["verzorger"][1]["communicatielijst"][0]["communicatie"][0]["nummer"] = ["0687654321"]
        pupil["verzorger"][0]["communicatielijst"][0]["communicatie"][0]["nummer"] = ["0612345678"]
        pupil["verzorger"][0]["adreslijst"][0]["adres"][0]["straat"] = ["Eerstelaan"]
        pupil["verzorger"][0]["adreslijst"][0]["adres"][0]["postcode"] = ["1111AA"]
        pupil["adreslijst"][0]["adres"][0]["straat"] = ["Kindstraat"]
        for address in (*pupil["adreslijst"][0]["adres"], *pupil["verzorger"][0]["adreslijst"][0]["adres"][1:]):
            address["postcode"] = ["2222BB"]
            address["nummer"] = [f"{len(address)}9"]

    review_round.supply(review_round.changed(family, apart))
    review_round.release()
    family = next(one for one in review_round.families() if one.dossier == family.dossier)
    review_round.give_codes([family])
    one, other = Parent(served.address), Parent(served.address)
    one.enter(family, 0)
    other.enter(family, 1)
    mine, theirs = (parent.get("dossier").text + parent.get("overzicht").text for parent in (one, other))
    assert "0612345678" in mine
    assert "0612345678" not in theirs
    assert "0687654321" in theirs
    assert "0687654321" not in mine
    assert "Eerstelaan" not in theirs
    assert "Tweede" in mine
    # Where the child lives would tell the one where the other does.
    assert "Kindstraat" not in mine
    assert "Kindstraat" in theirs
    assert "ouder of verzorger is geheim" in mine
    one.decide("oneens", "Woorden van de een")
    assert "Woorden van de een" not in other.get("overzicht").text + other.get("ontvangstbewijs").text
    assert "Nog geen antwoord" in other.get("overzicht").text
    assert title(other.decide("eens")) == "Uw antwoord is ontvangen"
    with review_round.unit() as unit:
        persons = unit.rows(
            "select person, agreed from overstap.review_decision where dossier = %(d)s "
            "and number = (select version from overstap.dossier where dossier = %(d)s) order by recorded_at",
            d=family.dossier,
        )
    assert persons == [(family.persons[0], "Nee"), (family.persons[1], "Ja")]


# Tried again later, with fresh eyes


HOSTILE_FILES = {
    "pagina.html": b"<!doctype html><script>top.location='https://evil.example'</script>",
    "plaatje.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>',
    "half.png": b"\x89PNG\r\n\x1a\n<script>alert(1)</script>",
    "blad.xhtml": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
    "bijlage.pdf": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF",
    "pagina.mht": b"MIME-Version: 1.0\nContent-Type: text/html\n\n<script>alert(1)</script>",
    '"; filename=x.html\r\nset-cookie: a=b.txt': b"gewone tekst",
}


@pytest.mark.fault("F61")
def test_what_a_school_attached_never_acts_in_our_pages(
    review_round: ReviewRound, served: Served, families: list[Family]
) -> None:
    family = families[14]

    def attach(pupil) -> None:
        pupil["overigdocumentlijst"] = [{"document": [packed(name, text) for name, text in HOSTILE_FILES.items()]}]

    review_round.supply(review_round.changed(family, attach))
    review_round.release()
    review_round.give_codes([family])
    parent = Parent(served.address)
    parent.enter(family)
    shown = parent.get("dossier").text
    assert "<script" not in shown
    assert "onload=" not in shown
    links = re.findall(r'href="/nl/(bijlage/\d+)"', shown)
    assert links, "some of them are harmless as text"
    for link in links:
        answer = parent.get(link)
        kind, shape = answer.headers["content-type"], answer.headers["content-disposition"]
        assert kind in ("text/plain; charset=utf-8", "image/png", "application/pdf"), kind
        assert re.fullmatch(r'(inline|attachment); filename="bijlage-\d+\.(txt|png|pdf)"', shape)
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        assert b"/JavaScript" not in answer.content, "a PDF that acts is not given"


def test_families_get_pictures_of_a_pdf_where_that_is_agreed(
    review_round: ReviewRound, served: Served, families: list[Family], at_home: Home
) -> None:
    family = families[15]
    letter = FPDF()
    letter.add_page()
    letter.set_font("helvetica", size=40)
    letter.cell(text="Verslag", link="https://example.org/")

    def attach(pupil) -> None:
        pupil["overigdocumentlijst"] = [{"document": [packed("verslag.pdf", bytes(letter.output()))]}]

    with psycopg.connect(at_home.owner_dsn, autocommit=True) as owner:
        agreed = "update overstap.round_agreement set agreement = agreement"
        owner.execute(agreed + """ || '{"pdf_attachments": "flattened"}'""")
        review_round.supply(review_round.changed(family, attach))
        review_round.release()
        review_round.give_codes([family])
        owner.execute(agreed + " - 'pdf_attachments'")
    parent = Parent(served.address)
    parent.enter(family)
    [link] = re.findall(r'href="/nl/(bijlage/\d+)"', parent.get("dossier").text)
    [page] = PdfReader(io.BytesIO(parent.get(link).content)).pages
    assert page.annotations is None
    assert page.extract_text() == ""
    assert len(page.images) == 1


def packed(name: str, content: bytes) -> dict[str, list[str]]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("bijlage.txt", (2020, 1, 1, 0, 0, 0)), content)
    return {"bestandsnaam": [name.replace("\r\n", " ")], "bestandsinhoud": [base64.b64encode(out.getvalue()).decode()]}


def test_no_header_of_a_visitor_comes_back_or_counts(at_home: Home, served: Served, families: list[Family]) -> None:
    lies = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Original-URL": "/nl/overzicht",
        "X-Rewrite-URL": "/nl/overzicht",
        "X-HTTP-Method-Override": "POST",
        "Forwarded": "host=evil.example;proto=https",
        "Referer": "https://evil.example/",
        "Accept-Language": "en\r\nx: y"[:2] + "-evil.example",
    }
    with httpx.Client(base_url=served.address, headers=lies) as client:
        for path in ("/", "/nl", "/en", "/nl/", "/nl/uitleg", "/nl/overzicht", "/nl/niets", "/static/niets.css"):
            answer = client.get(path)
            told = answer.text + str(answer.headers)
            assert "evil" not in told, path
            assert answer.headers.get("location", "/").startswith("/"), "no address of a host that somebody else named"
    for number in range(5):
        form = {"code": new_code(), "dag": "1", "maand": "2", "jaar": "2015"}
        parent = Parent(
            served.address, headers={"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=10.0.0.{number}"}
        )
        parent.send("", "inloggen", **form)
        parent.http.close()
    assert failures(at_home, "network") == 5, "the connection's address counts"


def test_behind_a_proxy_the_last_address_that_it_adds_counts(
    at_home: Home, families: list[Family], tmp_path: Path
) -> None:
    served = Served(at_home.review_dsn, tmp_path / "log", env={"OVERSTAP_REVIEW_PROXY": "127.0.0.1"}).start()
    try:
        for number in range(5):
            via = {"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.77"}
            assert Parent(served.address, headers=via).sign_in(new_code(), date(2015, 2, 1)).status_code == 422
        assert failures(at_home, "network") == 5, "what the visitor put in front of it is not believed"
        via = {"X-Forwarded-For": "203.0.113.78"}
        assert Parent(served.address, headers=via).sign_in(new_code(), date(2015, 2, 1)).status_code == 422
        assert (failures(at_home, "network"), failures(at_home, "wide")) == (5, 6)
    finally:
        served.kill()


def test_nothing_of_a_person_is_kept_by_a_proxy_that_is_told_it_is_a_stylesheet(
    served: Served, families: list[Family]
) -> None:
    parent = Parent(served.address)
    family = families[15]
    parent.enter(family)
    for path in (
        *(
            "/nl/overzicht/x.css",
            "/nl/overzicht;x.css",
            "/nl/overzicht%2Fx.css",
            "/nl/overzicht%00.css",
            "/nl/overzicht.",
        ),
        *(
            "/static/../nl/overzicht",
            "/static/..%2fnl/overzicht",
            "/static/%2e%2e/nl/overzicht",
            "/static//nl/overzicht",
        ),
        *("/static/nieuw.css", "/static/"),
    ):
        raw = parent.http.build_request("GET", served.address)
        raw.url = raw.url.copy_with(raw_path=path.encode())
        answer = parent.http.send(raw, follow_redirects=False)
        assert answer.headers["cache-control"] == "no-store", path
        assert not answer.is_success or "text/html" in answer.headers["content-type"], path
    kept = parent.http.get("/static/review.css")
    assert (kept.status_code, "immutable" in kept.headers["cache-control"]) == (200, True)


def test_two_lengths_are_one_too_many(served: Served) -> None:
    """Request smuggling: a proxy and we must not see two different ends of one request (RFC 9112, 6.3)."""
    for head in (
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Content-Length: 4\r\nContent-Length: 50",
        "Transfer-Encoding: xchunked",
        "Content-Length: +4",
    ):
        with socket.create_connection(("127.0.0.1", served.port), 10) as line:
            line.sendall(
                f"POST /nl/inloggen HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode()
                + b"0\r\n\r\nGET /nl/uitleg HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            line.settimeout(3)
            got = b""
            with contextlib.suppress(TimeoutError, ConnectionError):
                while more := line.recv(65_536):
                    got += more
        assert b"200 OK" not in got, head
