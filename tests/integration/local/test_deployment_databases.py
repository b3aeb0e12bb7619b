"""The SQL with which a deployment's new database server begins, run by psql on a server that is new."""

import os
import shlex
import subprocess
from pathlib import Path

import psycopg
import pytest
import yaml

from overstap.ledger.migrate import LOGINS, add_region, migrate
from overstap.ledger.preparation import give_passwords
from overstap_tools.local import ports
from overstap_tools.local.postgres import EmbeddedPostgres, _package
from overstap_tools.project import PROJECT


def test_a_new_server_gets_databases_that_the_migrations_can_use(tmp_path: Path) -> None:
    services = [login.removeprefix("overstap_") for login in LOGINS]
    for name in ("airflow", "owner", *services):
        (tmp_path / f"{name}_password").write_text(f"{name}_password-secret")
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
            password = f"{role.removeprefix('overstap_')}_password-secret"
            return f"postgresql://{role}:{password}@{ports.LOOPBACK}:{server.port}/{database}"

        owner, app = dsn("overstap_owner", "overstap_ledger"), dsn("overstap_app", "overstap_ledger")
        assert migrate(owner)
        add_region(owner, "demo")
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            psycopg.connect(app)
        assert give_passwords(owner, tmp_path) == [f"logins with the password of their secret: {', '.join(LOGINS)}"]
        for service in ("school", "desk", "board"):
            with psycopg.connect(dsn(f"overstap_{service}", "overstap_ledger")) as connection:
                connection.execute(f"set local role overstap_{service}_demo")
                assert connection.execute("select region from overstap.region").fetchall() == [("demo",)]
        (tmp_path / "app_password").write_text("another-one-of-the-app")
        give_passwords(owner, tmp_path)
        app = app.replace("app_password-secret", "another-one-of-the-app")
        with psycopg.connect(app) as connection:
            connection.execute("set local role overstap_region_demo")
            assert connection.execute("select region from overstap.region").fetchall() == [("demo",)]
        with psycopg.connect(dsn("overstap_review", "overstap_ledger"), autocommit=True) as pages:
            assert pages.execute("select * from overstap.review_look(sha256('nobody'))").fetchall() == []
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                pages.execute("select * from overstap.dossier")
        with psycopg.connect(dsn("airflow", "airflow")) as connection:
            connection.execute("create table one (n int)")
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(app.replace("/overstap_ledger", "/airflow"))
        server.stop()
    server.destroy()
