"""What a parent's stay may see and do: the ledger's answers, opened with the key that only the stay has."""

import asyncio
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from overstap.ledger.region_keys import bound, seal, unseal
from overstap.ledger.review.parents_functions import KeptWords, ParentsFunctions, SignIn
from overstap.pages.shared.networks import Networks
from overstap.review.code_keys import CodeKeys, Stay
from overstap.review.showing import opened_copy, opened_file, opened_proof


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
    """What the pages ask of the ledger. It raises `LedgerUnavailableError` while the ledger does not answer.

    Args:
        dsn: libpq connection string of the login `overstap_review`.
    """

    def __init__(self, dsn: str) -> None:
        self._functions = ParentsFunctions(dsn)

    async def open(self) -> None:
        """Begin; the ledger need not be there yet."""
        await self._functions.open()

    async def close(self) -> None:
        """End."""
        await self._functions.close()

    async def sign_in(self, keys: CodeKeys, whence: Networks, stay: Stay) -> SignIn:
        """Try to sign in.

        Args:
            keys: of what was typed.
            whence: the networks that it comes from.
            stay: the new stay, which begins when the status is "open".
        """
        return await self._functions.sign_in(
            keys.finds, keys.proves, whence.narrow, whence.wide, stay.token, stay.hold(keys.opens)
        )

    async def look(self, stay: Stay, *, is_whole: bool = False) -> Look | None:
        """Return what the stay may see; None when it is over.

        Args:
            stay: the stay.
            is_whole: whether the dossier's blocks are wanted too.
        """
        row = await self._functions.look(stay.token)
        if row is None:
            return None
        copy = None
        if row.showing is not None:
            try:
                copy = opened_copy(row.showing, stay.held(row.held), row.region, row.access, is_whole=is_whole)
            except InvalidTag:
                return None  # the code got another copy in the meantime, with another key
        return Look(
            stay=stay,
            access=row.access,
            region=row.region,
            dossier=row.dossier,
            number=row.number,
            phase=row.phase,
            closes_at=row.closes_at,
            delivers_at=row.delivers_at,
            school_name=row.school_name,
            school_contact=row.school_contact,
            receivers=row.receivers,
            consent=row.consent,
            answers=row.answers or [],
            requests=row.requests or [],
            copy=copy,
            held=row.held,
        )

    async def file(self, look: Look, place: int) -> tuple[bytes, str] | None:
        """Return an attachment of the copy by its place from 0, with its kind; None when there is none to give."""
        files = look.copy["files"] if look.copy else []
        if not 0 <= place < len(files) or "id" not in files[place]:
            return None
        entry = files[place]
        wanted = UUID(entry["id"])
        sealed = await self._functions.file(look.stay.token, wanted)
        if sealed is None:
            return None
        return await asyncio.to_thread(opened_file, sealed, bytes.fromhex(entry["key"]), wanted), str(entry["kind"])

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
        sealed = None if view is None else self._sealed(look, view, _view(look))
        return await self._functions.decide(look.stay.token, pressed, agreed, consent, sealed)

    async def ask(self, look: Look, asked: UUID, kind: str, words: str) -> tuple[str, datetime | None]:
        """Put a question or a correction to the school; results as of `decide`, with when it is due.

        Args:
            look: what the person saw.
            asked: id of the request, the same when it is sent again.
            kind: `question` or `correction`.
            words: what is asked.
        """
        sealed = self._sealed(look, words, f"request/{asked}")
        return await self._functions.ask(look.stay.token, asked, kind, sealed)

    async def trail(self, look: Look) -> dict[str, Any] | None:
        """Return who opened the dossier, where it went, and how far the person's proof is; None: the stay is over."""
        return await self._functions.trail(look.stay.token)

    async def wish(self, look: Look) -> bool:
        """Ask the school for the person's own proof of inspection; False when the stay is over."""
        return await self._functions.wish(look.stay.token)

    async def proof(self, look: Look) -> bytes | None:
        """Return the person's own proof pack; None when none lies ready."""
        sealed = await self._functions.proof(look.stay.token)
        if sealed is None:
            return None
        try:
            key = look.stay.held(look.held)
            return await asyncio.to_thread(opened_proof, sealed, key, look.region, look.access)
        except InvalidTag:
            return None  # made for the code before this one

    async def sign_out(self, stay: Stay) -> None:
        """End a stay."""
        await self._functions.sign_out(stay.token)

    async def sweep(self) -> None:
        """Take away what is over."""
        await self._functions.sweep()

    def view_of(self, look: Look, answer: dict[str, Any]) -> str | None:
        """Return the view that went with an answer of the person, or with one that the school recorded for them."""
        return self._unsealed(look, answer["key_id"], answer["view"], f"view/{look.dossier}/{answer['number']}")

    def words_of(self, look: Look, request: dict[str, Any]) -> tuple[str | None, str | None]:
        """Return what the person asked, and what the school answered."""
        return (
            self._unsealed(look, request["key_id"], request["text"], f"request/{request['id']}"),
            self._unsealed(look, request["key_id"], request["answer"], f"answer/{request['id']}"),
        )

    def _sealed(self, look: Look, text: str, bound_to: str) -> KeptWords:
        if look.copy is None:
            raise ValueError("nothing is added without the copy")
        answer = look.copy["answer"]
        key = AESGCM(bytes.fromhex(answer["key"]))
        return KeptWords(answer["key_id"], seal(key, text.encode(), bound(look.region, bound_to)))

    def _unsealed(self, look: Look, key_id: str | None, data: str | None, bound_to: str) -> str | None:
        """Return the person's words; None where there are none, or the key is not theirs (the region's own)."""
        if data is None or look.copy is None or key_id is None:
            return None
        own = look.copy["answer"]
        key = own["key"] if key_id == own["key_id"] else look.copy.get("earlier", {}).get(key_id)
        if key is None:
            return None
        return unseal(AESGCM(bytes.fromhex(key)), b64decode(data), bound(look.region, bound_to)).decode()


def _view(look: Look) -> str:
    return f"view/{look.dossier}/{look.number}"
