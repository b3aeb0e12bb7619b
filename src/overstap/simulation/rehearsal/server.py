"""The PostgreSQL server on which a rehearsal plays: the one that a setting names, or one that the tools start."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points

from overstap.errors import OverstapError
from overstap.settings import Settings

GROUP = "overstap.database_server"
"""Entry point group: a function without arguments whose context manager gives the connection string of a server."""


@contextmanager
def rehearsal_server(settings: Settings) -> Iterator[str]:
    """Yield the connection string of a login that may make databases and roles.

    Args:
        settings: `rehearsal` names a server; where it does not, a package that is installed beside this one may start
            one of its own for the time of the rehearsal.

    Raises:
        OverstapError: REHEARSAL-002 when there is neither.
    """
    if settings.rehearsal:
        yield settings.rehearsal
        return
    for one in entry_points(group=GROUP):
        with one.load()() as server:
            yield server
        return
    raise OverstapError("REHEARSAL-002")
