"""Tests of the SQL that initialises a new database server of a deployment."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import yaml

from overstap.ledger.migrate import LOGINS, add_region, migrate
from overstap.ledger.preparation import give_passwords
from overstap_tools.local import ports
from overstap_tools.local.postgres import EmbeddedPostgres, _package
from overstap_tools.project import PROJECT

SERVICES = tuple(login.removeprefix("overstap_") for login in LOGINS)


@contextmanager
def new_server(place: Path) -> Iterator[EmbeddedPostgres]:
    """A server as a deployment makes it: by the image's words, then by the SQL that is read once."""
    for name in ("airflow", "owner", *SERVICES):
        (place / f"{name}_password").write_text(f"{name}_password-secret")
    compose = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())
    script = (PROJECT / compose["configs"]["databases"]["file"]).read_text().replace("/run/secrets", str(place))
    words = shlex.split(compose["services"]["postgres"]["environment"]["POSTGRES_INITDB_ARGS"])
    with EmbeddedPostgres(place / "pg", is_durable=False, in_memory=True, made_by=words) as server:
        program("psql", server.superuser_dsn(), given=script.encode())
        yield server
        server.stop()
    server.destroy()


def program(name: str, *words: str, given: bytes = b"") -> bytes:
    """Run one of PostgreSQL's programs; return what it wrote."""
    path = _package() / "pginstall18" / "bin" / name
    alone = ["--no-psqlrc"] if name == "psql" else []
    done = subprocess.run([path, *alone, *words], input=given, capture_output=True, env={"PATH": os.defpath})
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def as_login(server: EmbeddedPostgres, role: str, database: str = "overstap_ledger") -> str:
    password = f"{role.removeprefix('overstap_')}_password-secret"
    return f"postgresql://{role}:{password}@{ports.LOOPBACK}:{server.port}/{database}"


def test_logins_and_regions_come_back_with_a_restore(tmp_path: Path) -> None:
    """By the steps of deploy/backup and deploy/restore; passwords are in no backup of a database, and given anew."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    with new_server(old) as server:
        owner = as_login(server, "overstap_owner")
        assert migrate(owner)
        add_region(owner, "demo")
        give_passwords(owner, old)
        roles = program("pg_dumpall", "--dbname", server.superuser_dsn(), "--roles-only", "--no-role-passwords")
        ledger = program("pg_dump", "--format", "custom", server.superuser_dsn("overstap_ledger"))
    assert b"secret" not in roles
    with new_server(new) as server:
        program("psql", "--quiet", server.superuser_dsn(), given=roles)
        with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
            connection.execute("drop database overstap_ledger")
        program("pg_restore", "--dbname", server.superuser_dsn(), "--create", "--exit-on-error", given=ledger)
        owner = as_login(server, "overstap_owner")
        assert migrate(owner) == []
        add_region(owner, "later")
        give_passwords(owner, new)
        for service, role in (("app", "region"), ("school", "school"), ("desk", "desk"), ("board", "board")):
            with psycopg.connect(as_login(server, f"overstap_{service}")) as connection:
                for region in ("demo", "later"):
                    connection.execute(f"set local role overstap_{role}_{region}")
                    assert connection.execute("select region from overstap.region").fetchall() == [(region,)]
        with psycopg.connect(as_login(server, "overstap_review")) as pages:
            assert pages.execute("select * from overstap.review_look(sha256('nobody'))").fetchall() == []


def test_a_new_server_gets_databases_that_the_migrations_can_use(tmp_path: Path) -> None:
    with new_server(tmp_path) as server:
        with psycopg.connect(server.superuser_dsn()) as connection:
            assert connection.execute("show server_encoding").fetchall() == [("UTF8",)]
        owner, app = as_login(server, "overstap_owner"), as_login(server, "overstap_app")
        assert migrate(owner)
        add_region(owner, "demo")
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            psycopg.connect(app)
        assert give_passwords(owner, tmp_path) == [f"logins with the password of their secret: {', '.join(LOGINS)}"]
        for service in ("school", "desk", "board"):
            with psycopg.connect(as_login(server, f"overstap_{service}")) as connection:
                connection.execute(f"set local role overstap_{service}_demo")
                assert connection.execute("select region from overstap.region").fetchall() == [("demo",)]
        (tmp_path / "app_password").write_text("another-one-of-the-app")
        give_passwords(owner, tmp_path)
        app = app.replace("app_password-secret", "another-one-of-the-app")
        with psycopg.connect(app) as connection:
            connection.execute("set local role overstap_region_demo")
            assert connection.execute("select region from overstap.region").fetchall() == [("demo",)]
        with psycopg.connect(as_login(server, "overstap_review"), autocommit=True) as pages:
            assert pages.execute("select * from overstap.review_look(sha256('nobody'))").fetchall() == []
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                pages.execute("select * from overstap.dossier")
        with psycopg.connect(as_login(server, "airflow", "airflow")) as connection:
            connection.execute("create table one (n int)")
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(app.replace("/overstap_ledger", "/airflow"))
