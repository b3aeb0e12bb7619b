"""Benchmark of delivering a region: sealing, delivery over HTTPS to many receivers, and verified receipts.

Two sender processes share the receivers, and each uses several connections at once. Envelopes are sealed on demand, so
that growth of memory is visible.
"""

import itertools
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import psutil
from rich.console import Console

from overstap.clock import now
from overstap.delivery.channels.push import PushChannel
from overstap.envelope.envelope import DOSSIER_FILE, seal
from overstap.envelope.message_ids import message_id
from overstap.envelope.receipt import verify_receipt
from overstap.oso.writing import to_bytes
from overstap.pki import TrustStore
from overstap.receiver.folder_store import envelope_digests as stored
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.region import SyntheticRegion, punctual_region
from overstap.simulation.synthetic.writing import dossiers
from overstap_tools.bench.receivers import receivers, store_of
from overstap_tools.bench.sandbox import give_certificates
from overstap_tools.bench.together import ProcessShare, Stopwatch, together

Addresses = Mapping[str, tuple[str, int]]
SENDERS = 2
LINES = 4
"""Concurrent connections of a sender, as tasks for several schools run concurrently."""
_MEGA = 1024 * 1024


def delivering(
    stopwatch: Stopwatch, sandbox: Sandbox, region: SyntheticRegion, addresses: Addresses, count: int, serial: int
) -> ProcessShare:
    """Deliver a part of the dossiers to every second receiver, one line each, and verify every receipt."""
    trust = TrustStore(sandbox.trust, production=False)
    client = trust.conductor_identity(region.name, at=now())
    mine = list(addresses)[serial::SENDERS]
    made = [(pupil.school.id, to_bytes(one)) for _, (pupil, one) in zip(range(200), dossiers(region), strict=False)]
    process = psutil.Process()
    memory: list[int] = []
    numbers = itertools.count()

    def deliver(schools: list[str], part: int) -> None:
        lines = {
            school: PushChannel(addresses[school][0], school=school, trust=trust, client=client, at=now())
            for school in schools
        }
        for serial in range(part):
            sender, content = made[serial % len(made)]
            school = schools[serial % len(schools)]
            _deliver(trust, lines[school], content, sender, school)
            if next(numbers) % max(1, count // 10) == 0:
                memory.append(process.memory_info().rss)
        for line in lines.values():
            line.close()

    stopwatch.ready()
    with ThreadPoolExecutor(LINES) as threads:
        parts = [mine[one::LINES] for one in range(LINES) if mine[one::LINES]]
        for done in [
            threads.submit(deliver, schools, len(range(one, count, len(parts)))) for one, schools in enumerate(parts)
        ]:
            done.result()
    stopwatch.more |= {f"memory {number}": float(rss) for number, rss in enumerate(memory)}
    return stopwatch.stop(count)


def _deliver(trust: TrustStore, line: PushChannel, content: bytes, sender: str, school: str) -> None:
    at = now()
    name = message_id(at, os.urandom(10))
    one = seal(
        {DOSSIER_FILE: content},
        message_id=name,
        round_id="bench",
        sender=trust.signing_identity(sender, at=at),
        recipient=trust.recipient(school, at=at),
        oso_version="2019.1",
        created_at=at,
    )
    answer = line.hand_over(one.envelope, message_id=name, at=at)
    if answer.receipt_unverified is None:
        raise answer.error(school=school, message_id=name)
    verify_receipt(
        answer.receipt_unverified,
        message_id=name,
        envelope_sha256=one.envelope_sha256,
        manifest_sha256=one.manifest_sha256,
        receiver=school,
        trust=trust,
        at=now(),
    )


def run(console: Console, sandbox: Sandbox, *, today: date, count: int, schools: int) -> float:
    """Print and return dossiers per second on this machine's cores, sealing and the receivers' work included.

    Args:
        console: where to print.
        sandbox: the sandbox.
        today: the day of the exports.
        count: dossiers in all.
        schools: receivers, each a process of its own.

    Raises:
        RuntimeError: a receiver stored another number than it confirmed.
    """
    region = punctual_region(1, 200, 5, schools, today=today, name="deliveries")
    give_certificates(sandbox, [region], at=now())
    names = [school.id for school in region.secondary]
    with receivers(sandbox, region.name, names) as addresses:
        processes = {school: psutil.Process(pid) for school, (_, pid) in addresses.items()}
        before = {school: one.memory_info().rss for school, one in processes.items()}
        begun = {school: _cpu_seconds(one) for school, one in processes.items()}
        measured = together(
            delivering, [(sandbox, region, addresses, count // SENDERS, serial) for serial in range(SENDERS)]
        )
        after = {school: one.memory_info().rss for school, one in processes.items()}
        busy = {school: (begun[school], _cpu_seconds(one)) for school, one in processes.items()}
        kept = sum(len(stored(store_of(sandbox, region.name, school))) for school in names)
    if kept != count // SENDERS * SENDERS:
        raise RuntimeError(f"{kept} stored, {count} confirmed")
    console.print(
        f"{kept:,} dossiers to {schools} receivers, sealed, delivered over HTTPS, stored, receipted and verified: "
        f"{measured.rate:,.0f}/s on {os.cpu_count()} cores"
    )
    sending = sum(part.cpu_seconds for part in measured.parts) / kept * 1000
    receiving = sum(spent[1] - spent[0] for spent in busy.values()) / kept * 1000
    console.print(f"  processor milliseconds for each: {sending:.1f} of a sender, {receiving:.1f} of a receiver")
    for part in measured.parts:
        tenths = ", ".join(f"{one / _MEGA:,.0f}" for name, one in part.more.items() if name.startswith("memory"))
        console.print(f"  a sender's memory after each tenth: {tenths} MB")
    growth = max(after[school] - before[school] for school in names) / _MEGA
    largest = max(after.values()) / _MEGA
    console.print(f"  a receiver's memory: at most {largest:,.0f} MB, grown by at most {growth:,.0f} MB")
    return measured.rate


def _cpu_seconds(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)
