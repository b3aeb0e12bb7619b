"""Benchmark of delivery over HTTPS on loopback: push, opening, storage, confirmation, verification of the receipt."""

import os
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from rich.console import Console

from overstap.clock import now
from overstap.delivery.channels.push import PushChannel
from overstap.envelope.envelope import DOSSIER_FILE, SealedEnvelope, seal
from overstap.envelope.message_ids import message_id
from overstap.envelope.receipt import verify_receipt
from overstap.oso.writing import to_bytes
from overstap.pki import TrustStore
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.writing import dossiers
from overstap_tools.bench.lines import RateLine, line, show
from overstap_tools.bench.receivers import receivers
from overstap_tools.bench.sandbox import give_certificates, region_of
from overstap_tools.bench.together import ProcessShare, Stopwatch

Addresses = Mapping[str, tuple[str, int]]


def delivering(
    stopwatch: Stopwatch, sandbox: Sandbox, region: SyntheticRegion, addresses: Addresses, serial: int
) -> ProcessShare:
    """Deliver a region's dossiers to one school and verify its receipts."""
    return _push(stopwatch, sandbox, region, addresses, serial, is_verified=True)


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
            if answer.receipt_unverified is None:
                raise answer.error(school=school, message_id=name)
            if is_verified:
                verify_receipt(
                    answer.receipt_unverified,
                    message_id=name,
                    envelope_sha256=one.envelope_sha256,
                    manifest_sha256=one.manifest_sha256,
                    receiver=school,
                    trust=trust,
                    at=now(),
                )
        return stopwatch.stop(len(sealed))


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
    for what, work, is_peer in (
        ("push, open, store, confirm, verify", delivering, False),
        ("post to an endpoint that does nothing", posting, True),
    ):
        with receivers(sandbox, region.name, schools, is_floor=is_peer) as addresses:

            def arguments(serial: int, found: Addresses = addresses) -> tuple[object, ...]:
                return sandbox, region, found, serial

            lines.append(line(what, work, arguments, runs=runs, is_alone=False, is_peer=is_peer))
    show(
        console,
        "Delivery over HTTPS with mutual TLS on loopback, envelopes",
        lines,
        "A sender and its receiver are two processes: one line keeps up to two cores busy, two lines share them.",
    )
    return lines
