"""All rounds of a school year, rehearsed in the order of time."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from overstap.agreements import Agreement
from overstap.agreements.national import National
from overstap.agreements.paper_rehearsal import Habits
from overstap.simulation.rehearsal.families import Days, cast
from overstap.simulation.rehearsal.play import Playing, Seen, chance_of
from overstap.simulation.rehearsal.sandbox import rehearsal_place


def rehearse_year(
    agreement: Agreement,
    national: National,
    *,
    seed: int,
    pupils: int,
    schools: int,
    habits: Habits,
    watch: Callable[[datetime], None] = lambda at: None,
) -> Iterator[Seen]:
    """Play a school year against a ledger of its own, and yield what happens as it happens.

    Args:
        agreement: what was agreed; made-up schools take the place of its own.
        national: its school year.
        seed: the same seed gives the same year.
        pupils: how many made-up pupils.
        schools: how many made-up primary schools.
        habits: how many schools are late, and families silent.
        watch: called with each moment to which the clock moves.
    """
    region, played = cast(agreement, seed=seed, pupils=pupils, schools=schools)
    first = min(agreed.milestones.opens for agreed in played.rounds.values())
    everybody = [school.id for school in played.schools]
    quiet = logging.getLogger("overstap")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)  # what a task would say in Airflow's log is told here as what happened
    try:
        with rehearsal_place(region.name, everybody, at=first - timedelta(days=1)) as place:
            rounds = [
                Playing(place, region, Days(played, national, chance_of(seed, kind), habits), kind)
                for kind in played.rounds
            ]
            while waiting := [(at, one) for one in rounds if (at := one.next_at()) is not None]:
                at, playing = min(waiting, key=lambda pair: pair[0])
                watch(at)
                yield from playing.step()
    finally:
        quiet.setLevel(level)
