"""Trace id of the work in progress: of an Airflow run in its tasks, of a request in a server (W3C Trace Context)."""

import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "traceparent"
_TRACE = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_current: ContextVar[str | None] = ContextVar("overstap_trace", default=None)
_process: list[str] = []
"""The trace of a process that does one thing only, so that its other threads have it too."""


def trace_id() -> str | None:
    """Return the trace id of the present work, 32 hexadecimal digits; None outside any."""
    return _current.get() or (_process[-1] if _process else None)


def trace_of_run(dag: str, run: str) -> str:
    """Return the trace id of an Airflow run, the same in each of its tasks.

    Args:
        dag: id of the DAG.
        run: id of the run.
    """
    return hashlib.sha256(f"{dag}\0{run}".encode()).hexdigest()[:32]


def begin(trace: str) -> None:
    """Make a trace the one of this whole process.

    Args:
        trace: the trace id.
    """
    _process[:] = [trace]


@contextmanager
def traced(trace: str | None) -> Iterator[str]:
    """Do some work under a trace id; a new one when there is none.

    Args:
        trace: the trace id, or None.
    """
    used = trace or secrets.token_hex(16)
    token = _current.set(used)
    try:
        yield used
    finally:
        _current.reset(token)


def traceparent() -> str | None:
    """Return the header for a request to another party (W3C Trace Context, "traceparent"); None outside any trace."""
    trace = trace_id()
    return f"00-{trace}-{secrets.token_hex(8)}-00" if trace else None


def read_traceparent(header: str) -> str | None:
    """Return the trace id that a caller sent; None when the header is not well formed.

    Args:
        header: value of the header; anything may stand in it.
    """
    found = _TRACE.fullmatch(header)
    return found[1] if found else None
