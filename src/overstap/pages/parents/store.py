"""Calls of the database functions that the parents' pages may use."""

import asyncio
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from overstap.ledger.region_keys import bound, seal, unseal
from overstap.pages.shared.networks import Networks
from overstap.review.code_keys import CodeKeys, Stay
from overstap.review.showing import opened_copy, opened_file, opened_proof

CONNECTIONS = 8
_ATTEMPTS = CONNECTIONS + 2
"""After a restart of the server every connection of the pool may be dead; each attempt buries one."""
_OPTIONS = "-c statement_timeout=10s -c lock_timeout=8s -c idle_in_transaction_session_timeout=10s"


class Away(Exception):  # noqa: N818 - caught by the pages and told as "try again later"
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
class Look:
    """All that a page needs. The copy is there while the window is open only."""

    stay: Stay
    access: UUID
    region: str
    dossier: UUID
    number: int
    phase: str
    closes_at: datetime
    delivers_at: datetime | None
    school_name: str
    school_contact: str
    receivers: list[str]
    consent: str
    answers: list[dict[str, Any]] = field(repr=False)
    """What the person answered, and what the school recorded for the person or the family, the newest first."""
    requests: list[dict[str, Any]] = field(repr=False)
    copy: dict[str, Any] | None = field(repr=False)
    held: bytes = field(repr=False)
    """The key of the person's copy, sealed for this stay."""


class ReviewStore:
    """Calls the ledger.

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

    async def sign_in(self, keys: CodeKeys, whence: Networks, stay: Stay) -> SignIn:
        """Try to sign in.

        Args:
            keys: of what was typed.
            whence: the networks that it comes from.
            stay: the new stay, which begins when the status is "open".
        """
        row = await self._one(
            "select * from overstap.review_sign_in(%s, %s, %s, %s, %s, %s)",
            [keys.finds, keys.proves, whence.narrow, whence.wide, stay.token, stay.hold(keys.opens)],
        )
        return SignIn(*row)

    async def look(self, stay: Stay, *, is_whole: bool = False) -> Look | None:
        """Return what the stay may see; None when it is over.

        Args:
            stay: the stay.
            is_whole: whether the dossier's blocks are wanted too.
        """
        row = await self._one("select * from overstap.review_look(%s)", [stay.token])
        if row is None:
            return None
        access, region, dossier, number, phase, held, showing, *rest = row
        copy = None
        if showing is not None:
            try:
                copy = opened_copy(showing, stay.held(held), region, access, is_whole=is_whole)
            except InvalidTag:
                return None  # the code got another copy in the meantime, with another key
        closes_at, delivers_at, school, contact, receivers, consent, answers, requests = rest
        return Look(
            *(stay, access, region, dossier, number, phase, closes_at, delivers_at, school, contact, receivers),
            *(consent, answers or [], requests or [], copy, held),
        )

    async def file(self, look: Look, place: int) -> tuple[bytes, str] | None:
        """Return an attachment of the copy by its place from 0, with its kind; None when there is none to give."""
        files = look.copy["files"] if look.copy else []
        if not 0 <= place < len(files) or "id" not in files[place]:
            return None
        entry = files[place]
        wanted = UUID(entry["id"])
        row = await self._one("select overstap.review_file(%s, %s)", [look.stay.token, wanted])
        if row is None or row[0] is None:
            return None
        return await asyncio.to_thread(opened_file, row[0], bytes.fromhex(entry["key"]), wanted), str(entry["kind"])

    async def decide(
        self, look: Look, pressed: UUID, agreed: str, consent: str | None, view: str | None
    ) -> tuple[str, datetime | None]:
        """Record what the person decided; once, however often it is sent.

        Args:
            look: what the person saw.
            pressed: which press on the button, and with what on the form.
            agreed: `Ja` or `Nee`.
            consent: `Ja` or `Nee`, where it was asked.
            view: the view, which travels along; None when there is none.

        Returns:
            recorded, closed, renewed, early, ended or enough; and when it was recorded.
        """
        key_id, sealed = (None, None) if view is None else self._sealed(look, view, _view(look))
        row = await self._one(
            "select * from overstap.review_decide(%s, %s, %s, %s, %s, %s)",
            [look.stay.token, pressed, agreed, consent, key_id, sealed],
        )
        return row[0], row[1]

    async def ask(self, look: Look, asked: UUID, kind: str, words: str) -> tuple[str, datetime | None]:
        """Put a question or a correction to the school; results as of `decide`, with when it is due.

        Args:
            look: what the person saw.
            asked: id of the request, the same when it is sent again.
            kind: `question` or `correction`.
            words: what is asked.
        """
        key_id, sealed = self._sealed(look, words, f"request/{asked}")
        row = await self._one(
            "select * from overstap.review_ask(%s, %s, %s, %s, %s)", [look.stay.token, asked, kind, key_id, sealed]
        )
        return row[0], row[1]

    async def trail(self, look: Look) -> dict[str, Any] | None:
        """Return who opened the dossier, where it went, and how far the person's proof is; None: the stay is over."""
        row = await self._one("select overstap.review_trail(%s)", [look.stay.token])
        found: dict[str, Any] | None = row[0] if row else None
        return found

    async def wish(self, look: Look) -> bool:
        """Ask the school for the person's own proof of inspection; False when the stay is over."""
        row = await self._one("select overstap.review_wish(%s)", [look.stay.token])
        return row is not None and row[0] is not None

    async def proof(self, look: Look) -> bytes | None:
        """Return the person's own proof pack; None when none lies ready."""
        row = await self._one("select overstap.review_proof_of(%s)", [look.stay.token])
        if row is None or row[0] is None:
            return None
        try:
            key = look.stay.held(look.held)
            return await asyncio.to_thread(opened_proof, row[0], key, look.region, look.access)
        except InvalidTag:
            return None  # made for the code before this one

    async def sign_out(self, stay: Stay) -> None:
        """End a stay."""
        await self._one("select overstap.review_sign_out(%s)", [stay.token])

    async def sweep(self) -> None:
        """Take away what is over."""
        await self._one("select overstap.review_sweep()", [])

    def view_of(self, look: Look, answer: dict[str, Any]) -> str | None:
        """Return the view that went with an answer of the person, or with one that the school recorded for them."""
        return self._unsealed(look, answer["key_id"], answer["view"], _view(look))

    def words_of(self, look: Look, request: dict[str, Any]) -> tuple[str | None, str | None]:
        """Return what the person asked, and what the school answered."""
        return (
            self._unsealed(look, request["key_id"], request["text"], f"request/{request['id']}"),
            self._unsealed(look, request["key_id"], request["answer"], f"answer/{request['id']}"),
        )

    def _sealed(self, look: Look, text: str, bound_to: str) -> tuple[str, bytes]:
        if look.copy is None:
            raise ValueError("nothing is added without the copy")
        answer = look.copy["answer"]
        return answer["key_id"], seal(AESGCM(bytes.fromhex(answer["key"])), text.encode(), bound(look.region, bound_to))

    def _unsealed(self, look: Look, key_id: str | None, data: str | None, bound_to: str) -> str | None:
        """Return the person's words; None where there are none, or the key is not theirs (the region's own)."""
        if data is None or look.copy is None or key_id is None:
            return None
        own = look.copy["answer"]
        key = own["key"] if key_id == own["key_id"] else look.copy.get("earlier", {}).get(key_id)
        if key is None:
            return None
        return unseal(AESGCM(bytes.fromhex(key)), b64decode(data), bound(look.region, bound_to)).decode()

    async def _one(self, query: str, values: list[Any]) -> Any:
        """Run one function of the ledger. All of them may be sent again, so a connection that broke is no loss."""
        for attempt in range(_ATTEMPTS):
            try:
                async with self._pool.connection() as connection:
                    return await (await connection.execute(query, values)).fetchone()
            except (psycopg.OperationalError, psycopg.InterfaceError) as problem:
                # QueryCanceled is one too: what took ten seconds is not tried again.
                if attempt == _ATTEMPTS - 1 or isinstance(problem, psycopg.errors.QueryCanceled | PoolTimeout):
                    raise Away(type(problem).__name__) from None
                await asyncio.sleep(0.2 * attempt)
        raise AssertionError("unreachable")


def _view(look: Look) -> str:
    return f"view/{look.dossier}/{look.number}"
