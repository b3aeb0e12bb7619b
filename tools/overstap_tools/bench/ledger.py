"""Benchmark of the ledger: dossiers of a few bytes through every state, in groups, with audit lines and checks."""

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TypeVar

import psutil
import psycopg
from rich.console import Console

from overstap.agreements import Agreement, RoundKind
from overstap.clock import now
from overstap.envelope.message_ids import message_id
from overstap.ledger.delivery.deliveries import AttemptResult, Envelope, claim_to_send, keep_sealed, settle
from overstap.ledger.dossiers.dossiers import IncomingDossier, VersionRef, decide_release, store, verdicts
from overstap.ledger.region_keys import sha256
from overstap.ledger.review.decisions import ReviewDecision, record
from overstap.ledger.rounds.registrations import Registration, record_registrations
from overstap.ledger.rounds.rounds import open_round
from overstap.ledger.session import Ledger
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import agreement_of, past_milestones
from overstap_tools.bench import processors
from overstap_tools.bench.lines import RateLine, show
from overstap_tools.bench.sandbox import region_of
from overstap_tools.bench.together import Measured, ProcessShare, Stopwatch, Work, together

REGIONS = ("ledger_one", "ledger_two")
ROUND = RoundKind.ADVICE
BUDGET = 50_000
UPDATES_BUDGET = 5
"""How many updates of a bare table, in groups of the same size, a step of the ledger may take."""
_BARE_ROWS = 4
"""Rows of the bare table for each dossier: updates are quick, and processor time is counted in hundredths."""
STEPS = ("take in", "accept", "release", "inspect", "seal", "send", "confirm")
PREPARATION = "register"
"""What has to be there before a dossier goes on, and is no step of it: counted in no rate."""
_TABLE = "create table bare_state (id uuid primary key default uuidv7(), state text not null, owner text not null)"
_Item = TypeVar("_Item")


def moving(
    stopwatch: Stopwatch, sandbox: Sandbox, name: str, dossiers: int, group: int, year: int, today: date
) -> ProcessShare:
    """Take dossiers of one school through all states of a round."""
    agreement = agreement_of(region_of(name, 1, today), {ROUND: past_milestones(now())}).model_copy(
        update={"school_year": f"{2100 + year}-{2101 + year}"}
    )
    ledger = sandbox.ledger()
    with ledger.unit(name, "bench") as unit:
        open_round(unit, agreement, ROUND)
    postgres = [processors.server(sandbox.owner_dsn)]
    stopwatch.ready()
    before = _cpu(postgres)
    spent = [0.0, 0.0]
    for step, seconds in steps(ledger, agreement, name, dossiers, group):
        stopwatch.more[step] = seconds
        now_spent = _cpu(postgres)
        if step != PREPARATION:
            spent = [total + after - begun for total, after, begun in zip(spent, now_spent, before, strict=True)]
        before = now_spent
    part = stopwatch.stop(dossiers * len(STEPS))
    part.more["python cpu"], part.more["postgres cpu"] = spent
    ledger.close()
    return part


def _cpu(postgres: Sequence[psutil.Process]) -> tuple[float, float]:
    """Return the processor seconds of this process and of PostgreSQL."""
    return time.process_time(), processors.seconds(postgres)


def steps(ledger: Ledger, agreement: Agreement, region: str, dossiers: int, group: int) -> Iterator[tuple[str, float]]:
    """Take dossiers of the first school through every state; yield each step, and its preparation, with its seconds.

    Args:
        ledger: the ledger, in which the round is open.
        agreement: the region's.
        region: region id.
        dossiers: how many.
        group: how many per transaction.
    """
    round_id = agreement.round_id(ROUND)
    primary, secondary = agreement.primary_schools[0].id, agreement.secondary_schools[0].id
    clock = time.monotonic

    begin = clock()
    incoming = [
        IncomingDossier(f"{number:09}", f"las{number}", b"<dossier/>", sha256(b"%d" % number), "2019.1", "drop_folder")
        for number in range(dossiers)
    ]
    for taken in _groups(incoming, group):
        with ledger.unit(region, "take in") as unit:
            store(unit, round_id, primary, taken)
    yield "take in", clock() - begin

    begin = clock()
    with ledger.unit(region, "bench") as unit:
        registered = [Registration(str(item.pupil_number), primary, secondary, "placed", now()) for item in incoming]
        record_registrations(unit, agreement.school_year, registered)
        ids = [row[0] for row in unit.rows("select dossier from overstap.dossier where round_id = %(r)s", r=round_id)]
    refs = [VersionRef(dossier, 1) for dossier in ids]
    yield PREPARATION, clock() - begin

    begin = clock()
    for part in _groups(refs, group):
        with ledger.unit(region, "accept") as unit:
            verdicts(unit, dict.fromkeys(part, ()))
    yield "accept", clock() - begin

    begin = clock()
    with ledger.unit(region, "release") as unit:
        decide_release(
            *(unit, round_id),
            approved=True,
            decided_by="bench",
            reason="",
            answer_key="bench",
            closes_at=now() + timedelta(days=1),
        )
    yield "release", clock() - begin

    begin = clock()
    said = [ReviewDecision(f"las{number}", now().date(), "Ja", None) for number in range(dossiers)]
    for decisions in _groups(said, group):
        with ledger.unit(region, "inspect") as unit:
            record(unit, round_id, primary, decisions, ground="school_list")
    yield "inspect", clock() - begin

    begin = clock()
    for part in _groups(refs, group):
        at = now()
        sealed = [
            Envelope(message_id(at, os.urandom(10)), ref, secondary, b"envelope", sha256(b"envelope"), sha256(b"m"))
            for ref in part
        ]
        with ledger.unit(region, "seal") as unit:
            keep_sealed(unit, round_id, sealed)
    yield "seal", clock() - begin

    seconds = {"send": 0.0, "confirm": 0.0}
    last = None
    while True:
        begin = clock()
        with ledger.unit(region, "send") as unit:
            envelopes = claim_to_send(unit, round_id, secondary, after=last, limit=group)
        seconds["send"] += clock() - begin
        if not envelopes:
            break
        last = envelopes[-1].message_id
        begin = clock()
        with ledger.unit(region, "confirm") as unit:
            settle(
                unit, [AttemptResult(item.message_id, "accepted", None, item.message_id.bytes) for item in envelopes]
            )
        seconds["confirm"] += clock() - begin
    yield from seconds.items()


def updating(stopwatch: Stopwatch, sandbox: Sandbox, name: str, dossiers: int, group: int, *_: object) -> ProcessShare:
    """Change a text column of a bare table in groups of the same size, as often as a dossier changes its state."""
    with psycopg.connect(sandbox.owner_dsn, autocommit=True) as connection:
        ids = [
            row[0]
            for row in connection.execute(
                "insert into bare_state (state, owner) select 'supplied', %s from generate_series(1, %s) returning id",
                [name, dossiers * _BARE_ROWS],
            )
        ]
        postgres = [processors.server(sandbox.owner_dsn)]
        stopwatch.ready()
        before = _cpu(postgres)
        for step in STEPS:
            for part in _groups(ids, group):
                connection.execute("update bare_state set state = %s where id = any(%s)", [step, part])
        after = _cpu(postgres)
        done = stopwatch.stop(dossiers * _BARE_ROWS * len(STEPS))
        for place, who in enumerate(("python cpu", "postgres cpu")):
            done.more[who] = after[place] - before[place]
        return done


def run(console: Console, sandbox: Sandbox, *, today: date, dossiers: int, group: int, runs: int) -> list[RateLine]:
    """Print the rates, and return them.

    Args:
        console: where to print.
        sandbox: the sandbox; its ledger knows the regions `REGIONS`.
        today: for the agreement.
        dossiers: how many each process takes through a round, in a region of its own.
        group: dossiers per transaction; the gate releases all at once.
        runs: how many times; the median counts.
    """
    with psycopg.connect(sandbox.owner_dsn) as connection:
        connection.execute(_TABLE)
    years = iter(range(1_000))

    def measure(work: Work, processes: int) -> list[Measured]:
        return [
            together(work, [(sandbox, name, dossiers, group, next(years), today) for name in REGIONS[:processes]])
            for _ in range(runs)
        ]

    one, two = measure(moving, 1), measure(moving, 2)
    lines = [RateLine(what=step, one=_step_rate(one, step), two=_step_rate(two, step)) for step in STEPS]
    cpu = _spent(one)
    lines.append(
        RateLine(what="all of it, per transition", one=_rate(one), two=_rate(two), per_cpu=1 / sum(cpu), budget=BUDGET)
    )
    single = measure(updating, 1)
    bare = _spent(single)
    lines.append(
        RateLine(
            what="update of a bare table",
            one=_rate(single),
            two=_rate(measure(updating, 2)),
            per_cpu=1 / sum(bare),
            is_peer=True,
        )
    )
    title = f"Ledger, dossiers through a state, {group:,} per transaction"
    show(
        console,
        title,
        lines,
        f"processor microseconds per transition: {_said(cpu)}; per update of a bare table: {_said(bare)}",
    )
    ratio = sum(cpu) / sum(bare)
    kept = "kept" if ratio <= UPDATES_BUDGET else "missed"
    console.print(
        f"  a step takes the processor time of {ratio:.1f} bare updates (budget {UPDATES_BUDGET}: {kept})",
        highlight=False,
    )
    return lines


def _spent(measured: Sequence[Measured]) -> tuple[float, float]:
    """Return the processor seconds of this side and of PostgreSQL, per transition; medians of the runs."""
    return (
        statistics.median(found.parts[0].more["python cpu"] / found.counted for found in measured),
        statistics.median(found.parts[0].more["postgres cpu"] / found.counted for found in measured),
    )


def _said(cpu: tuple[float, float]) -> str:
    return f"{1_000_000 * cpu[0]:,.1f} in Python and {1_000_000 * cpu[1]:,.1f} in PostgreSQL"


def _rate(measured: Sequence[Measured]) -> float:
    """Return transitions per second, without what is prepared for them."""
    return statistics.median(
        found.counted / (found.seconds - max(part.more.get(PREPARATION, 0) for part in found.parts))
        for found in measured
    )


def _step_rate(measured: Sequence[Measured], step: str) -> float:
    return statistics.median(
        found.counted / len(STEPS) / max(part.more[step] for part in found.parts) for found in measured
    )


def _groups(items: Sequence[_Item], size: int) -> Iterator[list[_Item]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
