"""Benchmark of generating a synthetic region."""

from datetime import date

from rich.console import Console

from overstap.oso.writing import to_bytes
from overstap.simulation.synthetic.writing import dossiers
from overstap_tools.bench.lines import RateLine, line, show
from overstap_tools.bench.sandbox import region_of
from overstap_tools.bench.together import ProcessShare, Stopwatch


def work(stopwatch: Stopwatch, serial: int, pupils: int, today: date) -> ProcessShare:
    """Make a region's dossiers as bytes."""
    region = region_of(f"synth{serial}", pupils, today, serial=serial)
    stopwatch.ready()
    size = sum(len(to_bytes(dossier)) for _, dossier in dossiers(region))
    stopwatch.more["bytes"] = size / pupils
    return stopwatch.stop(pupils)


def run(console: Console, *, today: date, pupils: int, runs: int) -> list[RateLine]:
    """Print the rates, and return them.

    Args:
        console: where to print.
        today: the day of the exports.
        pupils: how many dossiers each process makes.
        runs: how many times; the median counts.
    """
    lines = [line("make and write a dossier", work, lambda serial: (serial, pupils, today), runs=runs)]
    show(console, "Synthetic region, dossiers", lines)
    return lines
