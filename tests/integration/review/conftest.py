"""Families with codes, and the pages' own login."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from families import Place, open_place
from served import Served

from overstap.ledger import Ledger
from overstap.ledger.migrate import set_review_password
from overstap.local.postgres import EmbeddedPostgres


@pytest.fixture
def place(ledger: Ledger) -> Place:
    return open_place(ledger, 12)


@pytest.fixture(scope="session")
def review_password(postgres: EmbeddedPostgres, ledger_template: str) -> str:
    password = secrets.token_urlsafe(24)
    set_review_password(postgres.superuser_dsn(ledger_template), password)
    return password


@pytest.fixture
def review_dsn(postgres: EmbeddedPostgres, ledger_database: str, review_password: str) -> str:
    with psycopg.connect(postgres.superuser_dsn(ledger_database), autocommit=True) as connection:
        connection.execute(f"grant connect on database {ledger_database} to overstap_review")
    return psycopg.conninfo.make_conninfo(
        postgres.superuser_dsn(ledger_database), user="overstap_review", password=review_password
    )


@pytest.fixture
def served(review_dsn: str, tmp_path: Path) -> Iterator[Served]:
    found = Served(review_dsn, tmp_path / "review.log").start()
    yield found
    found.kill()
