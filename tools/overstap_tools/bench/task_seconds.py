"""Division of the seconds of a run in Airflow among what tasks and their surroundings did, from the tasks' own logs.

A task's process writes when it begins, and how long it took to read the DAG file. What is between two of its
processes is a wait: for people, where somebody was asked, or else for the scheduler. Each moment of a run is divided
equally among the processes that ran at it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

_BEGINS = "::group::Pre Execute"
_IS_READ = "Worker startup parse complete"


class SecondKind(StrEnum):
    """What a second went to."""

    START = "task start"
    """From the moment that the task is running for Airflow until its process reads the DAG file."""
    READING = "DAG file"
    """Reading the DAG file: the region's agreement, and what is imported for it."""
    WORK = "work"
    PEOPLE = "people"
    """No task ran, and somebody had been asked: a gate, the review."""
    SCHEDULER = "scheduler"
    """No task ran, and nobody had been asked."""


@dataclass(frozen=True, slots=True)
class Span:
    """What something was doing for a while, in seconds since 1970."""

    kind: SecondKind
    begin: float
    end: float


def spans_of(lines: Iterable[str], started_at: float | None = None, answered_at: float | None = None) -> list[Span]:
    """Return what one task instance did, from the lines of its log.

    Args:
        lines: the log, a JSON document each (`timestamp`, `event`).
        started_at: when Airflow had it running first; the first line when None.
        answered_at: when the person who was asked had answered; None where nobody was.

    Raises:
        ValueError: a line is no JSON, or its moment is none.
    """
    processes: list[list[tuple[float, Mapping[str, object]]]] = []
    for line in lines:
        told = json.loads(line)
        moment = datetime.fromisoformat(told["timestamp"]).timestamp()
        if told["event"] == _BEGINS or not processes:
            processes.append([])
        processes[-1].append((moment, told))
    found: list[Span] = []
    for process in processes:
        begin, end = process[0][0], process[-1][0]
        if not found and started_at is not None:
            begin = min(begin, started_at)
        read = next(((at, told) for at, told in process if told["event"] == _IS_READ), None)
        if read is None:
            found.append(Span(SecondKind.START, begin, end))
            continue
        at, told = read
        reads_from = max(begin, at - float(str(told["dag_file_parse_ms"])) / 1_000)
        found += [
            Span(SecondKind.START, begin, reads_from),
            Span(SecondKind.READING, reads_from, at),
            Span(SecondKind.WORK, at, end),
        ]
    if answered_at is not None and processes:  # the wait itself may be without a second process
        asked_at = processes[0][-1][0]
        found.append(Span(SecondKind.PEOPLE, asked_at, max(asked_at, answered_at)))
    return found


def divided(spans: Sequence[Span], begin: float, end: float) -> dict[SecondKind, float]:
    """Return the seconds of each kind between two moments; their sum is what is between the moments.

    Args:
        spans: what all task instances did.
        begin: when the run began.
        end: when it ended.
    """
    seconds = dict.fromkeys(SecondKind, 0.0)
    moments = sorted({begin, end, *(min(max(each, begin), end) for one in spans for each in (one.begin, one.end))})
    starting = sorted(spans, key=lambda one: one.begin)
    running: list[Span] = []
    upcoming = 0
    for earlier, later in pairwise(moments):
        while upcoming < len(starting) and starting[upcoming].begin <= earlier:
            running.append(starting[upcoming])
            upcoming += 1
        running = [one for one in running if one.end > earlier]
        busy = [one.kind for one in running if one.kind is not SecondKind.PEOPLE]
        for kind in busy:
            seconds[kind] += (later - earlier) / len(busy)
        if not busy:
            seconds[SecondKind.PEOPLE if running else SecondKind.SCHEDULER] += later - earlier
    return seconds


def waited_before(spans: Mapping[str, Sequence[Span]], begin: float, end: float) -> dict[str, float]:
    """Return the seconds in which the scheduler was waited for, by the task of which a process began next.

    They are those that `divided` gives to the scheduler. What passed after the last process has the name "".

    Args:
        spans: what the instances of each task did.
        begin: when the run began.
        end: when it ended.
    """
    found: dict[str, float] = {}
    reached = begin
    named = ((name, one) for name, each in spans.items() for one in each)
    for name, one in sorted(named, key=lambda pair: pair[1].begin):
        waited = min(one.begin, end) - reached
        if waited > 0:
            found[name] = found.get(name, 0.0) + waited
        reached = max(reached, one.end)
    if end > reached:
        found[""] = end - reached
    return found


_LETTERS = {
    SecondKind.START: "s",
    SecondKind.READING: "d",
    SecondKind.WORK: "#",
    SecondKind.PEOPLE: "p",
    SecondKind.SCHEDULER: ".",
}


def bar(seconds: Mapping[SecondKind, float], width: int = 60) -> str:
    """Return a line of letters, one for each part of the whole; see `legend`."""
    whole = sum(seconds.values())
    if not whole:
        return ""
    ends = [round(width * sum(list(seconds.values())[: place + 1]) / whole) for place in range(len(seconds))]
    counts = [end - begin for begin, end in pairwise([0, *ends])]
    return "".join(_LETTERS[kind] * count for kind, count in zip(seconds, counts, strict=True))


def legend() -> str:
    """Return what the letters of a bar mean."""
    return ", ".join(f"{letter} {kind.value}" for kind, letter in _LETTERS.items())
