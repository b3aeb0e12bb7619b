"""Notices by PostgreSQL that the wait of a round may be over (include/schemas/ledger/code/33_waits.sql).

A notice is sent when a transaction commits, to whoever listens at that moment. It is no fact, and one may be lost: who
hears it looks into the ledger, and who waits looks at times also when nothing is heard.
"""

from collections.abc import AsyncGenerator

import psycopg
from psycopg.conninfo import make_conninfo

from overstap.errors import OverstapError

CHANNEL = "overstap_round"
NAME = "overstap waits"
"""Name of the connection in `pg_stat_activity`."""


async def rounds_told(dsn: str) -> AsyncGenerator[str | None, None]:
    """Yield the id of each round whose wait may be over, until the connection is lost.

    Args:
        dsn: libpq connection string; any login of the ledger may listen.

    Yields:
        None first, when it listens: what was told before that was not heard. Then ids of rounds.

    Raises:
        OverstapError: LEDGER-006 when the ledger cannot be reached, or goes away.
    """
    place = make_conninfo(
        dsn,
        application_name=NAME,
        connect_timeout=10,
        # Of a machine that is gone nobody says that its connection is
        keepalives_idle=30,
        keepalives_interval=10,
        keepalives_count=3,
    )
    try:
        async with await psycopg.AsyncConnection.connect(place, autocommit=True) as connection:
            await connection.execute(f"listen {CHANNEL}")
            yield None
            async for notice in connection.notifies():
                yield notice.payload
    except psycopg.Error as problem:
        # The message may contain the connection string, so only the kind of error is passed on.
        raise OverstapError("LEDGER-006", kind=type(problem).__name__) from None
