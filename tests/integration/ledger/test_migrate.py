"""Tests of the schema: creation, conversion from before version 1, and numbered migrations."""

import hashlib
import json
import lzma
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from overstap.cli import app
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.invariants import check
from overstap.ledger.migrate import SCHEMA, add_region, change_count, migrate
from overstap.ledger.review import decisions
from overstap.ledger.rounds import rounds
from overstap.ledger.simulated_clock import set_clock
from overstap_tools.local.postgres import EmbeddedPostgres

FILLED = Path(__file__).with_name("filled_by_39_files.sql.xz")
"""pg_dump of a ledger that the 39 files before version 1 made, filled by a rehearsed school year of made-up pupils:
three closed rounds and one in review, with codes, holds, a withdrawal, questions and a parent's answer. Its keys are
the SHA-256 of their path (`demo/1.key`)."""
REGION = "demo"


@pytest.fixture
def database(postgres: EmbeddedPostgres, ledger_template: str) -> Iterator[Callable[[], str]]:
    """Makes empty databases on a server that has the roles; gives the owner's connection string."""
    made: list[str] = []
    admin = postgres.superuser_dsn("postgres")

    def make() -> str:
        name = f"schema_{secrets.token_hex(6)}"
        postgres.create_database(name, "postgres")
        made.append(name)
        return postgres.superuser_dsn(name)

    yield make
    with psycopg.connect(admin, autocommit=True) as connection:
        for name in made:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def old(database: Callable[[], str]) -> str:
    """A filled ledger of before version 1."""
    dsn = database()
    with psycopg.connect(dsn) as connection:
        connection.execute(lzma.decompress(FILLED.read_bytes()))
    return dsn


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    """A copy of the schema that a test may change."""
    return Path(shutil.copytree(SCHEMA, tmp_path / "schema"))


CATALOGUE = {
    "columns": "select table_name, column_name, data_type, udt_name, is_nullable, column_default, is_generated, "
    "generation_expression from information_schema.columns where table_schema = 'overstap'",
    "constraints": "select conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid) from pg_constraint "
    "where connamespace = 'overstap'::regnamespace",
    "indexes": "select tablename, indexname, indexdef from pg_indexes where schemaname = 'overstap'",
    "routines": "select oid::regprocedure::text, prokind, pg_get_functiondef(oid), prosecdef, proconfig, "
    "(select array_agg(a::text order by a::text) "
    "from unnest(coalesce(proacl, acldefault('f', proowner))) a) from pg_proc "
    "where pronamespace = 'overstap'::regnamespace and proname <> 'clock'",  # a rehearsal's own, in the filled one
    "triggers": "select tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid) from pg_trigger "
    "where not tgisinternal",
    "views": "select viewname, definition from pg_views where schemaname = 'overstap'",
    "relations": "select relname, relkind, reloptions, relrowsecurity, relforcerowsecurity, "
    "(select array_agg(a::text order by a::text) "
    "from unnest(coalesce(relacl, acldefault('r', relowner))) a) from pg_class "
    "where relnamespace = 'overstap'::regnamespace",
    "policies": "select tablename, policyname, permissive, roles, cmd, qual, with_check from pg_policies "
    "where schemaname = 'overstap'",
    "rights on columns": "select attrelid::regclass::text, attname, "
    "(select array_agg(a::text order by a::text) from unnest(coalesce(attacl, '{}')) a) "
    "from pg_attribute where attrelid in (select oid from pg_class where relnamespace = 'overstap'::regnamespace "
    "and relkind in ('r', 'v')) and attnum > 0 and not attisdropped",
    "rights on the schema": "select nspname, (select array_agg(a::text order by a::text) "
    "from unnest(coalesce(nspacl, acldefault('n', nspowner))) a) "
    "from pg_namespace where nspname = 'overstap'",
    "states": "select * from overstap.state",
    "transitions": "select * from overstap.transition",
    "grounds": "select * from overstap.review_ground",
}


def catalogue(dsn: str) -> dict[str, Counter[str]]:
    """Everything that a schema consists of, but for the order of its columns."""
    with psycopg.connect(dsn) as connection:
        return {name: Counter(map(repr, connection.execute(query).fetchall())) for name, query in CATALOGUE.items()}


def columns_of(dsn: str) -> dict[str, list[str]]:
    """The columns of every table."""
    with psycopg.connect(dsn) as connection:
        found: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "select c.table_name, c.column_name from information_schema.columns c join information_schema.tables t "
            "using (table_schema, table_name) where table_schema = 'overstap' and table_type = 'BASE TABLE' "
            "order by 1, 2"
        ).fetchall():
            found.setdefault(table, []).append(column)
        return found


def rows_of(dsn: str, columns: dict[str, list[str]]) -> dict[str, Counter[str]]:
    """Every row of some tables with some columns, as JSON."""
    with psycopg.connect(dsn) as connection:
        return {
            table: Counter(
                row[0]
                for row in connection.execute(
                    sql.SQL("select to_jsonb(t)::text from (select {} from {}) t").format(
                        sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier("overstap", table)
                    )
                ).fetchall()
            )
            for table, names in columns.items()
        }


def test_a_ledger_of_today_becomes_what_a_new_one_is(database: Callable[[], str], old: str) -> None:
    new = database()
    migrate(new)
    there_before = columns_of(old)
    before = rows_of(old, there_before)
    told = migrate(old)
    assert told[0] == "carried over to version 1: a ledger of 39 files"
    assert migrate(old) == []
    carried, made = catalogue(old), catalogue(new)
    for name, there in made.items():
        assert carried[name] == there, name
    after = rows_of(old, there_before)
    for table, there in before.items():
        assert not there - after[table], table
    added = {table: rows for table in before if (rows := after[table] - before[table])}
    assert [*added] == ["audit_line", "transition"]
    assert {json.loads(row)["transition"] for row in added["transition"]} == {"recall"}
    assert (
        sorted(json.loads(json.loads(row)["payload"])["action"] for row in added["audit_line"]) == ["round.close"] * 3
    )
    assert sum(map(len, before.values())) > 500
    assert sum(1 for there in before.values() if there) > 30


def test_a_carried_over_ledger_goes_on(postgres: EmbeddedPostgres, old: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys" / REGION
    keys.mkdir(parents=True)
    for name in ("1.key", "lookup"):
        (keys / name).write_bytes(hashlib.sha256(f"{REGION}/{name}".encode()).digest())
        (keys / name).chmod(0o600)
    migrate(old)
    add_region(old, REGION)
    with psycopg.connect(old) as connection:
        row = connection.execute(
            "select max(review_closes_at) from overstap.dossier where state = 'in_review'"
        ).fetchone()
    assert row is not None
    set_clock(old, row[0] - timedelta(hours=1))  # as on the day on which it was filled
    ledger = Ledger(
        postgres.dsn("overstap_app", str(psycopg.conninfo.conninfo_to_dict(old)["dbname"])), tmp_path / "keys"
    )
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []
        assert len(rounds.of_year(unit, "2026-2027")) == 4
        left = unit.rows("select dossier from overstap.may_leave")
        assert left
        assert unit.one("select count(*) from overstap.dossier where state = 'in_review'")[0] > 0
        assert decisions.window(unit, f"{REGION}.2026-2027.placement").waiting > 0
    ledger.close()


def test_an_unfinished_ledger_is_told_what_it_lacks(old: str) -> None:
    with psycopg.connect(old) as connection:
        connection.execute("delete from public.overstap_migration where name = '0080_large_groups.sql'")
    before = catalogue(old)
    with pytest.raises(OverstapError, match="0080_large_groups") as refused:
        migrate(old)
    assert refused.value.code == "LEDGER-018"
    assert catalogue(old) == before


def test_what_fails_leaves_nothing_behind(old: str, schema: Path) -> None:
    (schema / "rights" / "9_broken.sql").write_text("grant select on overstap.nowhere to overstap_region;")
    before, columns = catalogue(old), columns_of(old)
    rows = rows_of(old, columns)
    with pytest.raises(psycopg.errors.UndefinedTable):
        migrate(old, schema)
    assert catalogue(old) == before
    assert columns_of(old) == columns
    assert rows_of(old, columns) == rows
    assert len(migrate(old)) == 2 + len(list((SCHEMA / "migrations").glob("*.sql")))


def test_a_numbered_migration_is_applied_once_and_never_changes(database: Callable[[], str], schema: Path) -> None:
    dsn = database()
    migrate(dsn, schema)
    file = schema / "migrations" / "0002_nickname.sql"
    file.parent.mkdir(exist_ok=True)
    file.write_text("alter table overstap.school add column nickname text;")
    assert migrate(dsn, schema)[0] == "applied migration 0002_nickname.sql"
    assert migrate(dsn, schema) == []
    file.write_text("alter table overstap.school add column nickname varchar;")
    with pytest.raises(OverstapError, match="0002_nickname"):
        migrate(dsn, schema)


def test_each_change_is_told_of_and_counted_before(database: Callable[[], str], schema: Path) -> None:
    dsn, told = database(), []
    count = change_count(dsn, schema)
    assert count == 2 + len(list((schema / "migrations").glob("*.sql")))
    migrate(dsn, schema, advance=told.append)
    assert sum(told) == count
    assert change_count(dsn, schema) == 0
    (schema / "code" / "zz_more.sql").write_text("create function overstap.more() returns int language sql return 1;")
    assert change_count(dsn, schema) == 1
    migrate(dsn, schema, advance=told.append)
    assert sum(told) == count + 1


def test_version_1_does_not_change_once_it_is_applied(database: Callable[[], str], schema: Path) -> None:
    dsn = database()
    migrate(dsn, schema)
    with (schema / "tables" / "02_rounds.sql").open("a") as file:
        file.write("create table overstap.afterthought (n int);")
    with pytest.raises(OverstapError) as refused:
        migrate(dsn, schema)
    assert refused.value.code == "LEDGER-008"


def test_code_is_defined_anew_when_a_file_of_it_changes(database: Callable[[], str], schema: Path) -> None:
    dsn = database()
    migrate(dsn, schema)
    as_it_was = catalogue(dsn)
    files = sum(1 for part in ("code", "rights") for _ in (schema / part).glob("*.sql"))
    added = schema / "code" / "99_added.sql"
    added.write_text(
        "create view overstap.may_leave_soon as select dossier from overstap.may_leave;\n"
        "create function overstap.added() returns int language sql return 1;\n"
    )
    assert migrate(dsn, schema) == [f"defined functions, views and rights anew: {files + 1} files"]
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select overstap.added()").fetchone() == (1,)
    added.unlink()
    migrate(dsn, schema)
    assert catalogue(dsn) == as_it_was


def test_tables_that_others_keep_locked_are_not_waited_for_for_ever(database: Callable[[], str], schema: Path) -> None:
    dsn = database()
    migrate(dsn, schema)
    (schema / "code" / "99_added.sql").write_text("-- something changed")
    with psycopg.connect(dsn) as busy:
        busy.execute("lock table overstap.dossier in access share mode")
        with pytest.raises(OverstapError) as refused:
            migrate(dsn, schema, wait_seconds=1)
    assert refused.value.code == "LEDGER-019"
    assert migrate(dsn, schema)


def test_migrations_have_numbers_of_their_own() -> None:
    numbers = Counter(path.name[:4] for path in (SCHEMA / "migrations").glob("*.sql"))
    assert set(numbers.values()) <= {1}
    assert sorted(numbers) == [f"{number:04}" for number in range(2, 2 + len(numbers))]


def test_each_thing_is_defined_once() -> None:
    text = "\n".join(path.read_text() for part in ("tables", "code") for path in (SCHEMA / part).glob("*.sql"))
    defined: Counter[Any] = Counter(
        line.split("(")[0].split(" with ")[0].strip()
        for line in text.splitlines()
        if line.startswith("create ") and not line.startswith(("create index", "create unique index"))
    )
    assert {name for name, times in defined.items() if times > 1} == set()
    assert defined["create view overstap.may_leave"] == 1
    assert "or replace" not in text


def test_one_broken_agreement_does_not_stop_the_others(
    database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = database()
    regions = tmp_path / "regions"
    shutil.copytree(SCHEMA.parents[1] / "regions" / "demo", regions / "demo")
    (regions / "beta").mkdir()
    (regions / "beta" / "2026-2027.yaml").write_text("region: beta\nrounds: {advice: [soon}\n")
    monkeypatch.setenv("OVERSTAP_LEDGER_OWNER", dsn)
    monkeypatch.setenv("OVERSTAP_REGIONS", str(regions))
    done = CliRunner().invoke(app, ["ledger", "migrate"])
    assert done.exit_code == 0, done.output
    assert "made version 1" in done.output
    assert "region demo is there" in done.output
    assert "left as it was" in done.output
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select region from overstap.region").fetchall() == [("demo",)]
    again = CliRunner().invoke(app, ["ledger", "migrate"])
    assert "the schema was up to date" in again.output
