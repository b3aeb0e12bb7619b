"""Common parts of the schools' pages: sessions, cookies, forms, rendering."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from overstap.clock import format_digits, format_moment
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.region_keys import sha256
from overstap.ledger.second_factors import HalfSession
from overstap.pages.parents.forms import clean
from overstap.pages.school.operations import SchoolOperations
from overstap.pages.school.passwords import PasswordVerifier
from overstap.pages.shared.delays import DelayQueue
from overstap.pages.shared.frame import environment
from overstap.pages.shared.turns import NoTurnError, take_turn
from overstap.review.code_keys import TOKEN_BYTES, PageSession
from overstap.tabular import MAX_BYTES
from overstap.texts import texts, with_counts


class PageFrame:
    """Base of the handlers of the pages.

    Args:
        operations: operations on the ledger.
        is_secure: whether visitors come by HTTPS.
        verifier: verifier of passwords, shared by all handlers.
        delays: answers that are delayed after failures, shared by all handlers.
    """

    def __init__(
        self, operations: SchoolOperations, *, is_secure: bool, verifier: PasswordVerifier, delays: DelayQueue
    ) -> None:
        self.operations = operations
        self.is_secure = is_secure
        self.cookie = "__Host-school" if is_secure else "school"
        self.kept_cookie = "__Host-schoolbewaard" if is_secure else "schoolbewaard"
        """Holds the key of steps that were sent when their session had ended."""
        self.verifier = verifier
        self.delays = delays

    async def _who(self, request: Request) -> tuple[PageSession, SchoolAccount]:
        session = self._session(request)
        account = (
            await run_in_threadpool(self.operations.account_of, sha256(session.token)) if session is not None else None
        )
        if session is None or account is None:
            raise HTTPException(401)
        if account.only_round is not None:
            # A guest school's account is for one round, sees of no other that it is there, and has no roster here
            round_id = request.path_params.get("round_id", account.only_round)
            if round_id != account.only_round or request.url.path.endswith("/leerlingenlijst"):
                raise HTTPException(404)
        try:
            await take_turn(account.account)
        except NoTurnError:
            raise HTTPException(429) from None
        return session, account

    async def _sent(
        self, request: Request, *, files: int = 0, fields: int = 20
    ) -> tuple[PageSession, SchoolAccount, FormData]:
        session, account = await self._who(request)
        form = await read_form(request, files=files, fields=fields)
        if not is_ours(session, form):
            raise HTTPException(401)
        return session, account, form

    @staticmethod
    def _only_members(account: SchoolAccount) -> None:
        """Refuse the account of a guest school, which is for one round and has nothing to do with this page."""
        if account.only_round is not None:
            raise HTTPException(404)

    async def _only_receivers(self, account: SchoolAccount) -> None:
        """Refuse whoever is not of a school of the region that receives."""
        self._only_members(account)
        if not await run_in_threadpool(self.operations.collecting.is_receiver, account):
            raise HTTPException(404)

    async def _half(self, request: Request) -> HalfSession | None:
        """Return a session that waits for its second factor; None for any other."""
        session = self._session(request)
        if session is None:
            return None
        return await run_in_threadpool(self.operations.factors.half, sha256(session.token))

    def _session(self, request: Request) -> PageSession | None:
        with suppress(ValueError):
            secret = urlsafe_b64decode(request.cookies.get(self.cookie, "").encode())
            if len(secret) == TOKEN_BYTES:
                return PageSession(secret)
        return None

    def _page(self, session: PageSession | None, name: str, *, status: int = 200, **facts: Any) -> HTMLResponse:
        t = dutch("school/page")
        facts.setdefault("form_key", session.form_token if session is not None else "")
        for key in ("fault", "message"):
            facts.setdefault(key, "")
        for key in ("problem", "outcome", "account", "found"):
            facts.setdefault(key, None)
        facts.setdefault("faults", [])
        facts.setdefault("tab", "")
        template = environment().get_template(f"school/{name}.html.j2")
        page = template.render(
            t=t,
            skip=t("skip"),
            is_signed_in=session is not None,
            moment=format_digits,
            format_moment=format_moment,
            **facts,
        )
        return HTMLResponse(page, status)

    def _begin_session(self, answer: Response, session: PageSession) -> None:
        self._set_cookie(answer, self.cookie, urlsafe_b64encode(session.secret).decode())

    def _set_cookie(self, answer: Response, name: str, value: str, *, max_age: int | None = None) -> None:
        answer.set_cookie(
            name, value, max_age=max_age, path="/", httponly=True, samesite="strict", secure=self.is_secure
        )


def dutch(name: str) -> Callable[..., str]:
    """Return a function that gives the Dutch sentences of a text file by key, such as `t("nav.back", count=1)`.

    Args:
        name: path below include/texts without its extension.
    """
    words = texts(name)

    def t(key: str, **values: Any) -> str:
        found: Any = words
        for step in key.split("."):
            found = found[step]
        return str(found["nl"].format(**with_counts(values)))

    return t


async def read_form(request: Request, *, files: int, fields: int) -> FormData:
    """Return the fields of a form.

    Args:
        request: the request.
        files: most files.
        fields: most fields.

    Raises:
        HTTPException: 400 when it is no form in UTF-8.
    """
    # Python has codecs that take minutes (punycode) or return lone surrogates (unicode_escape); browsers send UTF-8
    _, named = parse_options_header(request.headers.get("content-type", ""))
    if named.get(b"charset", b"utf-8").lower() != b"utf-8":
        raise HTTPException(400)
    try:
        return await request.form(max_files=files, max_fields=fields, max_part_size=MAX_BYTES)
    except ValueError:  # text that is invalid in the encoding that the client named
        raise HTTPException(400) from None


def is_ours(session: PageSession, form: FormData) -> bool:
    """Tell whether a form has the token of its session."""
    return hmac.compare_digest(session.form_token.encode(), text_of(form, "formulier").encode())


def text_of(form: FormData, name: str) -> str:
    """Return a field of a form without characters that no field may have; empty when it is missing."""
    value = form.get(name, "")
    return clean(value) if isinstance(value, str) else ""


def day_of(text: str) -> date | None:
    """Return the day of text such as 1-8-2027, 1/8/2027 or 2027-08-01; None for another text.

    Args:
        text: what was typed.
    """
    parts = text.strip().replace("/", "-").split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        return None
    year, month, day = parts if len(parts[0]) == 4 else parts[::-1]
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if 2000 <= found.year < 2100 else None


def id_of(text: str) -> UUID:
    """Return an id in an address.

    Raises:
        HTTPException: 404 when it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise HTTPException(404) from None
