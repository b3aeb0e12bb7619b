"""Export of the audit chain to a file, and its verification without the database.

One JSON object a line: `{"line": payload, "hash": hex}` for each audit line in order, then
`{"checkpoint": payload, "signature": base64, "certificate": PEM}` for each checkpoint.
"""

import base64
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.hashes import SHA256

from overstap.closing.checkpoint import is_signed_by
from overstap.errors import OverstapError
from overstap.ledger.audit import merkle_root, read_chain, verify
from overstap.ledger.checkpoints import SignedCheckpoint, kept
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class ExportVerification:
    """Result of the verification of an exported file, with its first fault."""

    region: str
    lines: int
    checkpoints: int
    covered: int
    """Lines up to the last checkpoint; later lines could be removed without detection."""
    fault: str | None
    signers: frozenset[str]
    """Subjects of the certificates that signed."""


def export(unit: UnitOfWork) -> Iterator[str]:
    """Yield the lines of a region's exported audit chain."""
    for payload, digest in read_chain(unit.connection, unit.region):
        yield json.dumps({"line": payload, "hash": digest.hex()}, ensure_ascii=False)
    for checkpoint in kept(unit):
        yield _checkpoint_line(checkpoint)


def newest_checkpoint(unit: UnitOfWork) -> str:
    """Return a region's newest checkpoint as a line of an export.

    Raises:
        LookupError: there is none.
    """
    return _checkpoint_line(kept(unit)[-1])


def _checkpoint_line(checkpoint: SignedCheckpoint) -> str:
    pem = x509.load_der_x509_certificate(checkpoint.certificate).public_bytes(serialization.Encoding.PEM).decode()
    signed = base64.b64encode(checkpoint.signature).decode()
    return json.dumps({"checkpoint": checkpoint.payload, "signature": signed, "certificate": pem})


def region_of(lines: Sequence[str]) -> str:
    """Return the region that a file states, not verified.

    Raises:
        OverstapError: CLOSING-001 when its first line has another format.
    """
    try:
        return str(json.loads(json.loads(lines[0])["line"])["region"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as problem:
        raise OverstapError("CLOSING-001", line=1) from problem


def verify_export(
    lines: Iterable[str],
    *,
    conductors: Collection[x509.Certificate],
    since: datetime | None = None,
    until: datetime | None = None,
    known: Collection[str] = (),
) -> ExportVerification:
    """Verify an exported file by itself, and against certificates and checkpoints that its reader has.

    Args:
        lines: the file's lines.
        conductors: trusted signing certificates of the region's conductor; a checkpoint that another certificate
            signed is a fault.
        since: least moment of the last checkpoint, since later lines can be removed without detection; None: any.
        until: greatest moment of a checkpoint, usually the present; None: any.
        known: payloads of published checkpoints; a file without one of them was truncated or made anew.

    Raises:
        OverstapError: CLOSING-001 when a line has another format.
    """
    chain: list[tuple[str, bytes]] = []
    checkpoints: list[_Checkpoint] = []
    region = ""
    for number, line in enumerate(lines, start=1):
        try:
            entry: dict[str, str] = json.loads(line)
            if "line" in entry:
                chain.append((entry["line"], bytes.fromhex(entry["hash"])))
                region = region or str(json.loads(entry["line"])["region"])
            else:
                checkpoints.append(_Checkpoint.read(entry))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
            raise OverstapError("CLOSING-001", line=number) from problem
    broken = verify(chain, region=region)
    fault = f"line {broken.seq}: {broken.why}" if broken else None
    covered = 0
    trusted = {certificate.fingerprint(SHA256()) for certificate in conductors}
    for checkpoint in checkpoints:
        fault = fault or _fault_of(checkpoint, chain, covered, region)
        if fault is None and checkpoint.certificate.fingerprint(SHA256()) not in trusted:
            fault = f"checkpoint {checkpoint.up_to}: signed by another certificate than the conductor's"
        if fault is None and until is not None and checkpoint.made_at is not None and checkpoint.made_at > until:
            fault = f"checkpoint {checkpoint.up_to}: of {checkpoint.made_at}, which is still to come"
        covered = checkpoint.up_to
    fault = fault or _fault_of_the_end(checkpoints, since, known)
    signers = frozenset(checkpoint.certificate.subject.rfc4514_string() for checkpoint in checkpoints)
    return ExportVerification(region, len(chain), len(checkpoints), covered, fault, signers)


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """A parsed checkpoint of the file, not verified yet."""

    payload: str
    signature: bytes
    certificate: x509.Certificate
    region: str
    begin: int
    up_to: int
    root: str
    head: str
    made_at: datetime | None

    @classmethod
    def read(cls, entry: dict[str, str]) -> Self:
        """Parse an entry of the file; raise ValueError, KeyError or TypeError when it has another format."""
        payload = json.loads(entry["checkpoint"])
        return cls(
            entry["checkpoint"],
            base64.b64decode(entry["signature"], validate=True),
            x509.load_pem_x509_certificate(entry["certificate"].encode()),
            str(payload["region"]),
            int(payload["from"]),
            int(payload["up_to"]),
            str(payload["root"]),
            str(payload["head"]),
            _moment(payload["at"]) if "at" in payload else None,
        )


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a moment without its zone")
    return found


def _fault_of_the_end(checkpoints: Sequence[_Checkpoint], since: datetime | None, known: Collection[str]) -> str | None:
    """Return the fault that shows that the end of a chain was removed; None: no fault."""
    there = {checkpoint.payload for checkpoint in checkpoints}
    for payload in known:
        if payload not in there:
            return "a checkpoint that was handed out is not in it: the chain was cut short, or made anew"
    if since is None:
        return None
    if not checkpoints:
        return "it has no checkpoint: whatever is missing at its end cannot be seen"
    made_at = checkpoints[-1].made_at
    if made_at is None or made_at < since:
        return f"the last checkpoint is of {made_at or 'no moment'}: whatever came since can be missing unseen"
    return None


def _fault_of(checkpoint: _Checkpoint, chain: list[tuple[str, bytes]], covered: int, region: str) -> str | None:
    name = f"checkpoint {checkpoint.up_to}"
    if not is_signed_by(checkpoint.payload, checkpoint.signature, checkpoint.certificate):
        return f"{name}: its signature does not hold"
    if checkpoint.region != region or checkpoint.begin != covered + 1 or checkpoint.up_to < checkpoint.begin:
        return f"{name}: it does not follow from the one before"
    if checkpoint.up_to > len(chain):
        return f"line {len(chain) + 1}: gone, though {name} covers it"
    part = [digest for _, digest in chain[checkpoint.begin - 1 : checkpoint.up_to]]
    if merkle_root(part).hex() != checkpoint.root or part[-1].hex() != checkpoint.head:
        return f"{name}: the lines are not those that it covers"
    return None
