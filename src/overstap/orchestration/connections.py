"""Database connections of Airflow, opened for one task by their name in an agreement."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import BaseHook

from overstap.errors import OverstapError
from overstap.intake.other_database import OtherDatabase


@contextmanager
def las_connection(name: str) -> Iterator[psycopg.Connection[Any] | OtherDatabase]:
    """Open the database behind an Airflow connection, through the provider that the connection names.

    PostgreSQL is read by psycopg; of any other database the hook must be a `DbApiHook`, whose provider is installed.

    Args:
        name: the connection's id, as the agreement names it.

    Raises:
        OverstapError: INTAKE-060 when there is none, it is of no database, or it does not answer. The driver's message
            may contain a password, so it is not passed on.
    """
    try:
        hook = BaseHook.get_hook(name)
        if not isinstance(hook, DbApiHook):
            raise OverstapError("INTAKE-060", connection=name, kind=type(hook).__name__)
        connection: Any = hook.get_conn()
    except OverstapError:
        raise
    except Exception as problem:
        raise OverstapError("INTAKE-060", connection=name, kind=type(problem).__name__) from None
    with closing(connection):
        yield connection if isinstance(hook, PostgresHook) else OtherDatabase(connection, hook.placeholder)
