"""Storage of signed checkpoints of a region's audit chain; `overstap.closing.checkpoint` signs them."""

from dataclasses import dataclass, field

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class KeptCheckpoint:
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
    """Announce a checkpoint, and return number and hash of the lines that it has to cover, in order: never none."""
    return [(seq, digest) for seq, digest in unit.rows("select seq, hash from overstap.begin_checkpoint()")]


def keep(unit: UnitOfWork, checkpoint: KeptCheckpoint) -> None:
    """Keep a checkpoint, in the transaction in which it was begun; the database takes none of other lines."""
    unit.rows(
        "select overstap.keep_checkpoint(%(payload)s, %(signature)s, %(certificate)s)",
        payload=checkpoint.payload,
        signature=checkpoint.signature,
        certificate=checkpoint.certificate,
    )


def newest(unit: UnitOfWork) -> KeptCheckpoint | None:
    """Return the region's last checkpoint; None before the first."""
    found = unit.rows(
        "select payload, signature, certificate from overstap.audit_checkpoint order by up_to desc limit 1"
    )
    return KeptCheckpoint(*found[0]) if found else None


def kept(unit: UnitOfWork) -> list[KeptCheckpoint]:
    """Return every checkpoint of the region, in order."""
    return [
        KeptCheckpoint(*row)
        for row in unit.rows("select payload, signature, certificate from overstap.audit_checkpoint order by up_to")
    ]
