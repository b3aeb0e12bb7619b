"""Read-only access to the ledger without keys, for pages that show counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Full, LifoQueue
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from overstap.errors import OverstapError
from overstap.ledger.region_keys import NoKeys, RegionKeys
from overstap.ledger.session import UnitOfWork, role_of

_PREPARED = 300
"""Most statements that a connection keeps prepared: a page asks some forty, of a region and of one school apart."""


class ReadOnlyLedger:
    """Read-only units of work for many threads at once.

    Args:
        dsn: libpq connection string of the application's login.
        most: most idle connections that are kept.
    """

    def __init__(self, dsn: str, *, most: int = 4) -> None:
        self._dsn = dsn
        self._idle: LifoQueue[psycopg.Connection[TupleRow]] = LifoQueue(most)

    @contextmanager
    def region(self, region: str) -> Iterator[UnitOfWork]:
        """Open a read-only unit of work in one region, without keys.

        Args:
            region: region id; row-level security hides all others.

        Raises:
            OverstapError: LEDGER-006 when the database cannot be reached, LEDGER-007 when it does not know the region.
        """
        with self.regions() as open_region:
            yield open_region(region)

    @contextmanager
    def regions(self) -> Iterator[Any]:
        """Read several regions in turn over one connection.

        Yields:
            A function that opens a region and returns its unit of work; the unit of the region before ends.
        """
        connection = self._take()
        keys: RegionKeys = NoKeys()  # type: ignore[assignment]

        def turn(region: str) -> UnitOfWork:
            _end(connection)
            connection.execute("set transaction read only")
            try:
                role = sql.Identifier(role_of(connection, region))
                connection.execute(sql.SQL("set local role {}").format(role))
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue) as problem:
                raise OverstapError("LEDGER-007", region=region) from problem
            return UnitOfWork(connection, region, "board", keys)

        try:
            yield turn
        finally:
            self._give_back(connection)

    @contextmanager
    def without_region(self) -> Iterator[psycopg.Connection[TupleRow]]:
        """Open a read-only transaction as the application's login, for rows that belong to no region."""
        connection = self._take()
        try:
            connection.execute("set transaction read only")
            yield connection
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close all idle connections."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def _take(self) -> psycopg.Connection[TupleRow]:
        try:
            while True:
                idle = self._idle.get_nowait()
                try:
                    # The server may have been restarted since.
                    idle.execute("select 1")
                except psycopg.OperationalError:
                    idle.close()
                else:
                    _end(idle)
                    return idle
        except Empty:
            pass
        try:
            connection = psycopg.connect(self._dsn, application_name="overstap board")
            connection.prepared_max = _PREPARED
            return connection
        except psycopg.OperationalError as problem:
            # The message may contain the connection string, so only the kind of error is passed on.
            raise OverstapError("LEDGER-006", kind=type(problem).__name__) from None

    def _give_back(self, connection: psycopg.Connection[TupleRow]) -> None:
        if connection.closed or connection.broken:
            connection.close()
            return
        _end(connection)
        try:
            self._idle.put_nowait(connection)
        except Full:
            connection.close()


def _end(connection: psycopg.Connection[TupleRow]) -> None:
    """End a transaction that has changed nothing.

    By a commit, unless it failed: psycopg gives up all prepared statements at a rollback, and with them their plans, so
    that each page had every question planned anew.
    """
    if connection.info.transaction_status is TransactionStatus.INERROR:
        connection.rollback()
    else:
        connection.commit()
