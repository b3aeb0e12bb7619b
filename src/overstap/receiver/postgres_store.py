"""Store in PostgreSQL: each envelope in one transaction.

The primary key on the message id decides between two simultaneous posts, and the commit is the moment from which the
receipt may be given.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from overstap.envelope import manifest as manifests
from overstap.envelope.envelope import OpenedEnvelope
from overstap.envelope.manifest import EnvelopeKind, Manifest
from overstap.errors import OverstapError
from overstap.resources import INCLUDE

SCHEMA = INCLUDE / "schemas" / "receiving" / "store.sql"


def set_up(database: str) -> None:
    """Make the store's schema and tables; safe to repeat.

    Args:
        database: libpq connection string of a login that may create a schema.

    Raises:
        OverstapError: DELIVERY-060 when it cannot be done.
    """
    try:
        with psycopg.connect(database) as connection:
            connection.execute(SCHEMA.read_bytes())
    except psycopg.Error as problem:
        # Its words may hold the connection string: only the kind of fault is passed on
        raise OverstapError("DELIVERY-060", kind=type(problem).__name__) from None


class PostgresStore:
    """A store in one database, for one school; a connection per thread.

    Args:
        database: libpq connection string.

    Raises:
        OverstapError: DELIVERY-060 when the database cannot be reached or is not set up.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._mine = threading.local()
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
        """Return a stored envelope as it came, or None."""
        row = self._row("select envelope from overstap_received.message where message_id = %s", message_id)
        return row[0] if row else None

    def add(self, opened: OpenedEnvelope, envelope: bytes, receipt: bytes, *, unique: bytes) -> bool:
        """Store an envelope with everything that belongs to it, durably; False when its message id was there.

        Args:
            opened: what came out of it.
            envelope: as it came.
            receipt: what will be answered.
            unique: not needed here.
        """
        manifest = opened.manifest
        with self._transaction() as connection:
            connection.execute("set local synchronous_commit = on")  # whatever the server's own default is
            added = connection.execute(
                "insert into overstap_received.message (message_id, kind, sender, round, oso_version, envelope, "
                "envelope_digest, manifest, receipt) values (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
                "on conflict do nothing",
                [
                    manifest.message_id,
                    manifest.kind.value,
                    manifest.sender.school,
                    manifest.round_id,
                    manifest.oso_version,
                    envelope,
                    opened.envelope_sha256,
                    opened.manifest_bytes,
                    receipt,
                ],
            ).rowcount
            if not added:
                return False
            with connection.cursor() as cursor:
                cursor.executemany(
                    "insert into overstap_received.file (message_id, name, content) values (%s, %s, %s)",
                    [(manifest.message_id, name, content) for name, content in opened.files.items()],
                )
        return True

    def withdraw(self, message_id: UUID, revocation: bytes, answer: Callable[[bool], bytes], *, unique: bytes) -> bytes:
        """Take an envelope's content away, durably, also before it came; keep that it was, and return the answer.

        Args:
            message_id: of the envelope.
            revocation: the statement, as it came.
            answer: makes what is answered, given whether the envelope was there.
            unique: not needed here.
        """
        with self._transaction() as connection:
            connection.execute("set local synchronous_commit = on")
            connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(message_id)])
            known = connection.execute(
                "select revocation, answer, receipt is not null from overstap_received.withdrawn where message_id = %s",
                [message_id],
            ).fetchone()
            if known is not None:
                return bytes(known[1]) if bytes(known[0]) == revocation else answer(bool(known[2]))
            gone = connection.execute(
                "select envelope_digest, manifest, receipt from overstap_received.message where message_id = %s "
                "for update",
                [message_id],
            ).fetchone()
            said = answer(gone is not None)
            connection.execute(
                "insert into overstap_received.withdrawn "
                "(message_id, revocation, answer, envelope_digest, manifest, receipt) values (%s, %s, %s, %s, %s, %s)",
                [message_id, revocation, said, *(gone or (None, None, None))],
            )
            self._remove(connection, message_id)
        return said

    def is_withdrawn(self, message_id: UUID) -> bool:
        """Return whether an envelope was taken back, come or not."""
        return self._row("select true from overstap_received.withdrawn where message_id = %s", message_id) is not None

    def forget_withdrawn(self, message_id: UUID) -> bool:
        """Remove what was stored while it was being taken back; return whether it was."""
        with self._transaction() as connection:
            connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(message_id)])
            found = connection.execute(
                "select from overstap_received.withdrawn where message_id = %s", [message_id]
            ).fetchone()
            if found is None:
                return False
            self._remove(connection, message_id)
        return True

    def manifest_of(self, message_id: UUID) -> bytes | None:
        """Return the manifest of what is, or was, stored under a message id."""
        row = self._row(
            "select manifest from overstap_received.message where message_id = %s union all "
            "select manifest from overstap_received.withdrawn where message_id = %s and manifest is not null",
            *(message_id, message_id),
        )
        return row[0] if row else None

    def evidence(self, message_id: UUID) -> tuple[bytes, bytes, bytes] | None:
        """Return receipt, manifest and envelope as they are stored under a message id, or None."""
        row = self._row(
            "select receipt, manifest, envelope from overstap_received.message where message_id = %s", message_id
        )
        return (row[0], row[1], row[2]) if row else None

    @staticmethod
    def _remove(connection: psycopg.Connection[TupleRow], message_id: UUID) -> None:
        connection.execute("delete from overstap_received.file where message_id = %s", [message_id])
        connection.execute("delete from overstap_received.message where message_id = %s", [message_id])

    def add_refusal(self, envelope_sha256: bytes, receipt: bytes) -> None:
        """Keep the receipt of a refusal, the last one for the same bytes."""
        self._do(
            "insert into overstap_received.refusal (envelope_digest, receipt) values (%s, %s) "
            "on conflict (envelope_digest) do update set receipt = excluded.receipt, refused_at = clock_timestamp()",
            *(envelope_sha256, receipt),
        )

    def raise_alarm(self, message_id: UUID, *, stored: bytes, came: bytes, at: datetime) -> None:
        """Record that a message id came again with another content."""
        self._do(
            "insert into overstap_received.alarm (message_id, stored, came, at) values (%s, %s, %s, %s) "
            "on conflict do nothing",
            *(message_id, stored, came, at),
        )

    def alarms(self) -> int:
        """Return how many alarms there are."""
        return self._count("select count(*) from overstap_received.alarm")

    def stored(self, kind: EnvelopeKind = EnvelopeKind.DOSSIER) -> Iterator[Manifest]:
        """Yield the manifest of everything stored, in the order of the message ids."""
        with self._transaction() as connection:
            rows = connection.execute(
                "select manifest from overstap_received.message where kind = %s order by message_id", [kind.value]
            ).fetchall()
        for (content,) in rows:
            yield manifests.parse(content)

    def keep_result(self, message_id: UUID, content: bytes) -> None:
        """Keep what was stated of a stored dossier, the last statement of all."""
        self._do("update overstap_received.message set result = %s where message_id = %s", *(content, message_id))

    def keep_notification(self, message_id: UUID, content: bytes) -> None:
        """Keep a notification; the same again changes nothing."""
        self._do(
            "insert into overstap_received.notification (message_id, content) values (%s, %s) on conflict do nothing",
            *(message_id, content),
        )

    def notified(self) -> int:
        """Return of how many dossiers the school was notified that are not stored."""
        return self._count(
            "select count(*) from overstap_received.notification n where not exists "
            "(select from overstap_received.message m where m.message_id = n.message_id)"
        )

    def salt(self) -> bytes:
        """Return random bytes of this store, the same ever after."""
        self._do("insert into overstap_received.salt (salt) values (%s) on conflict do nothing", os.urandom(32))
        row = self._row("select salt from overstap_received.salt where only_one = %s", True)
        return row[0] if row else b""

    def remember(self, handle: bytes, moment: datetime) -> None:
        """Remember of when the newest dossier of a pupil is."""
        self._do(
            "insert into overstap_received.asked (handle, newest) values (%s, %s) "
            "on conflict (handle) do update set newest = excluded.newest",
            *(handle, moment),
        )

    def remembered(self, handle: bytes) -> datetime | None:
        """Return what was remembered, or None."""
        row = self._row("select newest from overstap_received.asked where handle = %s", handle)
        return row[0] if row else None

    def clean(self, *, at: datetime) -> int:
        """Remove what came while it was being taken back, when the process ended before it could; return how much.

        Nothing else can be left: a transaction writes nothing by half.
        """
        with self._transaction() as connection:
            left = connection.execute(
                "select m.message_id from overstap_received.message m join overstap_received.withdrawn w "
                "on w.message_id = m.message_id"
            ).fetchall()
            for (message_id,) in left:
                self._remove(connection, message_id)
        return len(left)

    # -- the connection of this thread -----------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[TupleRow]]:
        try:
            connection = getattr(self._mine, "connection", None)
            if connection is None or connection.closed or connection.broken:
                connection = psycopg.connect(self._database, autocommit=True, application_name="overstap receive")
                self._mine.connection = connection
            with connection.transaction():
                yield connection
        except psycopg.Error as problem:
            raise OverstapError("DELIVERY-060", kind=type(problem).__name__) from None

    def _row(self, sql: str, *values: object) -> TupleRow | None:
        with self._transaction() as connection:
            return connection.execute(sql, values).fetchone()

    def _do(self, sql: str, *values: object) -> None:
        with self._transaction() as connection:
            connection.execute(sql, values)

    def _count(self, sql: str) -> int:
        row = self._row(sql)
        return int(row[0]) if row else 0
