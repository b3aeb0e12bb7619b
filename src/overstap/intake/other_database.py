"""The documented views in a database that is not PostgreSQL, through a connection by PEP 249 (DB-API 2.0).

Only what every such database has is used: a query with parameters, and rows fetched in batches. Names are those of the
documented views, so that nothing is quoted; which rights the account has is up to the supplier (SELECT alone).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

_MISSING = frozenset({"42P01", "3F000", "42S02", "1146", "942", "208"})
"""What is said of a view that is not there: SQLSTATE (PostgreSQL, ODBC), MySQL and MariaDB, Oracle, SQL Server."""
_NO = frozenset({"0", "f", "n", "false", "\x00"})
_YES = frozenset({"1", "t", "y", "true", "\x01"})


class DatabaseFault(Exception):  # noqa: N818 (the caller raises an error of its own, with the name of the view)
    """A database did not answer, or refused a query. The driver's message can quote a value, so it is left out.

    Args:
        kind: class of the driver's error.
        state: SQLSTATE or number of the error, "-" without one.
    """

    def __init__(self, kind: str, state: str) -> None:
        self.kind, self.state = kind, state
        super().__init__(kind)

    @property
    def is_no_view(self) -> bool:
        """Whether it says that there is no such view."""
        return self.state in _MISSING


@dataclass(frozen=True, slots=True)
class OtherDatabase:
    """A connection to a database that is not PostgreSQL.

    Args:
        connection: connection by PEP 249.
        placeholder: how its driver writes a parameter: `%s`, `?`, `:1`.
    """

    connection: Any = field(repr=False)
    placeholder: str = "%s"

    def columns(self, view: str) -> list[str]:
        """Return the names of a view's columns, in lower case.

        Args:
            view: schema and name, such as `overstap_las.oso_dossier`.

        Raises:
            DatabaseFault: the view cannot be read.
        """
        with self._cursor() as cursor:
            self._do(cursor.execute, f"SELECT * FROM {view} WHERE 1 = 0")  # noqa: S608 (a name of ours)
            self._do(cursor.fetchall)  # a driver of MySQL closes no cursor whose result was not read to its end
            return [str(column[0]).lower() for column in cursor.description or ()]

    def rows(
        self,
        view: str,
        columns: Sequence[str],
        where: Mapping[str, str],
        order: Sequence[str],
        *,
        batch_rows: int = 500,
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Yield rows of a view in batches, as the driver gives them.

        Args:
            view: schema and name.
            columns: the columns to read.
            where: value per column that rows must have.
            order: the columns to sort by.
            batch_rows: rows per batch.

        Raises:
            DatabaseFault: the view cannot be read.
        """
        marks = [
            f":{place}" if self.placeholder.startswith(":") else self.placeholder for place in range(1, len(where) + 1)
        ]
        conditions = " AND ".join(f"{name} = {mark}" for name, mark in zip(where, marks, strict=True))
        statement = f"SELECT {', '.join(columns)} FROM {view} WHERE {conditions} ORDER BY {', '.join(order)}"  # noqa: S608
        with self._cursor() as cursor:
            self._do(cursor.execute, statement, tuple(where.values()))
            while batch := self._do(cursor.fetchmany, batch_rows):
                yield [tuple(row) for row in batch]

    def _cursor(self) -> "_Cursor":
        return _Cursor(self._do(self.connection.cursor))

    @staticmethod
    def _do(call: Any, *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except Exception as problem:  # each driver has errors of its own (PEP 249)
            raise DatabaseFault(type(problem).__name__, _state(problem)) from None


class _Cursor:
    """A cursor that is closed at the end, also of a driver whose cursors are no context managers."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __enter__(self) -> Any:
        return self._cursor

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._cursor.close()
        except Exception as problem:  # each driver has errors of its own (PEP 249)
            if kind is None:  # else rows are left unread because the reader stopped, which is what has to be told
                raise DatabaseFault(type(problem).__name__, _state(problem)) from None


def _state(problem: Exception) -> str:
    stated = getattr(problem, "sqlstate", None)
    first = problem.args[0] if problem.args else None
    code = stated or getattr(first, "code", None) or first
    return str(code) if isinstance(code, int) or (isinstance(code, str) and len(code) == 5) else "-"


def as_text(value: Any) -> str | None:
    """Return a value of a driver as the text that PostgreSQL gives for it; None for NULL."""
    if value is None:
        return None
    if hasattr(value, "read"):  # a large object
        value = value.read()
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value).decode("utf-8")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() and value.tzinfo is None else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def as_flag(value: Any) -> str | None:
    """Return a value of a boolean column as `true` or `false`, where the database has numbers or letters for it."""
    text = as_text(value)
    if text is None or text.casefold() in ("true", "false"):
        return text.casefold() if text is not None else None
    return "true" if text.casefold() in _YES else "false" if text.casefold() in _NO else text
