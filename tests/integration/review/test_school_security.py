"""Security tests of the schools' pages, one per attack."""

import io
import re
import socket
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from families import REGION
from openpyxl import Workbook
from owned import files_told
from school_service import ACCOUNT, OTHER, PASSWORD, School, attempt, school_service, signed_in
from typer.testing import CliRunner

from overstap.cli import app
from overstap.errors import OverstapError
from overstap.ledger import Ledger, accounts
from overstap.ledger.dossiers.reference import reference
from overstap.pages.school.passwords import hash_password, is_guessable
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        yield made


@pytest.fixture(autouse=True)
def fresh_limits(school: School) -> None:
    with psycopg.connect(school.home.owner_dsn) as owner:
        for table in ("school_attempt", "school_device", "alarm"):
            owner.execute(f"delete from overstap.{table}")  # noqa: S608


def failed(school: School, times: int, account: str = ACCOUNT) -> None:
    """Let so many attempts on an account have failed, as `overstap.school_try` counts them."""
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        for _ in range(times):
            owner.execute(
                "select overstap.school_try(%s, %s, '{}', '')",
                [account, accounts._subject(account)],
            )


def test_ten_wrong_passwords_keep_nobody_out(school: School) -> None:
    """Neither the owner at another browser, nor a colleague in the same building."""
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda number: attempt(school, ACCOUNT, f"geraden {number}").status_code, range(10)))
    assert set(statuses) == {422}
    assert attempt(school, ACCOUNT, PASSWORD).status_code == 303
    assert attempt(school, OTHER, PASSWORD).status_code == 303


def test_a_hundred_a_day_end_it_but_for_the_browser_that_is_known(school: School) -> None:
    known = httpx.Client(base_url=school.address, timeout=120)
    assert attempt(school, ACCOUNT, PASSWORD, known).status_code == 303
    failed(school, 100)
    stranger = attempt(school, ACCOUNT, PASSWORD)
    assert stranger.status_code == 429, "a guess that is right is told from no other"
    assert "browser waarin u dat eerder deed" in stranger.text
    assert attempt(school, ACCOUNT, PASSWORD, known).status_code == 303
    with psycopg.connect(school.home.owner_dsn) as owner:
        rows = owner.execute("select kind, region, failed from overstap.alarm where kind <> 'odd_hours'").fetchall()
    assert rows == [("account_guessed", "alfa", 100)]
    assert attempt(school, ACCOUNT, "een andere gok").status_code == 429
    assert school.log.count('"event.action": "account_guessed"') == 1, "one in an hour, and not one for each guess"
    assert ACCOUNT not in school.log
    # An account that does not exist ends in the same way
    failed(school, 100, "niemand@school.example")
    nobody = attempt(school, "niemand@school.example", PASSWORD)
    assert (nobody.status_code, nobody.text.replace("niemand@school.example", ACCOUNT)[-500:]) == (
        429,
        stranger.text[-500:],
    )


def test_a_browser_that_is_known_has_ten_mistakes_and_is_known_for_its_account_alone(school: School) -> None:
    known = httpx.Client(base_url=school.address, timeout=120)
    assert attempt(school, ACCOUNT, PASSWORD, known).status_code == 303
    (name, value) = next((one.name, one.value) for one in known.cookies.jar if one.name.startswith("schoolapparaat"))
    failed(school, 100, OTHER)
    assert attempt(school, OTHER, PASSWORD, known).status_code == 429
    failed(school, 100)
    with psycopg.connect(school.home.owner_dsn) as owner:
        owner.execute("update overstap.school_device set failed = 10")
    thief = httpx.Client(base_url=school.address, cookies={name: str(value)}, timeout=120)
    assert attempt(school, ACCOUNT, PASSWORD, thief).status_code == 429
    with psycopg.connect(school.home.owner_dsn) as owner:
        assert owner.execute("select count(*) from overstap.school_device").fetchone() == (0,)


def test_many_guesses_at_once_do_not_slip_under_the_limit(school: School) -> None:
    failed(school, 90)

    def one(_: int) -> bool:
        with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
            query = "select may from overstap.school_try(%s, %s, '{}', '')"
            row = owner.execute(query, [ACCOUNT, accounts._subject(ACCOUNT)]).fetchone()
            return row is not None and bool(row[0])

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(24))) == 10


def test_strangers_who_sign_in_slow_no_page(school: School) -> None:
    """A password is proven while no connection to the ledger is held: 24 strangers are in nobody's way."""
    client = signed_in(school)
    address = f"/ronde/{school.review_round.round_id}"
    with ThreadPoolExecutor(24) as pool:
        crowd = [pool.submit(attempt, school, f"gast{number}@x.example", "x") for number in range(24)]
        served = 0
        while not all(one.done() for one in crowd):
            assert client.get(address).status_code == 200
            served += 1
        assert {one.result().status_code for one in crowd} <= {422, 429}
    assert served >= 3, "pages were served while strangers waited for their passwords to be proven"


def test_nobody_who_is_not_signed_in_sends_megabytes(school: School) -> None:
    stranger = httpx.Client(base_url=school.address, timeout=60)
    large = b"wachtwoord=" + b"x" * 200_000
    headers = {"content-type": "application/x-www-form-urlencoded"}
    base = f"/ronde/{school.review_round.round_id}"
    step = f"{base}/invullen/01a22be1-cc86-7a27-8308-86bc9bc984ad/stap/leerling"
    for path in ("/inloggen", f"{base}/lijst", step, f"{base}/invullen", "/uitloggen"):
        assert stranger.post(path, content=large, headers=headers).status_code == 413, path

    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 10_000

    assert stranger.post("/inloggen", content=endless(), headers=headers).status_code == 413
    client = signed_in(school)
    assert client.post("/inloggen", content=large, headers=headers).status_code == 413
    address = f"/ronde/{school.review_round.round_id}"
    key = client.get(address).text.partition('name="formulier" value="')[2].partition('"')[0]
    files = {"bestand": ("a.csv", b"leerlingid;inzagedatum;akkoord;zienswijze\n" + b"x" * 200_000)}
    assert (
        client.post(f"{address}/lijst", data={"formulier": key, "grond": "paper_list"}, files=files).status_code != 413
    )


@pytest.mark.parametrize("what", ["reset", "end"])
def test_a_reset_and_an_end_put_out_who_is_signed_in(school: School, what: str) -> None:
    account = f"{what}@school.example"
    with school.review_round.unit("beheer") as unit:
        accounts.put_account(unit, account, school.review_round.school, "Tijdelijk", hash_password(PASSWORD))
    client = signed_in(school, account)
    address = f"/ronde/{school.review_round.round_id}"
    assert client.get(address).status_code == 200
    failed(school, 100, account)
    with school.review_round.unit("beheer") as unit:
        if what == "end":
            accounts.end(unit, account)
            accounts.put_account(unit, account, school.review_round.school, "Tijdelijk", hash_password(PASSWORD))
        else:
            accounts.put_account(
                unit, account, school.review_round.school, "Tijdelijk", hash_password("heel iets anders nu")
            )
    assert client.get(address).status_code == 403, "the stay is over"
    new = PASSWORD if what == "end" else "heel iets anders nu"
    assert attempt(school, account, new).status_code == 303, "and what failed before keeps nobody out"


def test_a_password_that_was_reset_while_it_was_proven_begins_no_stay(school: School) -> None:
    old = hash_password(PASSWORD)
    with school.review_round.unit("beheer") as unit:
        accounts.put_account(unit, "snel@school.example", school.review_round.school, "Snel", old)
        accounts.put_account(
            unit, "snel@school.example", school.review_round.school, "Snel", hash_password("heel iets anders nu")
        )
    ledger = Ledger(school.dsn, None)
    stays = accounts.SchoolSessions(ledger)
    assert stays.enter(accounts.CorrectPassword("snel@school.example", old, [], b"", b"d" * 32, b"s" * 32)) is None
    assert stays.account_of(b"s" * 32) is None
    ledger.close()


GUESSABLE = (
    *(
        "wachtwoord12",
        "Wachtwoord2026!",
        "W4chtw00rd!!",
        "welkom123456",
        "Welkom2026!!",
        "basisschool1",
        "qwertyuiop12",
    ),
    *(
        "123456789012",
        "aaaaaaaaaaaa",
        "Zomer2026Zomer",
        "j.jansen1234",
        "iloveyou1234",
        "Amsterdam2026",
        "geheim geheim",
    ),
)


@pytest.mark.parametrize("password", GUESSABLE)
def test_a_password_that_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(OverstapError, match="SCHOOL-005"):
        hash_password(password, (ACCOUNT, "J. Jansen", "99AB00"))


@pytest.mark.parametrize(
    "password", ["vier woorden op papier", "hoepel kaars tram nevel", "xT9!kq2Lm#pz", "x" * 3 + "Qm7 dak"]
)
def test_a_password_of_its_own_is_taken(password: str) -> None:
    if len(password) >= 12:
        assert not is_guessable(password)
        assert hash_password(password).startswith("scrypt$")


def test_length_comes_first() -> None:
    with pytest.raises(OverstapError, match="SCHOOL-003"):
        hash_password("wachtwoord")


def test_the_command_refuses_it_too(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERSTAP_LEDGER", school.home.ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(school.home.keys))
    options = ["--region", REGION, "--school", school.review_round.school, "--name", "Piet", "--by", "beheer"]
    found = CliRunner().invoke(app, ["school", "account", "piet@x.example", *options], input="wachtwoord12\n" * 2)
    assert found.exit_code != 0
    with school.review_round.unit() as unit:
        assert "piet@x.example" not in {one.account for one in accounts.all_accounts(unit)}


def sparse_workbook(cells: str) -> bytes:
    """Return a workbook of some hundreds of bytes that claims to be as large as a sheet can be."""
    good, out = io.BytesIO(), io.BytesIO()
    Workbook().save(good)
    sheet = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{cells}</worksheet>'
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            target.writestr(part.filename, sheet if part.filename.endswith("sheet1.xml") else source.read(part))
    return out.getvalue()


@pytest.mark.parametrize(
    "cells",
    [
        '<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1"/></row>'
        '<row r="1048576"><c r="XFD1048576"/></row></sheetData>',
        '<sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>',
        "<sheetData>"
        + "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 4000))
        + "</sheetData>",
        '<dimension ref="A1:XFD1048576"/><sheetData/>',
        '<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>'
        '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>',
        '<sheetData/><mergeCells count="1"><mergeCell ref="&#65;1:XFD1048576"/></mergeCells>',
    ],
)
def test_a_small_workbook_that_claims_a_sheet_of_milliards_holds_nobody_up(school: School, cells: str) -> None:
    client = signed_in(school)
    address = f"/ronde/{school.review_round.round_id}"
    key = client.get(address).text.partition('name="formulier" value="')[2].partition('"')[0]
    files = {"bestand": ("lijst.xlsx", sparse_workbook(cells))}
    answer = client.post(f"{address}/lijst", data={"formulier": key, "grond": "paper_list"}, files=files)
    assert answer.status_code == 422


def raw(school: School, lines: str, body: bytes = b"") -> int:
    """Send what no well-behaved client sends; return the status."""
    head = lines.replace("\n", "\r\n").encode("latin-1")
    with socket.create_connection(("127.0.0.1", school.port), timeout=60) as connection:
        connection.sendall(head + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    return int(answer.split(b" ", 2)[1])


FORM = "Content-Type: application/x-www-form-urlencoded\n"
ODD = {
    "NUL in a path": ("GET /ronde/%00 HTTP/1.1\nHost: x\n", b""),
    "NUL in a static path": ("GET /static/%00.css HTTP/1.1\nHost: x\n", b""),
    "a line's end in a path": ("GET /ronde/%0d%0aSet-Cookie:%20a=b HTTP/1.1\nHost: x\n", b""),
    "half a sign in a path": ("GET /ronde/%ed%a0%80%ff HTTP/1.1\nHost: x\n", b""),
    "letters with signs in a form's token": (
        "POST /inloggen HTTP/1.1\nHost: x\nCookie: schoolformulier=%C3%A9\n" + FORM,
        b"formulier=%C3%A9&account=a&wachtwoord=b",
    ),
    "a token of other signs": (
        "POST /uitloggen HTTP/1.1\nHost: x\nCookie: school=\xe9\xe9\n" + FORM,
        b"formulier=%C3%A9",
    ),
    "an origin that is none": ("POST /inloggen HTTP/1.1\nHost: x\nOrigin: http://[\n", b""),
    "no boundary": ("POST /inloggen HTTP/1.1\nHost: x\nContent-Type: multipart/form-data\n", b"x"),
    "a coding of its own": (
        "POST /inloggen HTTP/1.1\nHost: x\nContent-Type: multipart/form-data; boundary=b; charset=idna\n",
        b'--b\r\nContent-Disposition: form-data; name="account"\r\n\r\n' + b"\xff." * 80 + b"\r\n--b--\r\n",
    ),
    "a coding that takes minutes": (
        "POST /inloggen HTTP/1.1\nHost: x\nContent-Type: multipart/form-data; boundary=b; charset=punycode\n",
        b'--b\r\nContent-Disposition: form-data; name="account"\r\n\r\n' + b"a" * 60_000 + b"\r\n--b--\r\n",
    ),
    "a coding that gives half signs": (
        "POST /inloggen HTTP/1.1\nHost: x\nCookie: schoolformulier=abc\n"
        "Content-Type: multipart/form-data; boundary=b; charset=unicode_escape\n",
        b"".join(
            b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % one
            for one in ((b"formulier", b"abc"), (b"account", b"a"), (b"wachtwoord", b"\\ud800"))
        )
        + b"--b--\r\n",
    ),
    "NUL in a form": (
        "POST /inloggen HTTP/1.1\nHost: x\nCookie: schoolformulier=abc\n" + FORM,
        b"formulier=abc&account=a%00b&wachtwoord=%00",
    ),
    "half a sign in a form": (
        "POST /inloggen HTTP/1.1\nHost: x\nCookie: schoolformulier=abc\n" + FORM,
        b"formulier=abc&account=%ed%a0%80&wachtwoord=%ed%a0%80",
    ),
}


@pytest.mark.parametrize("what", ODD)
def test_what_no_browser_sends_is_no_fault_of_ours(school: School, what: str) -> None:
    lines, body = ODD[what]
    assert raw(school, lines, body) < 500


def test_a_form_in_another_coding_than_a_browsers_is_not_read(school: School) -> None:
    """Sixty kilobytes of punycode took seconds for which nobody else was served; ten megabytes, hours."""
    for what in ("a coding of its own", "a coding that takes minutes", "a coding that gives half signs"):
        lines, body = ODD[what]
        assert raw(school, lines, body) == 400


def test_what_a_school_downloads_cannot_act(school: School) -> None:
    """Nothing of what is handed out runs within our pages, or is taken for another kind."""
    client = signed_in(school)
    address = f"/ronde/{school.review_round.round_id}"
    page = client.get(address).text
    key = page.partition('name="formulier" value="')[2].partition('"')[0]
    pupil = f"{address}/leerling/{school.review_round.families()[0].dossier}"
    answers = [
        *(client.get(f"{address}/{name}") for name in ("fouten", "fouten.csv", "fouten.xlsx")),
        *(client.post(f"{pupil}/{name}", data={"formulier": key}) for name in ("brief", "afdruk", "bewijs")),
        client.post(f"{address}/brieven", data={"formulier": key}),
    ]
    told = files_told(school.home.owner_dsn)
    assert [line["detail"]["file"] for line in told] == ["fault_list", "fault_list"], "the page itself is no file"
    assert all(
        reference(one.dossier) in line["detail"]["signs"] for one in school.review_round.families() for line in told
    )
    for place, answer in enumerate(answers):
        assert answer.status_code == 200, answer.request.url
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("sandbox;")
        assert "script-src" not in policy
        assert "default-src 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        if place:
            assert re.fullmatch(r'attachment; filename="[a-z-]+\.[a-z]+"', answer.headers["content-disposition"])
