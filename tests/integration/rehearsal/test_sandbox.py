"""Tests of a sandbox on an existing server: it leaves nothing behind, and refuses a server with a real ledger."""

from collections.abc import Iterator

import psycopg
import pytest

from overstap.errors import OverstapError
from overstap.ledger.migrate import migrate
from overstap.settings import Settings
from overstap.simulation.rehearsal import server as servers
from overstap.simulation.rehearsal.server import rehearsal_server
from overstap.simulation.sandbox import temporary_sandbox
from overstap_tools.local.temporary import temporary_server


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with temporary_server() as found:
        yield found


def left(server: str) -> list[str]:
    """What is Overstap's on a server: databases and roles."""
    with psycopg.connect(server) as connection:
        query = "select datname from pg_database union all select rolname from pg_roles"
        return [name for (name,) in connection.execute(query) if name.startswith("overstap")]


def test_it_works_by_the_applications_login_and_leaves_nothing(server: str) -> None:
    with temporary_sandbox(server, "alfa") as sandbox:
        ledger = sandbox.ledger()
        with ledger.unit("alfa", "test") as unit:
            assert unit.one("select session_user, current_user") == ("overstap_app", "overstap_region_alfa")
        ledger.close()
        assert sandbox.folder.exists()
        assert left(server)
    assert not sandbox.folder.exists()
    assert left(server) == []


def test_what_a_killed_rehearsal_left_is_removed_by_the_next(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("create database overstap_sandbox_of_before")
    migrate(psycopg.conninfo.make_conninfo(server, dbname="overstap_sandbox_of_before"))
    assert "overstap_app" in left(server)
    with temporary_sandbox(server, "alfa"):
        assert "overstap_sandbox_of_before" not in left(server)
    assert left(server) == []


def test_a_server_with_a_ledger_is_left_alone(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("create database real_ledger")
        migrate(psycopg.conninfo.make_conninfo(server, dbname="real_ledger"))
        before = left(server)
        with pytest.raises(OverstapError, match="REHEARSAL-001"), temporary_sandbox(server, "alfa"):
            pass
        assert left(server) == before
        connection.execute("drop database real_ledger with (force)")
    with temporary_sandbox(server, "alfa"):
        pass
    assert left(server) == []


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    with (
        pytest.raises(OverstapError, match="LEDGER-006") as told,
        temporary_sandbox("postgresql://somebody:geheim@127.0.0.1:1/postgres"),
    ):
        pass
    assert "geheim" not in str(told.value)


def test_the_server_is_the_settings_one_the_tools_one_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with rehearsal_server(Settings(rehearsal="postgresql://named/postgres")) as found:
        assert found == "postgresql://named/postgres"
    with rehearsal_server(Settings(rehearsal=None)) as found, psycopg.connect(found) as connection:
        assert connection.info.server_version >= 180000
    monkeypatch.setattr(servers, "entry_points", lambda group: [])  # as in production's image
    with pytest.raises(OverstapError, match="REHEARSAL-002"), rehearsal_server(Settings(rehearsal=None)):
        pass
