"""Reported moments of backups."""

from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from overstap.errors import OverstapError

KINDS = ("ledger", "airflow", "keys")
"""The three backups of docs/install.md."""


def record(dsn: str, what: str, by: str) -> None:
    """Record that a backup was made now.

    Args:
        dsn: libpq connection string of the application's login.
        what: one of `KINDS`.
        by: name of the program that made it.

    Raises:
        OverstapError: LEDGER-006 when the database cannot be reached.
    """
    try:
        with psycopg.connect(dsn, application_name="overstap") as connection:
            connection.execute("insert into overstap.backup (what, made_by) values (%s, %s)", [what, by])
    except psycopg.OperationalError as problem:
        raise OverstapError("LEDGER-006", kind=type(problem).__name__) from None


def newest(connection: psycopg.Connection[TupleRow]) -> dict[str, datetime]:
    """Return when the newest backup of each kind was made."""
    return dict(connection.execute("select what, max(made_at) from overstap.backup group by what").fetchall())
