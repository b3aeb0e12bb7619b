"""Facts of the PostgreSQL server: version, encoding, clock, and size of the ledger's database."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """Version and encoding of a PostgreSQL server.

    Args:
        version: such as "17.2".
        encoding: such as "UTF8".
    """

    version: str
    encoding: str


def describe(connection: psycopg.Connection[TupleRow]) -> DatabaseServer:
    """Return version and encoding of the server."""
    query = "select current_setting('server_version'), current_setting('server_encoding')"
    return DatabaseServer(*connection.execute(query).fetchall()[0])


def real_clock(connection: psycopg.Connection[TupleRow]) -> datetime:
    """Return the server's own time, aware, also in a ledger whose clock is set for a rehearsal."""
    moment: datetime = connection.execute("select clock_timestamp()").fetchall()[0][0]
    return moment


def database_size(connection: psycopg.Connection[TupleRow]) -> int:
    """Return the size of the connection's database in bytes."""
    return int(connection.execute("select pg_database_size(current_database())").fetchall()[0][0])
