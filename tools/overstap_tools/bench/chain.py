"""Benchmark of the whole chain without Airflow: the steps of a round from drop folders to verified receipts.

The steps of a region's round run one after another, each in a separate process, as tasks do; two regions run
concurrently. The schools' endpoints and PostgreSQL are further processes on the same cores. At the end the ledger is
checked (I1 to I13) against the endpoints' stores.
"""

import importlib
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.model import Registrations
from overstap.clock import now
from overstap.delivery.stored_evidence import receipt_fault
from overstap.ledger import Ledger
from overstap.ledger.invariants import ExternalEvidence
from overstap.ledger.invariants import check as find_breaches
from overstap.orchestration.preloading import preload
from overstap.pki import TrustStore
from overstap.receiver.folder_store import envelope_digests as stored
from overstap.review.decisions import read_list
from overstap.review.recording import record_list
from overstap.rounds import checking, collection, delivering, opening, questions, reviewing
from overstap.rounds.agreed import round_context
from overstap.rounds.context import Context, RoundContext
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import agreement_of, past_milestones, write_agreement
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.reviews import write_reviews
from overstap.simulation.synthetic.writing import write_applications, write_school
from overstap_tools.bench import chain_floor, dossier, processors
from overstap_tools.bench.lines import RateLine, show
from overstap_tools.bench.receivers import receivers, store_of
from overstap_tools.bench.sandbox import give_certificates, region_of
from overstap_tools.bench.together import Measured, ProcessShare, Stopwatch, peak_bytes, together

REGIONS = ("chain_alone", "chain_one", "chain_two")
ROUND = RoundKind.ADVICE
FLOOR_BUDGET = 0.6
"""Smallest permitted ratio of the libraries' own time to the chain's time for the same dossiers."""
MEMORY_BUDGET = 300_000_000
_MEGA = 1e6
_LOADED = ("overstap.quality.publishing", "overstap.quality.region", "overstap.quality.registers")
"""What steps import when they run and the scheduler has loaded, of which the processes of tasks are forked
(plugins/overstap_plugin.py)."""


@dataclass(frozen=True, slots=True)
class RegionTask:
    """Round of one region; picklable, so that it can be passed to another process."""

    sandbox: Sandbox
    region: SyntheticRegion
    addresses: Mapping[str, str]


class RoundSteps:
    """Steps of one region's round, each called as its Airflow task calls it.

    Args:
        task: the region and its endpoints.
        ledger: the ledger.
    """

    def __init__(self, task: RegionTask, ledger: Ledger) -> None:
        self.task = task
        self.ledger = ledger
        self.region = task.region.name
        self.agreement: Agreement = agreement_of(
            task.region, {ROUND: past_milestones(now())}, receives_at=task.addresses.__getitem__
        )
        write_agreement(self.agreement, task.sandbox.regions)
        self.round_id = self.agreement.round_id(ROUND)
        self._coordinator = self.agreement.coordinators[0].account
        self._yes: dict[str, Any] = {
            "approved": True,
            "reason": "",
            "decided_by": self._coordinator,
            "answer_key": "bench",
        }
        self.context = Context(task.sandbox.settings(), ledger)
        self.steps: dict[str, Callable[[], None]] = {
            "intake": self.intake,
            "quality": self.quality,
            "review": self.review,
            "seal": self.seal,
            "deliver": self.deliver,
        }

    def of_round(self, actor: str) -> RoundContext:
        """Return the context of one step, as a task opens it."""
        return round_context(self.context, self.round_id, actor)

    def intake(self) -> None:
        """Open the round, read registrations, and take in what lies in the drop folders."""
        opening.open_round(self.context, self.round_id)
        collection.register(self.of_round("registrations"))
        for school in self.agreement.primary_schools:
            collection.collect(self.of_round(f"collect {school.id}"), school.id)

    def quality(self) -> None:
        """Check the region's dossiers and make the schools' reports."""
        checking.check(self.of_round("check"))

    def review(self) -> None:
        """Release, and record the schools' lists of decisions."""
        context = self.of_round("release")
        with context.unit(self._coordinator) as unit:
            reviewing.release(context, unit, **self._yes)
        for school in self.agreement.primary_schools:
            data = (reviews_of(self.task.sandbox, self.region) / f"review-{school.id}.csv").read_bytes()
            record_list(
                self.ledger,
                region=self.region,
                round_id=self.round_id,
                school=school.id,
                actor=school.id,
                listed=read_list(data, today=self.task.region.today),
                ground="school_list",
            )

    def seal(self) -> None:
        """Sort out dossiers without a receiver, and seal the others."""
        delivering.sort_receivers(self.of_round("receivers"))
        context = self.of_round("delivery_questions")
        for question in questions.delivery_questions(context):
            with context.unit(self._coordinator) as unit:
                questions.decide_delivery(context, unit, question, **self._yes)
        delivering.seal(self.of_round("seal"))

    def deliver(self) -> None:
        """Send the sealed envelopes of every school, and store its receipts."""
        for school in self.agreement.secondary_schools:
            delivering.deliver(self.of_round(f"deliver {school.id}"), school.id)

    def count(self, state: str | None = None) -> int:
        """Return how many dossiers the round has, in one state or in all."""
        with self.ledger.unit(self.region, "bench") as unit:
            return int(
                unit.one(
                    "select count(*) from overstap.dossier where round_id = %(round)s "
                    "and (%(state)s::text is null or state = %(state)s)",
                    round=self.round_id,
                    state=state,
                )[0]
            )


@dataclass(frozen=True, slots=True)
class StepShare:
    """What one step took in its process.

    Args:
        seconds: by the clock.
        cpu_seconds: processor time of the process.
        loading_cpu_seconds: processor time of loading what this step alone needs, which comes before.
        peak_bytes: the largest memory that the process ever had.
    """

    seconds: float
    cpu_seconds: float
    loading_cpu_seconds: float
    peak_bytes: int


def playing(stopwatch: Stopwatch, task: RegionTask) -> ProcessShare:
    """Take a region through its round, each step in a process of its own; counts the dossiers that ended confirmed."""
    for module in _LOADED:
        importlib.import_module(module)
    preload()
    chain = RoundSteps(task, task.sandbox.ledger())  # which connects at its first use, so in each process anew
    stopwatch.ready()
    cpu = peak = 0.0
    for name in chain.steps:
        share = _apart(chain, name)
        stopwatch.more[name] = share.seconds
        stopwatch.more[f"{name} cpu"] = share.cpu_seconds
        stopwatch.more[f"{name} loading"] = share.loading_cpu_seconds
        stopwatch.more[f"{name} bytes"] = share.peak_bytes
        cpu += share.cpu_seconds
        peak = max(peak, share.peak_bytes)
    part = stopwatch.stop(chain.count("confirmed"))
    part.more["taken in"] = chain.count()
    chain.ledger.close()
    return replace(part, cpu_seconds=part.cpu_seconds + cpu, peak_bytes=int(peak))


def _apart(chain: RoundSteps, name: str) -> StepShare:
    """Run one step in a process of its own, forked as Airflow forks a task's.

    Raises:
        RuntimeError: it failed; its traceback is on standard error.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_step, args=(sender, chain, name))
    process.start()
    sender.close()
    try:
        share: StepShare = receiver.recv()
    except EOFError as problem:
        raise RuntimeError(f"step {name} failed in its process") from problem
    finally:
        process.join()
    return share


def _step(sender: Any, chain: RoundSteps, name: str) -> None:
    loading = time.process_time()
    if name == "quality":
        importlib.import_module("overstap.quality.suites")  # this step alone imports Great Expectations
    begin, cpu = time.monotonic(), time.process_time()
    chain.steps[name]()
    share = StepShare(time.monotonic() - begin, time.process_time() - cpu, cpu - loading, peak_bytes())
    chain.ledger.close()
    sender.send(share)
    sender.close()


def run(
    console: Console, sandbox: Sandbox, *, today: date, pupils: int, official: Path | None = None
) -> list[RateLine]:
    """Print the rates, and return them.

    Args:
        console: where to print.
        sandbox: the sandbox; its ledger knows the regions `REGIONS`.
        today: the day of the exports.
        pupils: how many dossiers each process takes through a round.
        official: folder with the official files per version (OVERSTAP_OFFICIAL), None without them.
    """
    regions = [region_of(name, pupils, today, serial=serial) for serial, name in enumerate(REGIONS)]
    give_certificates(sandbox, regions, at=now())
    for region in regions:
        for school in region.primary:
            write_school(region, school, sandbox.region_folder)
        write_applications(region, registrations_of(sandbox, region.name))
        write_reviews(region, reviews_of(sandbox, region.name), seen_on=today)
    programs = dossier.programs(f"{ROUND}", official, today)
    parts = {chain_floor.SCHEMA: dossier.XSD, chain_floor.SHEET: dossier.SAXON}
    judges = {part: programs[name] for part, name in parts.items() if name in programs}
    floors = [_floor(sandbox, regions[0], judges)]
    empty = ledger_bytes(sandbox)
    alone, cpu_alone = play(sandbox, regions[:1])
    both, cpu_both = play(sandbox, regions[1:])
    grown = ledger_bytes(sandbox) - empty
    steps = [name for name in alone.parts[0].more if f"{name} bytes" in alone.parts[0].more]
    lines = [RateLine(what=name, one=_step_rate(alone, name), two=_step_rate(both, name)) for name in steps]
    lines.append(RateLine(what="all of it, confirmed", one=_whole_rate(alone, steps), two=_whole_rate(both, steps)))
    taken = int(both.parts[0].more["taken in"])
    show(
        console,
        f"Whole chain, {taken:,} dossiers a region, a region per process, {len(regions[0].secondary)} endpoints each",
        lines,
        f"confirmed {both.parts[0].counted:,} of {taken:,}; the others have no receiver, or their parents did not come",
    )
    _show_costs(console, alone, cpu_alone, both, cpu_both)
    floors.append(_floor(sandbox, regions[0], judges))
    ratio, without_sheet = _show_floor(console, floors, sum(cpu_alone.values()) / alone.counted)
    lines.append(RateLine(what="ratio to the floor of the libraries", one=ratio, budget=FLOOR_BUDGET))
    lines.append(RateLine(what="ratio to that floor without the official sheet", one=without_sheet))
    _show_steps(console, both, steps)
    taken_in = sum(part.more["taken in"] for part in (*alone.parts, *both.parts))
    console.print(f"  the ledger grew by {grown / taken_in / 1024:,.1f} KiB per dossier taken in", highlight=False)
    for region in regions:
        check_region(console, sandbox, region)
    return lines


def registrations_of(sandbox: Sandbox, region: str) -> Path:
    """Return the file with a region's registrations, as its agreement names it."""
    return sandbox.drop / region / (Registrations().file or "")


def reviews_of(sandbox: Sandbox, region: str) -> Path:
    """Return the folder with the lists of a region's schools."""
    return sandbox.folder / "reviews" / region


def play(sandbox: Sandbox, regions: list[SyntheticRegion]) -> tuple[Measured, dict[str, float]]:
    """Play the rounds of regions at the same time; return what was measured and the processor seconds of each kind."""
    schools = [school.id for school in regions[0].secondary]
    with ExitStack() as stack:
        found = {region.name: stack.enter_context(receivers(sandbox, region.name, schools)) for region in regions}
        postgres = [processors.server(sandbox.owner_dsn)]
        endpoints = [psutil.Process(pid) for addresses in found.values() for _, pid in addresses.values()]
        before = processors.seconds(postgres), processors.seconds(endpoints)
        measured = together(
            playing,
            [
                (RegionTask(sandbox, region, {school: url for school, (url, _) in found[region.name].items()}),)
                for region in regions
            ],
        )
        cpu = {
            "overstap": sum(part.cpu_seconds for part in measured.parts),
            "PostgreSQL": processors.seconds(postgres) - before[0],
            "endpoints": processors.seconds(endpoints) - before[1],
        }
    return measured, cpu


def ledger_bytes(sandbox: Sandbox) -> int:
    """Return the size of the ledger's database, tables and indexes."""
    with psycopg.connect(sandbox.owner_dsn) as connection:
        row = connection.execute("select pg_database_size(current_database())").fetchone()
    if row is None:
        raise RuntimeError("the database answered nothing")
    return int(row[0])


def _step_rate(measured: Measured, step: str) -> float:
    """Return taken-in dossiers per second of a step: each process by its own clock, since they do not wait."""
    return sum(part.more["taken in"] / part.more[step] for part in measured.parts)


def _whole_rate(measured: Measured, steps: list[str]) -> float:
    """Return confirmed dossiers per second of all steps; what a step loads before is not in it."""
    return sum(part.counted / sum(part.more[step] for step in steps) for part in measured.parts)


def _show_costs(
    console: Console, alone: Measured, cpu_alone: dict[str, float], both: Measured, cpu_both: dict[str, float]
) -> None:
    table = Table(title="Processor milliseconds per confirmed dossier", title_justify="left")
    for name in ("process", "one region", "two regions"):
        table.add_column(name, justify="left" if name == "process" else "right")
    for name in cpu_alone:
        one, two = (
            f"{1000 * cpu[name] / measured.counted:.2f}" for cpu, measured in ((cpu_alone, alone), (cpu_both, both))
        )
        table.add_row(name, one, two)
    console.print(table)
    whole = sum(cpu_both.values()) / both.counted
    console.print(f"  so two cores that do nothing else would confirm {2 / whole:,.0f} dossiers/s", highlight=False)


def _floor(
    sandbox: Sandbox, region: SyntheticRegion, judges: Mapping[str, Callable[[bytes], None]]
) -> tuple[dict[str, float], int]:
    """Measure the floor on a region's dossiers; return the processor seconds of each part, and how many dossiers.

    Args:
        sandbox: the sandbox.
        region: whose dossiers.
        judges: the official schema and sheet, where they are at hand, by the part of the floor.
    """
    files = sorted((sandbox.drop / region.name).glob("*/*.xml"))
    school = region.secondary[0].id
    with receivers(sandbox, region.name, [school], is_floor=True) as addresses:
        address, pid = addresses[school]
        return chain_floor.measure(sandbox, region.name, address, psutil.Process(pid), files, judges), len(files)


def _show_floor(
    console: Console, measured: Sequence[tuple[dict[str, float], int]], chain_seconds: float
) -> tuple[float, float]:
    """Print the floor beside the chain, and return the ratio, and that without the official sheet.

    Args:
        console: where to print.
        measured: the floor before and after the chain, since other programs of the machine change it in between.
        chain_seconds: processor time of the chain per confirmed dossier.
    """
    count = sum(dossiers for _, dossiers in measured)
    spent = {name: sum(parts[name] for parts, _ in measured) for name in measured[0][0]}
    table = Table(title="Floor: processor milliseconds per dossier, libraries alone", title_justify="left")
    table.add_column("what")
    table.add_column("ms", justify="right")
    for name, seconds in spent.items():
        table.add_row(name, f"{1000 * seconds / count:.2f}")
    console.print(table)
    floor = sum(spent.values()) / count
    each = ", ".join(f"{1000 * sum(parts.values()) / dossiers:.2f}" for parts, dossiers in measured)
    ratio = floor / chain_seconds
    without_sheet = (floor - spent.get(chain_floor.SHEET, 0.0) / count) / chain_seconds
    kept = "kept" if ratio >= FLOOR_BUDGET else "missed"
    if not {chain_floor.SCHEMA, chain_floor.SHEET} <= spent.keys():
        console.print("  without judging: the official schema and sheet are not both at hand (OVERSTAP_OFFICIAL)")
    console.print(
        f"  floor {1000 * floor:.2f} ms (before and after: {each}), "
        f"chain {1000 * chain_seconds:.2f} ms: ratio {ratio:.2f} "
        f"(budget {FLOOR_BUDGET:.1f}: {kept}); {without_sheet:.2f} to a floor without the official sheet",
        highlight=False,
    )
    return ratio, without_sheet


def _show_steps(console: Console, measured: Measured, steps: list[str]) -> None:
    """Print processor time and memory of each step's process; of two regions the larger ones."""
    table = Table(title="Each step in a process of its own, two regions at once", title_justify="left")
    for name in ("step", "CPU ms per dossier taken in", "memory MB"):
        table.add_column(name, justify="left" if name == "step" else "right")
    for step in steps:
        cpu = max(part.more[f"{step} cpu"] / part.more["taken in"] for part in measured.parts)
        peak = max(part.more[f"{step} bytes"] for part in measured.parts)
        table.add_row(step, f"{1000 * cpu:.2f}", f"{peak / _MEGA:,.0f}")
    console.print(table)
    loading = max(part.more["quality loading"] for part in measured.parts)
    kept = "kept" if measured.peak_bytes <= MEMORY_BUDGET else "missed"
    console.print(
        f"  largest memory {measured.peak_bytes / _MEGA:,.0f} MB (budget {MEMORY_BUDGET / _MEGA:,.0f}: {kept}); "
        f"quality loads Great Expectations before, {loading:.1f} CPU seconds for a region, counted apart",
        highlight=False,
    )


def check_region(console: Console, sandbox: Sandbox, region: SyntheticRegion, *, is_told: bool = True) -> None:
    """Check the region's ledger against its endpoints' stores, as `overstap ledger check` does.

    Args:
        console: where to say that it holds.
        sandbox: the sandbox.
        region: the region.
        is_told: whether that is said.

    Raises:
        RuntimeError: something does not hold, so the rates are worth nothing.
    """
    stores = {school.id: stored(store_of(sandbox, region.name, school.id)) for school in region.secondary}
    fault = receipt_fault(TrustStore(sandbox.trust, production=False))
    ledger = sandbox.ledger()
    with ledger.unit(region.name, "bench") as unit:
        breaches = find_breaches(unit, ExternalEvidence(stores, fault))
    ledger.close()
    if breaches:
        raise RuntimeError(f"{region.name}: {len(breaches)} breaches, the first: {breaches[0]}")
    if is_told:
        console.print(f"  {region.name}: I1-I13 hold", highlight=False)
