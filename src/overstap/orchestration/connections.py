"""Connections of Airflow to schools' systems, opened for one task by their name in an agreement."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import BaseHook

from overstap.errors import OverstapError
from overstap.intake.http_api import HttpApi
from overstap.intake.other_database import OtherDatabase


@contextmanager
def las_connection(name: str) -> Iterator[psycopg.Connection[Any] | OtherDatabase | HttpApi]:
    """Open what is behind an Airflow connection: a database, through the provider that it names, or an HTTP API.

    PostgreSQL is read by psycopg; of any other database the hook must be a `DbApiHook`, whose provider is installed.

    Args:
        name: the connection's id, as the agreement names it.

    Raises:
        OverstapError: INTAKE-060 when there is none, it is of something else, or it does not answer. The driver's
            message may contain a password, so it is not passed on.
    """
    try:
        stated = BaseHook.get_connection(name)
        if stated.conn_type == "http":
            opened: Any = _http_api(stated)
        else:
            hook = stated.get_hook()
            if not isinstance(hook, DbApiHook):
                raise OverstapError("INTAKE-060", connection=name, kind=type(hook).__name__)
            opened = hook.get_conn()
    except OverstapError:
        raise
    except Exception as problem:  # each hook and driver has its own errors
        raise OverstapError("INTAKE-060", connection=name, kind=type(problem).__name__) from None
    if isinstance(opened, HttpApi):
        yield opened
        return
    with closing(opened):
        yield opened if isinstance(hook, PostgresHook) else OtherDatabase(opened, hook.placeholder)


def _http_api(stated: Any) -> HttpApi:
    """Return the API of a connection of type HTTP: host, login (client id), password, and in extra `token_url`."""
    host = str(stated.host or "")
    address = host if "://" in host else f"{stated.schema or 'https'}://{host}"
    base = f"{address}:{stated.port}" if stated.port else address
    extra = stated.extra_dejson
    return HttpApi(
        base=base.rstrip("/"),
        token_url=str(extra["token_url"]),
        client_id=str(stated.login or ""),
        client_secret=str(stated.password or ""),
        scope=str(extra.get("scope", "")),
    )
