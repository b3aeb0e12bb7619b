"""Fixtures: a ledger per test, on the session's PostgreSQL."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from owned import register

from overstap.ledger import Ledger
from overstap.ledger.region_keys import create_keys
from overstap_tools.local.postgres import EmbeddedPostgres

REGIONS = ("alfa", "beta", "demo")
"""Those of the template, tests/conftest.py."""


@pytest.fixture
def ledger_origin(ledger_template: str) -> str:
    """The database that a test's ledger is a copy of; a folder may have one that is filled."""
    return ledger_template


@pytest.fixture
def ledger_database(postgres: EmbeddedPostgres, ledger_origin: str) -> Iterator[str]:
    name = f"ledger_{secrets.token_hex(6)}"
    postgres.copy_database(name, ledger_origin)
    yield name
    postgres.drop_database(name)


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
