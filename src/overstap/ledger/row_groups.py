"""Insertion of many rows in one statement."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow


def insert(
    connection: psycopg.Connection[TupleRow],
    table: str,
    columns: Mapping[str, str],
    rows: Sequence[Sequence[Any]],
) -> None:
    """Insert rows in one statement (row-level security excludes COPY).

    Args:
        connection: connection in a transaction.
        table: name in the schema `overstap`.
        columns: column names in the rows' order, each with its PostgreSQL type.
        rows: the values; with none, nothing is done.
    """
    if not rows:
        return
    statement = sql.SQL("insert into {} ({}) select * from unnest({})").format(
        sql.Identifier("overstap", table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(sql.SQL("%b::{}[]").format(sql.SQL(kind)) for kind in columns.values()),
    )
    connection.execute(statement, [list(column) for column in zip(*rows, strict=True)])
