"""Check of the clock, on which certificates, milestones and the audit chain depend."""

import ctypes
import errno
import os
from collections.abc import Iterator
from datetime import timedelta

import psycopg

from overstap.clock import now
from overstap.doctor.finding import Finding, good, mind, unseen, wrong
from overstap.ledger.server import real_clock
from overstap.settings import Settings

APART_MIND, APART_WRONG = timedelta(seconds=2), timedelta(seconds=30)
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_STRUCT_BYTES = 512  # struct timex is smaller everywhere


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield whether the kernel's clock is synchronised, and its difference with the database's clock."""
    yield _kept()
    if settings.ledger is None:
        return
    try:
        with psycopg.connect(settings.ledger, connect_timeout=10) as connection:
            before = now()
            there = real_clock(connection)
            after = now()
    except psycopg.OperationalError:
        return  # reported by the check of the ledger
    apart = abs(there - (before + (after - before) / 2))
    said = f"the database's clock is {apart.total_seconds():.1f} s away"
    do = "let both machines follow the same time server"
    if apart > APART_WRONG:
        yield wrong("clock", said, do)
    elif apart > APART_MIND:
        yield mind("clock", said, do)
    else:
        yield good("clock", said)


def _kept() -> Finding:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "adjtimex"):
        return unseen("clock", "this system does not tell whether a time server keeps its clock")
    state = libc.adjtimex(ctypes.create_string_buffer(_STRUCT_BYTES))  # modes 0: nothing is set
    if state < 0:
        return unseen("clock", f"the kernel does not tell ({os.strerror(ctypes.get_errno() or errno.EPERM)})")
    if state == _UNSYNCHRONISED:
        do = "start chrony or systemd-timesyncd on the host"
        return mind("clock", "the kernel's clock follows no time server", do)
    return good("clock", "the kernel's clock follows a time server")
