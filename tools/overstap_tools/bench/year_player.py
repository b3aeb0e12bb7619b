"""Process that plays the rounds of some regions, moment by moment as it is told, and measures each kind of work."""

import logging
import multiprocessing
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from overstap.agreements import RoundKind
from overstap.agreements.rehearsal import RehearsalAssumptions
from overstap.errors import OverstapError
from overstap.quality.preloading import preload
from overstap.rounds.context import open_channel
from overstap.simulation.rehearsal.families import ActingMoments
from overstap.simulation.rehearsal.play import RehearsalWays, RehearsalWork, RoundRehearsal, random_of
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.school import PrimarySchool
from overstap.simulation.synthetic.writing import write_school
from overstap_tools.bench.year_regions import CountryRegion

_END_SECONDS = 10


@dataclass(slots=True)
class Spent:
    """What work took.

    Args:
        overstap: processor seconds of the process that plays.
        postgres: processor seconds of its connection's process in PostgreSQL.
        endpoints: processor seconds of the receiving schools.
        seconds: by the clock.
    """

    overstap: float = 0.0
    postgres: float = 0.0
    endpoints: float = 0.0
    seconds: float = 0.0

    @property
    def cpu(self) -> float:
        """Processor seconds of all of them."""
        return self.overstap + self.postgres + self.endpoints

    def add(self, more: "Spent") -> None:
        """Add what other work took."""
        self.overstap += more.overstap
        self.postgres += more.postgres
        self.endpoints += more.endpoints
        self.seconds += more.seconds


@dataclass(frozen=True, slots=True)
class Played:
    """Work that was done at one moment in one round.

    Args:
        at: the moment, by the moved clock.
        region: region id.
        kind: kind of the round.
        spent: what each kind of work took.
        counts: of the rehearsal's events, each with its figures: "collected new", "delivered confirmed".
        faults: codes of errors that ended a step.
    """

    at: datetime
    region: str
    kind: RoundKind
    spent: dict[RehearsalWork, Spent] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """What a process tells after a moment.

    Args:
        played: the work.
        next_at: the moment of its next step; None when all its rounds are over.
        memory_bytes: its memory.
    """

    played: Sequence[Played]
    next_at: datetime | None
    memory_bytes: int


class StillClock:
    """Clock that returns the moment to which it was moved; the ledger's is moved elsewhere.

    Args:
        at: the first moment.
    """

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the present moment of the clock."""
        return self.at

    def move_to(self, at: datetime) -> None:
        """Move the clock forward."""
        self.at = max(at, self.at)


class _Meter:
    """Measures the work of one moment and round.

    Args:
        postgres: process of the connection.
        endpoints: process of the receiving schools.
    """

    def __init__(self, postgres: psutil.Process, endpoints: psutil.Process) -> None:
        self._others = postgres, endpoints
        self.spent: dict[RehearsalWork, Spent] = {}

    @contextmanager
    def during(self, work: RehearsalWork) -> Iterator[None]:
        before = self._now()
        try:
            yield
        finally:
            after = self._now()
            spent = Spent(*(then - first for first, then in zip(before, after, strict=True)))
            self.spent.setdefault(work, Spent()).add(spent)

    def _now(self) -> tuple[float, float, float, float]:
        postgres, endpoints = (times.user + times.system for times in (one.cpu_times() for one in self._others))
        return time.process_time(), postgres, endpoints, time.monotonic()


class _Player:
    """Rounds of some regions, each in the order of its moments."""

    def __init__(self, sandbox: Sandbox, regions: Sequence[CountryRegion], endpoints: int, begin: datetime) -> None:
        self._ledger = sandbox.ledger()
        self._endpoints = psutil.Process(endpoints)
        self._meter: _Meter | None = None
        self._exports = sandbox.folder / "exports"
        clock = StillClock(begin)
        ways = RehearsalWays(hand_in=self._hand_in, channel=open_channel, during=self._during)
        self._rounds = [
            RoundRehearsal(
                *(sandbox, self._ledger, clock, one.region),
                ActingMoments(one.agreement, one.national, random_of(one.region.seed, kind), RehearsalAssumptions()),
                kind,
                ways,
            )
            for one in regions
            for kind in one.agreement.rounds
        ]

    def next_at(self) -> datetime | None:
        return min((at for one in self._rounds if (at := one.next_at()) is not None), default=None)

    def play(self, until: datetime) -> list[Played]:
        """Do all that is to be done until a moment, this included."""
        [(pid,)] = self._ledger.without_region("select pg_backend_pid()")
        found = []
        for one in self._rounds:
            if not _is_due(one, until):
                continue
            self._meter = _Meter(psutil.Process(pid), self._endpoints)
            played = Played(until, one.region.name, one.kind, self._meter.spent)
            while _is_due(one, until):
                _step(one, played)
            found.append(played)
        return found

    def close(self) -> None:
        self._ledger.close()

    @contextmanager
    def _during(self, work: RehearsalWork) -> Iterator[None]:
        if self._meter is None:
            raise RuntimeError("nothing is being played")
        with self._meter.during(work):
            yield

    def _hand_in(self, region: SyntheticRegion, school: PrimarySchool, folder: Path) -> None:
        """Put a school's files into its drop folder; they are made once, since each round gets the same."""
        made = self._exports / "drop" / region.name / school.id
        if not made.exists():
            write_school(region, school, self._exports)
        shutil.copytree(made, folder / "drop" / region.name / school.id, copy_function=os.link, dirs_exist_ok=True)


def _is_due(one: RoundRehearsal, until: datetime) -> bool:
    at = one.next_at()
    return at is not None and at <= until


def _step(one: RoundRehearsal, played: Played) -> None:
    try:
        events = one.step()
    except OverstapError as problem:  # as a task that is red: the round's other steps come all the same
        played.faults.append(problem.code)
        return
    for event in events:
        name = event.what
        played.counts[name] = played.counts.get(name, 0) + 1
        for fact, value in event.facts.items():
            if isinstance(value, int):
                played.counts[f"{name} {fact}"] = played.counts.get(f"{name} {fact}", 0) + value


class PlayerProcess:
    """A process that plays, as its parent sees it.

    Args:
        sandbox: the sandbox, with the agreements.
        regions: whose rounds.
        endpoints: number of the process with their endpoints.
        begin: the moment before all others.
    """

    def __init__(self, sandbox: Sandbox, regions: Sequence[CountryRegion], endpoints: int, begin: datetime) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_play, args=(theirs, sandbox, regions, endpoints, begin))
        self._process.start()
        theirs.close()

    def ask(self, until: datetime) -> None:
        """Let it play until a moment; `report` waits for it."""
        self._line.send(until)

    def report(self) -> Report:
        """Return what it tells: first after its preparation, and then after each moment.

        Raises:
            RuntimeError: the process failed; its traceback is on standard error.
        """
        try:
            found: Report = self._line.recv()
        except EOFError as problem:
            raise RuntimeError("a process that plays the year has failed") from problem
        return found

    def stop(self) -> None:
        """End the process: it ends by itself when nobody asks it any more, unless it is in the midst of a moment."""
        self._line.close()
        self._process.join(_END_SECONDS)
        self._process.terminate()
        self._process.join()


def _play(line: Any, sandbox: Sandbox, regions: Sequence[CountryRegion], endpoints: int, begin: datetime) -> None:
    from overstap.quality import suites  # Great Expectations, which no moment of the year shall pay for

    logging.getLogger("overstap").setLevel(logging.CRITICAL)  # the log of the tasks is replaced by the counts
    preload()
    suites.source()
    player = _Player(sandbox, regions, endpoints, begin)
    own = psutil.Process()
    line.send(Report([], player.next_at(), own.memory_info().rss))
    while True:
        try:
            until = line.recv()
        except EOFError:
            break
        played = player.play(until)
        line.send(Report(played, player.next_at(), own.memory_info().rss))
    player.close()
