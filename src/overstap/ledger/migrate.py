"""Migration of the ledger's schema to the newest version, and the database's logins and regions.

The schema is version 1 of the tables, numbered migrations, and code (functions, views, rights) replaced as a whole.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from overstap.errors import OverstapError
from overstap.progress import Advance, unwatched
from overstap.resources import INCLUDE

SCHEMA = INCLUDE / "schemas" / "ledger"
"""tables/, migrations/, code/, rights/ and carry_over/; its README.md says what each is."""

_VERSION_1 = "0001_tables"
_CODE = "code"
_VALIDATE = """
select case l.lanname when 'sql' then fmgr_sql_validator(p.oid)::text else plpgsql_validator(p.oid)::text end
  from pg_proc p join pg_language l on l.oid = p.prolang
 where p.pronamespace = 'overstap'::regnamespace and p.prosqlbody is null
"""
_LOCK = "select pg_advisory_xact_lock(hashtextextended('overstap.migrate', 0))"


def migrate(dsn: str, folder: Path = SCHEMA, *, wait_seconds: int = 60, advance: Advance = unwatched) -> list[str]:
    """Migrate the ledger to the newest schema in one transaction. Idempotent, also when called twice at once.

    Args:
        dsn: connection string of the owner, who may create roles.
        folder: the schema.
        wait_seconds: how long to wait for a table that a running program has locked.
        advance: is told of each change, `change_count` in all.

    Returns:
        A sentence per change; none when the ledger was up to date.

    Raises:
        OverstapError: LEDGER-008 when a file that was applied earlier has changed since, LEDGER-018 when the ledger is
            too old to be carried over, LEDGER-019 when its tables stayed locked for `wait_seconds`.
    """
    with psycopg.connect(dsn) as connection:
        connection.execute(_LOCK)
        connection.execute("select set_config('lock_timeout', %s, true)", [f"{wait_seconds}s"])
        try:
            return _migrate(connection, folder, advance)
        except psycopg.errors.LockNotAvailable as problem:
            raise OverstapError("LEDGER-019") from problem


def _migrate(connection: psycopg.Connection[TupleRow], folder: Path, advance: Advance) -> list[str]:
    connection.execute(
        "create table if not exists public.overstap_migration "
        "(name text primary key, digest text not null, applied_at timestamptz not null default clock_timestamp())"
    )
    known: dict[str, str] = dict(connection.execute("select name, digest from public.overstap_migration").fetchall())
    steps = _steps(folder, known)
    code = [path for part in ("code", "rights") for path in sorted((folder / part).glob("*.sql"))]
    if not steps and known.get(_CODE) == _digest(code):
        return []
    if known:  # before tables change: no view or trigger is in the way
        _run(connection, [folder / "remove_code.sql"])
    for step in steps:
        _run(connection, step.paths)
        _note(connection, step.name, step.digest)
        advance(1)
    # Functions may refer to later files, so bodies are checked after all files were applied.
    connection.execute("set local check_function_bodies = off")
    _run(connection, code)
    connection.execute("set local check_function_bodies = on; set local search_path = overstap, pg_temp")
    connection.execute(_VALIDATE)
    connection.execute("set local search_path to default")
    _note(connection, _CODE, _digest(code))
    advance(1)
    return [*(step.description for step in steps), f"defined functions, views and rights anew: {len(code)} files"]


def change_count(dsn: str, folder: Path = SCHEMA) -> int:
    """Return of how many changes `migrate` would tell. Arguments and errors as of `pending`."""
    with psycopg.connect(dsn) as connection:
        there = connection.execute("select to_regclass('public.overstap_migration') is not null").fetchone()
        known: dict[str, str] = {}
        if there is not None and there[0]:
            known = dict(connection.execute("select name, digest from public.overstap_migration").fetchall())
    code = [path for part in ("code", "rights") for path in sorted((folder / part).glob("*.sql"))]
    steps = _steps(folder, known)
    return len(steps) + 1 if steps or known.get(_CODE) != _digest(code) else 0


def pending(dsn: str, folder: Path = SCHEMA) -> list[str]:
    """Return a sentence per change that `migrate` would make, and per part of a newer version; change nothing.

    Args:
        dsn: connection string of the owner.
        folder: the schema.

    Raises:
        OverstapError: LEDGER-008 and LEDGER-018 as by `migrate`.
    """
    with psycopg.connect(dsn, connect_timeout=10) as connection:
        there = connection.execute("select to_regclass('public.overstap_migration')").fetchone()
        if there is None or there[0] is None:
            return ["it was never made"]
        rows = connection.execute("select name, digest from public.overstap_migration").fetchall()
        known: dict[str, str] = dict(rows)
    steps = _steps(folder, known)
    code = [path for part in ("code", "rights") for path in sorted((folder / part).glob("*.sql"))]
    found = [step.description for step in steps]
    if not steps and known.get(_CODE) != _digest(code):
        found.append("functions, views and rights are of another version")
    newer = {name for name in known if name.endswith(".sql")} - {path.name for path in folder.rglob("*.sql")}
    if _VERSION_1 in known:
        carried = {line.split()[1] for line in _lines(folder / "carry_over" / "from_39_files.sha256")}
        found += [f"{name} is of a newer version" for name in sorted(newer - carried)]
    return found


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


@dataclass(frozen=True, slots=True)
class _Step:
    """A step of the migration: files to run, name and digest to record, and a sentence for the administrator."""

    name: str
    digest: str
    paths: Sequence[Path]
    description: str


def _steps(folder: Path, known: Mapping[str, str]) -> list[_Step]:
    tables = sorted((folder / "tables").glob("*.sql"))
    version_1 = _digest(tables)
    steps = []
    if _VERSION_1 in known:
        _unchanged(_VERSION_1, known[_VERSION_1], version_1)
    elif known:
        there = _carried_over(folder / "carry_over" / "from_39_files.sha256", known)
        paths = [folder / "carry_over" / "from_39_files.sql"]
        steps.append(_Step(_VERSION_1, version_1, paths, f"carried over to version 1: a ledger of {there} files"))
    else:
        steps.append(_Step(_VERSION_1, version_1, tables, f"made version 1: the tables of {len(tables)} files"))
    for path in sorted((folder / "migrations").glob("[0-9]*.sql")):
        digest = _digest([path])
        if path.name in known:
            _unchanged(path.name, known[path.name], digest)
        else:
            steps.append(_Step(path.name, digest, [path], f"applied migration {path.name}"))
    return steps


def _carried_over(listed: Path, known: Mapping[str, str]) -> int:
    """Check that a ledger from before version 1 has every migration file of then, unchanged; return their number."""
    lines = [line.split() for line in listed.read_text(encoding="utf-8").splitlines()]
    for digest, name in lines:
        if name not in known:
            raise OverstapError("LEDGER-018", file=name)
        _unchanged(name, known[name], digest)
    return len(lines)


def _unchanged(name: str, applied: str, digest: str) -> None:
    if applied != digest:
        raise OverstapError("LEDGER-008", file=name)


def _run(connection: psycopg.Connection[TupleRow], paths: Sequence[Path]) -> None:
    for path in paths:
        connection.execute(path.read_text(encoding="utf-8"))


def _note(connection: psycopg.Connection[TupleRow], name: str, digest: str) -> None:
    connection.execute(
        "insert into public.overstap_migration (name, digest) values (%s, %s) "
        "on conflict (name) do update set digest = excluded.digest, applied_at = clock_timestamp()",
        [name, digest],
    )


def _digest(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of one file as it is (as `sha256sum` gives it), or of several with their names."""
    if len(paths) == 1:
        return hashlib.sha256(paths[0].read_bytes()).hexdigest()
    found = hashlib.sha256()
    for path in paths:
        found.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def add_region(dsn: str, region: str) -> None:
    """Create the region's role and row. Idempotent.

    Args:
        dsn: connection string of the owner.
        region: region id.
    """
    with psycopg.connect(dsn) as connection:
        connection.execute(_LOCK)
        connection.execute("call overstap.add_region(%s)", [region])


LOGINS = (
    *("overstap_app", "overstap_review", "overstap_school", "overstap_desk"),
    *("overstap_watch", "overstap_board", "overstap_drafts"),
)
"""Logins per service: tasks and the command line, parents' pages, schools' pages, desk; triggerer and metrics, board,
drafts."""


def set_app_password(dsn: str, password: str) -> None:
    """Set the password of the login of tasks and the command line; see `set_password`."""
    set_password(dsn, "overstap_app", password)


def set_review_password(dsn: str, password: str) -> None:
    """Set the password of the login of the parents' pages; see `set_password`."""
    set_password(dsn, "overstap_review", password)


def set_password(dsn: str, login: str, password: str) -> None:
    """Set the password of a service's login.

    Args:
        dsn: connection string of the owner.
        login: one of `LOGINS`.
        password: at least 16 printable ASCII characters without spaces.

    Raises:
        ValueError: the password has another form, or the login is none of `LOGINS`.
    """
    if login not in LOGINS:
        raise ValueError(f"no login of a service: {login}")
    if not re.fullmatch(r"[!-~]{16,}", password):
        raise ValueError("a password of at least 16 printable ASCII characters without spaces")
    with psycopg.connect(dsn) as connection:
        connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(login), sql.Literal(password)))
