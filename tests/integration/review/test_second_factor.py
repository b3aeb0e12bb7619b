"""Second factors of schools' accounts, as a person uses them without script and as an attacker tries them."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pyotp
import pytest
from families import REGION
from school_service import ACCOUNT, OTHER, PASSWORD, School, attempt, school_service
from typer.testing import CliRunner

from overstap.cli import app
from overstap.clock import now
from overstap.ledger import accounts
from overstap.ledger.notifications.notices import waiting
from overstap.pages.school.totp import matching_step, new_recovery_codes, new_secret, read_typed
from overstap_tools.local.postgres import EmbeddedPostgres

Person = httpx.Client


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        yield made


@pytest.fixture(autouse=True)
def fresh(school: School) -> Iterator[None]:
    yield
    with psycopg.connect(school.home.owner_dsn) as owner:
        for table in (
            *("school_attempt", "school_device", "school_stay", "school_factor", "school_recovery_code", "alarm"),
            "notice",
        ):
            owner.execute(f"delete from overstap.{table}")  # noqa: S608


def client(school: School) -> Person:
    return httpx.Client(base_url=school.address, follow_redirects=False, timeout=120)


def post(person: Person, path: str, form_on: str, **fields: str) -> httpx.Response:
    """Send a form with the token of the page that it stands on."""
    return person.post(path, data={"formulier": token(person.get(form_on).text), **fields})


def token(page: str) -> str:
    return page.partition('name="formulier" value="')[2].partition('"')[0]


def codes_on(page: str) -> list[str]:
    return re.findall(r"<code>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})</code>", page)


def secret_on(page: str) -> str:
    return page.partition('class="secret">')[2].partition("<")[0].replace(" ", "")


def enrolled(school: School, account: str = ACCOUNT) -> tuple[Person, str, list[str]]:
    """Enrol an app at a first sign-in; return the person, the secret, and the recovery codes."""
    person = client(school)
    answer = attempt(school, account, PASSWORD, person)
    assert answer.headers["location"] == "/rondes"
    assert post(person, "/beveiliging/app", "/beveiliging", naam="Telefoon").headers["location"] == "/beveiliging/app"
    secret = secret_on(person.get("/beveiliging/app").text)
    done = post(person, "/beveiliging/app/bevestigen", "/beveiliging/app", code=pyotp.TOTP(secret).now())
    assert done.status_code == 200, done.text
    return person, secret, codes_on(done.text)


def half(school: School, account: str = ACCOUNT, person: Person | None = None) -> Person:
    """Give the password only."""
    person = person or client(school)
    assert attempt(school, account, PASSWORD, person).headers["location"] == "/code"
    return person


def later(secret: str, steps: int = 1) -> str:
    """Return the code of a step from now; the one of the present was used at the enrolment."""
    return pyotp.TOTP(secret).at(now(), counter_offset=steps)


def is_in(person: Person) -> bool:
    return person.get("/beveiliging").status_code == 200 and person.get("/code").headers.get("location") == "/rondes"


def by_owner(school: School, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        done = owner.execute(statement, values)
        return done.fetchall() if done.description else []


def lines(school: School, action: str) -> list[tuple[str, str]]:
    return [
        (subject, actor)
        for subject, actor in by_owner(
            school,
            "select payload::jsonb ->> 'subject', payload::jsonb ->> 'actor' from overstap.audit_line "
            "where payload::jsonb ->> 'action' = %s order by seq",
            action,
        )
    ]


def told(school: School) -> list[str]:
    return [kind for (kind,) in by_owner(school, "select kind from overstap.notice order by noted_at")]


def test_an_app_is_enrolled_and_asked_for_without_script(school: School) -> None:
    before = len(lines(school, "school.factor_add"))
    person, secret, codes = enrolled(school)
    assert len(set(codes)) == 10
    assert is_in(person), "who enrols stays signed in"
    kept = by_owner(school, "select secret from overstap.school_factor")
    assert secret.encode() not in bytes(kept[0][0])
    everything = by_owner(school, "select t::text from overstap.school_recovery_code t")
    assert len(everything) == 10
    assert not any(code.replace("-", "") in row for code in codes for (row,) in everything)
    assert lines(school, "school.factor_add")[before:] == [(ACCOUNT, f"school:{ACCOUNT}")]

    new = half(school)
    for path in ("/rondes", f"/ronde/{school.review_round.round_id}", "/beveiliging", "/beveiliging/app"):
        assert new.get(path).headers.get("location") == "/code", path
    wrong = post(new, "/code", "/code", code="000000")
    assert wrong.status_code == 422
    assert "Deze code klopt niet of is al gebruikt" in wrong.text
    old_cookie = new.cookies["school"]
    done = post(new, "/code", "/code", code=f" {later(secret)[:3]} {later(secret)[3:]} ")
    assert done.headers["location"] == "/rondes"
    assert is_in(new)
    assert new.cookies["school"] != old_cookie, "the token of before the second factor opens nothing"
    thief = httpx.Client(base_url=school.address, cookies={"school": old_cookie})
    assert thief.get("/beveiliging").status_code == 403
    assert secret not in school.log
    assert all(code not in school.log for code in codes)


def test_an_account_without_one_signs_in_as_before(school: School) -> None:
    enrolled(school)
    other = client(school)
    assert attempt(school, OTHER, PASSWORD, other).headers["location"] == "/rondes"
    assert "Met een tweede stap bij het inloggen" in other.get("/beveiliging").text


def test_a_code_is_accepted_once(school: School) -> None:
    _, secret, _ = enrolled(school)
    code = later(secret)
    first, second = half(school), half(school)
    forms = [(one, token(one.get("/code").text)) for one in (first, second)]
    with ThreadPoolExecutor(2) as pool:
        sent = [pool.submit(one.post, "/code", data={"formulier": key, "code": code}) for one, key in forms]
        assert sorted(one.result().status_code for one in sent) == [303, 422]
    third = half(school)
    assert post(third, "/code", "/code", code=code).status_code == 422
    assert post(third, "/code", "/code", code=later(secret, 0)).status_code == 422, "nor one of before it"


def test_a_clock_may_differ_by_half_a_minute() -> None:
    secret, at = new_secret(), now()
    step = int(at.timestamp()) // 30
    for skew, fits in ((-60, False), (-30, True), (0, True), (30, True), (60, False)):
        code = pyotp.TOTP(secret).at(int(at.timestamp()) + skew)
        assert matching_step(secret, code, at) == (step + skew // 30 if fits else None), skew


def test_a_typed_code_is_read_as_people_write_it() -> None:
    assert read_typed(" 123 456 ") == ("123456", True)
    assert read_typed("123-456") == ("123456", True)
    made = new_recovery_codes()[0]
    assert read_typed(made.lower().replace("-", " ")) == (made.replace("-", ""), False)
    assert read_typed("oi1l-0000-0000-0000")[0].startswith("0111")
    assert read_typed("") == ("", False)
    assert read_typed("١٢٣٤٥٦")[1] is False, "digits of other scripts are no code"


def test_five_guesses_end_the_stay_and_twenty_the_day_of_a_stranger(school: School) -> None:
    """A stranger with the password is stopped; the owner's own browser is not in the way of anybody."""
    owner, secret, _ = enrolled(school)
    stranger = half(school)
    by_owner(school, "update overstap.school_stay set wrong = 5 where awaits = 'factor'")
    over = post(stranger, "/code", "/code", code=later(secret))
    assert over.status_code == 403, "a right code is told from no other by then"
    assert stranger.get("/rondes").headers.get("location") == "/"
    by_owner(
        school,
        "insert into overstap.school_attempt (subject, quarter, failed) "
        "values (overstap.factor_subject(%s), date_bin('15 minutes', clock_timestamp(), 'epoch'), 20)",
        ACCOUNT,
    )
    last = half(school)
    waits = post(last, "/code", "/code", code=later(secret))
    assert waits.status_code == 403
    assert "browser waarin u dat eerder deed" in waits.text
    assert by_owner(school, "select kind, region, failed from overstap.alarm where kind <> 'odd_hours'") == [
        ("factor_guessed", "alfa", 20)
    ]
    assert told(school) == ["factor_guessed"]
    assert '"event.action": "factor_guessed"' in school.log
    assert ACCOUNT not in school.log
    half(school, person=owner)
    assert post(owner, "/code", "/code", code=later(secret)).headers["location"] == "/rondes"


def test_guesses_are_counted_also_when_they_come_at_once(school: School) -> None:
    enrolled(school)
    stranger = half(school)
    session = by_owner(school, "select finds from overstap.school_stay where awaits = 'factor'")[0][0]
    del stranger

    def one(_: int) -> str:
        with psycopg.connect(school.dsn, autocommit=True) as connection:
            row = connection.execute("select verdict from overstap.school_factor_try(%s)", [session]).fetchone()
            return str(row[0] if row else None)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(16))).count("may") == 5


def test_nobody_without_the_password_locks_the_owner_out(school: School) -> None:
    _, secret, _ = enrolled(school)
    for _ in range(7):
        stranger = client(school)
        assert attempt(school, ACCOUNT, "geraden", stranger).status_code == 422
        key = token(stranger.get("/").text)
        assert stranger.post("/code", data={"formulier": key, "code": "123456"}).status_code == 403
    assert by_owner(
        school,
        "select count(*) from overstap.school_attempt where subject = overstap.factor_subject(%s) and failed > 0",
        ACCOUNT,
    ) == [(0,)]
    mine = half(school)
    assert post(mine, "/code", "/code", code=later(secret)).headers["location"] == "/rondes"


def test_a_stay_that_waited_for_ten_minutes_is_over(school: School) -> None:
    _, secret, _ = enrolled(school)
    late = half(school)
    key = token(late.get("/code").text)
    by_owner(school, "update overstap.school_stay set began_at = began_at - interval '11 minutes'")
    assert late.get("/code").headers["location"] == "/rondes"
    assert late.post("/code", data={"formulier": key, "code": later(secret)}).status_code == 403
    assert late.get("/rondes").headers.get("location") == "/", "its cookie is gone"


def test_whoever_was_signed_in_before_the_enrolment_is_out(school: School) -> None:
    elsewhere = client(school)
    assert attempt(school, ACCOUNT, PASSWORD, elsewhere).status_code == 303
    assert elsewhere.get("/beveiliging").status_code == 200
    enrolled(school)
    assert elsewhere.get("/beveiliging").status_code == 403


def test_a_recovery_code_works_once_and_for_its_account_alone(school: School) -> None:
    _, _, codes = enrolled(school)
    _, _, others = enrolled(school, OTHER)
    before = len(lines(school, "school.recovery_code"))
    person = half(school)
    assert post(person, "/code", "/code", code=others[0]).status_code == 422, "another account's"
    done = post(person, "/code", "/code", code=codes[0].lower().replace("-", " "))
    assert done.headers["location"] == "/beveiliging?hersteld=1"
    page = person.get(done.headers["location"]).text
    assert "U hebt nog 9 herstelcodes" in page
    assert "U bent ingelogd met een herstelcode" in page
    again = half(school)
    assert post(again, "/code", "/code", code=codes[0]).status_code == 422
    assert lines(school, "school.recovery_code")[before:] == [(ACCOUNT, f"school:{ACCOUNT}")]
    assert told(school) == ["recovery_code_used"]
    assert not any(code in school.log for code in codes)


def test_new_recovery_codes_replace_those_that_a_thief_may_have(school: School) -> None:
    person, _, codes = enrolled(school)
    made = codes_on(post(person, "/beveiliging/herstelcodes", "/beveiliging").text)
    assert len(made) == 10
    assert not set(made) & set(codes)
    thief = half(school)
    assert post(thief, "/code", "/code", code=codes[3]).status_code == 422
    assert post(thief, "/code", "/code", code=made[3]).status_code == 303


def test_changes_ask_for_the_password_again(school: School) -> None:
    """A stay that somebody left open cannot be given another phone."""
    person, secret, codes = enrolled(school)
    by_owner(school, "update overstap.school_stay set proved_at = proved_at - interval '11 minutes'")
    page = person.get("/beveiliging").text
    assert "Vul uw wachtwoord nog een keer in" in page
    assert "Nieuwe herstelcodes maken" not in page
    factor = by_owner(school, "select factor from overstap.school_factor")[0][0]
    for path in ("app", "herstelcodes", f"verwijderen/{factor}"):
        assert post(person, f"/beveiliging/{path}", "/beveiliging").status_code == 409, path
    made = post(person, "/beveiliging/passkey", "/beveiliging")
    taken = person.post(
        "/beveiliging/passkey/bevestigen", data={"formulier": token(made.text), "naam": "x", "antwoord": "{}"}
    )
    assert taken.status_code == 422
    assert by_owner(school, "select count(*) from overstap.school_factor") == [(1,)]
    assert post(person, "/beveiliging/wachtwoord", "/beveiliging", wachtwoord="geraden").status_code == 422
    assert post(person, "/beveiliging/wachtwoord", "/beveiliging", wachtwoord=PASSWORD).status_code == 303
    assert len(codes_on(post(person, "/beveiliging/herstelcodes", "/beveiliging").text)) == 10
    for _ in range(5):
        post(person, "/beveiliging/wachtwoord", "/beveiliging", wachtwoord="geraden")
    assert person.post("/beveiliging/wachtwoord", data={"formulier": token(page), "wachtwoord": "x"}).status_code == 403
    assert not is_in(person), "five wrong passwords end the stay"
    assert secret
    assert codes


def test_a_second_app_and_the_removal_of_the_first(school: School) -> None:
    person, secret, _ = enrolled(school)
    elsewhere = half(school)
    post(elsewhere, "/code", "/code", code=later(secret))
    post(person, "/beveiliging/app", "/beveiliging", naam="<b>{{ 7*7 }}</b>" + "x" * 100)
    page = person.get("/beveiliging/app").text
    other = secret_on(page)
    assert other != secret
    done = post(person, "/beveiliging/app/bevestigen", "/beveiliging/app", code=pyotp.TOTP(other).now())
    assert done.headers["location"] == "/beveiliging?klaar=app", "recovery codes stay as they were"
    assert elsewhere.get("/beveiliging").status_code == 403
    shown = person.get("/beveiliging").text
    assert "&lt;b&gt;{{ 7*7 }}&lt;/b&gt;" in shown
    assert told(school) == ["factor_added"]
    first = by_owner(school, "select factor from overstap.school_factor order by made_at")[0][0]
    assert post(person, f"/beveiliging/verwijderen/{first}", "/beveiliging").status_code == 303
    thief = half(school)
    assert post(thief, "/code", "/code", code=later(secret)).status_code == 422, "the lost phone's codes are over"
    assert post(thief, "/code", "/code", code=later(other)).status_code == 303


def test_nobody_changes_the_factors_of_another_account(school: School) -> None:
    enrolled(school)
    mine = by_owner(school, "select factor from overstap.school_factor")[0][0]
    other, _, _ = enrolled(school, OTHER)
    assert post(other, f"/beveiliging/verwijderen/{mine}", "/beveiliging").status_code == 409
    assert by_owner(school, "select count(*) from overstap.school_factor") == [(2,)]
    key = token(other.get("/beveiliging").text)
    assert other.post("/beveiliging/verwijderen/geen-id", data={"formulier": key}).status_code == 404
    stay = {"school": other.cookies["school"]}
    for path in ("app", "app/bevestigen", "passkey", "passkey/bevestigen", "herstelcodes", "wachtwoord"):
        address = f"{school.address}/beveiliging/{path}"
        assert httpx.post(address, data={"formulier": "0" * 64}, cookies=stay).status_code == 403, path
        strange = {"origin": "https://evil.example"}
        assert httpx.post(address, data={"formulier": key}, headers=strange, cookies=stay).status_code == 403, path
    assert by_owner(school, "select count(*) from overstap.school_recovery_code") == [(20,)]


def test_recovery_by_the_coordinator(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    person, _, codes = enrolled(school)
    before = len(lines(school, "school.recover"))
    monkeypatch.setenv("OVERSTAP_LEDGER", school.home.ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(school.home.keys))
    run = CliRunner().invoke(app, ["school", "recover", ACCOUNT, "--region", REGION, "--by", "c.jansen"])
    assert run.exit_code == 0, run.output
    assert "hersteld" in run.output
    nobody = CliRunner().invoke(app, ["school", "recover", "niemand@x.example", "--region", REGION, "--by", "c"])
    assert nobody.exit_code == 1
    assert person.get("/beveiliging").status_code == 403, "sessions end"
    assert lines(school, "school.recover")[before:] == [(ACCOUNT, "c.jansen")]
    with school.review_round.unit() as unit:
        notices = waiting(unit)
        (status,) = [one for one in accounts.all_accounts(unit) if one.account == ACCOUNT]
    assert [one.content.kind for one in notices[f"school:{school.review_round.school}"]] == ["account_recovered"]
    assert (status.factors, status.recovery_codes) == (0, 0)
    again = client(school)
    assert attempt(school, ACCOUNT, PASSWORD, again).headers["location"] == "/rondes"
    del codes


def test_a_new_password_leaves_the_second_factor_and_an_end_takes_it(school: School) -> None:
    person, secret, _ = enrolled(school)
    from overstap.pages.school.passwords import hash_password

    with school.review_round.unit("beheer") as unit:
        accounts.put_account(unit, ACCOUNT, school.review_round.school, "J. Jansen", hash_password(PASSWORD))
    assert person.get("/beveiliging").status_code == 403
    half(school)
    between = half(school)
    key = token(between.get("/code").text)
    with school.review_round.unit("beheer") as unit:
        accounts.end(unit, ACCOUNT)
    assert between.get("/code").headers["location"] == "/rondes"
    assert between.post("/code", data={"formulier": key, "code": later(secret)}).status_code == 403
    assert attempt(school, ACCOUNT, PASSWORD).status_code == 422
    assert by_owner(school, "select count(*) from overstap.school_factor") == [(0,)]
    with school.review_round.unit("beheer") as unit:
        accounts.put_account(unit, ACCOUNT, school.review_round.school, "J. Jansen", hash_password(PASSWORD))


def test_an_agreement_that_requires_one(school: School) -> None:
    by_owner(school, 'update overstap.round_agreement set agreement = agreement || \'{"second_factor": "required"}\'')
    try:
        person = client(school)
        assert attempt(school, ACCOUNT, PASSWORD, person).headers["location"] == "/beveiliging"
        for path in ("/rondes", f"/ronde/{school.review_round.round_id}", "/code"):
            assert person.get(path).headers.get("location") in ("/beveiliging", "/rondes"), path
        page = person.get("/beveiliging").text
        assert "Uw regio vraagt een tweede stap" in page
        assert "Leerlingen" not in page
        post(person, "/beveiliging/app", "/beveiliging")
        secret = secret_on(person.get("/beveiliging/app").text)
        wrong = post(person, "/beveiliging/app/bevestigen", "/beveiliging/app", code="000000")
        assert wrong.status_code == 422
        post(person, "/beveiliging/app/bevestigen", "/beveiliging/app", code=pyotp.TOTP(secret).now())
        assert is_in(person)
        factor = by_owner(school, "select factor from overstap.school_factor")[0][0]
        last = post(person, f"/beveiliging/verwijderen/{factor}", "/beveiliging")
        assert last.status_code == 409
        assert "Dit is uw enige tweede stap" in last.text
    finally:
        by_owner(school, "update overstap.round_agreement set agreement = agreement - 'second_factor'")


def test_a_deployment_that_requires_one(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("required")
    with school_service(postgres, ledger_template, folder, OVERSTAP_SECOND_FACTOR="required") as made:
        person = client(made)
        assert attempt(made, ACCOUNT, PASSWORD, person).headers["location"] == "/beveiliging"
        assert person.get("/rondes").headers["location"] == "/beveiliging"
        waited = timedelta(minutes=31)
        by_owner(made, "update overstap.school_stay set began_at = began_at - %s", waited)
        assert person.get("/beveiliging").status_code == 403


def test_no_service_writes_or_reads_factors_past_the_functions(school: School, postgres: EmbeddedPostgres) -> None:
    enrolled(school)
    statements = (
        "insert into overstap.school_factor (factor, region, account, kind, name, credential, public_key, "
        "confirmed_at) values (gen_random_uuid(), 'alfa', 'j.jansen@school.example', 'passkey', 'x', 'a', 'b', now())",
        "insert into overstap.school_recovery_code (finds, region, account) "
        "values (sha256('x'), 'alfa', 'j.jansen@school.example')",
        "insert into overstap.school_stay (finds, account) values (sha256('x'), 'j.jansen@school.example')",
        "update overstap.school_stay set awaits = null",
        "update overstap.school_factor set last_step = 0",
        "delete from overstap.school_factor",
        "select secret from overstap.school_factor",
        "select finds from overstap.school_recovery_code",
        "select overstap.complete_stay(null, sha256('x'))",
        "select overstap.account_line('x', 'school.recover', '{}')",
        "select overstap.tell_school('x', 'factor_added')",
    )
    for login, role in (
        *(("overstap_app", "overstap_region_alfa"), ("overstap_school", "overstap_school_alfa")),
        *(("overstap_desk", "overstap_desk_alfa"), ("overstap_board", "overstap_board_alfa")),
        ("overstap_review", None),
    ):
        for acting in {role, None}:
            for statement in statements:
                with psycopg.connect(postgres.dsn(login, school.home.database)) as connection:
                    if acting:
                        connection.execute(f"set local role {acting}")
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(statement)
    for call in ("school_enter('x', 'x', '', '{}', '', '', '', false, null)", "school_pass('', '', null, 1, 1)"):
        with (
            psycopg.connect(school.home.ledger._dsn) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(f"select overstap.{call}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), school.review_round.unit("x") as unit:
        unit.run("select overstap.audit('school.recover', '{x}', '{\"{}\"}')")
