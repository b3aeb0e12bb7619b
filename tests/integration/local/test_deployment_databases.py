"""The SQL with which a deployment's new database server begins, run by psql on a server that is new."""

import os
import shlex
import subprocess
from pathlib import Path

import psycopg
import pytest
import yaml

from overstap.ledger.migrate import add_region, migrate
from overstap_tools.local import ports
from overstap_tools.local.postgres import EmbeddedPostgres, _package
from overstap_tools.project import PROJECT


def test_a_new_server_gets_databases_that_the_migrations_can_use(tmp_path: Path) -> None:
    secrets = {
        name: f"{name}-secret" for name in ("airflow_password", "owner_password", "app_password", "review_password")
    }
    for name, value in secrets.items():
        (tmp_path / name).write_text(value)
    compose = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())
    file = PROJECT / compose["configs"]["databases"]["file"]
    script = file.read_text().replace("/run/secrets", str(tmp_path))
    # The server is made by the very words with which the image makes it.
    words = shlex.split(compose["services"]["postgres"]["environment"]["POSTGRES_INITDB_ARGS"])
    with EmbeddedPostgres(tmp_path / "pg", is_durable=False, made_by=words) as server:
        with psycopg.connect(server.superuser_dsn()) as connection:
            assert connection.execute("show server_encoding").fetchall() == [("UTF8",)]
        subprocess.run(
            [_package() / "pginstall18" / "bin" / "psql", "--no-psqlrc", server.superuser_dsn()],
            input=script,
            text=True,
            check=True,
            env={"PATH": os.defpath},
        )

        def dsn(role: str, database: str) -> str:
            return f"postgresql://{role}:{role}_password-secret@{ports.LOOPBACK}:{server.port}/{database}"

        owner = dsn("overstap_owner", "overstap_ledger").replace("overstap_owner_password", "owner_password")
        app = dsn("overstap_app", "overstap_ledger").replace("overstap_app_password", "app_password")
        assert migrate(owner)
        add_region(owner, "demo")
        with psycopg.connect(app) as connection:
            connection.execute("set local role overstap_region_demo")
            assert connection.execute("select region from overstap.region").fetchall() == [("demo",)]
        review = app.replace("overstap_app", "overstap_review").replace("app_password", "review_password")
        with psycopg.connect(review.replace("overstap_review_password", "review_password"), autocommit=True) as pages:
            assert pages.execute("select * from overstap.review_look(sha256('nobody'))").fetchall() == []
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                pages.execute("select * from overstap.dossier")
        with psycopg.connect(dsn("airflow", "airflow")) as connection:
            connection.execute("create table one (n int)")
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(app.replace("/overstap_ledger", "/airflow"))
        server.stop()
    server.destroy()
