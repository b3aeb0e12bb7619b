"""Sign-in of schools' staff at an identity provider, and what an attacker may try on the way back."""

import base64
import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import certified_provider as certified
import httpx
import psycopg
import pyotp
import pytest
from browser.provider import CLIENT, SECRET, Provider
from cryptography.hazmat.primitives.asymmetric import rsa
from families import REGION
from raw_server import OK, raw_server
from school_service import ACCOUNT, PASSWORD, School, attempt, school_service
from typer.testing import CliRunner

from overstap.cli import app
from overstap.errors import OverstapError
from overstap.ledger import accounts
from overstap.pages.school import federation
from overstap.pages.school.federation import federation_of
from overstap.pages.school.passwords import hash_password
from overstap.settings import Settings
from overstap_tools.local.ports import any_free
from overstap_tools.local.postgres import EmbeddedPostgres

NAME = "Entree"
SCHOOL = "98XA"
PATH = "/schoolaccount"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider({}) as made:
        yield made


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory, provider: Provider
) -> Iterator[School]:
    settings = {
        "OVERSTAP_SCHOOL_OIDC_ISSUER": provider.issuer,
        "OVERSTAP_SCHOOL_OIDC_CLIENT": CLIENT,
        "OVERSTAP_SCHOOL_OIDC_SECRET": SECRET,
        "OVERSTAP_SCHOOL_OIDC_NAME": NAME,
    }
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school"), **settings) as made:
        yield made


@pytest.fixture
def claims(school: School, provider: Provider) -> Iterator[dict[str, object]]:
    """What the provider says; a test changes it."""
    provider.claims = {
        "uid": ACCOUNT,
        "nlEduPersonHomeOrganizationId": school.review_round.school[:4],
        "eduPersonAffiliation": ["employee", "affiliate"],
    }
    yield provider.claims
    provider.signs_with = provider.key
    with psycopg.connect(school.home.owner_dsn) as owner:
        for table in ("school_attempt", "school_device", "school_stay", "school_factor", "school_recovery_code"):
            owner.execute(f"delete from overstap.{table}")  # noqa: S608


def browser(school: School) -> httpx.Client:
    return httpx.Client(base_url=school.address, follow_redirects=False, timeout=120)


def to_provider(person: httpx.Client) -> str:
    """Go to the provider; return the address with which it sends the browser back."""
    left = person.get(PATH)
    assert left.status_code == 303, left.text
    return httpx.get(left.headers["location"], trust_env=False).headers["location"]


def sign_in(school: School, person: httpx.Client | None = None) -> tuple[httpx.Client, httpx.Response]:
    person = person or browser(school)
    back = urlsplit(to_provider(person))
    return person, person.get(f"{back.path}?{back.query}")


def is_in(person: httpx.Client) -> bool:
    return person.get("/rondes").headers.get("location", "").startswith("/ronde/")


def test_the_page_offers_it_and_staff_gets_in(school: School, claims: dict[str, object]) -> None:
    person = browser(school)
    page = person.get("/").text
    assert f'href="{PATH}"' in page
    assert f"Inloggen met {NAME}" in page
    person, answer = sign_in(school, person)
    assert answer.status_code == 200
    # The way on begins on this page: a strict cookie does not come along with a redirect from another site
    assert 'http-equiv="refresh" content="0;url=/rondes"' in answer.text
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert is_in(person)
    with psycopg.connect(school.home.owner_dsn) as owner:
        lines = owner.execute(
            "select payload::jsonb ->> 'actor', payload::jsonb -> 'detail' from overstap.audit_line "
            "where payload::jsonb ->> 'action' = 'school.federated'"
        ).fetchall()
    assert lines[-1] == (f"school:{ACCOUNT}", {"second_factor": "not asked"})


def test_what_is_asked_of_the_provider(school: School, claims: dict[str, object]) -> None:
    left = browser(school).get(PATH)
    asked = {name: value for name, [value] in parse_qs(urlsplit(left.headers["location"]).query).items()}
    cookie = left.headers["set-cookie"]
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == f"{school.address}{PATH}/terug"
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    assert asked["code_challenge"] not in cookie  # it is the digest of what the cookie has


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"sub": "1"}, 200),
        ({"sub": "2"}, 403),
        ({}, 403),
        ({"sub": "1", "eduPersonAffiliation": "student"}, 403),
        # What the ID token says is signed, and stands
        ({"sub": "1", "amr": ["otp"], "iss": "https://een.ander.example"}, 200),
        (None, 403),
    ],
)
def test_claims_come_from_the_user_info_endpoint_too(
    school: School, provider: Provider, claims: dict[str, object], told: dict[str, object] | None, status: int
) -> None:
    """As at Entree Federatie, whose ID token says only that somebody signed in."""
    provider.claims, provider.user_info = {}, None if told is None else claims | told
    try:
        person, answer = sign_in(school)
    finally:
        provider.user_info = None
    assert answer.status_code == status, answer.text
    assert is_in(person) == (status == 200)


def test_a_certified_provider(tmp_path: Path) -> None:
    """One that nobody here wrote, with a secret that has signs in it."""
    address = f"http://127.0.0.1:{any_free()}"
    redirect = f"{address}{PATH}/terug"
    said = {"uid": ACCOUNT, "nlEduPersonHomeOrganizationId": SCHOOL, "eduPersonAffiliation": ["employee"]}
    with certified.certified_provider(tmp_path, said, redirect) as provider:
        found = federation_of(
            Settings(
                school_oidc_issuer=provider.issuer,
                school_oidc_client=certified.CLIENT,
                school_oidc_secret=certified.SECRET,
                school_address=address,
            )
        )
        assert found is not None
        begun = federation.BegunSignIn.new()
        back = parse_qs(urlsplit(provider.sign_in(found.address(begun), "jansen")).query)
        assert back["state"] == [begun.state]
        person = found.person(begun, back["code"][0])
        assert (person.account, person.organisation, person.has_second_factor) == (ACCOUNT, SCHOOL, False)
        # A code counts once, and with the proof of who asked for it alone
        with pytest.raises(federation.FederationRefusedError):
            found.person(begun, back["code"][0])
        other = parse_qs(urlsplit(provider.sign_in(found.address(begun), "jansen")).query)
        with pytest.raises(federation.FederationRefusedError):
            found.person(federation.BegunSignIn.new(), other["code"][0])


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"nlEduPersonHomeOrganizationId": "99ZZ"}, 403),
        ({"nlEduPersonHomeOrganizationId": ["98XA", "98XB"]}, 403),
        ({"nlEduPersonHomeOrganizationId": ""}, 403),
        ({"uid": "niemand@school.example"}, 403),
        ({"uid": ["a", "b"]}, 403),
        ({"uid": "x" * 300}, 403),
        ({"uid": {"$ne": ""}}, 403),
        ({"uid": f"{ACCOUNT}\0"}, 403),
        ({"eduPersonAffiliation": ["student"]}, 403),
        ({"eduPersonAffiliation": "employees"}, 403),
        ({"eduPersonAffiliation": None}, 403),
        ({"iss": "https://een.ander.example"}, 403),
        ({"aud": "een ander"}, 403),
        ({"aud": [CLIENT, "een ander"]}, 403),
        ({"azp": "een ander"}, 403),
        ({"exp": 1}, 403),
        ({"exp": None}, 403),
        ({"iat": None}, 403),
        ({"nonce": "een ander"}, 403),
        ({"uid": f"  {ACCOUNT.upper()} "}, 200),
        ({"eduPersonAffiliation": "employee"}, 200),
        ({"aud": [CLIENT]}, 200),
        ({"aud": [CLIENT, "een ander"], "azp": CLIENT}, 200),
    ],
)
def test_who_is_believed(school: School, claims: dict[str, object], change: dict[str, object], status: int) -> None:
    claims |= change
    person, answer = sign_in(school)
    assert answer.status_code == status, answer.text
    assert is_in(person) == (status == 200)
    assert ("school=" in answer.headers.get("set-cookie", "").replace('school=""', "")) == (status == 200)


def test_names_that_only_look_like_an_account_or_a_school(school: School, claims: dict[str, object]) -> None:
    with school.review_round.unit("beheer") as unit:
        accounts.put_account(unit, "kim@school.example", school.review_round.school, "Kim", hash_password(PASSWORD))
    claims["uid"] = "KIM@school.example"
    assert sign_in(school)[1].status_code == 200
    claims["uid"] = "\u212aIM@school.example"  # a Kelvin sign, whose small letter is a k
    assert sign_in(school)[1].status_code == 403
    claims["uid"], brin = ACCOUNT, school.review_round.school[:4]
    for organisation, status in ((f"{brin}00", 200), (f"{brin}B", 403), (f"{brin}.example", 403), (f"{brin}\0", 403)):
        claims["nlEduPersonHomeOrganizationId"] = organisation
        assert sign_in(school)[1].status_code == status, organisation


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-A: 1\r\n", OK + b"\r\n"])
def test_a_provider_that_answers_without_end_is_away(monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    """Four such answers would occupy all places of sign-ins for ever."""
    monkeypatch.setattr(federation, "_SECONDS", 2.0)

    def answer(_: bytes) -> Iterator[bytes]:
        yield start
        while True:
            yield b"X-A: 1\r\n"
            time.sleep(0.05)

    with raw_server(answer) as issuer:
        given = {"school_oidc_issuer": issuer, "school_oidc_client": CLIENT, "school_oidc_secret": SECRET}
        provider = federation_of(Settings(**given, school_address="https://s.example"))
        assert provider is not None
        with pytest.raises(federation.FederationAwayError):
            provider.address(federation.BegunSignIn.new())


def test_a_packed_or_nested_answer_of_a_provider_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = iter(
        [
            b"Content-Encoding: gzip, gzip\r\n\r\n" + gzip.compress(gzip.compress(b" " * 100_000_000)),
            b"\r\n" + b"[" * 100_000,
            b"\r\n" + b" " * 2_000_000,
        ]
    )
    with raw_server(lambda _: iter([OK + b"Connection: close\r\n" + next(bodies)])) as issuer:
        given = {"school_oidc_issuer": issuer, "school_oidc_client": CLIENT, "school_oidc_secret": SECRET}
        provider = federation_of(Settings(**given, school_address="https://s.example"))
        assert provider is not None
        for _ in range(3):
            with pytest.raises(federation.FederationAwayError):
                provider.address(federation.BegunSignIn.new())
    assert next(bodies, None) is None


def test_who_has_no_account_learns_what_to_tell(school: School, claims: dict[str, object]) -> None:
    claims["uid"] = "{{ 7*7 }}<b>@x"
    _, answer = sign_in(school)
    assert "{{ 7*7 }}&lt;b&gt;@x" in answer.text
    assert school.review_round.school[:4] in answer.text
    assert "7*7" not in school.log


def test_the_keys_are_the_providers(school: School, claims: dict[str, object], provider: Provider) -> None:
    provider.signs_with = rsa.generate_private_key(65537, 2048)
    person, answer = sign_in(school)
    assert answer.status_code == 403
    assert not is_in(person)
    assert ACCOUNT not in school.log


def test_tokens_that_nobody_signed(school: School, claims: dict[str, object], provider: Provider) -> None:
    """`none`, and HMAC with the public key as secret: the algorithm is chosen here, not by the token."""
    from overstap.pages.school.federation import FederationRefusedError, _claims

    relying = federation_of(
        Settings(
            school_oidc_issuer=provider.issuer,
            school_oidc_client=CLIENT,
            school_oidc_secret=SECRET,
            school_address=school.address,
        )
    )
    assert relying is not None
    keys = httpx.get(f"{provider.issuer}/jwks", trust_env=False).json()
    said = claims | {"iss": provider.issuer, "aud": CLIENT, "exp": time.time() + 60, "iat": time.time(), "nonce": "n"}
    body = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
    for head in ({"alg": "none"}, {"alg": "HS256"}, {"alg": "none", "kid": "1"}, {}):
        first = base64.urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode()
        for token in (f"{first}.{body}.", f"{first}.{body}.AAAA", f"{first}.{body}", body, ""):
            with pytest.raises(FederationRefusedError):
                _claims(token, keys, relying.choices, "n")


def test_an_answer_belongs_to_the_browser_that_asked(school: School, claims: dict[str, object]) -> None:
    """Login CSRF: somebody else's answer, an answer without a question, and an answer twice."""
    theirs, ours = browser(school), browser(school)
    back = urlsplit(to_provider(theirs))
    assert ours.get(f"{back.path}?{back.query}").status_code == 403
    to_provider(ours)
    assert ours.get(f"{back.path}?{back.query}").status_code == 403
    assert not is_in(ours)
    assert theirs.get(f"{back.path}?{back.query}").status_code == 200
    again = theirs.get(f"{back.path}?{back.query}")
    assert again.status_code == 403
    for query in ("", "state=", "code=x", "state=%00&code=x", "state=x&code=x", f"code={'x' * 9000}"):
        assert ours.get(f"{PATH}/terug?{query}").status_code == 403


def test_who_ended_the_sign_in_there_is_told_so(school: School, claims: dict[str, object]) -> None:
    person = browser(school)
    state = parse_qs(urlsplit(person.get(PATH).headers["location"]).query)["state"][0]
    answer = person.get(f"{PATH}/terug?{urlencode({'state': state, 'error': 'access_denied'})}")
    assert answer.status_code == 403
    assert "afgebroken" in answer.text


def test_a_second_factor_of_ours_is_asked_unless_the_provider_saw_one(
    school: School, claims: dict[str, object]
) -> None:
    person = browser(school)
    assert attempt(school, ACCOUNT, PASSWORD, person).headers["location"] == "/rondes"

    def post(path: str, page: str, **fields: str) -> httpx.Response:
        key = person.get(page).text.partition('name="formulier" value="')[2].partition('"')[0]
        return person.post(path, data={"formulier": key, **fields})

    post("/beveiliging/app", "/beveiliging", naam="Telefoon")
    shown = person.get("/beveiliging/app").text
    secret = shown.partition('class="secret">')[2].partition("<")[0].replace(" ", "")
    assert post("/beveiliging/app/bevestigen", "/beveiliging/app", code=pyotp.TOTP(secret).now()).status_code == 200
    other, answer = sign_in(school)
    assert "url=/code" in answer.text
    assert not is_in(other)
    claims["amr"] = ["pwd", "otp"]
    other, answer = sign_in(school)
    assert "url=/rondes" in answer.text
    assert is_in(other)


def test_an_account_can_be_for_the_provider_alone(
    school: School, claims: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERSTAP_LEDGER", school.home.ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(school.home.keys))
    name = "uid-1@bestuur.example"
    made = CliRunner().invoke(
        app,
        [
            *("school", "account", name, "--region", REGION, "--school", school.review_round.school),
            *("--name", "P. de Vries", "--by", "beheer", "--federated"),
        ],
    )
    assert made.exit_code == 0, made.output
    assert attempt(school, name, "").status_code == 422
    claims["uid"] = name
    person, answer = sign_in(school)
    assert answer.status_code == 200
    assert is_in(person)
    ended = CliRunner().invoke(app, ["school", "end", name, "--region", REGION, "--by", "beheer"])
    assert ended.exit_code == 0
    assert not is_in(person)
    assert sign_in(school)[1].status_code == 403


def test_a_provider_that_is_away_or_speaks_for_another_lets_nobody_in(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory, provider: Provider
) -> None:
    settings = {
        "OVERSTAP_SCHOOL_OIDC_ISSUER": provider.issuer.replace("127.0.0.1", "localhost"),  # its metadata say another
        "OVERSTAP_SCHOOL_OIDC_CLIENT": CLIENT,
        "OVERSTAP_SCHOOL_OIDC_SECRET": SECRET,
    }
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("away"), **settings) as school:
        answer = browser(school).get(PATH)
        assert answer.status_code == 503
        assert "even niet bereikbaar" in answer.text
        assert attempt(school, ACCOUNT, PASSWORD).headers["location"] == "/rondes"


def test_without_a_provider_there_is_no_such_page(school: School) -> None:
    assert federation_of(Settings(school_oidc_issuer=None)) is None
    given = {"school_oidc_issuer": "http://x.example", "school_oidc_client": "a", "school_oidc_secret": "b"}
    with pytest.raises(OverstapError, match="SETTING-001"):
        federation_of(Settings(**given))
    with pytest.raises(OverstapError, match="SETTING-006"):
        federation_of(Settings(**given, school_address="https://s.example", production=True))
