"""The page of a second person and of accounts, in a browser: an act is confirmed, an account recovered."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from overstap.agreements import Milestones, RoundKind
from overstap.agreements.model.people import Coordinator
from overstap.clock import now
from overstap.ledger import Ledger, accounts, retention
from overstap.ledger.rounds import rounds
from overstap.pages.board import addresses
from overstap.pages.board.app import Board
from overstap.pages.board.person import BoardUser
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.local.postgres import EmbeddedPostgres

from .guide import Walk
from .serving import pages_at, serve, sound
from .test_board_placements import REGION, _Airflow
from .test_board_placements import ledger as ledger

ACCOUNT = "juf@school.example"


@pytest.fixture
def database(ledger: Ledger, tmp_path: Path) -> str:
    """A region of which somebody of a school signs in with a telephone."""
    region = make_region(21, 30, 3, 3, today=now().date(), name=REGION, title="Regio Alfa", school_year="2025-2026")
    moments = {name: now() + timedelta(days=place - 5) for place, name in enumerate(Milestones.model_fields)}
    people = (Coordinator(account="anna", name="Anna de Wit", email="anna@alfa-scholen.nl"),)
    agreement = agreement_of(region, {RoundKind.ADVICE: Milestones(**moments)})
    agreement = agreement.model_copy(update={"coordinators": people})
    write_agreement(agreement, tmp_path / "regions")
    with ledger.unit(REGION, "beheer") as unit:
        rounds.open_round(unit, agreement, RoundKind.ADVICE)
        accounts.put_account(unit, ACCOUNT, agreement.primary_schools[0].id, "Juf Marja", "scrypt$x")
        return str(unit.one("select current_database()")[0])


def test_an_account_of_a_school_is_recovered_by_clicks(
    database: str, postgres: EmbeddedPostgres, tmp_path: Path, browser: Browser, serious: Callable[[Page], list[str]]
) -> None:
    with psycopg.connect(postgres.superuser_dsn(database)) as owner:
        owner.execute(
            "insert into overstap.school_factor (factor, region, account, kind, name, credential, public_key, "
            "confirmed_at) values (gen_random_uuid(), %s, %s, 'passkey', 'x', 'a', 'b', now())",
            [REGION, ACCOUNT],
        )
    settings = Settings(ledger=postgres.dsn("overstap_board", database), regions=tmp_path / "regions", trust=None)
    with serve(Board(_Airflow([REGION]), lambda: settings)) as address, pages_at(address, browser) as visit:
        word, page = Walk("inloggen-scholen"), visit()
        page.goto(addresses.home())
        page.get_by_role("link", name=word("Tweede persoon en accounts van scholen")).click()
        page.locator("summary", has_text="Juf Marja").click()
        sound(page, serious, "accounts")
        page.get_by_role("button", name=word("Account herstellen")).click()
        expect(page.get_by_role("status")).to_be_visible()
        page.locator("summary", has_text="Juf Marja").click()
        expect(page.get_by_role("button", name="Account herstellen")).to_have_count(0)
        sound(page, serious, "accounts-recovered")
        word.has_all()
    with psycopg.connect(postgres.superuser_dsn(database)) as owner:
        assert owner.execute("select count(*) from overstap.school_factor").fetchone() == (0,)


class _Bert(_Airflow):
    """The second coordinator."""

    @property
    def person(self) -> Callable[..., BoardUser]:
        return lambda: replace(_Airflow.person.fget(self)(), account="bert", key="2")  # type: ignore[attr-defined]


def test_a_second_coordinator_confirms_what_the_first_one_asked(
    database: str,
    ledger: Ledger,
    postgres: EmbeddedPostgres,
    tmp_path: Path,
    browser: Browser,
    serious: Callable[[Page], list[str]],
) -> None:
    """The first sees what waits and can only withdraw it; the second sees the same and confirms; both are told."""
    people = [{"account": one, "name": one.title(), "email": f"{one}@example.org"} for one in ("anna", "bert")]
    with psycopg.connect(postgres.superuser_dsn(database)) as owner:
        change = json.dumps({"four_eyes": ["key_destruction"], "coordinators": people})
        owner.execute("update overstap.round_agreement set agreement = agreement || %s::jsonb", [change])
    with ledger.unit(REGION, "anna") as unit:
        assert not retention.announce_keys(unit, ["1", "2"])
    settings = Settings(ledger=postgres.dsn("overstap_board", database), regions=tmp_path / "regions", trust=None)
    with serve(Board(_Airflow([REGION]), lambda: settings)) as address, pages_at(address, browser) as visit:
        page = visit()
        page.goto(addresses.supervision(REGION))
        expect(page.get_by_role("heading", name="wil sleutels vernietigen")).to_be_visible()
        expect(page.get_by_role("button", name="Bevestigen")).to_have_count(0)
        sound(page, serious, "second-own")
    with serve(Board(_Bert([REGION]), lambda: settings)) as address, pages_at(address, browser) as visit:
        page = visit()
        page.goto(addresses.home())
        expect(page.get_by_text("1 verzoek wacht op een tweede persoon.")).to_be_visible()
        page.get_by_role("link", name="Tweede persoon en accounts van scholen").click()
        sound(page, serious, "second-waits")
        page.get_by_role("button", name="Bevestigen").click()
        expect(page.get_by_role("status")).to_contain_text("Wie de sleutels beheert")
        expect(page.get_by_text("Er wacht niets")).to_be_visible()
        sound(page, serious, "second-confirmed")
    with psycopg.connect(postgres.superuser_dsn(database)) as owner:
        assert owner.execute("select confirmed_by from overstap.second_person").fetchall() == [("bert",)]
