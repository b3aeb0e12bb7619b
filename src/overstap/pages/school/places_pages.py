"""Page on which a secondary school states its places and records the result of a draw that somebody made."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.region_keys import sha256
from overstap.ledger.rounds.offers import Draw
from overstap.oso.advice_order import levels, name_of
from overstap.pages.school.page_frame import PageFrame, day_of, dutch, text_of
from overstap.review.code_keys import PageSession

ADDRESS = "/plaatsen"
_MOST = 9_999
_LOCATION, _BY = 80, 120
KINDS = tuple(key for key in levels() if key not in ("none", "pro_bb"))
"""Kinds of offer: levels of advice."""


class PlacesPages(PageFrame):
    """Handlers of the page, one method per route."""

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of GET requests, by path."""
        return {ADDRESS: self.places}

    def posts(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of POST requests, by path."""
        return {ADDRESS: self.state, f"{ADDRESS}/loting": self.draw}

    async def places(self, request: Request) -> Response:
        """Show the places of the school."""
        session, account = await self._who(request)
        await self._only_receivers(account)
        return await self._shown(session, account)

    async def _shown(
        self, session: PageSession, account: SchoolAccount, *, status: int = 200, said: str = ""
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.operations.places.page, account, sha256(session.token))
        return self._page(
            session,
            "places",
            status=status,
            account=account,
            page=found,
            tab="places",
            said=said,
            kinds=KINDS,
            name_of=name_of,
            at=dutch("school/places"),
            ct=dutch("school/collecting"),
        )

    async def state(self, request: Request) -> Response:
        """State the places of one offer."""
        session, account, form = await self._sent(request)
        await self._only_receivers(account)
        location, kind = " ".join(text_of(form, "locatie").split()), text_of(form, "soort")
        places, placed = _number(text_of(form, "plaatsen")), _number(text_of(form, "geplaatst") or "0")
        said = ""
        if not 0 < len(location) <= _LOCATION:
            said = "location"
        elif kind not in KINDS:
            said = "kind"
        elif places is None or placed is None:
            said = "number"
        if said:
            return await self._shown(session, account, said=said, status=422)
        done = await run_in_threadpool(
            self.operations.places.state, account, sha256(session.token), location, kind, places or 0, placed or 0
        )
        if done is None:
            return await self._shown(session, account, status=403)
        if done < 0:
            return await self._shown(session, account, said="too_many", status=422)
        return await self._shown(session, account, said="kept" if done else "same")

    async def draw(self, request: Request) -> Response:
        """Record the result of a draw."""
        session, account, form = await self._sent(request)
        await self._only_receivers(account)
        location, _, kind = text_of(form, "aanbod").rpartition("/")
        drawn, out = _number(text_of(form, "ingeloot")), _number(text_of(form, "uitgeloot"))
        by, day = " ".join(text_of(form, "door").split()), day_of(text_of(form, "datum"))
        said = ""
        if drawn is None or out is None:
            said = "number"
        elif day is None:
            said = "day"
        elif not 0 < len(by) <= _BY:
            said = "by"
        if said:
            return await self._shown(session, account, said=said, status=422)
        made = Draw(day or date.min, drawn or 0, out or 0, by, account.actor)
        done = await run_in_threadpool(
            self.operations.places.note_draw, account, sha256(session.token), location, kind, made
        )
        if done is None:
            return await self._shown(session, account, status=403)
        if done in ("offer", "many"):
            return await self._shown(session, account, said=done, status=422)
        return await self._shown(session, account, said="drawn" if done == "drawn" else "same")


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= _MOST else None
