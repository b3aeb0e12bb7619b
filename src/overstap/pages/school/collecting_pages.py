"""Pages on which a receiving school collects its dossiers, confirms them, and says that it removed what was taken back.

A download is a POST with the session's token, since it is recorded. Without a second factor nothing is listed.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.region_keys import sha256
from overstap.pages.school.collecting import FORMS, MAX_AT_ONCE, RESULTS
from overstap.pages.school.page_frame import PageFrame, dutch, id_of, text_of
from overstap.review.code_keys import PageSession

ADDRESS = "/ophalen"
_MAX_FIELDS = 1_000
_DOWNLOAD_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


class CollectingPages(PageFrame):
    """Handlers of the pages, one method per route."""

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of GET requests, by path."""
        return {ADDRESS: self.collecting}

    def posts(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of POST requests, by path."""
        return {
            f"{ADDRESS}/bestand": self.download,
            f"{ADDRESS}/bevestigen": self.confirm,
            f"{ADDRESS}/verwijderd": self.removed,
            f"{ADDRESS}/terugmelden": self.say,
        }

    async def collecting(self, request: Request) -> Response:
        """Show what the school can collect."""
        session, account = await self._who(request)
        if not await run_in_threadpool(self.operations.collecting.is_receiver, account):
            raise HTTPException(404)
        return await self._shown(session, account)

    async def _shown(
        self, session: PageSession, account: SchoolAccount, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.operations.collecting.page, account, sha256(session.token))
        asking = await run_in_threadpool(self.operations.inviting.rounds, account)
        facts = {"said": "", "count": 0, "asking": asking, "it": dutch("school/inviting")} | facts
        return self._page(
            session,
            "collecting",
            status=status,
            account=account,
            page=found,
            tab="collecting",
            ct=dutch("school/collecting"),
            most=MAX_AT_ONCE,
            results=RESULTS,
            **facts,
        )

    async def download(self, request: Request) -> Response:
        """Return the chosen dossiers as a file."""
        session, account, form = await self._sent(request, fields=_MAX_FIELDS)
        wanted, kind = _chosen(form), text_of(form, "vorm")
        if kind not in FORMS:
            raise HTTPException(400)
        if not wanted:
            return await self._shown(session, account, said="choose", status=422)
        if len(wanted) > MAX_AT_ONCE:
            return await self._shown(session, account, said="too_many", status=422)
        if await run_in_threadpool(self.operations.collecting.is_too_large, account, wanted):
            return await self._shown(session, account, said="too_large", status=422)
        collect = partial(self.operations.collecting.collect, flattens=text_of(form, "afbeeldingen") == "ja")
        made = await run_in_threadpool(collect, account, sha256(session.token), wanted, kind)
        if made is None:
            return await self._shown(session, account, said="gone", status=404)
        headers = {
            "content-disposition": f'attachment; filename="{made.name}"',
            "content-security-policy": _DOWNLOAD_POLICY,
        }
        return Response(made.content, media_type=made.media, headers=headers)

    async def confirm(self, request: Request) -> Response:
        """Confirm the chosen dossiers."""
        return await self._settled(request, self.operations.collecting.confirm, "confirmed")

    async def removed(self, request: Request) -> Response:
        """Record that the chosen dossiers, which were taken back, were removed."""
        return await self._settled(request, self.operations.collecting.say_removed, "removed")

    async def say(self, request: Request) -> Response:
        """Keep what the school says later of the chosen dossiers."""
        session, account, form = await self._sent(request, fields=_MAX_FIELDS)
        wanted, outcome = _chosen(form), text_of(form, "uitkomst")
        if not wanted:
            return await self._shown(session, account, said="choose", status=422)
        if outcome not in RESULTS:
            return await self._shown(session, account, said="outcome", status=422)
        say = self.operations.collecting.say_result
        count = await run_in_threadpool(say, account, sha256(session.token), wanted, outcome)
        if count is None:
            return await self._shown(session, account, status=403)
        if count == 0:
            return await self._shown(session, account, said="result_none", status=409)
        return await self._shown(session, account, said="result", count=count)

    async def _settled(self, request: Request, act: Callable[..., int | None], done: str) -> Response:
        session, account, form = await self._sent(request, fields=_MAX_FIELDS)
        wanted = _chosen(form)
        if not wanted:
            return await self._shown(session, account, said="choose", status=422)
        if text_of(form, "zeker") != "ja":
            return await self._shown(session, account, said=f"{done}_sure", status=422)
        count = await run_in_threadpool(act, account, sha256(session.token), wanted)
        if count is None:
            return await self._shown(session, account, status=403)
        if count == 0:
            return await self._shown(session, account, said=f"{done}_none", status=409)
        return await self._shown(session, account, said=done, count=count)


def _chosen(form: FormData) -> list[UUID]:
    return list(dict.fromkeys(id_of(value) for value in form.getlist("dossier") if isinstance(value, str)))
