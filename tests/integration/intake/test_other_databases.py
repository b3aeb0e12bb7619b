"""The documented views in databases that are not PostgreSQL, through Airflow's `DbApiHook`: the same comes of them.

SQLite is always there. MariaDB is tried where its server is installed (on Debian: mariadb-server-core and
mariadb-client-core), and also through Airflow's own provider where apache-airflow-providers-mysql and a driver of it
(mysql-connector-python, which needs no compiler) are.
"""

import importlib.util
import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.sdk.bases.hook import BaseHook
from psycopg.rows import tuple_row

from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.other_database import OtherDatabase, as_flag, as_text
from overstap.intake.refusals import RefusedItem
from overstap.intake.rosters.database import COLUMNS, read_view
from overstap.intake.sources import las_database
from overstap.intake.sources.las_view import COLUMNS as COLUMNS_OF_DOSSIER
from overstap.intake.sources.las_view import NAMES, ColumnKind
from overstap.orchestration import connections
from overstap.oso.writing import to_bytes
from overstap.simulation.synthetic import SyntheticRegion
from overstap.simulation.synthetic.school import SupplySource
from overstap_tools.local import ports

VIEWS = {
    "oso_dossier": NAMES,
    "oso_aanmelding": ("regio", *applications.HEADER),
    "oso_leerlingenlijst": COLUMNS,
}
JSON = {column.name for column in COLUMNS_OF_DOSSIER if column.kind in (ColumnKind.BLOCK, ColumnKind.ITEMS)}
Connect = Callable[[], Any]


class Hook(DbApiHook):
    """What a provider of the database brings, without the provider."""

    conn_name_attr = "las_conn_id"

    def __init__(self, connect: Connect, placeholder: str) -> None:
        super().__init__()
        self.connect, self._mark = connect, placeholder

    def get_conn(self) -> Any:
        return self.connect()

    @property
    def placeholder(self) -> str:
        return self._mark


@dataclass
class Stated:
    """A connection of Airflow."""

    hook: Any
    conn_type: str = "mysql"

    def get_hook(self) -> Any:
        return self.hook


def adapted(value: Any) -> Any:
    """Return a value of PostgreSQL as another database keeps it: numbers for booleans."""
    return int(value) if isinstance(value, bool) else value


def copied(las: psycopg.Connection[Any], other: Any, mark: str, kind: str) -> None:
    """Copy what the views give into tables of the same names."""
    cursor = other.cursor()
    for name, columns in VIEWS.items():
        with las.cursor(row_factory=tuple_row) as read:
            wanted = ", ".join(f"{column}::text" if column in JSON else column for column in columns)
            read.execute(f"SELECT {wanted} FROM overstap_las.{name}")  # noqa: S608
            rows = [[adapted(value) for value in row] for row in read.fetchall()]
        types = ", ".join(f"{column} {_type(column, kind)}" for column in columns)
        cursor.execute(f"CREATE TABLE overstap_las.{name} ({types})")
        marks = ", ".join([mark] * len(columns))
        cursor.executemany(f"INSERT INTO overstap_las.{name} VALUES ({marks})", rows)  # noqa: S608
    other.commit()


def _type(column: str, kind: str) -> str:
    if kind == "sqlite":
        return ""
    if column == "vastgelegd_op":
        return "datetime"
    return "date" if "datum" in column or column == "onderwijssinds" else "longtext"


@pytest.fixture
def sqlite(las: psycopg.Connection[Any], tmp_path: Path) -> Connect:
    sqlite3.register_adapter(datetime, datetime.isoformat)
    sqlite3.register_adapter(date, date.isoformat)

    def connect() -> sqlite3.Connection:
        made = sqlite3.connect(tmp_path / "main.db")
        made.execute("ATTACH ? AS overstap_las", (str(tmp_path / "las.db"),))
        return made

    with connect() as made:
        copied(las, made, "?", "sqlite")
    return connect


@contextmanager
def mariadb_server(folder: Path) -> Iterator[Callable[..., Any]]:
    port, server = ports.any_free(), shutil.which("mariadbd") or ""
    base = Path(server).resolve().parent.parent
    data = folder / "data"
    setup = ["--no-defaults", f"--basedir={base}", f"--datadir={data}", "--user=root"]
    subprocess.run(
        ["mariadb-install-db", *setup, "--auth-root-authentication-method=normal", "--skip-name-resolve"],
        check=True,
        capture_output=True,
    )
    address = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder / 's'}", "--skip-name-resolve"]
    running = subprocess.Popen([server, *setup, *address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def connect(**more: Any) -> Any:
        return pymysql.connect(host="127.0.0.1", port=port, user="root", charset="utf8mb4", **more)

    try:
        for _ in range(200):
            try:
                connect().close()
                break
            except pymysql.OperationalError:
                time.sleep(0.1)
        yield connect
    finally:
        running.terminate()
        running.wait(30)


@pytest.fixture
def mariadb(las: psycopg.Connection[Any], tmp_path: Path) -> Iterator[Connect]:
    if shutil.which("mariadbd") is None:
        pytest.skip("mariadbd is not installed here (on Debian: mariadb-server-core and mariadb-client-core)")
    with mariadb_server(tmp_path) as connect:
        with connect() as made:
            made.cursor().execute("CREATE DATABASE overstap_las CHARACTER SET utf8mb4")
            copied(las, made, "%s", "mariadb")
        yield connect


@pytest.fixture(params=["sqlite", "mariadb"])
def hook(request: pytest.FixtureRequest) -> Hook:
    return Hook(request.getfixturevalue(request.param), {"sqlite": "?", "mariadb": "%s"}[request.param])


@pytest.fixture
def opened(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> Iterator[OtherDatabase]:
    monkeypatch.setattr(BaseHook, "get_connection", lambda name: Stated(hook))
    with connections.las_connection("las") as found:
        assert isinstance(found, OtherDatabase)
        yield found


def contents(connection: Any, school: str) -> list[bytes]:
    found = list(las_database.from_las_database(connection, school))
    assert not any(isinstance(one, RefusedItem) for one in found)
    return sorted(to_bytes(one.content) for one in found)  # type: ignore[union-attr, arg-type]


def test_the_same_dossiers_registrations_and_rosters_come_of_them(
    opened: OtherDatabase, las: psycopg.Connection[Any], region: SyntheticRegion
) -> None:
    schools = [school for school in region.primary if school.source is SupplySource.LAS_DATABASE]
    for school in schools[:3]:
        assert contents(opened, school.id) == contents(las, school.id)
        theirs, ours = read_view(opened, school.id), read_view(las, school.id)
        assert theirs is not None
        assert ours is not None
        assert sorted(theirs.roster.pupils, key=str) == sorted(ours.roster.pupils, key=str)
    good, refused = applications.read_database(opened, region.name)
    expected, _ = applications.read_database(las, region.name)
    assert refused == []
    assert {(one.pupil_number, one.secondary_school, one.stage) for one in good} == {
        (one.pupil_number, one.secondary_school, one.stage) for one in expected
    }
    assert {one.birth_date for one in good} == {one.birth_date for one in expected}


def test_what_is_wrong_is_told_without_the_drivers_words(hook: Hook, region: SyntheticRegion) -> None:
    school = region.primary[0].id
    made = hook.get_conn()
    database = OtherDatabase(made, hook.placeholder)
    made.cursor().execute("ALTER TABLE overstap_las.oso_dossier ADD COLUMN extra text")
    with pytest.raises(OverstapError, match="INTAKE-021") as other:
        list(las_database.read(database, school_id=school))
    assert other.value.facts["extra"] == "extra"
    for name in VIEWS:
        made.cursor().execute(f"DROP TABLE overstap_las.{name}")
    with pytest.raises(OverstapError, match="INTAKE-020") as gone:
        list(las_database.read(database, school_id=school))
    assert "oso_dossier" not in str(gone.value.facts)
    with pytest.raises(OverstapError, match="INTAKE-041"):
        applications.read_database(database, region.name)
    made.close()


def test_a_connection_of_something_else_or_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseHook, "get_connection", lambda name: Stated(object()))
    with pytest.raises(OverstapError, match="INTAKE-060"), connections.las_connection("mail"):
        pass

    def fails(name: str) -> Any:
        raise RuntimeError("password geheim")

    monkeypatch.setattr(BaseHook, "get_connection", fails)
    with pytest.raises(OverstapError, match="INTAKE-060") as told, connections.las_connection("las"):
        pass
    assert "geheim" not in str(told.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2027, 3, 1), "2027-03-01"),  # noqa: DTZ001 (as Oracle gives a date)
        (datetime(2027, 3, 1, 9, tzinfo=UTC), "2027-03-01T09:00:00+00:00"),
        ("Ş".encode(), "Ş"),
        (None, None),
        ([{"a": "Ş"}], '[{"a": "Ş"}]'),
        (0, "0"),
    ],
)
def test_a_drivers_value_becomes_the_text_of_postgresql(value: object, text: str | None) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(("value", "text"), [(1, "true"), ("0", "false"), (b"\x01", "true"), (None, None), (2, "2")])
def test_a_flag_is_yes_or_no(value: object, text: str | None) -> None:
    assert as_flag(value) == text


def test_the_provider_that_a_connection_names_reads_mariadb(
    mariadb: Connect, las: psycopg.Connection[Any], region: SyntheticRegion, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("airflow.providers.mysql", "mysql.connector"):
        if not _is_installed(name):
            pytest.skip(f"{name} is not installed here (apache-airflow-providers-mysql, mysql-connector-python)")
    with mariadb() as made:
        stated = {"conn_type": "mysql", "host": "127.0.0.1", "port": made.port, "login": "root", "password": ""}
    stated |= {"schema": "overstap_las", "extra": {"client": "mysql-connector-python"}}
    monkeypatch.setenv("AIRFLOW_CONN_LAS_BETA", json.dumps(stated))
    for school in [one.id for one in region.primary if one.source is SupplySource.LAS_DATABASE][:3]:
        with connections.las_connection("las_beta") as found:
            assert isinstance(found, OtherDatabase)
            assert contents(found, school) == contents(las, school)


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the package above it
        return False


def test_a_connection_of_postgresql_gives_psycopg(
    las: psycopg.Connection[Any], las_dsn: str, region: SyntheticRegion, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = psycopg.conninfo.conninfo_to_dict(las_dsn)
    stated = {"conn_type": "postgres", "host": info["host"], "login": info["user"], "schema": info["dbname"]}
    stated |= {"password": info.get("password", ""), "port": int(info.get("port") or 5432)}
    monkeypatch.setenv("AIRFLOW_CONN_LAS_ALFA", json.dumps(stated))
    school = next(school.id for school in region.primary if school.source is SupplySource.LAS_DATABASE)
    with connections.las_connection("las_alfa") as found:
        assert isinstance(found, psycopg.Connection)
        assert contents(found, school) == contents(las, school)
