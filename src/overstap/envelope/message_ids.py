"""Creation of message ids: UUID version 7 (RFC 9562 section 5.7), sortable by time."""

from datetime import UTC, datetime
from uuid import UUID

_VERSION = 7


def message_id(at: datetime, randomness: bytes) -> UUID:
    """Return a new message id.

    Args:
        at: the moment of creation.
        randomness: at least 10 random bytes, such as `os.urandom(10)`.

    Raises:
        ValueError: fewer than 10 bytes.
    """
    if len(randomness) < 10:
        raise ValueError("a message id takes 10 random bytes")
    number = int(at.timestamp() * 1000) << 80 | int.from_bytes(randomness[:10], "big")
    number = number & ~(0xF << 76) | _VERSION << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)


def derived_message_id(keyed: bytes, school_year: str) -> UUID:
    """Return the deterministic message id of a delivery: the same delivery always has the same id.

    After a restore from an older backup, a sender therefore reuses the id under which a receiver stored the envelope.
    The time in the id is the start of the school year, since the moment of sealing is lost in a restore.

    Args:
        keyed: keyed hash that identifies the delivery, at least 10 bytes.
        school_year: school year of the round, such as "2026-2027".
    """
    return message_id(datetime(int(school_year[:4]), 8, 1, tzinfo=UTC), keyed)


def is_message_id(value: UUID) -> bool:
    """Return whether a UUID has version 7."""
    return value.version == _VERSION
