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
from overstap.ledger.checkpoints import KeptCheckpoint, kept
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class Proof:
    """What an exported file proves, or the first thing in it that does not hold."""

    region: str
    lines: int
    checkpoints: int
    covered: int
    """Lines up to the last checkpoint; what comes after can still be cut off unseen."""
    fault: str | None
    signers: frozenset[str]
    """Subjects of the certificates that signed."""


def export(unit: UnitOfWork) -> Iterator[str]:
    """Yield a region's evidence, a line of the file at a time."""
    for payload, digest in read_chain(unit.connection, unit.region):
        yield json.dumps({"line": payload, "hash": digest.hex()}, ensure_ascii=False)
    for checkpoint in kept(unit):
        yield _checkpoint_line(checkpoint)


def newest_checkpoint(unit: UnitOfWork) -> str:
    """Return a region's newest checkpoint as an export has it.

    Raises:
        LookupError: there is none.
    """
    return _checkpoint_line(kept(unit)[-1])


def _checkpoint_line(checkpoint: KeptCheckpoint) -> str:
    pem = x509.load_der_x509_certificate(checkpoint.certificate).public_bytes(serialization.Encoding.PEM).decode()
    signed = base64.b64encode(checkpoint.signature).decode()
    return json.dumps({"checkpoint": checkpoint.payload, "signature": signed, "certificate": pem})


def region_of(lines: Sequence[str]) -> str:
    """Return whose chain a file says that it is; it is proved by `prove` alone.

    Raises:
        OverstapError: CLOSING-001 when its first line is not of the form.
    """
    try:
        return str(json.loads(json.loads(lines[0])["line"])["region"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as problem:
        raise OverstapError("CLOSING-001", line=1) from problem


def prove(
    lines: Iterable[str],
    *,
    conductors: Collection[x509.Certificate],
    since: datetime | None = None,
    until: datetime | None = None,
    known: Collection[str] = (),
) -> Proof:
    """Prove an exported file by itself, and by what its reader knows from elsewhere.

    Args:
        lines: the file's lines.
        conductors: the signing certificates of the region's conductor, as its reader trusts them. A checkpoint that
            any other certificate signed is a fault.
        since: the last checkpoint is not older, or it is a fault: lines after it can be cut off unseen. None where the
            age does not matter.
        until: no checkpoint is of later: one of the future would be recent for ever.
        known: payloads of checkpoints that were handed out; a file without one of them was cut short or made anew.

    Raises:
        OverstapError: CLOSING-001 when a line is not of the form.
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
    return Proof(region, len(chain), len(checkpoints), covered, fault, signers)


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """A checkpoint as the file has it: of the right form, and nothing in it believed yet."""

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
        """Read an entry of the file; ValueError, KeyError or TypeError when it is not of the form."""
        said = json.loads(entry["checkpoint"])
        return cls(
            entry["checkpoint"],
            base64.b64decode(entry["signature"], validate=True),
            x509.load_pem_x509_certificate(entry["certificate"].encode()),
            str(said["region"]),
            int(said["from"]),
            int(said["up_to"]),
            str(said["root"]),
            str(said["head"]),
            _moment(said["at"]) if "at" in said else None,
        )


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a moment without its zone")
    return found


def _fault_of_the_end(checkpoints: Sequence[_Checkpoint], since: datetime | None, known: Collection[str]) -> str | None:
    """Return what tells that the tail of a chain was cut off."""
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
