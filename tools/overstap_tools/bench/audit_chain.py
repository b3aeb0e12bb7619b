"""Benchmark of the audit chain: writing, verification from the ledger and from an exported file, and a bare SHA-256."""

import hashlib
import time
from uuid import uuid4

from rich.console import Console

from overstap.closing.export import export, verify_export
from overstap.ledger.audit import AuditLine, append, line_count, read_chain, verify
from overstap.simulation.sandbox import Sandbox
from overstap_tools.bench.lines import RateLine, show
from overstap_tools.bench.together import ProcessShare, Stopwatch, together

REGIONS = ("audit_one", "audit_two")
GROUP = 5_000
"""Lines per transaction."""
YEAR = 1_000_000
BUDGET_SECONDS = 60
"""Longest verification of a chain of a year with a million lines."""


def writing(stopwatch: Stopwatch, sandbox: Sandbox, name: str, lines: int) -> ProcessShare:
    """Append lines, each about another dossier."""
    ledger = sandbox.ledger()
    groups = [min(GROUP, lines - begin) for begin in range(0, lines, GROUP)]
    stopwatch.ready()
    for size in groups:
        with ledger.unit(name, "bench") as unit:
            detail = {"school": "99AB00", "number": 1, "state": "sealed"}
            append(unit.connection, "delivery.send", [AuditLine(str(uuid4()), detail) for _ in range(size)])
    done = stopwatch.stop(lines)
    ledger.close()
    return done


def verifying(stopwatch: Stopwatch, sandbox: Sandbox, name: str) -> ProcessShare:
    """Verify a region's chain out of the ledger, as `overstap ledger check` does."""
    ledger = sandbox.ledger()
    with ledger.unit(name, "bench") as unit:
        count = line_count(unit.connection, name)
        stopwatch.ready()
        fault = verify(read_chain(unit.connection, name), region=name)
        done = stopwatch.stop(count)
    ledger.close()
    if fault is not None:
        raise RuntimeError(f"line {fault.seq}: {fault.why}")
    return done


def verifying_file(stopwatch: Stopwatch, sandbox: Sandbox, name: str) -> ProcessShare:
    """Verify a region's exported chain without the database, as `overstap audit verify` does."""
    ledger = sandbox.ledger()
    with ledger.unit(name, "bench") as unit:
        exported = list(export(unit))
    ledger.close()
    stopwatch.ready()
    proof = verify_export(exported, conductors=())
    done = stopwatch.stop(proof.lines)
    if proof.fault is not None:
        raise RuntimeError(proof.fault)
    return done


def hashing(stopwatch: Stopwatch, sandbox: Sandbox, name: str) -> ProcessShare:
    """Hash the same lines, read the same way, and nothing else."""
    ledger = sandbox.ledger()
    with ledger.unit(name, "bench") as unit:
        stopwatch.ready()
        count = sum(
            hashlib.sha256(text.encode()).digest() == digest for text, digest in read_chain(unit.connection, name)
        )
        done = stopwatch.stop(count)
    ledger.close()
    return done


def run(console: Console, sandbox: Sandbox, *, lines: int) -> list[RateLine]:
    """Print the rates, and return them.

    Args:
        console: where to print.
        sandbox: the sandbox; its ledger knows the regions `REGIONS`.
        lines: lines of each region's chain.
    """
    begin = time.monotonic()
    written = together(writing, [(sandbox, name, lines) for name in REGIONS])
    console.print(f"  {2 * lines:,} lines written in {time.monotonic() - begin:,.0f} s", highlight=False)
    found = [RateLine(what="append", one=written.rate / 2, two=written.rate)]
    for what, work in (
        ("verify in the ledger", verifying),
        ("verify a file", verifying_file),
        ("SHA-256 alone", hashing),
    ):
        one, two = (together(work, [(sandbox, name) for name in REGIONS[:count]]) for count in (1, 2))
        is_peer = work is hashing
        budget = None if is_peer else YEAR / BUDGET_SECONDS
        found.append(
            RateLine(what=what, one=one.rate, two=two.rate, per_cpu=one.cpu_rate, budget=budget, is_peer=is_peer)
        )
    show(console, f"Audit chain of {lines:,} lines, a region for each core", found)
    for each in found[1:3]:
        console.print(f"  {each.what}: a year of {YEAR:,} lines takes {YEAR / each.one:,.0f} s", highlight=False)
    return found
