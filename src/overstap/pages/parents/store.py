"""Access of a parent's web session to the ledger: queries and decisions, decrypted with the session's own key."""

import asyncio
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from overstap.ledger.region_keys import bound, seal, unseal
from overstap.ledger.review.parents_functions import ParentsFunctions, SealedWords, SignInResult
from overstap.pages.shared.networks import Networks
from overstap.review.code_keys import CodeKeys, PageSession
from overstap.review.copies import decrypt_copy, decrypt_file, decrypt_proof


@dataclass(frozen=True, slots=True)
class SessionView:
    """Data of a session for a page. The copy of the dossier is present only while the window is open."""

    session: PageSession
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
    receives_from: str
    """First stage at which a school may receive the dossier: applied, registered or placed."""
    answers: list[dict[str, Any]] = field(repr=False)
    """Decisions of the person, and those that the school recorded for the person or the family, the newest first."""
    requests: list[dict[str, Any]] = field(repr=False)
    copy: dict[str, Any] | None = field(repr=False)
    sealed_key: bytes = field(repr=False)
    """Key of the person's copy, encrypted for this session."""


class ReviewStore:
    """Calls of the parents' pages to the ledger. All raise `LedgerUnavailableError` while the ledger does not answer.

    Args:
        dsn: libpq connection string of the login `overstap_review`.
    """

    def __init__(self, dsn: str) -> None:
        self._functions = ParentsFunctions(dsn)

    async def open(self) -> None:
        """Open the connection pool; the ledger need not be reachable yet."""
        await self._functions.open()

    async def close(self) -> None:
        """Close the connection pool."""
        await self._functions.close()

    async def sign_in(self, keys: CodeKeys, networks: Networks, session: PageSession) -> SignInResult:
        """Try to sign in.

        Args:
            keys: keys derived from the typed code and birth date.
            networks: networks of the client.
            session: the new session, which begins when the status is "open".
        """
        return await self._functions.sign_in(
            keys.lookup_token,
            keys.proof_token,
            networks.narrow,
            networks.wide,
            session.token,
            session.seal_key(keys.copy_key),
        )

    async def view(self, session: PageSession, *, is_whole: bool = False) -> SessionView | None:
        """Return the data of a session; None when it has ended.

        Args:
            session: the session.
            is_whole: whether to include the dossier's blocks.
        """
        row = await self._functions.session(session.token)
        if row is None:
            return None
        copy = None
        if row.sealed_copy is not None:
            try:
                copy = decrypt_copy(
                    row.sealed_copy, session.open_key(row.sealed_key), row.region, row.access, is_whole=is_whole
                )
            except InvalidTag:
                return None  # the code was given another copy in the meantime, with another key
        return SessionView(
            session=session,
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
            receives_from=row.receives_from,
            answers=row.answers or [],
            requests=row.requests or [],
            copy=copy,
            sealed_key=row.sealed_key,
        )

    async def file(self, session_view: SessionView, place: int) -> tuple[bytes, str] | None:
        """Return an attachment of the copy by its index from 0, with its kind; None when there is none."""
        files = session_view.copy["files"] if session_view.copy else []
        if not 0 <= place < len(files) or "id" not in files[place]:
            return None
        entry = files[place]
        wanted = UUID(entry["id"])
        sealed = await self._functions.file(session_view.session.token, wanted)
        if sealed is None:
            return None
        return await asyncio.to_thread(decrypt_file, sealed, bytes.fromhex(entry["key"]), wanted), str(entry["kind"])

    async def decide(
        self, session_view: SessionView, submission: UUID, agreed: str, consent: str | None, view: str | None
    ) -> tuple[str, datetime | None]:
        """Record a decision of the person; idempotent for the same submission.

        Args:
            session_view: the data that the person saw.
            submission: id of the submission, derived from the form's content.
            agreed: `Ja` or `Nee`.
            consent: `Ja` or `Nee`, where consent was asked.
            view: the person's view, which is sent along; None when there is none.

        Returns:
            One of recorded, closed, renewed, early, ended or enough; and the moment of recording.
        """
        sealed = None if view is None else self._sealed(session_view, view, _view(session_view))
        return await self._functions.decide(session_view.session.token, submission, agreed, consent, sealed)

    async def ask(self, session_view: SessionView, request: UUID, kind: str, words: str) -> tuple[str, datetime | None]:
        """Record a question or a correction for the school; returns as `decide`, with the moment at which it is due.

        Args:
            session_view: the data that the person saw.
            request: id of the request, the same when it is sent again.
            kind: `question` or `correction`.
            words: text of the request.
        """
        sealed = self._sealed(session_view, words, f"request/{request}")
        return await self._functions.ask(session_view.session.token, request, kind, sealed)

    async def access_history(self, session_view: SessionView) -> dict[str, Any] | None:
        """Return who opened the dossier, where it was sent, and the state of the proof; None without a session."""
        return await self._functions.access_history(session_view.session.token)

    async def request_proof(self, session_view: SessionView) -> bool:
        """Record a request to the school for the proof of inspection; False when the session has ended."""
        return await self._functions.request_proof(session_view.session.token)

    async def proof(self, session_view: SessionView) -> bytes | None:
        """Return the person's own proof pack; None when none is ready."""
        sealed = await self._functions.proof(session_view.session.token)
        if sealed is None:
            return None
        try:
            key = session_view.session.open_key(session_view.sealed_key)
            return await asyncio.to_thread(decrypt_proof, sealed, key, session_view.region, session_view.access)
        except InvalidTag:
            return None  # made for the previous code

    async def sign_out(self, session: PageSession) -> None:
        """End a session."""
        await self._functions.sign_out(session.token)

    async def sweep(self) -> None:
        """Delete expired sessions and attempts."""
        await self._functions.sweep()

    def view_of(self, session_view: SessionView, answer: dict[str, Any]) -> str | None:
        """Return the view in a decision of the person, or in one that the school recorded for them."""
        return self._unsealed(
            session_view, answer["key_id"], answer["view"], f"view/{session_view.dossier}/{answer['number']}"
        )

    def words_of(self, session_view: SessionView, request: dict[str, Any]) -> tuple[str | None, str | None]:
        """Return the text of a request, and the school's answer."""
        return (
            self._unsealed(session_view, request["key_id"], request["text"], f"request/{request['id']}"),
            self._unsealed(session_view, request["key_id"], request["answer"], f"answer/{request['id']}"),
        )

    def _sealed(self, session_view: SessionView, text: str, bound_to: str) -> SealedWords:
        if session_view.copy is None:
            raise ValueError("nothing is added without the copy")
        answer = session_view.copy["answer"]
        key = AESGCM(bytes.fromhex(answer["key"]))
        return SealedWords(answer["key_id"], seal(key, text.encode(), bound(session_view.region, bound_to)))

    def _unsealed(self, session_view: SessionView, key_id: str | None, data: str | None, bound_to: str) -> str | None:
        """Return decrypted text; None where there is none, or it is encrypted with the region's key."""
        if data is None or session_view.copy is None or key_id is None:
            return None
        own = session_view.copy["answer"]
        key = own["key"] if key_id == own["key_id"] else session_view.copy.get("earlier", {}).get(key_id)
        if key is None:
            return None
        return unseal(AESGCM(bytes.fromhex(key)), b64decode(data), bound(session_view.region, bound_to)).decode()


def _view(session_view: SessionView) -> str:
    return f"view/{session_view.dossier}/{session_view.number}"
