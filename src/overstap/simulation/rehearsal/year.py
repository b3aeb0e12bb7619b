"""Rehearsal of all rounds of a school year, in chronological order."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta

from overstap.agreements import Agreement
from overstap.agreements.national import NationalYear
from overstap.agreements.rehearsal import RehearsalAssumptions
from overstap.simulation.rehearsal.families import ActingMoments, make_participants
from overstap.simulation.rehearsal.moving_clock import MovingClock
from overstap.simulation.rehearsal.play import RehearsalEvent, RehearsalWays, RoundRehearsal, random_of
from overstap.simulation.sandbox import temporary_sandbox
from overstap.simulation.synthetic.agreement import write_agreement

_USUAL = RehearsalWays()


def rehearse_year(
    agreement: Agreement,
    national: NationalYear,
    *,
    server: str,
    seed: int,
    pupils: int,
    schools: int,
    assumptions: RehearsalAssumptions,
    watch: Callable[[datetime], None] = lambda at: None,
    ways: RehearsalWays = _USUAL,
) -> Iterator[RehearsalEvent]:
    """Rehearse a school year on a temporary ledger, and yield the events as they happen.

    Args:
        agreement: the agreement; synthetic schools replace its own.
        national: the national school year.
        server: connection string of a login that may make databases and roles; see `temporary_sandbox`.
        seed: the same seed gives the same year.
        pupils: number of synthetic pupils.
        schools: number of synthetic primary schools.
        assumptions: shares of late schools and silent families.
        watch: called with each moment to which the clock moves.
        ways: how the rounds do what can be done in another way too.
    """
    region, played = make_participants(agreement, seed=seed, pupils=pupils, schools=schools)
    first = min(agreed.milestones.opens for agreed in played.rounds.values())
    everybody = [school.id for school in played.schools]
    quiet = logging.getLogger("overstap")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)  # the log of the tasks is replaced by the events
    try:
        with (
            temporary_sandbox(server, region.name, *(one.region for one in played.comparisons)) as sandbox,
            closing(sandbox.ledger()) as ledger,
        ):
            before = first - timedelta(days=1)
            sandbox.certify([region.name], everybody, at=before)
            write_agreement(played, sandbox.regions)
            clock = MovingClock(sandbox, before)
            rounds = [
                RoundRehearsal(
                    *(sandbox, ledger, clock, region),
                    ActingMoments(played, national, random_of(seed, kind), assumptions),
                    kind,
                    ways,
                )
                for kind in played.rounds
            ]
            while waiting := [(at, one) for one in rounds if (at := one.next_at()) is not None]:
                at, playing = min(waiting, key=lambda pair: pair[0])
                watch(at)
                yield from playing.step()
    finally:
        quiet.setLevel(level)
