"""Orderly end of a command that is told to end: what it started is stopped by the same `finally` as on Ctrl-C."""

import signal
from types import FrameType

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals by which a person, a service manager and a closed terminal end a program."""
_BY_A_SIGNAL = 128
"""What a shell adds to the number of the signal that ended a program."""


def ends_in_order() -> None:
    """Let a signal end this program by an exception, so that servers in sessions of their own are stopped too.

    By default SIGTERM ends Python at once, without any `finally`. A second signal is not heard, since it would cut off
    the stopping; a program that was told to ignore one of them (`nohup`) goes on doing so.
    """
    for number in ENDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    for other in ENDS:
        # No SIG_IGN: programs that are started meanwhile, such as pg_ctl, would inherit it
        signal.signal(other, _go_on)
    raise SystemExit(_BY_A_SIGNAL + number)


def _go_on(number: int, _: FrameType | None) -> None:
    """Hear nothing while things stop."""
