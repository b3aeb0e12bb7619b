"""Session with the ledger: units of work, each a transaction in one region under that region's role."""

import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from overstap.errors import OverstapError
from overstap.key_client import KeyClient
from overstap.ledger.audit import AuditLine, append
from overstap.ledger.conditions import decided
from overstap.ledger.keys_by_service import keys_by_service
from overstap.ledger.region_keys import NoKeys, RegionKeys, load_keys
from overstap.ledger.row_groups import insert
from overstap.settings import Settings

_BEGIN = "select set_config('role', %s, true), set_config('overstap.actor', %s, true)"
"""What `set local role` does, and who acts: one statement for both, and the same text in each unit of work."""
_SERVICES = frozenset({"overstap_school", "overstap_desk", "overstap_watch", "overstap_board", "overstap_drafts"})
"""Logins with rights of their own (include/schemas/ledger/rights); any other has the rights of tasks."""


def role_of(connection: psycopg.Connection[TupleRow], region: str) -> str:
    """Return the database role of a connection's login for a unit of work in a region."""
    login = connection.info.user
    return f"{login if login in _SERVICES else 'overstap_region'}_{region}"


@dataclass(frozen=True)
class UnitOfWork:
    """One transaction in one region, with the region's keys.

    Args:
        connection: connection in the transaction.
        region: region id.
        actor: step or account, recorded in audit lines.
        keys: keys of the region.
    """

    connection: psycopg.Connection[TupleRow]
    region: str
    actor: str
    keys: RegionKeys

    def rows(self, sql: str, **values: Any) -> list[TupleRow]:
        """Run a query with named parameters and return its rows.

        A condition `(%(name)s::text is null or ...)` is written out before (`conditions.decided`).
        """
        absent = frozenset(name for name, value in values.items() if value is None)
        return self.connection.execute(decided(sql, absent), values).fetchall()

    def rows_with_content(self, sql: str, **values: Any) -> list[TupleRow]:
        """Run a query for encrypted content and return its rows, which PostgreSQL sends in binary form.

        As text, content is hexadecimal: twice as long, written by the server and read here.
        """
        return self.connection.execute(sql, values, binary=True).fetchall()

    def rows_by_kept_plan(self, sql: str, **values: Any) -> list[TupleRow]:
        """Run a query that PostgreSQL plans once per connection, whatever the values are, and return its rows.

        For a statement that joins views: to plan it takes longer than to run it for a group. Its plan must be good for
        all values (tests/integration/bench/test_plans.py counts the rows that it looks at). Its rows are in binary
        form, as those of `rows_with_content`.
        """
        self.connection.execute("select set_config('plan_cache_mode', 'force_generic_plan', true)")
        found = self.connection.execute(sql, values, prepare=True, binary=True).fetchall()
        self.connection.execute("select set_config('plan_cache_mode', 'auto', true)")
        return found

    def one(self, sql: str, **values: Any) -> TupleRow:
        """Run a query that returns exactly one row.

        Raises:
            LookupError: it returned another number of rows.
        """
        found = self.rows(sql, **values)
        if len(found) != 1:
            raise LookupError(f"expected one row, got {len(found)}")
        return found[0]

    def run(self, sql: str, **values: Any) -> int:
        """Run a statement and return the number of affected rows."""
        return self.connection.execute(sql, values).rowcount

    def insert(self, table: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows of this region in one statement; arguments as of `row_groups.insert`."""
        insert(self.connection, table, columns, rows)

    def audit(self, action: str, *lines: AuditLine) -> None:
        """Append lines to the region's audit chain in this transaction. Commit before the effect that they announce."""
        append(self.connection, action, lines)


class Ledger:
    """One process's connection to the ledger.

    Args:
        dsn: libpq connection string of the application's login.
        keys: folder with the regions' keys, or client of the service that has them; None in a process without keys,
            which can neither encrypt nor decrypt.
    """

    def __init__(self, dsn: str, keys: Path | KeyClient | None) -> None:
        self._dsn = dsn
        self._where_keys_are = keys
        self._keys: dict[str, RegionKeys] = {}
        self._connection: psycopg.Connection[TupleRow] | None = None
        self._locks = 0
        """Number of advisory locks that the connection holds: another connection would not have them."""

    @contextmanager
    def unit(self, region: str, actor: str) -> Iterator[UnitOfWork]:
        """Open a unit of work: commit at the end, roll back on an error.

        Args:
            region: region id; row-level security hides the rows of all others.
            actor: step or account, recorded in audit lines.

        Raises:
            OverstapError: LEDGER-006 when the database cannot be reached, LEDGER-007 when it does not know the region,
                LEDGER-001 or LEDGER-005 for the region's keys.
        """
        keys = self.keys(region)
        connection = self._connected()
        with connection.transaction():
            try:
                connection.execute(_BEGIN, [role_of(connection, region), actor])
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue) as problem:
                raise OverstapError("LEDGER-007", region=region) from problem
            yield UnitOfWork(connection, region, actor, keys)

    def without_region(self, sql: str, *values: Any) -> list[TupleRow]:
        """Run one statement as the login itself, which may execute some functions and read no table.

        Raises:
            OverstapError: LEDGER-006 when the database cannot be reached.
        """
        return self._connected().execute(sql, list(values)).fetchall()

    @contextmanager
    def exclusive(self, subject: str) -> Iterator[None]:
        """Hold an advisory lock on a subject, which PostgreSQL releases when the process ends, however it ends.

        Args:
            subject: subject of the lock, such as a round and school.

        Raises:
            OverstapError: LEDGER-012 when another process holds it for longer than a minute.
        """
        connection = self._connected()
        key = f"overstap.alone.{subject}"
        try:
            with connection.transaction():
                connection.execute("set local lock_timeout = '60s'")
                connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [key])
        except psycopg.errors.LockNotAvailable as problem:
            raise OverstapError("LEDGER-012", subject=subject) from problem
        self._locks += 1
        try:
            yield
        finally:
            self._locks -= 1
            if not connection.closed:
                connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [key])

    def keys(self, region: str) -> RegionKeys:
        """Return the region's keys, read once per process."""
        found = self._where_keys_are
        if found is None:
            return NoKeys()  # type: ignore[return-value]
        if region not in self._keys:
            self._keys[region] = load_keys(found, region) if isinstance(found, Path) else keys_by_service(found, region)
        return self._keys[region]

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection[TupleRow]:
        if self._connection is None or self._connection.closed or self._connection.broken or self._is_ended():
            try:
                self._connection = psycopg.connect(self._dsn, autocommit=True, application_name="overstap")
            except psycopg.OperationalError as problem:
                # The message may contain the connection string, so only the kind of error is passed on.
                raise OverstapError("LEDGER-006", kind=type(problem).__name__) from None
        return self._connection

    def _is_ended(self) -> bool:
        """Return whether the server ended the idle connection, as a restart does: it then has something to read.

        Where it holds a lock, the next statement has to fail: going on by another connection would be without the lock.
        """
        if self._connection is None or self._locks:
            return False
        unread = select.poll()
        unread.register(self._connection.fileno(), select.POLLIN)
        if not unread.poll(0):
            return False
        self._connection.close()
        return True


def open_ledger(settings: Settings) -> Ledger:
    """Return the ledger of the settings.

    Raises:
        OverstapError: SETTING-001 when OVERSTAP_LEDGER is not set, or neither OVERSTAP_KEY_SERVICE nor OVERSTAP_KEYS.
    """
    keys = KeyClient(settings.key_service) if settings.key_service else settings.need_path("keys")
    return Ledger(settings.need("ledger"), keys)
