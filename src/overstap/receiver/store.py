"""Interface of a receiving school's message store.

Each accepted envelope is stored exactly once, durably, before its receipt is sent.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from overstap.envelope.manifest import EnvelopeKind, Manifest
from overstap.errors import OverstapError
from overstap.receiver.arrived import Arrived


class ReceiverStore(Protocol):
    """Message store of one school. Safe to use from several threads and processes."""

    def receipt_for(self, message_id: UUID) -> tuple[bytes, bytes] | None:
        """Return the digest of the envelope stored under a message id and its receipt, or None."""
        ...

    def envelope_of(self, message_id: UUID) -> bytes | None:
        """Return a stored envelope as received, or None."""
        ...

    def add_all(self, arrived: Sequence[Arrived]) -> list[bool | OSError]:
        """Store envelopes with their files, manifests and receipts, all synced together before this returns.

        Args:
            arrived: the envelopes, each under another message id.

        Returns:
            For each whether it was stored now: False when its message id is known, an error when it could not be
            stored, which says nothing about the others.
        """
        ...

    def sync(self) -> None:
        """Make durable what another call stored a moment ago, before its receipt is repeated."""
        ...

    def withdraw(self, message_id: UUID, revocation: bytes, answer: Callable[[bool], bytes], *, unique: bytes) -> bytes:
        """Erase the content of a revoked envelope, record the revocation, and return its receipt.

        An envelope that has not arrived yet can be revoked too. Receipt, manifest and digest of the envelope stay;
        `answer` makes the receipt of the revocation, given whether the envelope was stored.
        """
        ...

    def is_withdrawn(self, message_id: UUID) -> bool:
        """Return whether an envelope was revoked, whether or not it has arrived."""
        ...

    def forget_withdrawn(self, message_id: UUID) -> bool:
        """Erase the content of an envelope that was stored while it was being revoked; return whether it is revoked."""
        ...

    def manifest_of(self, message_id: UUID) -> bytes | None:
        """Return the manifest of an envelope that is stored, or was stored before its revocation; None without one."""
        ...

    def evidence(self, message_id: UUID) -> tuple[bytes, bytes, bytes] | None:
        """Return receipt, manifest and envelope stored under a message id, or None."""
        ...

    def add_refusal(self, envelope_sha256: bytes, receipt: bytes) -> None:
        """Store the receipt of a refusal; it replaces an earlier one for the same bytes."""
        ...

    def raise_alarm(self, message_id: UUID, *, stored: bytes, received: bytes, at: datetime) -> None:
        """Record that a message id was received again with other content (SHA-256 digests of both envelopes)."""
        ...

    def alarms(self) -> int:
        """Return the number of alarms."""
        ...

    def stored(self, kind: EnvelopeKind = EnvelopeKind.DOSSIER) -> Iterator[Manifest]:
        """Yield the manifest of each stored envelope of a kind, in the order of message ids."""
        ...

    def keep_result(self, message_id: UUID, content: bytes) -> None:
        """Store the result stated of a stored dossier; it replaces an earlier one."""
        ...

    def keep_notification(self, message_id: UUID, content: bytes) -> None:
        """Store a notification; storing it again changes nothing."""
        ...

    def pending_notifications(self) -> int:
        """Return the number of notifications whose dossier is not stored yet."""
        ...

    def salt(self) -> bytes:
        """Return the random salt of this store, created at the first call."""
        ...

    def record_newest(self, handle: bytes, moment: datetime) -> None:
        """Record the sealing time of a pupil's newest dossier, under a salted digest of pupil number and sender."""
        ...

    def newest_sealed_at(self, handle: bytes) -> datetime | None:
        """Return the recorded sealing time of a pupil's newest dossier, or None."""
        ...

    def clean(self, *, at: datetime) -> int:
        """Remove what a crash left unfinished; return the number of items removed."""
        ...


def open_store(folder: Path | None, database: str | None) -> ReceiverStore:
    """Open a store in a folder or in a database.

    Args:
        folder: folder of a `FolderStore`, or None.
        database: libpq connection string of a `PostgresStore`, or None.

    Raises:
        OverstapError: DELIVERY-059 when none or both are given; DELIVERY-060 when the database is not set up.
    """
    if (folder is None) == (database is None):
        raise OverstapError("DELIVERY-059")
    if folder is not None:
        from overstap.receiver.folder_store import FolderStore

        return FolderStore(folder)
    from overstap.receiver.postgres_store import PostgresStore

    return PostgresStore(str(database))
