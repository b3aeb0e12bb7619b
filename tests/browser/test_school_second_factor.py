"""The second factor on the schools' pages in a real browser: app, passkey, recovery, and what each takes in clicks."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pyotp
import pytest
from families import REGION
from playwright.sync_api import Browser, CDPSession, Locator, Page, expect
from school_service import ACCOUNT, PASSWORD, School, school_service

from overstap.clock import now
from overstap.ledger import accounts
from overstap.pages.shared.guard import POLICY
from overstap_tools.local.postgres import EmbeddedPostgres

from .sign_in_walks import Walk
from .test_school_walk import DESK, sound


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    folder = tmp_path_factory.mktemp("school")
    with school_service(postgres, ledger_template, folder, OVERSTAP_SECOND_FACTOR="required") as made:
        yield made


@dataclass
class Person:
    """Somebody of the school at a browser, who counts what it takes."""

    page: Page
    clicks: int = 0
    typed: int = 0
    since: float = field(default_factory=time.perf_counter)
    walk: Walk | None = None

    def click(self, where: Locator) -> None:
        where.click()
        self.clicks += 1
        if self.walk is not None:
            self.walk.clicked()

    def fill(self, where: Locator, text: str) -> None:
        where.fill(text)
        self.typed += 1
        if self.walk is not None:
            self.walk.typed(text)

    def button(self, name: str) -> None:
        self.click(self.page.get_by_role("button", name=name, exact=True))

    def gives_password(self, address: str) -> None:
        self.page.goto(address)
        self.clicks, self.typed, self.since = 0, 0, time.perf_counter()
        self.fill(self.page.get_by_label("Account"), ACCOUNT)
        self.fill(self.page.get_by_label("Wachtwoord"), PASSWORD)
        self.button("Inloggen")

    def begin_walk(self, how: str) -> Walk:
        """Count a walk from the next sign-in form on."""
        self.walk = Walk(f"school, {how}", self.page)
        return self.walk

    def took(self) -> tuple[int, int]:
        """Return clicks and fields since the sign-in form, which took seconds and not minutes."""
        assert time.perf_counter() - self.since < 60
        return self.clicks, self.typed


def visitor(browser: Browser, *, script: bool = True) -> Person:
    context = browser.new_context(viewport=DESK, locale="nl-NL", java_script_enabled=script)  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    return Person(context.new_page())


def authenticator(page: Page) -> CDPSession:
    """Give the page's browser a security key, as hardware would be (WebAuthn, automation of authenticators)."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    key = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": key})
    return session


def by_owner(school: School, statement: str, *values: Any) -> None:
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        owner.execute(statement, values)


@pytest.fixture(autouse=True)
def fresh(school: School) -> None:
    for table in ("school_attempt", "school_device", "school_stay", "school_factor", "school_recovery_code"):
        by_owner(school, f"delete from overstap.{table}")  # noqa: S608


def enrolled(person: Person, school: School, serious: Callable[[Page], list[str]] | None = None) -> tuple[str, str]:
    """Enrol an app at the first sign-in; return its secret and a recovery code."""
    person.gives_password(school.address)
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Inloggen in twee stappen")
    if serious is not None:
        sound(person.page, serious, "factor-choose")
    person.button("Met een app")
    secret = person.page.locator("code.secret").inner_text().replace(" ", "")
    if serious is not None:
        sound(person.page, serious, "factor-app")
    person.fill(person.page.get_by_label("Code van zes cijfers"), pyotp.TOTP(secret).now())
    person.button("Bevestigen")
    expect(person.page.get_by_role("status")).to_contain_text("De tweede stap is ingesteld")
    codes = re.findall(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", person.page.inner_text("main"))
    assert len(codes) == 10
    if serious is not None:
        sound(person.page, serious, "factor-codes")
    person.click(person.page.get_by_role("link", name="Ik heb de codes bewaard"))
    expect(person.page.get_by_role("heading", level=1)).to_contain_text("Advies")
    return secret, codes[0]


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_an_app_is_set_up_and_used(
    browser: Browser, school: School, serious: Callable[[Page], list[str]], script: bool
) -> None:
    person = visitor(browser, script=script)
    secret, _ = enrolled(person, school, serious if script else None)
    assert person.took() == (4, 3), "sign in, with an app, confirm, kept the codes; account, password, code"

    again = visitor(browser, script=script)
    walk = again.begin_walk("password and app" if script else "password and app, without script")
    again.gives_password(school.address)
    expect(again.page.get_by_role("heading", level=1)).to_have_text("Tweede stap van het inloggen")
    walk.pause()
    again.walk = None  # a wrong code is no part of it
    again.fill(again.page.get_by_label("Code"), "000000")
    again.button("Verder")
    expect(again.page.get_by_role("alert")).to_contain_text("Deze code klopt niet")
    if script:
        sound(again.page, serious, "factor-code")
    again.walk = walk
    walk.go_on()
    again.fill(again.page.get_by_label("Code"), pyotp.TOTP(secret).at(now(), counter_offset=1))
    walk.picture("school-app")
    again.button("Verder")
    expect(again.page.get_by_role("heading", level=1)).to_contain_text("Advies")
    walk.tell()
    assert again.took() == (3, 4), "one click and one field more than without, and one wrong code"
    person.page.context.close()
    again.page.context.close()


def test_a_passkey_is_made_and_signs_in(browser: Browser, school: School, serious: Callable[[Page], list[str]]) -> None:
    person = visitor(browser)
    blocked: list[str] = []
    person.page.on("console", lambda said: blocked.append(said.text) if said.type == "error" else None)
    key = authenticator(person.page)
    person.gives_password(school.address)
    person.button("Met een passkey")
    sound(person.page, serious, "factor-passkey")
    person.button("Passkey maken")
    expect(person.page.get_by_role("status")).to_contain_text("De tweede stap is ingesteld")
    person.click(person.page.get_by_role("link", name="Ik heb de codes bewaard"))
    assert person.took() == (4, 2)
    expect(person.page.get_by_role("heading", level=1)).to_contain_text("Advies")
    person.button("Uitloggen")

    walk = person.begin_walk("password and passkey")
    person.gives_password(school.address)
    walk.pause()
    sound(person.page, serious, "factor-code-passkey")
    walk.go_on()
    walk.picture("school-passkey")
    person.button("Inloggen met passkey")
    expect(person.page.get_by_role("heading", level=1)).to_contain_text("Advies")
    walk.tell()
    person.walk = None
    assert person.took() == (2, 2), "one click more than without"
    person.click(person.page.get_by_role("link", name="Beveiliging"))
    expect(person.page.get_by_text("Deze computer (passkey)")).to_be_visible()
    sound(person.page, serious, "factor-security")
    assert blocked == [], "the policy stops nothing that the pages need"
    answer = person.page.reload()
    assert answer is not None
    assert answer.headers["content-security-policy"] == POLICY, "as strict as all pages"
    del key

    # Another device has no such key, and says so
    stranger = visitor(browser)
    authenticator(stranger.page)
    stranger.gives_password(school.address)
    stranger.button("Inloggen met passkey")
    expect(stranger.page.get_by_role("alert")).to_contain_text("Uw browser heeft geen passkey gegeven")
    person.page.context.close()
    stranger.page.context.close()


def test_what_a_passkey_signed_serves_nobody_else(browser: Browser, school: School) -> None:
    """What was signed in one stay signs in to no other (tests/unit/pages/test_passkeys.py: nor does another site's)."""
    person = visitor(browser)
    authenticator(person.page)
    person.gives_password(school.address)
    person.button("Met een passkey")
    person.button("Passkey maken")
    person.click(person.page.get_by_role("link", name="Ik heb de codes bewaard"))
    person.button("Uitloggen")

    sent: list[str] = []
    person.page.on("request", lambda one: sent.append(one.post_data or "") if "code/passkey" in one.url else None)
    person.gives_password(school.address)
    person.button("Inloggen met passkey")
    expect(person.page.get_by_role("heading", level=1)).to_contain_text("Advies")
    [signed] = [one.partition("antwoord=")[2] for one in sent]
    assert signed

    # The same answer once more, in a stay of its own
    person.button("Uitloggen")
    person.gives_password(school.address)
    # A script does not wait for the page as a click does
    expect(person.page.locator("form[data-passkey]")).to_be_attached()
    person.page.evaluate(
        """(signed) => {
            const form = document.querySelector("form[data-passkey]");
            form.elements.antwoord.value = decodeURIComponent(signed.replace(/\\+/g, " "));
            form.submit();
        }""",
        signed,
    )
    expect(person.page.get_by_role("alert")).to_contain_text("Inloggen met de passkey is niet gelukt")
    person.page.context.close()


def test_recovery_by_a_code_and_by_the_coordinator(
    browser: Browser, school: School, serious: Callable[[Page], list[str]]
) -> None:
    person = visitor(browser)
    _, code = enrolled(person, school)
    lost = visitor(browser)
    lost.gives_password(school.address)
    lost.fill(lost.page.get_by_label("Code"), code.lower())
    lost.button("Verder")
    expect(lost.page.get_by_role("status")).to_contain_text("U bent ingelogd met een herstelcode")
    expect(lost.page.get_by_text("U hebt nog 9 herstelcodes")).to_be_visible()
    sound(lost.page, serious, "factor-recovered")
    assert lost.took() == (2, 3)

    with school.review_round.unit("c.jansen") as unit:
        assert unit.region == REGION
        assert accounts.recover(unit, ACCOUNT)
    lost.page.reload()
    expect(lost.page.get_by_role("heading", level=1)).to_have_text("U bent uitgelogd")
    enrolled(lost, school)
    person.page.context.close()
    lost.page.context.close()


def test_an_old_stay_asks_for_the_password_before_a_change(
    browser: Browser, school: School, serious: Callable[[Page], list[str]]
) -> None:
    person = visitor(browser)
    enrolled(person, school)
    by_owner(school, "update overstap.school_stay set proved_at = proved_at - interval '11 minutes'")
    person.click(person.page.get_by_role("link", name="Beveiliging"))
    expect(person.page.get_by_role("button", name="Nieuwe herstelcodes maken")).to_have_count(0)
    sound(person.page, serious, "factor-prove")
    person.fill(person.page.get_by_label("Wachtwoord"), PASSWORD)
    person.button("Wijzigen")
    person.button("Nieuwe herstelcodes maken")
    expect(person.page.get_by_role("status")).to_contain_text("U hebt nieuwe herstelcodes")
    person.page.context.close()
