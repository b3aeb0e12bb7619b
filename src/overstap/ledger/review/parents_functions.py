"""Client of the database functions that the parents' pages may call; their login has no other rights.

Each function answers for one session of a parent, and may be called again after a broken connection.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

CONNECTIONS = 8
_ATTEMPTS = CONNECTIONS + 2
"""After a restart of the server every connection of the pool may be broken; each attempt discards one."""
_WAITED = (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable, PoolTimeout)
_OPTIONS = (
    "-c statement_timeout=10s -c lock_timeout=8s -c idle_in_transaction_session_timeout=10s "
    # The functions look rows up by their keys, which one plan does for all values; else each connection plans a
    # statement six times before it keeps a plan, 1 to 3 ms each
    "-c plan_cache_mode=force_generic_plan"
)


class LedgerUnavailableError(Exception):
    """The ledger does not respond."""


@dataclass(frozen=True, slots=True)
class SignInResult:
    """Result of an attempt to sign in.

    Args:
        status: open, wrong, early, closed or renewed.
        answered_at: when this person decided last; None: not yet.
        closes_at: when the window closes or closed; given only with the right code and birth date.
    """

    status: str
    answered_at: datetime | None
    closes_at: datetime | None
    failed_code: int | None
    """Recent failed attempts with this code, this one included; None unless it is wrong."""
    failed_network: int | None
    failed_wide: int | None
    alarm: str | None
    """Kind of alarm for the administrator; None: no threshold was passed."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Data that a session may see, encrypted as the ledger stores them.

    Args:
        access: id of the person's access code.
        region: region id.
        dossier: id of the dossier.
        number: number of the version.
        phase: phase of the window.
        sealed_key: key of the person's copy, encrypted for the session.
        sealed_copy: the copy, encrypted with that key; None while the window is not open.
        closes_at: when the window closes.
        delivers_at: when it is delivered; None where that is not known.
        school_name: name of the primary school.
        school_contact: its mail address.
        receivers: names of the receiving schools.
        consent: whether consent is asked.
        answers: decisions, the newest first.
        requests: requests to the school.
        receives_from: first stage at which a school may receive the dossier: applied, registered or placed.
    """

    access: UUID
    region: str
    dossier: UUID
    number: int
    phase: str
    sealed_key: bytes = field(repr=False)
    sealed_copy: bytes | None = field(repr=False)
    closes_at: datetime
    delivers_at: datetime | None
    school_name: str
    school_contact: str
    receivers: list[str]
    consent: str
    answers: list[dict[str, Any]] | None = field(repr=False)
    requests: list[dict[str, Any]] | None = field(repr=False)
    receives_from: str


@dataclass(frozen=True, slots=True)
class SealedWords:
    """Encrypted text of a person.

    Args:
        key_id: id of the key that decrypts it.
        sealed: the encrypted text.
    """

    key_id: str
    sealed: bytes = field(repr=False)


class ParentsFunctions:
    """Calls the database functions over a pool of connections.

    Args:
        dsn: libpq connection string of the login `overstap_review`.
    """

    def __init__(self, dsn: str) -> None:
        self._pool = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=CONNECTIONS,
            open=False,
            timeout=8,
            max_waiting=400,
            reconnect_timeout=5,
            kwargs={"autocommit": True, "application_name": "overstap review", "options": _OPTIONS},
        )

    async def open(self) -> None:
        """Open the pool; the ledger need not respond yet."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close the pool."""
        await self._pool.close()

    async def sign_in(
        self,
        lookup_token: bytes,
        proof_token: bytes,
        network: str,
        wide_network: str,
        session: bytes,
        sealed_key: bytes,
    ) -> SignInResult:
        """Try to sign in.

        Args:
            lookup_token: token derived from the code, by which its access is found (32 bytes).
            proof_token: token derived from code and birth date (32 bytes).
            network: the client's network, as `networks_of` writes it.
            wide_network: the wider network around it.
            session: token of the new session, which begins when the status is "open".
            sealed_key: key of the copy, encrypted for that session.
        """
        row = await self._one(
            "select * from overstap.review_sign_in(%s, %s, %s, %s, %s, %s)",
            [lookup_token, proof_token, network, wide_network, session, sealed_key],
        )
        return SignInResult(*row)

    async def session(self, session: bytes) -> SessionRow | None:
        """Return the data that a session may see; None when it has ended."""
        row = await self._one("select * from overstap.review_look(%s)", [session])
        return None if row is None else SessionRow(*row)

    async def file(self, session: bytes, file: UUID) -> bytes | None:
        """Return an encrypted attachment of the session's copy; None when there is none."""
        return await self._value("select overstap.review_file(%s, %s)", [session, file])

    async def decide(
        self, session: bytes, submission: UUID, agreed: str, consent: str | None, view: SealedWords | None
    ) -> tuple[str, datetime | None]:
        """Record the person's decision, once per submission.

        Args:
            session: token of the session.
            submission: id of the submitted form and its content, so that sending it again has no effect.
            agreed: `Ja` or `Nee`.
            consent: `Ja` or `Nee`, where it was asked.
            view: the view; None when there is none.

        Returns:
            Status (recorded, closed, renewed, early, ended or enough), and when it was recorded.
        """
        key_id, sealed = (None, None) if view is None else (view.key_id, view.sealed)
        row = await self._one(
            "select * from overstap.review_decide(%s, %s, %s, %s, %s, %s)",
            [session, submission, agreed, consent, key_id, sealed],
        )
        return row[0], row[1]

    async def ask(self, session: bytes, request: UUID, kind: str, words: SealedWords) -> tuple[str, datetime | None]:
        """Send a question or correction to the school; return the status, as `decide`, and when it is due.

        Args:
            session: token of the session.
            request: id of the request, the same when it is sent again.
            kind: `question` or `correction`.
            words: its text.
        """
        row = await self._one(
            "select * from overstap.review_ask(%s, %s, %s, %s, %s)",
            [session, request, kind, words.key_id, words.sealed],
        )
        return row[0], row[1]

    async def access_history(self, session: bytes) -> dict[str, Any] | None:
        """Return who opened the dossier, its deliveries, and the state of the person's proof; None: session ended."""
        found: dict[str, Any] | None = await self._value("select overstap.review_trail(%s)", [session])
        return found

    async def request_proof(self, session: bytes) -> bool:
        """Request the person's own proof of inspection from the school; False when the session has ended."""
        return await self._value("select overstap.review_wish(%s)", [session]) is not None

    async def proof(self, session: bytes) -> bytes | None:
        """Return the person's own encrypted proof pack; None when none is ready."""
        return await self._value("select overstap.review_proof_of(%s)", [session])

    async def sign_out(self, session: bytes) -> None:
        """End a session."""
        await self._one("select overstap.review_sign_out(%s)", [session])

    async def sweep(self) -> None:
        """Remove ended sessions and expired counters."""
        await self._one("select overstap.review_sweep()", [])

    async def _value(self, query: str, values: list[Any]) -> Any:
        row = await self._one(query, values)
        return None if row is None else row[0]

    async def _one(self, query: str, values: list[Any]) -> Any:
        """Run one database function; all are idempotent, so it is retried after a broken connection."""
        for attempt in range(_ATTEMPTS):
            try:
                async with self._pool.connection() as connection:
                    return await (await connection.execute(query, values)).fetchone()
            except (psycopg.OperationalError, psycopg.InterfaceError) as problem:
                # These are operational errors too; what was waited for in vain is not waited for ten times.
                if attempt == _ATTEMPTS - 1 or isinstance(problem, _WAITED):
                    raise LedgerUnavailableError(type(problem).__name__) from None
                await asyncio.sleep(0.2 * attempt)
        raise AssertionError("unreachable")
