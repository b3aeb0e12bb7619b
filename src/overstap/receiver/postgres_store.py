"""Message store in PostgreSQL: stores each accepted envelope exactly once, in one transaction.

The primary key on the message id decides between two simultaneous requests. The receipt may be sent after the commit.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from overstap.envelope import manifest as manifests
from overstap.envelope.manifest import EnvelopeKind, Manifest
from overstap.errors import OverstapError
from overstap.receiver.arrived import Arrived
from overstap.resources import INCLUDE

SCHEMA = INCLUDE / "schemas" / "receiving" / "store.sql"


def set_up(database: str) -> None:
    """Create the schema and tables of the store; safe to repeat.

    Args:
        database: libpq connection string of a login that may create a schema.

    Raises:
        OverstapError: DELIVERY-060 when the database refuses.
    """
    try:
        with psycopg.connect(database) as connection:
            connection.execute(SCHEMA.read_bytes())
    except psycopg.Error as problem:
        # The message can contain the connection string, so only the class of the error is passed on
        raise OverstapError("DELIVERY-060", kind=type(problem).__name__) from None


class PostgresStore:
    """Store of one school in one database, with a connection per thread.

    Args:
        database: libpq connection string.

    Raises:
        OverstapError: DELIVERY-060 when the database cannot be reached or is not set up.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._per_thread = threading.local()
        with self._transaction() as connection:
            connection.execute("select from overstap_received.message limit 0")

    def receipt_for(self, message_id: UUID) -> tuple[bytes, bytes] | None:
        """Return the digest of the envelope stored under a message id and its receipt, or None."""
        row = self._row(
            "select envelope_digest, receipt from overstap_received.message where message_id = %s union all "
            "select envelope_digest, receipt from overstap_received.withdrawn "
            "where message_id = %s and receipt is not null",
            *(message_id, message_id),
        )
        return (row[0], row[1]) if row else None

    def envelope_of(self, message_id: UUID) -> bytes | None:
        """Return a stored envelope as received, or None."""
        row = self._row("select envelope from overstap_received.message where message_id = %s", message_id)
        return row[0] if row else None

    def add_all(self, arrived: Sequence[Arrived]) -> list[bool | OSError]:
        """Store envelopes with their files, manifests and receipts in one transaction; see `ReceiverStore.add_all`."""
        # In one order everywhere, against deadlocks between two groups with the same envelopes
        ordered = sorted(arrived, key=lambda one: one.opened.manifest.message_id)
        with self._transaction() as connection:
            connection.execute("set local synchronous_commit = on")  # the server's default can be off
            added = {
                row[0]
                for row in connection.execute(
                    "insert into overstap_received.message (message_id, kind, sender, round, oso_version, envelope, "
                    "envelope_digest, manifest, receipt) select * from unnest(%b::uuid[], %b::text[], %b::text[], "
                    "%b::text[], %b::text[], %b::bytea[], %b::bytea[], %b::bytea[], %b::bytea[]) "
                    "on conflict do nothing returning message_id",
                    _columns(_message_row(one) for one in ordered),
                )
            }
            files = [
                (one.opened.manifest.message_id, name, content)
                for one in ordered
                if one.opened.manifest.message_id in added
                for name, content in one.opened.files.items()
            ]
            if files:
                connection.execute(
                    "insert into overstap_received.file (message_id, name, content) "
                    "select * from unnest(%b::uuid[], %b::text[], %b::bytea[])",
                    _columns(files),
                )
        return [one.opened.manifest.message_id in added for one in arrived]

    def sync(self) -> None:
        """Do nothing: what can be read was committed, and so synced."""

    def withdraw(self, message_id: UUID, revocation: bytes, answer: Callable[[bool], bytes], *, unique: bytes) -> bytes:
        """Erase the content of a revoked envelope, record the revocation, and return its receipt.

        An envelope that has not arrived yet can be revoked too.

        Args:
            message_id: id of the envelope.
            revocation: the signed revocation as received.
            answer: makes the receipt of the revocation, given whether the envelope was stored.
            unique: not used by this store.
        """
        with self._transaction() as connection:
            connection.execute("set local synchronous_commit = on")
            connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(message_id)])
            earlier = connection.execute(
                "select revocation, answer, receipt is not null from overstap_received.withdrawn where message_id = %s",
                [message_id],
            ).fetchone()
            if earlier is not None:
                return bytes(earlier[1]) if bytes(earlier[0]) == revocation else answer(bool(earlier[2]))
            stored = connection.execute(
                "select envelope_digest, manifest, receipt from overstap_received.message where message_id = %s "
                "for update",
                [message_id],
            ).fetchone()
            signed_answer = answer(stored is not None)
            connection.execute(
                "insert into overstap_received.withdrawn "
                "(message_id, revocation, answer, envelope_digest, manifest, receipt) values (%s, %s, %s, %s, %s, %s)",
                [message_id, revocation, signed_answer, *(stored or (None, None, None))],
            )
            self._remove(connection, message_id)
        return signed_answer

    def is_withdrawn(self, message_id: UUID) -> bool:
        """Return whether an envelope was revoked, whether or not it has arrived."""
        return self._row("select true from overstap_received.withdrawn where message_id = %s", message_id) is not None

    def forget_withdrawn(self, message_id: UUID) -> bool:
        """Erase the content of an envelope that was stored while it was being revoked; return whether it is revoked."""
        with self._transaction() as connection:
            connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(message_id)])
            withdrawn = connection.execute(
                "select from overstap_received.withdrawn where message_id = %s", [message_id]
            ).fetchone()
            if withdrawn is None:
                return False
            self._remove(connection, message_id)
        return True

    def manifest_of(self, message_id: UUID) -> bytes | None:
        """Return the manifest of an envelope that is stored, or was stored before its revocation; None without one."""
        row = self._row(
            "select manifest from overstap_received.message where message_id = %s union all "
            "select manifest from overstap_received.withdrawn where message_id = %s and manifest is not null",
            *(message_id, message_id),
        )
        return row[0] if row else None

    def evidence(self, message_id: UUID) -> tuple[bytes, bytes, bytes] | None:
        """Return receipt, manifest and envelope stored under a message id, or None."""
        row = self._row(
            "select receipt, manifest, envelope from overstap_received.message where message_id = %s", message_id
        )
        return (row[0], row[1], row[2]) if row else None

    @staticmethod
    def _remove(connection: psycopg.Connection[TupleRow], message_id: UUID) -> None:
        connection.execute("delete from overstap_received.file where message_id = %s", [message_id])
        connection.execute("delete from overstap_received.message where message_id = %s", [message_id])

    def add_refusal(self, envelope_sha256: bytes, receipt: bytes) -> None:
        """Store the receipt of a refusal; it replaces an earlier one for the same bytes."""
        self._execute(
            "insert into overstap_received.refusal (envelope_digest, receipt) values (%s, %s) "
            "on conflict (envelope_digest) do update set receipt = excluded.receipt, refused_at = clock_timestamp()",
            *(envelope_sha256, receipt),
        )

    def raise_alarm(self, message_id: UUID, *, stored: bytes, received: bytes, at: datetime) -> None:
        """Record that a message id was received again with other content (SHA-256 digests of both envelopes)."""
        self._execute(
            "insert into overstap_received.alarm (message_id, stored, came, at) values (%s, %s, %s, %s) "
            "on conflict do nothing",
            *(message_id, stored, received, at),
        )

    def alarms(self) -> int:
        """Return the number of alarms."""
        return self._count("select count(*) from overstap_received.alarm")

    def stored(self, kind: EnvelopeKind = EnvelopeKind.DOSSIER) -> Iterator[Manifest]:
        """Yield the manifest of each stored envelope of a kind, in the order of message ids."""
        with self._transaction() as connection:
            rows = connection.execute(
                "select manifest from overstap_received.message where kind = %s order by message_id", [kind.value]
            ).fetchall()
        for (content,) in rows:
            yield manifests.parse(content)

    def keep_result(self, message_id: UUID, content: bytes) -> None:
        """Store the result stated of a stored dossier; it replaces an earlier one."""
        self._execute("update overstap_received.message set result = %s where message_id = %s", *(content, message_id))

    def keep_notification(self, message_id: UUID, content: bytes) -> None:
        """Store a notification; storing it again changes nothing."""
        self._execute(
            "insert into overstap_received.notification (message_id, content) values (%s, %s) on conflict do nothing",
            *(message_id, content),
        )

    def pending_notifications(self) -> int:
        """Return the number of notifications whose dossier is not stored yet."""
        return self._count(
            "select count(*) from overstap_received.notification n where not exists "
            "(select from overstap_received.message m where m.message_id = n.message_id)"
        )

    def salt(self) -> bytes:
        """Return the random salt of this store, created at the first call."""
        self._execute("insert into overstap_received.salt (salt) values (%s) on conflict do nothing", os.urandom(32))
        row = self._row("select salt from overstap_received.salt where only_one = %s", True)
        return row[0] if row else b""

    def record_newest(self, handle: bytes, moment: datetime) -> None:
        """Record the sealing time of a pupil's newest dossier, under a salted digest of pupil number and sender."""
        self._execute(
            "insert into overstap_received.asked (handle, newest) values (%s, %s) "
            "on conflict (handle) do update set newest = excluded.newest",
            *(handle, moment),
        )

    def newest_sealed_at(self, handle: bytes) -> datetime | None:
        """Return the recorded sealing time of a pupil's newest dossier, or None."""
        row = self._row("select newest from overstap_received.asked where handle = %s", handle)
        return row[0] if row else None

    def clean(self, *, at: datetime) -> int:
        """Erase revoked envelopes that a crash left stored; return their number.

        Nothing else can be left unfinished, since each envelope is stored in one transaction.
        """
        with self._transaction() as connection:
            left = connection.execute(
                "select m.message_id from overstap_received.message m join overstap_received.withdrawn w "
                "on w.message_id = m.message_id"
            ).fetchall()
            for (message_id,) in left:
                self._remove(connection, message_id)
        return len(left)

    # -- connection of the current thread --------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[TupleRow]]:
        try:
            connection = getattr(self._per_thread, "connection", None)
            if connection is None or connection.closed or connection.broken:
                connection = psycopg.connect(self._database, autocommit=True, application_name="overstap receive")
                self._per_thread.connection = connection
            with connection.transaction():
                yield connection
        except psycopg.Error as problem:
            raise OverstapError("DELIVERY-060", kind=type(problem).__name__) from None

    def _row(self, sql: str, *values: object) -> TupleRow | None:
        with self._transaction() as connection:
            return connection.execute(sql, values).fetchone()

    def _execute(self, sql: str, *values: object) -> None:
        with self._transaction() as connection:
            connection.execute(sql, values)

    def _count(self, sql: str) -> int:
        row = self._row(sql)
        return int(row[0]) if row else 0


def _message_row(one: Arrived) -> tuple[object, ...]:
    """Return an envelope's row of the table of messages."""
    manifest = one.opened.manifest
    return (
        manifest.message_id,
        manifest.kind.value,
        manifest.sender.school,
        manifest.round_id,
        manifest.oso_version,
        one.envelope,
        one.opened.envelope_sha256,
        one.opened.manifest_bytes,
        one.receipt,
    )


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    """Return rows by column, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)]
