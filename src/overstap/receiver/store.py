"""Interface of a receiving school's store.

Whatever is answered has happened, durably: each accepted envelope is there exactly once before it is confirmed.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from overstap.envelope.envelope import OpenedEnvelope
from overstap.envelope.manifest import EnvelopeKind, Manifest
from overstap.errors import OverstapError


class ReceiverStore(Protocol):
    """A store of one school. Safe to use from several threads and processes."""

    def receipt_for(self, message_id: UUID) -> tuple[bytes, bytes] | None:
        """Return the digest of the envelope stored under a message id and its receipt, or None."""
        ...

    def envelope_of(self, message_id: UUID) -> bytes | None:
        """Return a stored envelope as it came, or None."""
        ...

    def add(self, opened: OpenedEnvelope, envelope: bytes, receipt: bytes, *, unique: bytes) -> bool:
        """Store an envelope with everything that belongs to it, durably; False when its message id was there."""
        ...

    def withdraw(self, message_id: UUID, revocation: bytes, answer: Callable[[bool], bytes], *, unique: bytes) -> bytes:
        """Take an envelope's content away, durably, also before it came; keep that it was, and return the answer.

        Receipt, manifest and digest stay; `answer` makes what is answered, given whether the envelope was there.
        """
        ...

    def is_withdrawn(self, message_id: UUID) -> bool:
        """Return whether an envelope was taken back, come or not."""
        ...

    def forget_withdrawn(self, message_id: UUID) -> bool:
        """Remove what was stored while it was being taken back; return whether it was."""
        ...

    def manifest_of(self, message_id: UUID) -> bytes | None:
        """Return the manifest of what is, or was, stored under a message id."""
        ...

    def evidence(self, message_id: UUID) -> tuple[bytes, bytes, bytes] | None:
        """Return receipt, manifest and envelope as they are stored under a message id, or None."""
        ...

    def add_refusal(self, envelope_sha256: bytes, receipt: bytes) -> None:
        """Keep the receipt of a refusal, the last one for the same bytes."""
        ...

    def raise_alarm(self, message_id: UUID, *, stored: bytes, came: bytes, at: datetime) -> None:
        """Record that a message id came again with another content."""
        ...

    def alarms(self) -> int:
        """Return how many alarms there are."""
        ...

    def stored(self, kind: EnvelopeKind = EnvelopeKind.DOSSIER) -> Iterator[Manifest]:
        """Yield the manifest of everything stored, in the order of the message ids."""
        ...

    def keep_result(self, message_id: UUID, content: bytes) -> None:
        """Keep what was stated of a stored dossier, the last statement of all."""
        ...

    def keep_notification(self, message_id: UUID, content: bytes) -> None:
        """Keep a notification; the same again changes nothing."""
        ...

    def notified(self) -> int:
        """Return of how many dossiers the school was notified that are not stored."""
        ...

    def salt(self) -> bytes:
        """Return random bytes of this store, the same ever after."""
        ...

    def remember(self, handle: bytes, moment: datetime) -> None:
        """Remember of when the newest dossier of a pupil is, under a handle that stands for pupil and sender."""
        ...

    def remembered(self, handle: bytes) -> datetime | None:
        """Return what was remembered, or None."""
        ...

    def clean(self, *, at: datetime) -> int:
        """Remove what a crash left half written; return how much."""
        ...


def open_store(folder: Path | None, database: str | None) -> ReceiverStore:
    """Open the store that was named.

    Args:
        folder: of a store of files.
        database: libpq connection string of a PostgreSQL store.

    Raises:
        OverstapError: DELIVERY-059 when none or both were named; DELIVERY-060 when the database is not set up.
    """
    if (folder is None) == (database is None):
        raise OverstapError("DELIVERY-059")
    if folder is not None:
        from overstap.receiver.folder_store import FolderStore

        return FolderStore(folder)
    from overstap.receiver.postgres_store import PostgresStore

    return PostgresStore(str(database))
