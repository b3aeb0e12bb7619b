"""PostgreSQL server of a rehearsal: the one in the setting, or a temporary one that an installed package starts."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points

from overstap.errors import OverstapError
from overstap.settings import Settings

GROUP = "overstap.database_server"
"""Entry point group of functions without arguments that return a context manager with a server's connection string."""


@contextmanager
def rehearsal_server(settings: Settings) -> Iterator[str]:
    """Yield the connection string of a login that may make databases and roles.

    Args:
        settings: with the server in `rehearsal`; without it, an installed package may start a temporary server.

    Raises:
        OverstapError: REHEARSAL-002 when there is no server.
    """
    if settings.rehearsal:
        yield settings.rehearsal
        return
    for one in entry_points(group=GROUP):
        with one.load()() as server:
            yield server
        return
    raise OverstapError("REHEARSAL-002")
