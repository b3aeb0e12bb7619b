"""Fixtures: a ledger per test, on the session's PostgreSQL."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from owned import register

from overstap.ledger import Ledger
from overstap.ledger.region_keys import create_keys
from overstap_tools.local.postgres import EmbeddedPostgres

REGIONS = ("alfa", "beta", "demo")
"""Those of the template, tests/conftest.py."""


@pytest.fixture
def ledger_database(postgres: EmbeddedPostgres, ledger_template: str) -> Iterator[str]:
    name = f"ledger_{secrets.token_hex(6)}"
    admin = postgres.superuser_dsn("postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        # Files copied: half the time of the usual way, which writes each page to the log as well.
        connection.execute(f"create database {name} template {ledger_template} strategy file_copy")
    yield name
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def owner_dsn(postgres: EmbeddedPostgres, ledger_database: str) -> str:
    return postgres.superuser_dsn(ledger_database)


@pytest.fixture
def app_dsn(postgres: EmbeddedPostgres, ledger_database: str) -> str:
    return postgres.dsn("overstap_app", ledger_database)


@pytest.fixture
def keys_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    for region in REGIONS:
        create_keys(folder, region, "1")
    return folder


@pytest.fixture
def ledger(app_dsn: str, owner_dsn: str, keys_folder: Path) -> Iterator[Ledger]:
    found = Ledger(app_dsn, keys_folder)
    register(found, owner_dsn)
    yield found
    found.close()
