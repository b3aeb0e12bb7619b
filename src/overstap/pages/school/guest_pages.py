"""Pages behind the address of an invitation: a school from outside the region makes its account for one round.

Opening the address changes nothing, since mail programs open addresses by themselves; only the form uses it up.
"""

import hmac
import secrets
from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from overstap.agreements import RoundId
from overstap.alarms import raise_alarm
from overstap.errors import OverstapError
from overstap.ledger.guests import OpenInvitation
from overstap.ledger.region_keys import sha256
from overstap.pages.school.page_frame import PageFrame, read_form, text_of
from overstap.pages.school.passwords import LEAST_CHARACTERS, hash_password
from overstap.pages.shared.delays import delay_seconds
from overstap.pages.shared.networks import networks_of

_FREE, _ALARMING = 60, 100
"""Wrong addresses of a network in half an hour: without delay, and before the administrator is told."""
_MOST_NAME = 120


class GuestPages(PageFrame):
    """Handlers of the pages, one method per route."""

    @property
    def form_cookie(self) -> str:
        """Name of the cookie that a form must be sent with."""
        return "__Host-uitnodiging" if self.is_secure else "uitnodiging"

    def gets(self) -> dict[str, Any]:
        """Return the handlers of GET requests, by path."""
        return {"/uitnodiging/{secret}": self.show}

    def posts(self) -> dict[str, Any]:
        """Return the handlers of POST requests, by path."""
        return {"/uitnodiging/{secret}": self.accept}

    async def show(self, request: Request, secret: str) -> Response:
        """Show the form for an account."""
        found = await self._found(request, secret)
        return self._over() if found is None else self._form(request, found)

    async def accept(self, request: Request, secret: str) -> Response:
        """Make the account; the address serves no longer."""
        form = await read_form(request, files=0, fields=10)
        found = await self._found(request, secret)
        if found is None:
            return self._over()
        name = " ".join(text_of(form, "naam").split())
        cookie = request.cookies.get(self.form_cookie, "")
        if not cookie or not hmac.compare_digest(cookie.encode(), text_of(form, "formulier").encode()):
            return self._form(request, found, fault="form_old", person=name, status=403)
        password, again = str(form.get("wachtwoord", "")), str(form.get("nogmaals", ""))
        if not name or len(name) > _MOST_NAME:
            return self._form(request, found, fault="guest.name_missing", person=name[:_MOST_NAME], status=422)
        if password != again:
            return self._form(request, found, fault="guest.not_same", person=name, status=422)
        try:
            kept = await run_in_threadpool(hash_password, password[:1024], (name, found.name, found.school))
        except OverstapError as problem:
            return self._form(request, found, problem=problem, person=name, status=422)
        account = await run_in_threadpool(self.operations.accept, secret, name, kept, found.school)
        if account is None:  # somebody else used it in the meantime
            return self._over()
        answer = self._page(None, "guest_made", login=account, **_facts(found))
        answer.delete_cookie(self.form_cookie, path="/")
        return answer

    async def _found(self, request: Request, secret: str) -> OpenInvitation | None:
        networks = networks_of(request)
        hashes = [sha256(f"network\0{one}".encode()) for one in (networks.narrow, f"wide {networks.wide}")]
        found, failed = await run_in_threadpool(self.operations.invitation, secret, hashes)
        if found is None:
            if failed >= _ALARMING:
                raise_alarm("invitation_guessed", service="school", failed=failed, about=networks.wide)
            await self.delays.wait(networks.narrow, delay_seconds(failed, _FREE))
        return found

    def _form(self, request: Request, found: OpenInvitation, *, status: int = 200, **facts: Any) -> Response:
        token = request.cookies.get(self.form_cookie, "")
        is_new = not (token.isascii() and 20 <= len(token) <= 60)
        if is_new:
            token = secrets.token_urlsafe(24)
        facts = {"person": "", "form_key": token, "least": LEAST_CHARACTERS} | facts | _facts(found)
        answer = self._page(None, "guest", status=status, **facts)
        if is_new:
            self._set_cookie(answer, self.form_cookie, token)
        return answer

    def _over(self) -> Response:
        return self._page(None, "guest_over", status=404)


def _facts(found: OpenInvitation) -> dict[str, Any]:
    round_id = RoundId(found.round_id)
    return {"invitation": found, "round_name": f"{round_id.kind.dutch} {round_id.school_year}"}
