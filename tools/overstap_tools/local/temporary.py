"""Temporary PostgreSQL server for one command, removed at its end."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import stop_all


@contextmanager
def temporary_server(*, is_durable: bool = False, in_memory: bool = True) -> Iterator[str]:
    """Start a server, yield the connection string of its superuser, and remove the server at the end, however it comes.

    Args:
        is_durable: whether it waits for the disk at each commit.
        in_memory: whether its data are kept in memory, where there is room.

    Raises:
        OverstapError: LOCAL-nnn when it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="overstap-postgres-"))
    postgres = EmbeddedPostgres(folder / "postgres", is_durable=is_durable, in_memory=in_memory)
    try:
        postgres.start()
        yield postgres.superuser_dsn()
    finally:
        stop_all(folder)
        postgres.destroy()
        shutil.rmtree(folder)
