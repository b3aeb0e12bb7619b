"""Functions of the database that the parents' pages may call, and nothing else.

Each answers for one stay: the database tells what a stay may see. All of them may be called again after a broken
connection.
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
"""After a restart of the server every connection of the pool may be dead; each attempt buries one."""
_OPTIONS = "-c statement_timeout=10s -c lock_timeout=8s -c idle_in_transaction_session_timeout=10s"


class LedgerUnavailableError(Exception):
    """The ledger does not answer at present."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What became of an attempt to sign in.

    Args:
        status: open, wrong, early, closed or renewed.
        answered_at: when this person decided last, if they did.
        closes_at: when the window closes or closed; told only to who has code and birth date.
    """

    status: str
    answered_at: datetime | None
    closes_at: datetime | None
    failed_code: int | None
    """How many attempts with this code failed lately, this one too; None unless it is wrong."""
    failed_network: int | None
    failed_wide: int | None
    alarm: str | None
    """What the administrator is told, when this attempt was one too many."""


@dataclass(frozen=True, slots=True)
class StayRow:
    """What a stay may see, sealed as the ledger keeps it.

    Args:
        access: the person's access.
        region: region id.
        dossier: its id.
        number: number of the version.
        phase: of the window.
        held: key of the person's copy, sealed for the stay.
        showing: the copy, sealed with that key; None while the window is not open.
        closes_at: when the window closes.
        delivers_at: when it is delivered; None where that is not known.
        school_name: of the primary school.
        school_contact: its mail address.
        receivers: names of the schools that receive it.
        consent: whether consent is asked.
        answers: what was answered, the newest first.
        requests: what was asked of the school.
    """

    access: UUID
    region: str
    dossier: UUID
    number: int
    phase: str
    held: bytes = field(repr=False)
    showing: bytes | None = field(repr=False)
    closes_at: datetime
    delivers_at: datetime | None
    school_name: str
    school_contact: str
    receivers: list[str]
    consent: str
    answers: list[dict[str, Any]] | None = field(repr=False)
    requests: list[dict[str, Any]] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeptWords:
    """Words of a person, sealed for who may read them.

    Args:
        key_id: of the key that opens them.
        sealed: the words.
    """

    key_id: str
    sealed: bytes = field(repr=False)


class ParentsFunctions:
    """Calls the functions over a pool of connections.

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
        """Begin; the ledger need not be there yet."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """End."""
        await self._pool.close()

    async def sign_in(
        self, finds: bytes, proves: bytes, network: str, wide_network: str, stay: bytes, held: bytes
    ) -> SignIn:
        """Try to sign in.

        Args:
            finds: keyed hash of the code by which the access is found.
            proves: keyed hash of code and birth date.
            network: that it comes from, as `networks_of` writes it.
            wide_network: the wider one.
            stay: token of the new stay, which begins when the status is "open".
            held: what opens the copy, sealed for that stay.
        """
        row = await self._one(
            "select * from overstap.review_sign_in(%s, %s, %s, %s, %s, %s)",
            [finds, proves, network, wide_network, stay, held],
        )
        return SignIn(*row)

    async def look(self, stay: bytes) -> StayRow | None:
        """Return what a stay may see; None when it is over."""
        row = await self._one("select * from overstap.review_look(%s)", [stay])
        return None if row is None else StayRow(*row)

    async def file(self, stay: bytes, file: UUID) -> bytes | None:
        """Return a sealed attachment of the stay's copy; None when there is none to give."""
        return await self._value("select overstap.review_file(%s, %s)", [stay, file])

    async def decide(
        self, stay: bytes, pressed: UUID, agreed: str, consent: str | None, view: KeptWords | None
    ) -> tuple[str, datetime | None]:
        """Record what the person decided; once, however often it is sent.

        Args:
            stay: the stay's token.
            pressed: which press on the button, and with what on the form.
            agreed: `Ja` or `Nee`.
            consent: `Ja` or `Nee`, where it was asked.
            view: the view, which travels along; None when there is none.

        Returns:
            recorded, closed, renewed, early, ended or enough; and when it was recorded.
        """
        key_id, sealed = (None, None) if view is None else (view.key_id, view.sealed)
        row = await self._one(
            "select * from overstap.review_decide(%s, %s, %s, %s, %s, %s)",
            [stay, pressed, agreed, consent, key_id, sealed],
        )
        return row[0], row[1]

    async def ask(self, stay: bytes, asked: UUID, kind: str, words: KeptWords) -> tuple[str, datetime | None]:
        """Put a question or a correction to the school; results as of `decide`, with when it is due.

        Args:
            stay: the stay's token.
            asked: id of the request, the same when it is sent again.
            kind: `question` or `correction`.
            words: what is asked.
        """
        row = await self._one(
            "select * from overstap.review_ask(%s, %s, %s, %s, %s)", [stay, asked, kind, words.key_id, words.sealed]
        )
        return row[0], row[1]

    async def trail(self, stay: bytes) -> dict[str, Any] | None:
        """Return who opened the dossier, where it went, and how far the person's proof is; None: the stay is over."""
        found: dict[str, Any] | None = await self._value("select overstap.review_trail(%s)", [stay])
        return found

    async def wish(self, stay: bytes) -> bool:
        """Ask the school for the person's own proof of inspection; False when the stay is over."""
        return await self._value("select overstap.review_wish(%s)", [stay]) is not None

    async def proof(self, stay: bytes) -> bytes | None:
        """Return the person's own sealed proof pack; None when none lies ready."""
        return await self._value("select overstap.review_proof_of(%s)", [stay])

    async def sign_out(self, stay: bytes) -> None:
        """End a stay."""
        await self._one("select overstap.review_sign_out(%s)", [stay])

    async def sweep(self) -> None:
        """Take away what is over."""
        await self._one("select overstap.review_sweep()", [])

    async def _value(self, query: str, values: list[Any]) -> Any:
        row = await self._one(query, values)
        return None if row is None else row[0]

    async def _one(self, query: str, values: list[Any]) -> Any:
        """Run one function of the ledger. All of them may be sent again, so a connection that broke is no loss."""
        for attempt in range(_ATTEMPTS):
            try:
                async with self._pool.connection() as connection:
                    return await (await connection.execute(query, values)).fetchone()
            except (psycopg.OperationalError, psycopg.InterfaceError) as problem:
                # QueryCanceled is one too: what took ten seconds is not tried again.
                if attempt == _ATTEMPTS - 1 or isinstance(problem, psycopg.errors.QueryCanceled | PoolTimeout):
                    raise LedgerUnavailableError(type(problem).__name__) from None
                await asyncio.sleep(0.2 * attempt)
        raise AssertionError("unreachable")
