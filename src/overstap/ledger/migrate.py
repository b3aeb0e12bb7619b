"""Makes the ledger's database: numbered SQL files, each once, in order, under a lock."""

import hashlib
import re
from pathlib import Path

import psycopg
from psycopg import sql

from overstap.errors import OverstapError
from overstap.resources import INCLUDE

MIGRATIONS = INCLUDE / "schemas" / "ledger"


def migrate(dsn: str, folder: Path = MIGRATIONS) -> list[str]:
    """Bring the ledger to the newest schema.

    Args:
        dsn: connection string of the owner, who may create roles.
        folder: the numbered SQL files.

    Returns:
        The names of the files that were applied now.

    Raises:
        OverstapError: LEDGER-008 when a file that was applied earlier has changed since.
    """
    applied_now: list[str] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtextextended('overstap.migrate', 0))")
        connection.execute(
            "create table if not exists public.overstap_migration "
            "(name text primary key, digest text not null, applied_at timestamptz not null default clock_timestamp())"
        )
        done: dict[str, str] = dict(connection.execute("select name, digest from public.overstap_migration").fetchall())
        for path in sorted(folder.glob("[0-9]*.sql")):
            text = path.read_text(encoding="utf-8")
            digest = hashlib.sha256(text.encode()).hexdigest()
            if path.name in done:
                if done[path.name] != digest:
                    raise OverstapError("LEDGER-008", file=path.name)
                continue
            with connection.transaction():
                connection.execute(text)
                connection.execute(
                    "insert into public.overstap_migration (name, digest) values (%s, %s)", [path.name, digest]
                )
            applied_now.append(path.name)
    return applied_now


def add_region(dsn: str, region: str) -> None:
    """Make the region's role and row; safe to repeat.

    Args:
        dsn: connection string of the owner.
        region: region id.
    """
    with psycopg.connect(dsn) as connection:
        connection.execute("select pg_advisory_xact_lock(hashtextextended('overstap.migrate', 0))")
        connection.execute("call overstap.add_region(%s)", [region])


def set_app_password(dsn: str, password: str) -> None:
    """Give the application's login its password.

    Args:
        dsn: connection string of the owner.
        password: printable ASCII without spaces.

    Raises:
        ValueError: the password has other characters.
    """
    _set_password(dsn, "overstap_app", password)


def set_review_password(dsn: str, password: str) -> None:
    """Give the login of the parents' pages its password; arguments as in `set_app_password`.

    Raises:
        ValueError: the password has other characters.
    """
    _set_password(dsn, "overstap_review", password)


def _set_password(dsn: str, role: str, password: str) -> None:
    if not re.fullmatch(r"[!-~]{16,}", password):
        raise ValueError("a password of at least 16 printable ASCII characters without spaces")
    with psycopg.connect(dsn) as connection:
        connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password)))
