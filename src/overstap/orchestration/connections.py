"""Database connections of Airflow, opened for one task by their name in an agreement."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook

from overstap.errors import OverstapError


@contextmanager
def las_connection(name: str) -> Iterator[psycopg.Connection[Any]]:
    """Open the database behind an Airflow connection, through the Postgres provider.

    Args:
        name: the connection's id, as the agreement names it.

    Raises:
        OverstapError: INTAKE-060 when there is none or it does not answer. The driver's message may contain a
            password, so it is not passed on.
    """
    try:
        connection = PostgresHook(postgres_conn_id=name).get_conn()
    except Exception as problem:
        raise OverstapError("INTAKE-060", connection=name, kind=type(problem).__name__) from None
    with closing(connection):
        yield connection
