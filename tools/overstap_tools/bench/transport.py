"""Benchmark of delivery over HTTPS on loopback: push, opening, storage, confirmation, verification of the receipt."""

import os
import statistics
from collections.abc import Mapping
from datetime import date
from uuid import UUID

import psutil
from rich.console import Console

from overstap.clock import now
from overstap.delivery.channels.channel import HandOver
from overstap.delivery.channels.push import PushChannel
from overstap.envelope.envelope import DOSSIER_FILE, SealedEnvelope, seal
from overstap.envelope.message_ids import message_id
from overstap.envelope.receipt import verify_receipt
from overstap.oso.writing import to_bytes
from overstap.pki import TrustStore
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.writing import dossiers
from overstap_tools.bench import processors
from overstap_tools.bench.lines import RateLine, show
from overstap_tools.bench.receivers import receivers
from overstap_tools.bench.sandbox import give_certificates, region_of
from overstap_tools.bench.together import ProcessShare, Stopwatch, together

Addresses = Mapping[str, tuple[str, int]]
SEVERAL = "the same, several in a request"


def delivering(
    stopwatch: Stopwatch, sandbox: Sandbox, region: SyntheticRegion, addresses: Addresses, serial: int
) -> ProcessShare:
    """Deliver a region's dossiers to one school and verify its receipts."""
    return _push(stopwatch, sandbox, region, addresses, serial, is_verified=True)


def delivering_several(
    stopwatch: Stopwatch, sandbox: Sandbox, region: SyntheticRegion, addresses: Addresses, serial: int
) -> ProcessShare:
    """Deliver the same dossiers with as many in a request as the school takes; the first goes by itself."""
    trust = TrustStore(sandbox.trust, production=False)
    school = list(addresses)[serial]
    at = now()
    sealed = _sealed(trust, region, school)
    client = trust.conductor_identity(region.name, at=at)
    with PushChannel(addresses[school][0], school=school, trust=trust, client=client, at=at) as pusher:
        stopwatch.ready()
        done = 0
        while left := sealed[done:]:
            together_now = left[: pusher.fitting([len(one.envelope) for _, one in left])]
            if len(together_now) == 1:
                [(name, one)] = together_now
                handed: list[HandOver] | None = [pusher.hand_over(one.envelope, message_id=name, at=now())]
            else:
                handed = pusher.hand_over_all([(name, one.envelope) for name, one in together_now], at=now())
            if handed is None:
                raise RuntimeError(f"{school} gave no usable answer to {len(together_now)} envelopes")
            for (name, one), answer in zip(together_now, handed, strict=True):
                _verify(trust, school, name, one, answer)
            done += len(together_now)
        return stopwatch.stop(len(sealed))


def posting(
    stopwatch: Stopwatch, sandbox: Sandbox, region: SyntheticRegion, addresses: Addresses, serial: int
) -> ProcessShare:
    """Post the same to an endpoint that does nothing with it."""
    return _push(stopwatch, sandbox, region, addresses, serial, is_verified=False)


def _push(
    stopwatch: Stopwatch,
    sandbox: Sandbox,
    region: SyntheticRegion,
    addresses: Addresses,
    serial: int,
    *,
    is_verified: bool,
) -> ProcessShare:
    trust = TrustStore(sandbox.trust, production=False)
    school = list(addresses)[serial]
    at = now()
    sealed = _sealed(trust, region, school)
    client = trust.conductor_identity(region.name, at=at)
    with PushChannel(addresses[school][0], school=school, trust=trust, client=client, at=at) as pusher:
        stopwatch.ready()
        for name, one in sealed:
            answer = pusher.push(one.envelope, message_id=name, at=now())
            if is_verified:
                _verify(trust, school, name, one, answer)
            elif answer.receipt_unverified is None:
                raise answer.error(school=school, message_id=name)
        return stopwatch.stop(len(sealed))


def _verify(trust: TrustStore, school: str, name: UUID, sent: SealedEnvelope, answer: HandOver) -> None:
    """Verify the receipt in an answer.

    Raises:
        OverstapError: there is none, or it does not count.
    """
    if answer.receipt_unverified is None:
        raise answer.error(school=school, message_id=name)
    verify_receipt(
        answer.receipt_unverified,
        message_id=name,
        envelope_sha256=sent.envelope_sha256,
        manifest_sha256=sent.manifest_sha256,
        receiver=school,
        trust=trust,
        at=now(),
    )


def _sealed(trust: TrustStore, region: SyntheticRegion, school: str) -> list[tuple[UUID, SealedEnvelope]]:
    at = now()
    recipient = trust.recipient(school, at=at)
    made = []
    for pupil, dossier in dossiers(region):
        name = message_id(at, os.urandom(10))
        one = seal(
            {DOSSIER_FILE: to_bytes(dossier)},
            message_id=name,
            round_id="bench",
            sender=trust.signing_identity(pupil.school.id, at=at),
            recipient=recipient,
            oso_version=dossier.version,
            created_at=at,
        )
        made.append((name, one))
    return made


def run(console: Console, sandbox: Sandbox, *, today: date, pupils: int, runs: int) -> list[RateLine]:
    """Print the rates, and return them.

    Args:
        console: where to print.
        sandbox: the sandbox.
        today: the day of the exports.
        pupils: how many dossiers each sender delivers.
        runs: how many times; the median counts.
    """
    region = region_of("transport", pupils, today)
    give_certificates(sandbox, [region], at=now())
    schools = [school.id for school in region.secondary]
    lines = []
    notes = ["A sender and its receiver are two processes: one line keeps up to two cores busy, two lines share them."]
    for what, work, is_peer in (
        ("push, open, store, confirm, verify", delivering, False),
        (SEVERAL, delivering_several, False),
        ("post to an endpoint that does nothing", posting, True),
    ):
        with receivers(sandbox, region.name, schools, is_floor=is_peer) as addresses:

            def arguments(serial: int, found: Addresses = addresses) -> tuple[object, ...]:
                return sandbox, region, found, serial

            endpoints = [psutil.Process(pid) for _, pid in addresses.values()]
            one, spent = [], []
            for _ in range(runs):
                before = processors.seconds(endpoints)
                one.append(together(work, [arguments(0)]))
                took = one[-1].parts[0].cpu_seconds, processors.seconds(endpoints) - before
                spent.append([1000 * seconds / one[-1].counted for seconds in took])
            two = [together(work, [arguments(0), arguments(1)]) for _ in range(runs)]
            rates = (statistics.median(measured.rate for measured in found) for found in (one, two))
            lines.append(RateLine(what=what, one=next(rates), two=next(rates), is_peer=is_peer))
            sender, receiver = (statistics.median(column) for column in zip(*spent, strict=True))
            notes.append(
                f"{what}: processor ms per envelope {sender:.2f} at the sender, {receiver:.2f} at the receiver"
            )
    show(console, "Delivery over HTTPS with mutual TLS on loopback, envelopes", lines, *notes)
    return lines
