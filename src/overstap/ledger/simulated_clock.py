"""Settable clock of a rehearsal's ledger.

A real ledger's clock is PostgreSQL's own, and no login of a deployment's services can touch it.
"""

from datetime import datetime

import psycopg
from psycopg import sql


def set_clock(owner_dsn: str, at: datetime) -> None:
    """Set the ledger's clock to a moment, from which it runs on.

    Args:
        owner_dsn: connection string of the ledger's owner.
        at: the moment, aware.
    """
    statement = sql.SQL(
        "create or replace function overstap.clock() returns timestamptz language sql volatile parallel safe as "
        "$$select {at}::timestamptz + (clock_timestamp() - {real}::timestamptz)$$"
    )
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        real = connection.execute("select clock_timestamp()").fetchone()
        now = real[0] if real else at
        connection.execute(statement.format(at=sql.Literal(at.isoformat()), real=sql.Literal(now.isoformat())))
