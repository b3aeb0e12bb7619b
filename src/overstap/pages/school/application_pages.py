"""Pages on which a secondary school sees the applications at the school, gives them a state, and reads their history.

Numbers of pupils are typed in a form that is sent, so that they are in no address. Without a second factor nothing is
listed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.region_keys import sha256
from overstap.ledger.rounds.school_applications import ENDED, REASONS, STATUSES
from overstap.pages.school.page_frame import PageFrame, dutch, id_of, text_of
from overstap.review.code_keys import PageSession

ADDRESS = "/aanmeldingen"
_MAX_FIELDS = 200
_POLICY = "sandbox; default-src 'none'"
_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ApplicationPages(PageFrame):
    """Handlers of the pages, one method per route."""

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of GET requests, by path."""
        return {ADDRESS: self.applications, f"{ADDRESS}/{{application}}": self.history}

    def posts(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of POST requests, by path."""
        return {f"{ADDRESS}/zoek": self.find, f"{ADDRESS}/stand": self.state, f"{ADDRESS}/lijst": self.give_list}

    async def applications(self, request: Request, jaar: str = "", stand: str = "", blad: str = "1") -> Response:
        """Show the applications at the school."""
        session, account = await self._receiver(request)
        number = int(blad) if blad.isascii() and blad.isdigit() and len(blad) < 6 else 1
        return await self._shown(session, account, year=jaar, state=stand, number=number)

    async def _receiver(self, request: Request) -> tuple[PageSession, SchoolAccount]:
        session, account = await self._who(request)
        await self._only_receivers(account)
        return session, account

    async def _shown(
        self,
        session: PageSession,
        account: SchoolAccount,
        *,
        year: str = "",
        state: str = "",
        number: int = 1,
        typed: str | None = None,
        status: int = 200,
        **facts: Any,
    ) -> HTMLResponse:
        def look() -> Any:
            return self.operations.applications.page(
                account, sha256(session.token), year=year, state=state, number=number, typed=typed
            )

        found = await run_in_threadpool(look)
        return self._page(
            session,
            "applications",
            status=status,
            account=account,
            page=found,
            tab="applications",
            at=dutch("school/applications"),
            ct=dutch("school/collecting"),
            state=state,
            is_search=typed is not None,
            statuses=STATUSES,
            reasons=REASONS,
            **({"said": "", "done": None} | facts),
        )

    async def find(self, request: Request) -> Response:
        """Show the applications of the pupils whose numbers were typed."""
        session, account, form = await self._sent(request)
        await self._receiver(request)
        return await self._shown(session, account, year=text_of(form, "jaar"), typed=text_of(form, "nummers"))

    async def state(self, request: Request) -> Response:
        """Give the chosen applications a state."""
        session, account, form = await self._sent(request, fields=_MAX_FIELDS)
        await self._receiver(request)
        year, status, reason = text_of(form, "jaar"), text_of(form, "stand"), text_of(form, "reden")
        wanted = list(dict.fromkeys(id_of(each) for each in form.getlist("aanmelding") if isinstance(each, str)))
        said = ""
        if not wanted:
            said = "choose"
        elif status not in STATUSES:
            said = "choose_state"
        elif status in ENDED and reason not in REASONS:
            said = "choose_reason"
        elif status not in ENDED and reason:
            said = "no_reason"
        elif status == "withdrawn" and text_of(form, "zeker") != "ja":
            said = "sure"
        if said:
            return await self._shown(session, account, year=year, said=said, status=422)
        done = await run_in_threadpool(
            self.operations.applications.state, account, sha256(session.token), year, wanted, status, reason or None
        )
        if done is None:
            return await self._shown(session, account, year=year, status=403)
        return await self._shown(session, account, year=year, said="done" if done.changed else "nothing", done=done)

    async def give_list(self, request: Request) -> Response:
        """Return the applications at the school, as they are listed, as CSV or as a workbook."""
        session, account, form = await self._sent(request)
        await self._receiver(request)
        year, state, kind = text_of(form, "jaar"), text_of(form, "stand"), text_of(form, "vorm")
        kind = kind if kind in _MEDIA else "csv"

        def make() -> tuple[str, bytes] | None:
            return self.operations.applications.file(
                account, sha256(session.token), year, state, is_workbook=kind == "xlsx"
            )

        made = await run_in_threadpool(make)
        if made is None:
            return await self._shown(session, account, status=403)
        name = "-".join(part for part in ("aanmeldingen", account.school, made[0]) if part)
        headers = {"content-disposition": f'attachment; filename="{name}.{kind}"', "content-security-policy": _POLICY}
        return Response(made[1], media_type=_MEDIA[kind], headers=headers)

    async def history(self, request: Request, application: str) -> Response:
        """Show the states that an application was in."""
        session, account = await self._receiver(request)
        found = await run_in_threadpool(
            self.operations.applications.history, account, sha256(session.token), id_of(application)
        )
        if not found:
            raise HTTPException(404)
        return self._page(
            session,
            "application",
            account=account,
            states=found,
            tab="applications",
            at=dutch("school/applications"),
            ct=dutch("school/collecting"),
        )
