"""A database as a school administration system has it, filled with a synthetic region."""

import secrets
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from overstap.simulation.synthetic import SyntheticRegion, make_region
from overstap.simulation.synthetic.las import load_las
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def region() -> SyntheticRegion:
    return make_region(11, 120, 6, 4, today=date(2026, 11, 23), late=0, faulty=0, littered=0, database=6)


@pytest.fixture(scope="module")
def las_template(postgres: EmbeddedPostgres, region: SyntheticRegion) -> str:
    """A filled database that is copied for each test."""
    name = f"las_template_{secrets.token_hex(6)}"
    with psycopg.connect(postgres.superuser_dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name}")
    with psycopg.connect(postgres.superuser_dsn(name)) as connection:
        load_las(connection, region)
    return name


@pytest.fixture
def las_dsn(postgres: EmbeddedPostgres, las_template: str) -> Iterator[str]:
    name = f"las_{secrets.token_hex(6)}"
    admin = postgres.superuser_dsn("postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"create database {name} template {las_template}")
    yield postgres.superuser_dsn(name)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def las(las_dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(las_dsn) as connection:
        yield connection
