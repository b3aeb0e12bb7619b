"""Rates of delivering a region: sealed, brought to many receivers over HTTPS, each confirmed by a verified receipt.

Two senders share the receivers, as two cores would; envelopes are sealed as they go, so memory shows whether it grows.
"""

import os
from collections.abc import Mapping
from datetime import date

import psutil
from rich.console import Console

from overstap.bench.place import BenchPlace, give_certificates
from overstap.bench.receivers import receivers, store_of
from overstap.bench.together import Part, Stopwatch, together
from overstap.clock import now
from overstap.delivery.envelope import DOSSIER_FILE, seal
from overstap.delivery.evidence import stored
from overstap.delivery.message_ids import message_id
from overstap.delivery.receipt import verify_receipt
from overstap.delivery.ways.push import Pusher
from overstap.dossier.writing import to_bytes
from overstap.synth.region import SyntheticRegion, make_region
from overstap.synth.writing import dossiers
from overstap.trust import TrustStore

Addresses = Mapping[str, tuple[str, int]]
SENDERS = 2
_MEGA = 1024 * 1024


def delivering(
    stopwatch: Stopwatch, place: BenchPlace, region: SyntheticRegion, addresses: Addresses, count: int, serial: int
) -> Part:
    """Deliver a part of the dossiers to every second receiver, one line each, and verify every receipt."""
    trust = TrustStore(place.trust, production=False)
    client = trust.conductor_identity(region.name, at=now())
    mine = list(addresses)[serial::SENDERS]
    made = [(pupil.school.id, to_bytes(one)) for _, (pupil, one) in zip(range(200), dossiers(region), strict=False)]
    lines = {
        school: Pusher(addresses[school][0], school=school, trust=trust, client=client, at=now()) for school in mine
    }
    process = psutil.Process()
    stopwatch.ready()
    early = 0
    for number in range(count):
        sender, content = made[number % len(made)]
        school = mine[number % len(mine)]
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
        answer = lines[school].hand_over(one.envelope, message_id=name, at=at)
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
        if number == count // 5:
            early = process.memory_info().rss
    for line in lines.values():
        line.close()
    stopwatch.more |= {"early bytes": early, "late bytes": process.memory_info().rss}
    return stopwatch.stop(count)


def run(console: Console, place: BenchPlace, *, today: date, count: int, schools: int) -> float:
    """Print and return dossiers per second on this machine's cores, sealing and the receivers' work included.

    Args:
        console: where to print.
        place: where.
        today: the day of the exports.
        count: dossiers in all.
        schools: receivers, each a process of its own.

    Raises:
        RuntimeError: a receiver stored another number than it confirmed.
    """
    region = make_region(1, 200, 5, schools, today=today, name="deliveries", late=0, faulty=0, littered=0, database=0)
    give_certificates(place, [region], at=now())
    names = [school.id for school in region.secondary]
    with receivers(place, region.name, names) as addresses:
        processes = {school: psutil.Process(pid) for school, (_, pid) in addresses.items()}
        before = {school: one.memory_info().rss for school, one in processes.items()}
        measured = together(
            delivering, [(place, region, addresses, count // SENDERS, serial) for serial in range(SENDERS)]
        )
        after = {school: one.memory_info().rss for school, one in processes.items()}
        kept = sum(len(stored(store_of(place, region.name, school))) for school in names)
    if kept != count // SENDERS * SENDERS:
        raise RuntimeError(f"{kept} stored, {count} confirmed")
    console.print(
        f"{kept:,} dossiers to {schools} receivers, sealed, delivered over HTTPS, stored, receipted and verified: "
        f"{measured.rate:,.0f}/s on {os.cpu_count()} cores"
    )
    for part in measured.parts:
        early, late = part.more["early bytes"] / _MEGA, part.more["late bytes"] / _MEGA
        console.print(f"  a sender's memory: {early:,.0f} MB after a fifth, {late:,.0f} MB at the end")
    growth = max(after[school] - before[school] for school in names) / _MEGA
    largest = max(after.values()) / _MEGA
    console.print(f"  a receiver's memory: at most {largest:,.0f} MB, grown by at most {growth:,.0f} MB")
    return measured.rate
