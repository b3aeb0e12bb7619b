"""Message ids: UUID version 7 (RFC 9562 section 5.7), sortable by time."""

from datetime import UTC, datetime
from uuid import UUID

_VERSION = 7


def message_id(at: datetime, randomness: bytes) -> UUID:
    """Return a new message id.

    Args:
        at: the moment of making.
        randomness: at least 10 random bytes, such as `os.urandom(10)`.

    Raises:
        ValueError: fewer bytes.
    """
    if len(randomness) < 10:
        raise ValueError("a message id takes 10 random bytes")
    number = int(at.timestamp() * 1000) << 80 | int.from_bytes(randomness[:10], "big")
    number = number & ~(0xF << 76) | _VERSION << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)


def derived_message_id(keyed: bytes, school_year: str) -> UUID:
    """Return the message id of what a delivery means: the same meaning has the same id, whoever asks, and whenever.

    So a ledger that was restored from an older backup does not send under a new id what a receiver has: the receiver
    knows the id. Its time is the beginning of the school year, since the moment of sealing would not come back.

    Args:
        keyed: a keyed hash of the meaning; nobody without the region's key can tell what it is of.
        school_year: of the round, such as "2026-2027".
    """
    return message_id(datetime(int(school_year[:4]), 8, 1, tzinfo=UTC), keyed)


def is_message_id(value: UUID) -> bool:
    """Tell whether a UUID is of version 7."""
    return value.version == _VERSION
