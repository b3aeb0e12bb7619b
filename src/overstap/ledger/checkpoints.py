"""Storage of signed checkpoints of a region's audit chain; `overstap.closing.checkpoint` signs them."""

from dataclasses import dataclass, field

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A signed checkpoint.

    Args:
        payload: JSON with region, from, up_to, root, head and at: what was signed.
        signature: over the payload's bytes.
        certificate: of the signer, DER.
    """

    payload: str
    signature: bytes = field(repr=False)
    certificate: bytes = field(repr=False)


def begin(unit: UnitOfWork) -> list[tuple[int, bytes]]:
    """Announce a checkpoint, and return number and hash of the lines that it must cover, in order, at least one."""
    return [(seq, digest) for seq, digest in unit.rows("select seq, hash from overstap.begin_checkpoint()")]


def keep(unit: UnitOfWork, checkpoint: SignedCheckpoint) -> None:
    """Store a checkpoint in the transaction that began it; the database refuses one that covers other lines."""
    unit.rows(
        "select overstap.keep_checkpoint(%(payload)s, %(signature)s, %(certificate)s)",
        payload=checkpoint.payload,
        signature=checkpoint.signature,
        certificate=checkpoint.certificate,
    )


def newest(unit: UnitOfWork) -> SignedCheckpoint | None:
    """Return the region's last checkpoint; None before the first."""
    found = unit.rows(
        "select payload, signature, certificate from overstap.audit_checkpoint order by up_to desc limit 1"
    )
    return SignedCheckpoint(*found[0]) if found else None


def kept(unit: UnitOfWork) -> list[SignedCheckpoint]:
    """Return every checkpoint of the region, in order."""
    return [
        SignedCheckpoint(*row)
        for row in unit.rows("select payload, signature, certificate from overstap.audit_checkpoint order by up_to")
    ]
