"""The page on which a school maps its system's own export: choose a file, choose a field per column, take the file in.

Until the pupils are handed in nothing is stored: the page holds the file and sends it again with each form.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from overstap.errors import OverstapError
from overstap.ledger.accounts import SchoolAccount
from overstap.pages.parents.forms import clean
from overstap.pages.school.mapping_choices import ORDERS, UNDECIDED, UNREAD
from overstap.pages.school.mapping_operations import MOST_BYTES, MappingOutcome, MappingView
from overstap.pages.school.page_frame import PageFrame, dutch, text_of
from overstap.review.code_keys import PageSession

_FILE_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
ADDRESS = "/ronde/{round_id}/export"
_MAX_FIELDS = 9_200
"""Two hundred columns, each with a field, what is sought, an order and forty codes, and what holds for all pupils."""


class MappingPages(PageFrame):
    """Handlers of the page, one method per route."""

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of GET requests, by path."""
        return {ADDRESS: self.start, f"{ADDRESS}/toewijzing.yaml": self.file}

    def posts(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of POST requests, by path."""
        return {ADDRESS: self.sent}

    async def start(self, request: Request, round_id: str) -> Response:
        """Show the form for a file, and which mapping the school saved."""
        session, account = await self._who(request)
        return await self._start(session, account, round_id)

    async def _start(
        self, session: PageSession, account: SchoolAccount, round_id: str, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.operations.mappings.start, account, round_id)
        return self._mapping(
            session, account, found, "mapping", status=status, **({"outcome": None, "note": ""} | facts)
        )

    async def file(self, request: Request, round_id: str) -> Response:
        """Return the mapping that the school saved last, as a file for its region."""
        _, account = await self._who(request)
        found = await run_in_threadpool(self.operations.mappings.file, account, round_id)
        if found is None:
            raise HTTPException(404)
        name, content = found
        headers = {"content-disposition": f'attachment; filename="{name}"', "content-security-policy": _FILE_POLICY}
        return Response(content, media_type="application/yaml", headers=headers)

    async def sent(self, request: Request, round_id: str) -> Response:
        """Show a dry run of a file that was chosen or of choices that were changed, or take the file in."""
        session, account, form = await self._sent(request, files=1, fields=_MAX_FIELDS)
        chosen = form.get("bestand")
        is_new = isinstance(chosen, UploadFile) and bool(chosen.filename or chosen.size)
        content = await chosen.read(MOST_BYTES + 1) if is_new and isinstance(chosen, UploadFile) else _held(form)
        if not content:
            return await self._start(session, account, round_id, note="none", status=422)
        if len(content) > MOST_BYTES:
            return await self._start(session, account, round_id, note="too_large", status=413)
        given = {name: clean(value) for name, value in form.multi_items() if isinstance(value, str)}
        is_final = text_of(form, "doe") == "neem" and not is_new
        operations = self.operations.mappings
        work: Callable[[], MappingOutcome | MappingView] = (
            partial(operations.take, account, round_id, content, given)
            if is_final
            else partial(operations.look, account, round_id, content, None if is_new else given)
        )
        if text_of(form, "doe") == "blad":  # another sheet has other columns
            work = partial(operations.look, account, round_id, content, None, given.get("blad", ""))
        try:
            made = await run_in_threadpool(work)
        except OverstapError as error:
            if error.code.partition("-")[0] not in ("INTAKE", "TABLE", "SCHOOL") or error.code == "SCHOOL-010":
                raise
            return await self._start(session, account, round_id, problem=error, status=422)
        if isinstance(made, MappingOutcome):
            copy = b64encode(made.pupils.copy).decode("ascii") if made.pupils.copy is not None else ""
            return await self._start(session, account, round_id, outcome=made, copy=copy)
        return self._mapping(
            *(session, account, made, "mapping_columns"),
            status=409 if is_final else 200,
            content=b64encode(content).decode("ascii"),
            is_changed=is_final,
            orders=ORDERS,
            unread=UNREAD,
            undecided=UNDECIDED,
        )

    def _mapping(
        self, session: PageSession, account: SchoolAccount, found: Any, name: str, *, status: int, **facts: Any
    ) -> HTMLResponse:
        words = dutch("school/mapping")
        return self._page(session, name, status=status, account=account, found=found, tab="typed", mt=words, **facts)


def _held(form: FormData) -> bytes:
    """Return the file that a page held; empty for what is none."""
    try:
        return b64decode(text_of(form, "inhoud"), validate=True)
    except (Base64Error, ValueError):
        return b""
