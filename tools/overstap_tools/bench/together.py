"""Measurement of work in one process and in two concurrent processes, by wall clock and processor time."""

import multiprocessing
import resource
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

_LONGEST_SECONDS = 1800
START = "spawn"
"""How processes are started: each is to have memory and loading of its own. Tests, which keep no measurement, fork."""


@dataclass(frozen=True, slots=True)
class ProcessShare:
    """Result of one process.

    Args:
        counted: how many items it worked through.
        begin: when it began, monotonic seconds of the machine.
        end: when it ended.
        cpu_seconds: processor time of the process in between.
        peak_bytes: the largest memory that the process ever had.
        more: whatever else the work wants to tell, such as the seconds of each step.
    """

    counted: int
    begin: float
    end: float
    cpu_seconds: float
    peak_bytes: int
    more: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """Result of concurrent processes."""

    parts: tuple[ProcessShare, ...]

    @property
    def counted(self) -> int:
        """How many items, all processes together."""
        return sum(part.counted for part in self.parts)

    @property
    def seconds(self) -> float:
        """From the first beginning to the last end."""
        return max(part.end for part in self.parts) - min(part.begin for part in self.parts)

    @property
    def rate(self) -> float:
        """Items per second of wall-clock time."""
        return self.counted / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Items per second of processor time: the rate when no other program uses the cores."""
        return self.counted / sum(part.cpu_seconds for part in self.parts)

    @property
    def peak_bytes(self) -> int:
        """The largest memory that any of the processes ever had."""
        return max(part.peak_bytes for part in self.parts)


class Stopwatch:
    """Stopwatch that starts all processes together after their preparation, and measures each.

    Args:
        gate: where all processes wait for one another.
    """

    def __init__(self, gate: threading.Barrier) -> None:
        self._gate = gate
        self.more: dict[str, float] = {}
        self._begin = self._cpu = 0.0

    def ready(self) -> None:
        """Say that the preparation is done; returns when every process is, and the clock runs from then on."""
        self._gate.wait(_LONGEST_SECONDS)
        self._cpu = time.process_time()
        self._begin = time.monotonic()

    def stop(self, counted: int) -> ProcessShare:
        """Stop the clock.

        Args:
            counted: how many items were worked through.
        """
        end = time.monotonic()
        return ProcessShare(counted, self._begin, end, time.process_time() - self._cpu, peak_bytes(), self.more)


Work = Callable[..., ProcessShare]
"""A function of a module, called with a stopwatch and its own arguments in a process of its own."""


def together(work: Work, arguments: Sequence[tuple[Any, ...]]) -> Measured:
    """Run the work once per tuple of arguments, each in a fresh process, all at the same time.

    Args:
        work: prepares, calls `ready`, works, and returns what `stop` gives.
        arguments: for each process its own, beside the stopwatch.

    Raises:
        RuntimeError: a process failed; its traceback is on standard error.
    """
    context: Any = multiprocessing.get_context(START)
    gate: Any = context.Barrier(len(arguments))
    lines = [context.Pipe(duplex=False) for _ in arguments]
    processes = [
        context.Process(target=_run, args=(work, gate, sender, own))
        for own, (_, sender) in zip(arguments, lines, strict=True)
    ]
    try:
        for process in processes:
            process.start()
        for _, sender in lines:
            sender.close()  # the child holds its own end: should it die, reading ends too
        parts = tuple(receiver.recv() for receiver, _ in lines)
    except EOFError as problem:
        gate.abort()  # a process that waits for the one that failed would wait for long
        raise RuntimeError(f"{work.__module__}.{work.__name__} failed in a process of its own") from problem
    except BaseException:  # told to end (see `ending`): they would be waited for until they have done all
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        for process in processes:
            if process.pid is not None:
                process.join()
    return Measured(parts)


def _run(work: Work, gate: Any, sender: Any, own: tuple[Any, ...]) -> None:
    sender.send(work(Stopwatch(gate), *own))
    sender.close()


def peak_bytes() -> int:
    """Return the largest memory that this process ever had."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
