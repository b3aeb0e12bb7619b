"""PostgreSQL itself: its version, its encoding, its clock, and the size of the ledger's database."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A server as it describes itself.

    Args:
        version: such as "17.2".
        encoding: of its text, such as "UTF8".
    """

    version: str
    encoding: str


def described(connection: psycopg.Connection[TupleRow]) -> DatabaseServer:
    """Return how the server describes itself."""
    query = "select current_setting('server_version'), current_setting('server_encoding')"
    return DatabaseServer(*connection.execute(query).fetchall()[0])


def real_clock(connection: psycopg.Connection[TupleRow]) -> datetime:
    """Return the server's own clock, aware, also where the ledger's is set for a rehearsal."""
    moment: datetime = connection.execute("select clock_timestamp()").fetchall()[0][0]
    return moment


def database_size(connection: psycopg.Connection[TupleRow]) -> int:
    """Return the size of the connection's database in bytes."""
    return int(connection.execute("select pg_database_size(current_database())").fetchall()[0][0])
