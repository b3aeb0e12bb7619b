"""Processor time of other processes that a benchmark uses: PostgreSQL, receiving endpoints."""

from collections.abc import Sequence
from contextlib import suppress

import psutil
import psycopg


def server(dsn: str) -> psutil.Process:
    """Return the process of a PostgreSQL server on this machine, the parent of all its others.

    Args:
        dsn: libpq connection string of a login there.
    """
    with psycopg.connect(dsn) as connection:
        backend = psutil.Process(connection.info.backend_pid)
        return backend.parent() or backend


def seconds(processes: Sequence[psutil.Process]) -> float:
    """Return the processor seconds of processes with their children, those that have ended too."""
    total = 0.0
    for process in processes:
        times = process.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
        for child in process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ends at this moment: next time it is among those that have
                own = child.cpu_times()
                total += own.user + own.system
    return total
