"""Benchmark of the quality check of a region: by dossier, as tables, and by Great Expectations over the tables."""

import time
from collections.abc import Iterator
from datetime import date

from rich.console import Console

from overstap.agreements import RoundKind
from overstap.oso import structure
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.oso.writing import to_bytes
from overstap.quality.expectations import expected_in, validate_region
from overstap.quality.findings import JudgementStage
from overstap.quality.rules import judge
from overstap.simulation.synthetic.agreement import agreement_of
from overstap.simulation.synthetic.writing import dossiers
from overstap_tools.bench.lines import RateLine, show
from overstap_tools.bench.sandbox import region_of
from overstap_tools.bench.together import Measured, ProcessShare, Stopwatch, together

ROUND = RoundKind.ADVICE
STEPS = {
    "read": "read",
    "judge": "structure and rules, by dossier",
    "expect": "columns, and Great Expectations over them",
}


def judging(stopwatch: Stopwatch, serial: int, pupils: int, today: date) -> ProcessShare:
    """Judge a region as the task does, without the ledger."""
    region = region_of("quality", pupils, today, serial=serial)
    agreement = agreement_of(region)
    agreed = agreement.round(ROUND)
    schools = frozenset(school.id for school in agreement.schools)
    files = [to_bytes(dossier) for _, dossier in dossiers(region)]
    first = {str(number): read(data) for number, data in enumerate(files[:1])}
    validate_region(first.items(), schools=schools)  # imports Great Expectations
    stopwatch.more = dict.fromkeys(STEPS, 0.0)
    stopwatch.ready()
    more, clock = stopwatch.more, time.monotonic

    def one_by_one() -> Iterator[tuple[str, Dossier]]:
        """Read and judge, one dossier in memory at a time, as the task does."""
        for number, data in enumerate(files):
            begin = clock()
            dossier = read(data)
            was_read = clock()
            structure.check(dossier)
            judge(dossier, today=today, stage=JudgementStage.BEFORE_INSPECTION, profile=agreed.profile)
            more["read"] += was_read - begin
            more["judge"] += clock() - was_read
            yield str(number), dossier

    begin = clock()
    validate_region(one_by_one(), schools=schools, expected=expected_in(ROUND.value, agreed.categories))
    more["expect"] = clock() - begin - more["read"] - more["judge"]
    return stopwatch.stop(len(files))


def run(console: Console, *, today: date, pupils: int) -> list[RateLine]:
    """Print the rates, and return them.

    Args:
        console: where to print.
        today: the day on which dossiers are judged.
        pupils: how many dossiers each process judges.
    """
    alone = together(judging, [(0, pupils, today)])
    both = together(judging, [(serial, pupils, today) for serial in (0, 1)])
    lines = [
        RateLine(what=what, one=_step_rate(alone, step), two=_step_rate(both, step)) for step, what in STEPS.items()
    ]
    lines.append(RateLine(what="all of it", one=alone.rate, two=both.rate, per_cpu=alone.cpu_rate))
    show(
        console,
        f"Quality of a region of {pupils:,}, dossiers",
        lines,
        f"memory of the process: at most {alone.peak_bytes / 1e6:,.0f} MB",
    )
    return lines


def _step_rate(measured: Measured, step: str) -> float:
    return measured.counted / max(part.more[step] for part in measured.parts)
