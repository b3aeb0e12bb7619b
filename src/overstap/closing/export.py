"""Export of the audit chain to a file, and its verification without the database.

One JSON object a line: `{"line": payload, "hash": hex}` for each audit line in order, then
`{"checkpoint": payload, "signature": base64, "certificate": PEM}` for each checkpoint.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from overstap.closing.checkpoint import is_signed_by
from overstap.errors import OverstapError
from overstap.ledger.audit import merkle_root, read_chain, verify
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
    """Subjects of the certificates that signed; whose they are is for the reader to judge."""


def export(unit: UnitOfWork) -> Iterator[str]:
    """Yield a region's evidence, a line of the file at a time."""
    for payload, digest in read_chain(unit.connection, unit.region):
        yield json.dumps({"line": payload, "hash": digest.hex()}, ensure_ascii=False)
    for payload, signature, certificate in unit.rows(
        "select payload, signature, certificate from overstap.audit_checkpoint order by up_to"
    ):
        pem = x509.load_der_x509_certificate(certificate).public_bytes(serialization.Encoding.PEM)
        signed = base64.b64encode(signature).decode()
        yield json.dumps({"checkpoint": payload, "signature": signed, "certificate": pem.decode()})


def prove(lines: Iterable[str]) -> Proof:
    """Prove an exported file by itself.

    Args:
        lines: the file's lines.

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
        except (ValueError, KeyError, TypeError) as problem:
            raise OverstapError("CLOSING-001", line=number) from problem
    broken = verify(chain, region=region)
    fault = f"line {broken.seq}: {broken.why}" if broken else None
    covered = 0
    for checkpoint in checkpoints:
        fault = fault or _fault_of(checkpoint, chain, covered, region)
        covered = checkpoint.up_to
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
        )


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
