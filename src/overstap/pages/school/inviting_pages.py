"""Page on which a receiving school asks primary schools outside the region for the dossiers of its own applicants."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.guests import MOST_PUPILS
from overstap.ledger.region_keys import sha256
from overstap.notifications.message import is_address
from overstap.oso.foreign_numbers import ForeignNumbers, find_foreign_numbers
from overstap.pages.school.page_frame import PageFrame, dutch, text_of
from overstap.review.code_keys import PageSession
from overstap.school_numbers import school_id_in

_MOST_LINE = 120
_FIELDS = ("school", "naam", "email", "leerlingen")


class InvitingPages(PageFrame):
    """Handlers of the page, one method per route."""

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of GET requests, by path."""
        return {"/ronde/{round_id}/uitnodigen": self.show}

    def posts(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of POST requests, by path."""
        return {"/ronde/{round_id}/uitnodigen": self.ask, "/ronde/{round_id}/uitnodigen/intrekken": self.withdraw}

    async def show(self, request: Request, round_id: str) -> Response:
        """Show the primary schools outside the region from which pupils applied."""
        session, account = await self._who(request)
        return await self._shown(session, account, round_id)

    async def _shown(
        self, session: PageSession, account: SchoolAccount, round_id: str, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        page = await run_in_threadpool(self.operations.inviting.page, account, sha256(session.token), round_id)
        if page is None:
            raise HTTPException(404)
        facts = {"said": "", "given": dict.fromkeys(_FIELDS, "")} | facts
        return self._page(
            session,
            "inviting",
            status=status,
            account=account,
            page=page,
            tab="inviting",
            it=dutch("school/inviting"),
            most=MOST_PUPILS,
            **facts,
        )

    async def ask(self, request: Request, round_id: str) -> Response:
        """Ask a primary school for pupils; it is invited if it was not yet."""
        session, account, form = await self._sent(request)
        given = {name: text_of(form, name) for name in _FIELDS}
        name, email = " ".join(given["naam"].split()), given["email"].strip()
        lines = [line for each in given["leerlingen"].splitlines() if (line := " ".join(each.split()))]
        said = _fault(name, email, lines)
        if not said:
            said = await run_in_threadpool(
                lambda: self.operations.inviting.ask(
                    *(account, sha256(session.token), round_id, school_id_in(given["school"]) or ""),
                    name=name or given["school"],
                    email=email,
                    pupils=lines,
                )
            )
        if said == "asked":
            return await self._shown(session, account, round_id, said=said)
        status = {"factor": 403, "changed": 409}.get(said, 422)
        return await self._shown(session, account, round_id, said=said, given=given, status=status)

    async def withdraw(self, request: Request, round_id: str) -> Response:
        """Withdraw what the school asked of a primary school."""
        session, account, form = await self._sent(request)
        said = await run_in_threadpool(
            self.operations.inviting.withdraw,
            *(account, sha256(session.token), round_id, school_id_in(text_of(form, "school")) or ""),
        )
        status = {"withdrawn": 200, "ended": 200, "factor": 403, "changed": 409}.get(said, 422)
        return await self._shown(session, account, round_id, said="over" if said == "ended" else said, status=status)


def _fault(name: str, email: str, lines: list[str]) -> str:
    """Return what is wrong with a form, a key of `said` in include/texts/school/inviting.yaml, or empty."""
    if not 1 <= len(lines) <= MOST_PUPILS:
        return "pupils"
    if any(len(line) > _MOST_LINE for line in (name, email, *lines)):
        return "too_long"
    if any(find_foreign_numbers(line, None) is not ForeignNumbers.NONE for line in (name, *lines)):
        return "number"
    return "email" if email and not is_address(email) else ""
