"""Where a school's dossiers and a region's registrations are, opened for one task."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook

from overstap.agreements.model import DropFolder
from overstap.errors import OverstapError
from overstap.orchestration.round_context import Workplace


@contextmanager
def las_connection(name: str) -> Iterator[psycopg.Connection[Any]]:
    """Open the database behind an Airflow connection, through the Postgres provider.

    Args:
        name: the connection's id, as the agreement names it.

    Raises:
        OverstapError: INTAKE-060 when it is not there or does not answer. Its words may hold a password: not passed on.
    """
    try:
        connection = PostgresHook(postgres_conn_id=name).get_conn()
    except Exception as problem:
        raise OverstapError("INTAKE-060", connection=name, kind=type(problem).__name__) from None
    with closing(connection):
        yield connection


@contextmanager
def source(place: Workplace, school: str) -> Iterator[Any]:
    """Open where a school supplies: its drop folder, or a connection to its database.

    Args:
        place: the round.
        school: BRIN and branch.
    """
    supplies = place.agreement.school(school).supplies
    if supplies is None or isinstance(supplies, DropFolder):
        yield place.settings.need_path("drop") / place.ref.region / school
        return
    with las_connection(supplies.connection) as connection:
        yield connection
