"""Benchmark of applications: a national year's lists read, taken in again, compared, and compared between regions."""

import csv
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.model import Comparison
from overstap.clock import now
from overstap.comparing.regions import compare_regions
from overstap.intake import applications
from overstap.intake.applications import HEADER, OPTIONAL
from overstap.intake.registrations import SourceRegistrations, collect_registrations
from overstap.ledger import Ledger
from overstap.ledger.comparisons.pseudonyms import keep_pseudonyms
from overstap.ledger.invariants import check
from overstap.ledger.rosters import by_application
from overstap.ledger.rounds.rounds import open_round
from overstap.ledger.rounds.undecided_applications import undecided_applications
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import agreement_of, past_milestones
from overstap.simulation.synthetic.numbers import bsn
from overstap.simulation.synthetic.region import punctual_region
from overstap_tools.bench.sandbox import SEED
from overstap_tools.bench.together import peak_bytes

PUPILS, PRIMARY, SECONDARY = 5_000, 125, 12
"""Of a region; 35 regions are the country, with 175,000 pupils."""
YEAR = "2026-2027"
SECOND_EVERY, FOURTH_EVERY = 2, 7
"""Every second pupil has two applications more, and every seventh two more: 400,000 in the country."""
CHANGED_EVERY, WITHDRAWN_EVERY, TWICE_EVERY = 10, 40, 100
"""In the second list one application of so many has another state, was withdrawn, or is a second placement."""
IN_BOTH_EVERY = 20
"""One of so many pupils of a region is a pupil of the next one too."""
MEMORY_BUDGET = 512 * 1024 * 1024
"""What the process that reads and takes in may use, whatever the number of regions."""
STEPS = ("read", "take in", "again, unchanged", "again, changed", "compare", "legal periods", "points", "two regions")
_Result = TypeVar("_Result")


def region_names(regions: int) -> list[str]:
    """Return the ids of so many regions."""
    return [f"applying_{number:02}" for number in range(1, regions + 1)]


def rows_of(agreement: Agreement, pupils: int, first: int, *, later: bool) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a region's list.

    Args:
        agreement: the region's.
        pupils: how many pupils.
        first: position of the first pupil's number.
        later: whether the states are those of a later list.
    """
    primary = [one.id for one in agreement.primary_schools]
    secondary = [one.id for one in agreement.secondary_schools]
    position = 0
    for pupil in range(pupils):
        wanted = 1 + 2 * (pupil % SECOND_EVERY == 0) + 2 * (pupil % FOURTH_EVERY == 0)
        for preference in range(1, min(wanted, len(secondary)) + 1):
            position += 1
            school = secondary[(pupil + preference) % len(secondary)]
            stage, status, reason, moment = "aangemeld", "aangemeld", "", "2027-03-26 09:00"
            if later and position % WITHDRAWN_EVERY == 0:
                status, reason, moment = "ingetrokken", "elders", "2027-05-03 09:00"
            elif later and position % TWICE_EVERY < 2:
                stage, status, moment = "geplaatst", "geplaatst", "2027-05-04 09:00"
            elif later and position % CHANGED_EVERY == 0:
                status, moment = "toelaatbaar", "2027-04-20 09:00"
            yield (
                *(bsn(first + pupil), "", primary[pupil % len(primary)], school, stage, moment),
                *(str(preference), status, reason),
            )


def run(console: Console, sandbox: Sandbox, *, today: date, regions: int, pupils: int = PUPILS) -> dict[str, float]:
    """Print seconds, rates and memory; return the seconds of each step.

    Args:
        console: where to print.
        sandbox: with a ledger that knows the regions.
        today: the day on which the regions' agreements are made.
        regions: how many.
        pupils: pupils of each region.
    """
    spent = dict.fromkeys(STEPS, 0.0)
    ledger, applied, listed = sandbox.ledger(), 0, 0
    names, in_both = region_names(regions), pupils // IN_BOTH_EVERY
    compared = 0
    before: set[str] = set()
    for place, name in enumerate(names):
        partners = names[max(place - 1, 0) : place] + names[place + 1 : place + 2]
        rows_taken, on_lists, standing = _one(ledger, name, today, pupils, place * (pupils - in_both), spent, partners)
        applied, listed = applied + rows_taken, listed + on_lists
        if place:
            compared += _compare(ledger, names[place - 1], name, spent, len(before & standing))
        before = standing
    for name in names:
        _check(ledger, name)
    ledger.close()
    rows = {"compare": regions * pupils, "legal periods": applied, "points": regions * pupils}
    rows["two regions"] = 2 * (regions - 1) * pupils
    table = Table(title=f"Applications: {regions * pupils:,} pupils, {applied:,} applications, {regions} regions")
    for column in ("step", "seconds", "per second", "of"):
        table.add_column(column, justify="left" if column in ("step", "of") else "right")
    for step in STEPS:
        count = rows.get(step, applied)
        unit = "pupils" if step in ("compare", "points", "two regions") else "applications"
        table.add_row(step, f"{spent[step]:,.1f}", f"{count / max(spent[step], 1e-9):,.0f}", unit)
    console.print(table)
    peak = peak_bytes()
    kept = "kept" if peak <= MEMORY_BUDGET else "exceeded"
    console.print(f"  pupils learned to be in two regions: {compared:,}")
    console.print(f"  pupils on lists with an owner: {listed:,}; memory {peak / 1024**2:,.0f} MB of at most")
    console.print(f"  {MEMORY_BUDGET / 1024**2:,.0f} MB ({kept})")
    if peak > MEMORY_BUDGET:
        raise SystemExit(1)
    return spent


def _compare(ledger: Ledger, one: str, other: str, spent: dict[str, float], in_both: int) -> int:
    """Compare two regions; return how many pupils each learned of, both together."""
    begin = time.monotonic()
    found = compare_regions(ledger, one, other, YEAR, "bench")
    spent["two regions"] += time.monotonic() - begin
    if (found.found, found.found_there) != (in_both, in_both):
        raise AssertionError(f"{in_both} pupils are in both, {found.found} and {found.found_there} were found")
    return found.found + found.found_there


def _check(ledger: Ledger, name: str) -> None:
    with ledger.unit(name, "bench") as unit:
        breaches = check(unit)
    if breaches:
        raise AssertionError(breaches[0])


def _one(
    ledger: Ledger,
    name: str,
    today: date,
    pupils: int,
    first: int,
    spent: dict[str, float],
    partners: Sequence[str],
) -> tuple[int, int, set[str]]:
    """Take one region through all steps; return its applications, the pupils on its lists, and who still applies."""
    made_up = punctual_region(
        *(SEED, PRIMARY, PRIMARY, SECONDARY),
        today=today,
        name=name,
        school_year=YEAR,
    )
    kinds = {kind: past_milestones(now()) for kind in (RoundKind.ADVICE, RoundKind.PLACEMENT)}
    agreement = agreement_of(made_up, kinds)
    comparing = agreement.model_copy(update={"comparisons": tuple(Comparison(region=one) for one in partners)})
    with ledger.unit(name, "bench") as unit:
        open_round(unit, comparing, RoundKind.PLACEMENT)

    def timed(step: str, work: Callable[[], _Result]) -> _Result:
        begin = time.monotonic()
        done = work()
        spent[step] += time.monotonic() - begin
        return done

    with tempfile.TemporaryDirectory() as folder:
        files = []
        for later in (False, True):
            path = Path(folder) / f"aanmeldingen-{later}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, delimiter=";")
                writer.writerow((*HEADER, *OPTIONAL))
                writer.writerows(rows_of(agreement, pupils, first, later=later))
            files.append(path)
        before = timed("read", lambda: SourceRegistrations("file", *applications.read_file(files[0])))
        after = SourceRegistrations("file", *applications.read_file(files[1]))
    counts = timed("take in", lambda: collect_registrations(ledger, agreement, [before], "bench"))
    if counts["changed"] != counts["rows"]:
        raise AssertionError(f"{counts['rows']} rows, {counts['changed']} taken in")
    timed("again, unchanged", lambda: collect_registrations(ledger, agreement, [before], "bench"))
    timed("again, changed", lambda: collect_registrations(ledger, agreement, [after], "bench"))

    def compare() -> int:
        with ledger.unit(name, "bench") as unit:
            return len(by_application.listed(unit, agreement.round_id(RoundKind.PLACEMENT)))

    listed = timed("compare", compare)

    def periods() -> int:
        with ledger.unit(name, "bench") as unit:
            return sum(one.count for one in undecided_applications(unit, agreement.school_year))

    timed("legal periods", periods)

    def points() -> int:
        with ledger.unit(name, "bench") as unit:
            return keep_pseudonyms(unit, YEAR, {row.pupil_number for row in after.rows})

    timed("points", points)
    return counts["rows"], listed, {row.pupil_number for row in after.rows if row.status != "withdrawn"}
