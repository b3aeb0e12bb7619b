"""Benchmark of sealing, opening and confirming, with `openssl cms` on the same files in the same run."""

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from overstap.envelope.envelope import DOSSIER_FILE, open_envelope, seal
from overstap.envelope.message_ids import message_id
from overstap.envelope.package import pack
from overstap.envelope.receipt import make_receipt, verify_receipt
from overstap.pki import KeyKind, TrustStore, make_development_certificates

SENDER, SCHOOL = "99AB00", "98XA00"
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class SealingRates:
    """Operations per second of one core with one kind of key."""

    program: str
    keys: KeyKind
    seal: float
    open: float
    envelope_bytes: int
    """Of one envelope, on average."""
    receipt: float | None = None
    """Receipts signed."""
    verify: float | None = None
    """Receipts verified."""
    seal_per_cpu: float | None = None
    """Envelopes sealed per second of processor time, which other programs on the machine change less."""
    open_per_cpu: float | None = None


def sample(count: int, *, seed: int = 1, size: int = 18_000) -> list[bytes]:
    """Return made-up XML of about a dossier's size and compressibility, each different.

    Args:
        count: how many.
        seed: of the choice of words.
        size: bytes of each, about.
    """
    choose = random.Random(seed)  # noqa: S311 - filling, not keys
    names = [f"{choose.choice('abdegklmnoprstv')}{choose.choice('aeiou')}{number}veld" for number in range(60)]
    made = []
    for _ in range(count):
        parts, length = [b'<?xml version="1.0" encoding="UTF-8"?><dossier>'], 0
        while length < size:
            name, value = choose.choice(names), choose.randrange(10**6) if choose.random() < 0.4 else "onbekend"
            parts.append(f"<{name}>{value}</{name}>\n".encode())
            length += len(parts[-1])
        made.append(b"".join((*parts, b"</dossier>")))
    return made


def measure(dossiers: Sequence[bytes], kind: KeyKind, *, at: datetime) -> SealingRates:
    """Measure this package on one core.

    Args:
        dossiers: what is sealed, each once.
        kind: kind of key of both schools.
        at: the moment, for certificates and manifests.
    """
    with tempfile.TemporaryDirectory() as folder:
        make_development_certificates(Path(folder), schools=[SENDER, SCHOOL], at=at, kind=kind)
        trust = TrustStore(Path(folder), production=False)
        sender, recipient = trust.signing_identity(SENDER, at=at), trust.recipient(SCHOOL, at=at)
        receiver, keyring = trust.signing_identity(SCHOOL, at=at), trust.keyring(SCHOOL, at=at)
        ids = [message_id(at, os.urandom(10)) for _ in dossiers]
        cpu = [time.process_time()]
        sealed, seal_rate = _timed(
            lambda pair: seal(
                {DOSSIER_FILE: pair[1]},
                message_id=pair[0],
                round_id="bench",
                sender=sender,
                recipient=recipient,
                oso_version="2019.1",
                created_at=at,
            ),
            list(zip(ids, dossiers, strict=True)),
        )
        cpu.append(time.process_time())
        opened, open_rate = _timed(
            lambda one: open_envelope(one.envelope, keyring=keyring, trust=trust, school=SCHOOL, at=at), sealed
        )
        cpu.append(time.process_time())
        receipts, receipt_rate = _timed(
            lambda one: make_receipt(
                receiver,
                message_id=one.manifest.message_id,
                envelope_sha256=one.envelope_sha256,
                manifest_sha256=one.manifest_sha256,
                at=at,
            ),
            opened,
        )
        _, verify_rate = _timed(
            lambda one: verify_receipt(
                one[0],
                message_id=one[1].manifest.message_id,
                envelope_sha256=one[1].envelope_sha256,
                manifest_sha256=one[1].manifest_sha256,
                receiver=SCHOOL,
                trust=trust,
                at=at,
            ),
            list(zip(receipts, opened, strict=True)),
        )
    size = sum(len(one.envelope) for one in sealed) // len(sealed)
    per_cpu = [len(sealed) / (end - begin) for begin, end in pairwise(cpu)]
    return SealingRates("overstap", kind, seal_rate, open_rate, size, receipt_rate, verify_rate, *per_cpu)


def measure_openssl(dossiers: Sequence[bytes], kind: KeyKind, *, at: datetime) -> SealingRates | None:
    """Measure `openssl cms` on the same packages with the same kind of keys, or return None where it is not installed.

    One process for each step of each file, which is how it is used by hand.
    """
    program = shutil.which("openssl")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        make_development_certificates(here, schools=[SENDER, SCHOOL], at=at, kind=kind)
        sender, recipient = here / "schools" / SENDER / "signing-1", here / "schools" / SCHOOL / "decryption-1"
        padding = [] if kind is KeyKind.P256 else ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"]

        def cms(*arguments: str, given: bytes) -> bytes:
            command = [program, "cms", *arguments, "-binary"]
            return subprocess.run(command, input=given, capture_output=True, check=True).stdout  # noqa: S603

        def seal_one(dossier: bytes) -> bytes:
            package = pack({"manifest.json": b"{}", DOSSIER_FILE: dossier})
            keys = ("-signer", f"{sender}.crt", "-inkey", f"{sender}.key")
            signed = cms("-sign", "-cades", "-nodetach", "-md", "sha256", "-outform", "DER", *keys, given=package)
            how = ("-encrypt", "-aes-256-gcm", "-outform", "DER", "-recip", f"{recipient}.crt", *padding)
            return cms(*how, given=signed)

        def open_one(envelope: bytes) -> bytes:
            keys = ("-recip", f"{recipient}.crt", "-inkey", f"{recipient}.key")
            signed = cms("-decrypt", "-inform", "DER", *keys, given=envelope)
            authorities = str(here / "ca" / "authorities.pem")
            return cms("-verify", "-inform", "DER", "-CAfile", authorities, given=signed)

        envelopes, seal_rate = _timed(seal_one, dossiers)
        _, open_rate = _timed(open_one, envelopes)
    return SealingRates("openssl cms", kind, seal_rate, open_rate, sum(map(len, envelopes)) // len(envelopes))


def _timed(work: Callable[[_T], _R], items: Sequence[_T]) -> tuple[list[_R], float]:
    """Do the work for each item; return the results and how many a second, by the wall clock."""
    begin = time.perf_counter()
    results = [work(item) for item in items]
    return results, len(items) / (time.perf_counter() - begin)


def run(
    console: Console,
    *,
    at: datetime,
    count: int = 2000,
    peers: int = 40,
    dossiers: Sequence[bytes] | None = None,
    kinds: Iterable[KeyKind] = tuple(KeyKind),
    others: bool = False,
) -> list[SealingRates]:
    """Print the rates of one core for each kind of key, and return them.

    Args:
        console: where to print.
        at: the moment, for certificates and manifests.
        count: dossiers for this package; RSA takes a tenth.
        peers: dossiers for `openssl cms`.
        dossiers: what to seal; made up when None.
        kinds: the kinds of key.
        others: `age` and `gpg` beside `openssl cms`, on the same files.
    """
    from overstap_tools.bench.peers import measure_age, measure_gpg

    dossiers = sample(count) if dossiers is None else dossiers
    columns = ("seal/s", "open/s", "receipt/s", "verify/s", "bytes", "seal/CPU s", "open/CPU s")
    table = Table("program", "keys", *columns, title="One core")
    found = []
    for kind in kinds:
        ours = dossiers if kind is KeyKind.P256 else dossiers[: max(1, len(dossiers) // 10)]
        measured = [measure(ours, kind, at=at), measure_openssl(dossiers[:peers], kind, at=at)]
        if others:
            measured.append(measure_gpg(dossiers[:peers], kind))
            measured += [measure_age(dossiers[:peers])] if kind is KeyKind.P256 else []
        for rates in measured:
            if rates is None:
                continue
            found.append(rates)
            extra = [f"{one:,.0f}" if one else "-" for one in (rates.receipt, rates.verify)]
            row = (f"{rates.seal:,.0f}", f"{rates.open:,.0f}", *extra, f"{rates.envelope_bytes:,}")
            row += tuple(f"{one:,.0f}" if one else "-" for one in (rates.seal_per_cpu, rates.open_per_cpu))
            table.add_row(rates.program, rates.keys, *row)
    console.print(table)
    return found
