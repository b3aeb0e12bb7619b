"""Value of an envelope that has arrived at a receiving school and passed every check."""

from dataclasses import dataclass, field

from overstap.envelope.envelope import OpenedEnvelope


@dataclass(frozen=True, slots=True)
class Arrived:
    """An envelope that passed every check, to be stored."""

    opened: OpenedEnvelope = field(repr=False)
    envelope: bytes = field(repr=False)
    """As received: the proof of its sender."""
    receipt: bytes = field(repr=False)
    """Returned to the sender once all of it is stored."""
    unique: bytes
    """Random bytes that no other one has."""
