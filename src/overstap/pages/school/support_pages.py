"""Page on which a partnership records what it decided, and on which the sending school reads it."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.dossiers.support_decisions import CATEGORIES, MEASURES
from overstap.ledger.region_keys import sha256
from overstap.pages.school.page_frame import PageFrame, day_of, dutch, id_of, text_of
from overstap.pages.school.support import NUMBER_LENGTH, REASON_LENGTH, GivenDecision
from overstap.review.code_keys import PageSession

ADDRESS = "/ondersteuning"
_POLICY = "sandbox; default-src 'none'"


class SupportPages(PageFrame):
    """Handlers of the page, one method per route."""

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of GET requests, by path."""
        return {ADDRESS: self.support}

    def posts(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of POST requests, by path."""
        return {f"{ADDRESS}/besluit": self.decide, f"{ADDRESS}/bestand": self.signed}

    async def support(self, request: Request) -> Response:
        """Show the dossiers and what was decided."""
        session, account = await self._who(request)
        self._only_members(account)
        return await self._shown(session, account)

    async def _shown(
        self, session: PageSession, account: SchoolAccount, *, status: int = 200, said: str = ""
    ) -> HTMLResponse:
        page = await run_in_threadpool(self.operations.support.page, account, sha256(session.token))
        return self._page(
            session,
            "support",
            status=status,
            account=account,
            page=page,
            tab="support",
            said=said,
            categories=CATEGORIES,
            measures=MEASURES,
            st=dutch("school/support"),
            ct=dutch("school/collecting"),
        )

    async def decide(self, request: Request) -> Response:
        """Record a decision of the partnership."""
        session, account, form = await self._sent(request)
        self._only_members(account)
        typed = {
            name: text_of(form, name).strip() for name in ("maatregel", "uitkomst", "nummer", "categorie", "reden")
        }
        first, last = day_of(text_of(form, "vanaf")), day_of(text_of(form, "tot"))
        is_granted = typed["uitkomst"] == "toegekend"
        said = ""
        if typed["maatregel"] not in MEASURES or typed["uitkomst"] not in ("toegekend", "geweigerd"):
            said = "choose"
        elif is_granted and not 0 < len(typed["nummer"]) <= NUMBER_LENGTH:
            said = "number"
        elif is_granted and (first is None or (text_of(form, "tot").strip() and last is None)):
            said = "day"
        elif is_granted and first is not None and last is not None and last < first:
            said = "order"
        elif is_granted and typed["maatregel"] == "lwoo" and last is not None and (last.month, last.day) != (7, 31):
            said = "july"
        elif is_granted and typed["maatregel"] == "tlv" and typed["categorie"] not in CATEGORIES:
            said = "category"
        elif not is_granted and not 0 < len(typed["reden"]) <= REASON_LENGTH:
            said = "reason"
        if said:
            return await self._shown(session, account, said=said, status=422)
        given = GivenDecision(
            typed["maatregel"],
            is_granted,
            *((typed["nummer"], first, last) if is_granted else ("", None, None)),
            typed["categorie"] if is_granted and typed["maatregel"] == "tlv" else "",
            "" if is_granted else typed["reden"],
        )
        done = await run_in_threadpool(
            self.operations.support.decide, account, sha256(session.token), id_of(text_of(form, "dossier")), given
        )
        status = {None: 403, "unknown": 404, "many": 409}.get(done, 200)
        return await self._shown(session, account, said=done or "", status=status)

    async def signed(self, request: Request) -> Response:
        """Return a decision as a signed file."""
        session, account, form = await self._sent(request)
        self._only_members(account)
        found = await run_in_threadpool(
            self.operations.support.signed, account, sha256(session.token), id_of(text_of(form, "besluit"))
        )
        if found is None:
            raise HTTPException(404)
        headers = {"content-disposition": 'attachment; filename="besluit.zip"', "content-security-policy": _POLICY}
        return Response(found, media_type="application/zip", headers=headers)
