"""Sessions: a transaction in one region, under that region's role."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from overstap.errors import OverstapError
from overstap.ledger.audit import AuditLine, append
from overstap.ledger.region_keys import NoKeys, RegionKeys, load_keys
from overstap.ledger.row_groups import insert
from overstap.settings import Settings

_BEGIN = "select set_config('role', %s, true), set_config('overstap.actor', %s, true)"
"""What `set local role` does, and who acts: one statement for both, and the same text in each unit of work."""
_SERVICES = frozenset({"overstap_school", "overstap_desk", "overstap_board"})
"""Logins with rights of their own (include/schemas/ledger/rights); any other takes on what tasks may do."""


def role_of(connection: psycopg.Connection[TupleRow], region: str) -> str:
    """Return the role that a connection's login takes on for a unit of work in a region."""
    login = connection.info.user
    return f"{login if login in _SERVICES else 'overstap_region'}_{region}"


@dataclass(frozen=True)
class UnitOfWork:
    """One transaction in one region. Everything in it happens, or nothing."""

    connection: psycopg.Connection[TupleRow]
    region: str
    actor: str
    keys: RegionKeys

    def rows(self, sql: str, **values: Any) -> list[TupleRow]:
        """Run a query with named places and return its rows."""
        return self.connection.execute(sql, values).fetchall()

    def rows_by_kept_plan(self, sql: str, **values: Any) -> list[TupleRow]:
        """Run a query that PostgreSQL plans once per connection, whatever the values are, and return its rows.

        For a statement that joins views: to plan it takes longer than to run it for a group. Its plan must be good for
        all values (tests/integration/bench/test_plans.py counts the rows that it looks at).
        """
        self.connection.execute("select set_config('plan_cache_mode', 'force_generic_plan', true)")
        found = self.connection.execute(sql, values, prepare=True).fetchall()
        self.connection.execute("select set_config('plan_cache_mode', 'auto', true)")
        return found

    def one(self, sql: str, **values: Any) -> TupleRow:
        """Run a query that gives exactly one row.

        Raises:
            LookupError: it gave another number.
        """
        found = self.rows(sql, **values)
        if len(found) != 1:
            raise LookupError(f"expected one row, got {len(found)}")
        return found[0]

    def run(self, sql: str, **values: Any) -> int:
        """Run a statement and return how many rows it touched."""
        return self.connection.execute(sql, values).rowcount

    def insert(self, table: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows of this region as one group; see `groups.insert`."""
        insert(self.connection, table, columns, rows)

    def audit(self, action: str, *lines: AuditLine) -> None:
        """Add lines to the region's evidence, in this transaction. Commit before the effect that they announce."""
        append(self.connection, action, lines)


class Ledger:
    """The ledger of one deployment, seen by one process.

    Args:
        dsn: libpq connection string of the application's login.
        keys: folder with the regions' keys; None in a process that has none, where nothing can be read or sealed.
    """

    def __init__(self, dsn: str, keys: Path | None) -> None:
        self._dsn = dsn
        self._keys_folder = keys
        self._keys: dict[str, RegionKeys] = {}
        self._connection: psycopg.Connection[TupleRow] | None = None

    @contextmanager
    def unit(self, region: str, actor: str) -> Iterator[UnitOfWork]:
        """Open a unit of work: commit at the end, roll back on an error.

        Args:
            region: whose rows are seen and written; PostgreSQL itself hides all others.
            actor: who acts, for the evidence: a task, or an account.

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

    def plain(self, sql: str, *values: Any) -> list[TupleRow]:
        """Run one statement outside a region, as the login itself: it may execute some functions, and read no table.

        Raises:
            OverstapError: LEDGER-006 when the database cannot be reached.
        """
        return self._connected().execute(sql, list(values)).fetchall()

    @contextmanager
    def alone(self, subject: str) -> Iterator[None]:
        """Hold a subject for this process alone: PostgreSQL frees it at the moment the process dies, however it dies.

        Args:
            subject: what nobody else may be busy with, such as a round and school.

        Raises:
            OverstapError: LEDGER-012 when somebody else is, and does not end within a minute.
        """
        connection = self._connected()
        key = f"overstap.alone.{subject}"
        try:
            with connection.transaction():
                connection.execute("set local lock_timeout = '60s'")
                connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [key])
        except psycopg.errors.LockNotAvailable as problem:
            raise OverstapError("LEDGER-012", subject=subject) from problem
        try:
            yield
        finally:
            if not connection.closed:
                connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [key])

    def keys(self, region: str) -> RegionKeys:
        """Return the region's keys, read once per process."""
        if self._keys_folder is None:
            return NoKeys()  # type: ignore[return-value]
        if region not in self._keys:
            self._keys[region] = load_keys(self._keys_folder, region)
        return self._keys[region]

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection[TupleRow]:
        if self._connection is None or self._connection.closed or self._connection.broken:
            try:
                self._connection = psycopg.connect(self._dsn, autocommit=True, application_name="overstap")
            except psycopg.OperationalError as problem:
                # Its words may hold the connection string: only the kind of fault is passed on.
                raise OverstapError("LEDGER-006", kind=type(problem).__name__) from None
        return self._connection


def open_ledger(settings: Settings) -> Ledger:
    """Return the ledger that the settings name.

    Raises:
        OverstapError: SETTING-001 when OVERSTAP_LEDGER or OVERSTAP_KEYS is not set.
    """
    return Ledger(settings.need("ledger"), settings.need_path("keys"))
