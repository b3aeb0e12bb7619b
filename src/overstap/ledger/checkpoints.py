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


def uncovered(unit: UnitOfWork) -> list[tuple[int, bytes]]:
    """Return number and hash of the lines after the last checkpoint, in order."""
    return [
        (seq, digest)
        for seq, digest in unit.rows(
            "select seq, hash from overstap.audit_line where seq > "
            "(select coalesce(max(up_to), 0) from overstap.audit_checkpoint) order by seq"
        )
    ]


def keep(unit: UnitOfWork, up_to: int, checkpoint: KeptCheckpoint) -> None:
    """Store a checkpoint of the region's chain up to a line."""
    unit.run(
        "insert into overstap.audit_checkpoint (region, up_to, payload, signature, certificate) "
        "values (%(region)s, %(up_to)s, %(payload)s, %(signature)s, %(certificate)s)",
        region=unit.region,
        up_to=up_to,
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
