"""Cached expiry dates of certificates, for processes without the trust store."""

from collections.abc import Mapping
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from overstap.errors import OverstapError


def note(dsn: str, holds_until: Mapping[str, datetime]) -> None:
    """Replace the recorded expiry dates.

    Args:
        dsn: libpq connection string of the application's login.
        holds_until: expiry by name of the certificate.

    Raises:
        OverstapError: LEDGER-006 when the database cannot be reached.
    """
    try:
        with psycopg.connect(dsn, application_name="overstap") as connection:
            # Serialised, since two regions may do this at the same moment
            connection.execute("select pg_advisory_xact_lock(hashtextextended('overstap.certificate', 0))")
            connection.execute("delete from overstap.certificate")
            with connection.cursor() as cursor:
                cursor.executemany(
                    "insert into overstap.certificate (holder, holds_until) values (%s, %s)",
                    sorted(holds_until.items()),
                )
    except psycopg.OperationalError as problem:
        raise OverstapError("LEDGER-006", kind=type(problem).__name__) from None


def noted(connection: psycopg.Connection[TupleRow]) -> dict[str, datetime] | None:
    """Return the recorded expiry dates; None when there are none yet."""
    found: dict[str, datetime] = dict(
        connection.execute("select holder, holds_until from overstap.certificate").fetchall()
    )
    return found or None
