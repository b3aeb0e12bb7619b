"""The school's page of its roster: who leaves, what of each is missing, upload, and decisions about pupils."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from overstap.errors import OverstapError
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.rosters.taking import REASONS
from overstap.pages.school.page_frame import PageFrame, id_of, text_of
from overstap.review.code_keys import PageSession
from overstap.tabular import MAX_BYTES

ADDRESS = "/ronde/{round_id}/leerlingenlijst"


class RosterPages(PageFrame):
    """Handlers of the roster, one method per route."""

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of GET requests, by path."""
        return {ADDRESS: self.roster, f"{ADDRESS}/{{entry}}": self.entry}

    def posts(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of POST requests, by path."""
        return {
            ADDRESS: self.upload,
            f"{ADDRESS}/ontbreekt": self.settle,
            f"{ADDRESS}/{{entry}}": self.decide,
        }

    async def roster(self, request: Request, round_id: str) -> Response:
        """Show the roster."""
        session, account = await self._who(request)
        return await self._roster(session, account, round_id)

    async def _roster(
        self, session: PageSession, account: SchoolAccount, round_id: str, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.operations.rosters.roster, account, round_id)
        facts.setdefault("taken", None)
        return self._page(session, "roster", status=status, account=account, found=found, tab="roster", **facts)

    async def upload(self, request: Request, round_id: str) -> Response:
        """Take in a roster."""
        session, account, form = await self._sent(request, files=1)
        file = form.get("bestand")
        content = await file.read() if isinstance(file, UploadFile) else b""
        if not content:
            return await self._roster(session, account, round_id, fault="list_none", status=422)
        if len(content) > MAX_BYTES:
            return await self._roster(session, account, round_id, fault="list_too_large", status=413)
        is_newest = text_of(form, "geldt") == "ja"

        def take() -> Any:
            return self.operations.rosters.upload(account, round_id, content, counts_now=is_newest)

        try:
            taken = await run_in_threadpool(take)
        except OverstapError as error:
            if error.code.partition("-")[0] not in ("INTAKE", "TABLE"):
                raise
            return await self._roster(session, account, round_id, problem=error, status=422)
        return await self._roster(session, account, round_id, taken=taken)

    async def settle(self, request: Request, round_id: str) -> Response:
        """Say whether the pupils whom the newest roster does not state have left."""
        session, account, form = await self._sent(request)
        answer = text_of(form, "weg")
        if answer not in ("ja", "nee"):
            return await self._roster(session, account, round_id, fault="roster.choose", status=422)

        def settle() -> int:
            return self.operations.rosters.settle_missing(account, round_id, have_left=answer == "ja")

        settled = await run_in_threadpool(settle)
        return await self._roster(session, account, round_id, message="roster.done" if settled else "roster.nothing")

    async def entry(self, request: Request, round_id: str, entry: str) -> Response:
        """Show one pupil of the roster and what can be decided."""
        session, account = await self._who(request)
        return await self._entry(session, account, round_id, entry)

    async def _entry(
        self, session: PageSession, account: SchoolAccount, round_id: str, entry: str, **facts: Any
    ) -> HTMLResponse:
        found, one = await run_in_threadpool(self.operations.rosters.entry, account, round_id, id_of(entry))
        status = 422 if facts.get("fault") else 200
        return self._page(
            *(session, "roster_pupil"),
            status=status,
            account=account,
            found=found,
            one=one,
            reasons=REASONS,
            tab="roster",
            **facts,
        )

    async def decide(self, request: Request, round_id: str, entry: str) -> Response:
        """Take a pupil off the roster, put one back, or keep one off."""
        session, account, form = await self._sent(request)
        what = text_of(form, "wat")
        if what not in (*REASONS, "on", "keep_off"):
            return await self._entry(session, account, round_id, entry, fault="roster.choose")
        done = await run_in_threadpool(self.operations.rosters.decide, account, round_id, id_of(entry), what)
        return await self._roster(session, account, round_id, message="roster.done" if done else "roster.nothing")
