"""Benchmark of a full ledger: its size, a backup, a restore, a migration from version 1, and the retention of a year.

Closed rounds are filled in bulk, with dossiers and envelopes of the usual size. Backup and restore are the programs and
options of `deploy/backup` and `deploy/restore`, without encryption.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.table import Table

from overstap.agreements import RoundKind
from overstap.clock import now
from overstap.ledger.migrate import SCHEMA, migrate
from overstap.ledger.retention import retain
from overstap.progress import Advance
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import agreement_of
from overstap.simulation.synthetic.region import make_region
from overstap_tools.bench import processors
from overstap_tools.bench.filling import CLOSED, Filling, fill, milestones_around
from overstap_tools.bench.sandbox import SEED
from overstap_tools.local.postgres import EmbeddedPostgres

PUPILS, PRIMARY, SECONDARY = 5_000, 120, 25
"""A large region."""
CONTENT_BYTES, ENVELOPE_BYTES = 5_000, 5_963
"""Of a synthetic dossier as the ledger keeps it, and of its envelope (`overstap bench seal`)."""
CONTENT_DAYS, TRACES_DAYS = 30, 365
ROUND = RoundKind.ADVICE
_ENDED_SECONDS = 0.5
"""Until the server has noticed that a connection's process ended, whose processor time is between both until then."""
_RESTORED, _OLD = "overstap_bench_restored", "overstap_bench_version_1"


@dataclass(frozen=True, slots=True)
class FullLedger:
    """What a full ledger takes.

    Args:
        dossiers: how many it holds.
        size_bytes: tables and indexes.
        backup_seconds: dumping it.
        backup_bytes: the dump.
        restore_seconds: making a database of the dump.
        migration_seconds: from version 1 to the newest version, with the same dossiers in it.
        longest_migration: the file of these that took longest.
        longest_seconds: how long it took.
        erased: dossiers whose content, and whose traces, were erased because a year was over.
        retention_seconds: erasing them.
        cpu_ms: milliseconds of all processors for each dossier (PostgreSQL, its programs, this process), by work; what
            else the machine does is not in them, so that a small and a large ledger can be compared.
    """

    dossiers: int
    size_bytes: int
    backup_seconds: float
    backup_bytes: int
    restore_seconds: float
    migration_seconds: float
    longest_migration: str
    longest_seconds: float
    erased: int
    retention_seconds: float
    cpu_ms: Mapping[str, float]


BACKUP, RESTORE, MIGRATION, RETENTION = "backup", "restore", "migration", "retention"


class _Meter:
    """Measures work on a server, by the clock and by processors.

    Args:
        dsn: of a superuser of the server.
    """

    def __init__(self, dsn: str) -> None:
        self._server = processors.server(dsn)
        self.cpu: dict[str, float] = {}

    def timed(self, what: str, work: Callable[[], object]) -> float:
        """Do work, and return the seconds by the clock."""
        begin, spent = time.monotonic(), self._spent()
        work()
        seconds = time.monotonic() - begin
        time.sleep(_ENDED_SECONDS)
        self.cpu[what] = self._spent() - spent
        return seconds

    def _spent(self) -> float:
        ended = os.times()
        own = ended.user + ended.system + ended.children_user + ended.children_system
        return own + processors.seconds([self._server])


def region_names(count: int) -> list[str]:
    """Return ids of regions."""
    return [f"kept_{number:02}" for number in range(count)]


def run(console: Console, sandbox: Sandbox, *, regions: int, advance: Advance, pupils: int = PUPILS) -> FullLedger:
    """Fill the ledger, print what each of the works takes, and return it.

    Args:
        console: where to print.
        sandbox: the sandbox; its ledger knows `region_names(regions)`.
        regions: how many regions; 35 are the country.
        advance: is told of dossiers: once when they are there, and once for each of both erasures.
        pupils: of each region.
    """
    begin = time.monotonic()
    _fill(sandbox, regions, pupils, advance)
    [dossiers, size] = _one(
        sandbox.owner_dsn, "select count(*), pg_database_size(current_database()) from overstap.dossier"
    )
    console.print(f"{dossiers:,} dossiers of {regions} regions were filled in {time.monotonic() - begin:.0f} s")
    folder, meter = Path(tempfile.mkdtemp(prefix="overstap-bench-keeping-")), _Meter(sandbox.owner_dsn)
    try:
        dump = folder / "ledger.dump"
        backup = meter.timed(
            BACKUP, lambda: _program("pg_dump", sandbox.owner_dsn, "--format", "custom", "--file", str(dump))
        )
        console.print(f"  backup: {backup:,.1f} s", highlight=False)
        restored = _database(sandbox.owner_dsn, _RESTORED)
        restore = meter.timed(
            RESTORE, lambda: _program("pg_restore", restored, "--exit-on-error", str(dump), is_dump_last=True)
        )
        console.print(f"  restore: {restore:,.1f} s", highlight=False)
        _holds(restored, dossiers)
        _drop(sandbox.owner_dsn, _RESTORED)
        old = _version_1(sandbox.owner_dsn, folder / "schema")
        _holds(old, dossiers)
        migration = meter.timed(MIGRATION, lambda: migrate(old))
        longest, longest_seconds = _longest_step(old)
        console.print(f"  migration: {migration:,.1f} s", highlight=False)
        _drop(sandbox.owner_dsn, _OLD)
        counted: list[int] = []
        retention = meter.timed(RETENTION, lambda: counted.append(_retained(sandbox, regions, advance)))
        [erased] = counted
        dump_bytes = dump.stat().st_size
    finally:
        shutil.rmtree(folder)
    found = FullLedger(
        *(dossiers, size, backup, dump_bytes, restore, migration, longest, longest_seconds, erased, retention),
        {what: 1000 * seconds / (erased if what == RETENTION else dossiers) for what, seconds in meter.cpu.items()},
    )
    _show(console, found, regions)
    return found


def _fill(sandbox: Sandbox, regions: int, pupils: int, advance: Advance) -> None:
    filling = Filling(
        *(pupils, CLOSED),
        missing_per_cent=0,
        silent_every=0,
        content_bytes=CONTENT_BYTES,
        envelope_bytes=ENVELOPE_BYTES,
    )
    with closing(sandbox.ledger()) as ledger:
        for serial, name in enumerate(region_names(regions)):
            region = make_region(
                *(SEED + serial, PRIMARY, PRIMARY, SECONDARY),
                today=now().date(),
                name=name,
                late=0,
                faulty=0,
                littered=0,
                database=0,
            )
            fill(ledger, sandbox.owner_dsn, agreement_of(region, {ROUND: milestones_around(now())}), ROUND, filling)
            advance(pupils)
    with psycopg.connect(sandbox.owner_dsn, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "update overstap.round set opened_at = now() - interval '2 years', closed_at = now() - interval '400 days'"
        )
        connection.execute("vacuum analyze")


def _holds(dsn: str, dossiers: int) -> None:
    """Look whether a copy is whole.

    Raises:
        RuntimeError: it has another number of dossiers, of those with events, or of those with content.
    """
    found = _one(
        dsn,
        "select count(*), (select count(distinct dossier) from overstap.dossier_event),"
        " (select count(*) from overstap.dossier_version where length(content) > 1) from overstap.dossier",
    )
    if found != [dossiers] * 3:
        raise RuntimeError(f"the copy is not whole: {found} of {dossiers} dossiers, with events and with content")


def _retained(sandbox: Sandbox, regions: int, advance: Advance) -> int:
    """Erase what is due in every region; return of how many dossiers."""
    erased = 0
    with closing(sandbox.ledger()) as ledger:
        for name in region_names(regions):
            done = retain(
                *(ledger, name),
                actor="bench",
                content_days=CONTENT_DAYS,
                traces_days=TRACES_DAYS,
                advance=advance,
            )
            erased += done["content"]
            if done["content"] != done["traces"]:
                raise RuntimeError(f"{name}: {done['content']} without content, {done['traces']} without traces")
    return erased


def _version_1(dsn: str, folder: Path) -> str:
    """Make a ledger of version 1 with what this one holds; return its connection string.

    Args:
        dsn: the full ledger's.
        folder: where the schema of version 1 is put, as the first release had it.
    """
    shutil.copytree(SCHEMA, folder, ignore=shutil.ignore_patterns("[0-9][0-9][0-9][0-9]_*.sql", "code", "rights"))
    for part in ("code", "rights"):
        (folder / part).mkdir()
    old = _database(dsn, _OLD)
    migrate(old, folder)
    with psycopg.connect(dsn) as source, psycopg.connect(old) as target:
        target.execute("set session_replication_role = replica")
        for table in _tables(target):
            [is_filled] = target.execute(sql.SQL("select exists (select from {})").format(table)).fetchone() or (False,)
            common = [name for name in _columns(target, table) if name in _columns(source, table)]
            if is_filled or not common:  # a fixed list, or a table that is no more
                continue
            columns = sql.SQL(", ").join(map(sql.Identifier, common))
            read = sql.SQL("copy (select {} from {}) to stdout (format binary)").format(columns, table)
            write = sql.SQL("copy {} ({}) from stdin (format binary)").format(table, columns)
            with source.cursor().copy(read) as reader, target.cursor().copy(write) as writer:
                for block in reader:
                    writer.write(block)
    with psycopg.connect(old, autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return old


def _tables(connection: psycopg.Connection[tuple[object, ...]]) -> list[sql.Identifier]:
    rows = connection.execute("select tablename from pg_tables where schemaname = 'overstap' order by 1").fetchall()
    return [sql.Identifier("overstap", str(name)) for (name,) in rows]


def _columns(connection: psycopg.Connection[tuple[object, ...]], table: sql.Identifier) -> list[str]:
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped "
        "and attgenerated = '' order by attnum",
        [table.as_string(connection)],
    ).fetchall()
    return [str(name) for (name,) in rows]


def _longest_step(dsn: str) -> tuple[str, float]:
    """Return the file of a migration that took longest, and its seconds: each step notes when it had ended."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select name, extract(epoch from applied_at)::float8 from public.overstap_migration order by applied_at"
        ).fetchall()
    # The first is version 1, and the second began with whatever was done since
    seconds = {name: later - earlier for (_, earlier), (name, later) in pairwise(rows[1:])}
    name = max(seconds, key=lambda each: seconds[each])
    return name, seconds[name]


def _database(dsn: str, name: str) -> str:
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    return make_conninfo(dsn, dbname=name)


def _drop(dsn: str, name: str) -> None:
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _one(dsn: str, query: str) -> list[int]:
    with psycopg.connect(dsn) as connection:
        return [int(value) for value in connection.execute(query).fetchone() or ()]


def _program(name: str, dsn: str, *words: str, is_dump_last: bool = False) -> None:
    """Run a program of PostgreSQL on a database.

    Raises:
        RuntimeError: it failed.
    """
    place = ["--dbname", dsn]
    options: Sequence[str] = [*words[:-1], *place, words[-1]] if is_dump_last else [*place, *words]
    command = [str(EmbeddedPostgres.program(name)), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (of PostgreSQL)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-2000:]}")


def _show(console: Console, found: FullLedger, regions: int) -> None:
    mega = 1e6
    table = Table(title=f"A ledger of {found.dossiers:,} dossiers in {regions} regions", title_justify="left")
    for name in ("", "s", "dossiers/s", "processor ms each", ""):
        table.add_column(name, justify="right" if name else "left")
    size = f"{found.size_bytes / mega:,.0f} MB, {found.size_bytes / found.dossiers / 1024:,.1f} KiB for each dossier"
    table.add_row("size", "", "", "", size)
    longest = f"{found.longest_migration} took longest: {found.longest_seconds:,.1f} s"
    for what, name, seconds, count, more in (
        (BACKUP, "backup (pg_dump)", found.backup_seconds, found.dossiers, f"{found.backup_bytes / mega:,.0f} MB"),
        (RESTORE, "restore (pg_restore)", found.restore_seconds, found.dossiers, ""),
        (MIGRATION, "migration from version 1", found.migration_seconds, found.dossiers, longest),
        (RETENTION, "retention of a year", found.retention_seconds, found.erased, "content, and then traces"),
    ):
        table.add_row(name, f"{seconds:,.1f}", f"{count / seconds:,.0f}", f"{found.cpu_ms[what]:.3f}", more)
    console.print(table)
