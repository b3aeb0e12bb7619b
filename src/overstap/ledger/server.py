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


@dataclass(frozen=True, slots=True)
class LogArchive:
    """What PostgreSQL says of the archive of its write-ahead log.

    Args:
        archived_at: when it last archived a file; None: never.
        failed_at: when it last failed to; None: never.
    """

    archived_at: datetime | None
    failed_at: datetime | None

    @property
    def stands_still(self) -> bool:
        """Whether the last attempt failed."""
        return self.failed_at is not None and (self.archived_at is None or self.failed_at > self.archived_at)


def log_archive(connection: psycopg.Connection[TupleRow]) -> LogArchive | None:
    """Return the state of the server's log archive; None where it has none (`archive_mode`)."""
    query = (
        "select last_archived_time, last_failed_time from pg_stat_archiver"
        " where current_setting('archive_mode') <> 'off'"
    )
    row = connection.execute(query).fetchone()
    return LogArchive(*row) if row else None


def real_clock(connection: psycopg.Connection[TupleRow]) -> datetime:
    """Return the server's own time, aware, also in a ledger whose clock is set for a rehearsal."""
    moment: datetime = connection.execute("select clock_timestamp()").fetchall()[0][0]
    return moment


def database_size(connection: psycopg.Connection[TupleRow]) -> int:
    """Return the size of the connection's database in bytes."""
    return int(connection.execute("select pg_database_size(current_database())").fetchall()[0][0])
