"""Pages of the second factor: the second step of signing in, and the page with an account's factors.

All but passkeys works without script. A change of factors needs a password that was verified within ten minutes.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from overstap.alarms import raise_alarm
from overstap.ledger.accounts import SchoolAccount, SignInStep
from overstap.ledger.region_keys import sha256
from overstap.pages.school.factor_operations import FactorOperations, FactorOutcome, FactorResult
from overstap.pages.school.page_frame import PageFrame, id_of, is_ours, read_form, text_of
from overstap.pages.school.passwords import SignInBusyError
from overstap.pages.school.totp import qr_code
from overstap.pages.shared.delays import MAX_SECONDS, delay_seconds
from overstap.review.code_keys import PageSession

CODE, SECURITY = "/code", "/beveiliging"
_FREE_OF_ACCOUNT = 3
"""Wrong codes on an account in a day without delay."""
_LONGEST_NAME = 60
Handler = Callable[..., Any]


class FactorPages(PageFrame):
    """Handlers of the second factor, one method per route; arguments as of `PageFrame`."""

    def gets(self) -> Mapping[str, Handler]:
        """Return the handlers of GET requests, by path."""
        return {CODE: self.ask_code, SECURITY: self.security, f"{SECURITY}/app": self.app}

    def posts(self) -> Mapping[str, Handler]:
        """Return the handlers of POST requests, by path."""
        return {
            CODE: self.take_code,
            f"{CODE}/passkey": self.take_passkey,
            f"{SECURITY}/app": self.begin_app,
            f"{SECURITY}/app/bevestigen": self.confirm_app,
            f"{SECURITY}/passkey": self.begin_passkey,
            f"{SECURITY}/passkey/bevestigen": self.confirm_passkey,
            f"{SECURITY}/verwijderen/{{factor}}": self.remove,
            f"{SECURITY}/herstelcodes": self.renew_codes,
            f"{SECURITY}/wachtwoord": self.prove,
        }

    @property
    def _factors(self) -> FactorOperations:
        return self.operations.factors

    async def ask_code(self, request: Request) -> Response:
        """Ask for the second factor."""
        return await self._ask_code(request)

    async def _ask_code(self, request: Request, *, fault: str = "", status: int = 200) -> Response:
        session, half = self._session(request), await self._half(request)
        if session is None or half is None or half.waits_for is not SignInStep.FACTOR:
            return RedirectResponse("/rondes", 303)
        options = await run_in_threadpool(self._factors.request, sha256(session.token), half)
        return self._page(None, "code", status=status, fault=fault, options=options, form_key=session.form_token)

    async def take_code(self, request: Request) -> Response:
        """Complete the sign-in by a code of an app, or by a recovery code."""
        session, form = await self._form_of_half(request)
        half, new = await self._half(request), PageSession.new()
        if half is None or half.waits_for is not SignInStep.FACTOR:
            raise HTTPException(401)
        values = (sha256(session.token), sha256(new.token), half, text_of(form, "code"))
        return await self._passed(request, new, await run_in_threadpool(self._factors.verify_code, *values), "wrong")

    async def take_passkey(self, request: Request) -> Response:
        """Complete the sign-in by a passkey."""
        session, form = await self._form_of_half(request)
        new = PageSession.new()
        values = (sha256(session.token), sha256(new.token), str(form.get("antwoord", "")))
        found = await run_in_threadpool(self._factors.verify_passkey, *values)
        return await self._passed(request, new, found, "wrong_passkey")

    async def _passed(self, request: Request, new: PageSession, found: FactorResult, fault: str) -> Response:
        if found.outcome is FactorOutcome.PASSED:
            answer: Response = RedirectResponse("/rondes", 303)
            self._begin_session(answer, new)
            return answer
        if found.outcome is FactorOutcome.RECOVERED:
            answer = RedirectResponse(f"{SECURITY}?hersteld=1", 303)
            self._begin_session(answer, new)
            return answer
        if found.outcome is FactorOutcome.WRONG:
            half = await self._half(request)
            name = half.account.account if half is not None else ""
            await self.delays.wait(f"factor {name}", delay_seconds(found.failed + 1, _FREE_OF_ACCOUNT))
            return await self._ask_code(request, fault=f"factor.{fault}", status=422)
        if found.outcome is FactorOutcome.WAIT:
            raise_alarm("factor_guessed", service="school", failed=found.failed)
        answer = self._page(None, "code_over", status=403, is_wait=found.outcome is FactorOutcome.WAIT)
        answer.delete_cookie(self.cookie, path="/")
        return answer

    async def security(self, request: Request, hersteld: str = "", klaar: str = "") -> Response:
        """Show the account's second factors."""
        session, account, is_half = await self._owner(request)
        message = {"app": "factor.app_done", "passkey": "factor.passkey_done", "weg": "factor.removed"}.get(klaar, "")
        if hersteld == "1":
            message = "factor.recovered"
        return await self._security(session, account, is_half=is_half, message=message)

    async def _security(
        self, session: PageSession, account: SchoolAccount, *, is_half: bool, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        found = await run_in_threadpool(self._factors.overview, sha256(session.token))
        return self._page(
            None if is_half else session,
            "security",
            status=status,
            **({"account": account, "factors": found, "has_passkeys": self._factors.has_passkeys} | facts),
            is_half=is_half,
            form_key=session.form_token,
            tab="security",
        )

    async def begin_app(self, request: Request) -> Response:
        """Make the secret of a new code app, and show it."""
        session, account, is_half, form = await self._changes(request)
        name = text_of(form, "naam").strip()[:_LONGEST_NAME] or "App"
        if not await run_in_threadpool(self._factors.begin_app, sha256(session.token), account, name):
            return await self._security(session, account, is_half=is_half, fault="factor.stale", status=409)
        return RedirectResponse(f"{SECURITY}/app", 303)

    async def app(self, request: Request) -> Response:
        """Show the secret of the new code app, as QR code and as text."""
        session, account, is_half = await self._owner(request)
        return await self._app(session, account, is_half=is_half)

    async def _app(
        self, session: PageSession, account: SchoolAccount, *, is_half: bool, fault: str = "", status: int = 200
    ) -> Response:
        pending = await run_in_threadpool(self._factors.pending_app, sha256(session.token), account)
        if pending is None:
            return RedirectResponse(SECURITY, 303)
        secret = " ".join(pending.secret[start : start + 4] for start in range(0, len(pending.secret), 4))
        return self._page(
            None if is_half else session,
            "app",
            status=status,
            account=account,
            fault=fault,
            qr=Markup(qr_code(account.account, pending.secret)),  # noqa: S704 (made by segno, of letters and digits)
            secret=secret,
            form_key=session.form_token,
        )

    async def confirm_app(self, request: Request) -> Response:
        """Put the new code app into use by a code of it."""
        session, account, is_half, form = await self._changes(request)
        new = PageSession.new()
        values = (sha256(session.token), sha256(new.token), account, text_of(form, "code"))
        is_done, codes = await run_in_threadpool(self._factors.confirm_app, *values)
        if not is_done:
            return await self._app(session, account, is_half=is_half, fault="factor.wrong_first", status=422)
        return self._enrolled(new, account, codes, "app")

    async def begin_passkey(self, request: Request) -> Response:
        """Show the page that lets the browser make a passkey."""
        session, account, is_half, form = await self._changes(request)
        options = await run_in_threadpool(self._factors.begin_passkey, sha256(session.token), account)
        if options is None:
            raise HTTPException(404)
        name = text_of(form, "naam").strip()[:_LONGEST_NAME] or "Passkey"
        shown: dict[str, Any] = {"account": account, "options": options, "naam": name, "form_key": session.form_token}
        return self._page(None if is_half else session, "passkey", **shown)

    async def confirm_passkey(self, request: Request) -> Response:
        """Put a new passkey into use."""
        session, account, is_half, form = await self._changes(request)
        new = PageSession.new()
        name = text_of(form, "naam").strip()[:_LONGEST_NAME] or "Passkey"
        values = (sha256(session.token), sha256(new.token), account, name, str(form.get("antwoord", "")))
        is_done, codes = await run_in_threadpool(self._factors.confirm_passkey, *values)
        if not is_done:
            return await self._security(session, account, is_half=is_half, fault="factor.no_passkey", status=422)
        return self._enrolled(new, account, codes, "passkey")

    def _enrolled(self, new: PageSession, account: SchoolAccount, codes: list[str], kind: str) -> Response:
        """Begin the session's new identifier, and show the recovery codes that came with a first factor."""
        answer: Response
        if codes:
            answer = self._page(new, "recovery_codes", account=account, codes=codes, is_first=True)
        else:
            answer = RedirectResponse(f"{SECURITY}?klaar={kind}", 303)
        self._begin_session(answer, new)
        return answer

    async def remove(self, request: Request, factor: str) -> Response:
        """Remove a second factor."""
        session, account, _, _ = await self._changes(request)
        done = await run_in_threadpool(self._factors.remove, sha256(session.token), id_of(factor))
        if done != "done":
            return await self._security(session, account, is_half=False, fault=f"factor.not_{done}", status=409)
        return RedirectResponse(f"{SECURITY}?klaar=weg", 303)

    async def renew_codes(self, request: Request) -> Response:
        """Make new recovery codes, and show them."""
        session, account, is_half, _ = await self._changes(request)
        codes = await run_in_threadpool(self._factors.renew_codes, sha256(session.token), account)
        if not codes:
            return await self._security(session, account, is_half=is_half, fault="factor.stale", status=409)
        return self._page(session, "recovery_codes", account=account, codes=codes, is_first=False)

    async def prove(self, request: Request) -> Response:
        """Verify the password once more, after which factors may be changed for ten minutes."""
        session, account, _, form = await self._changes(request)
        token = sha256(session.token)
        kept = await run_in_threadpool(self._factors.begin_proof, token)
        if kept is None:
            raise HTTPException(401)
        try:
            is_proven = await self.verifier.verify(str(form.get("wachtwoord", "")), kept, is_known=True)
        except SignInBusyError:
            answer = await self._security(session, account, is_half=False, fault="busy", status=429)
            answer.headers["Retry-After"] = str(round(MAX_SECONDS))
            return answer
        if not is_proven or not await run_in_threadpool(self._factors.prove, token, kept):
            return await self._security(session, account, is_half=False, fault="factor.wrong_password", status=422)
        return RedirectResponse(SECURITY, 303)

    async def _owner(self, request: Request) -> tuple[PageSession, SchoolAccount, bool]:
        """Return session and account of a complete session, or of one that waits for its first factor."""
        half = await self._half(request)
        session = self._session(request)
        if session is not None and half is not None and half.waits_for is SignInStep.ENROLMENT:
            return session, half.account, True
        session, account = await self._who(request)
        return session, account, False

    async def _changes(self, request: Request) -> tuple[PageSession, SchoolAccount, bool, FormData]:
        session, account, is_half = await self._owner(request)
        form = await read_form(request, files=0, fields=10)
        if not is_ours(session, form):
            raise HTTPException(401)
        return session, account, is_half, form

    async def _form_of_half(self, request: Request) -> tuple[PageSession, FormData]:
        session = self._session(request)
        form = await read_form(request, files=0, fields=10)
        if session is None or not is_ours(session, form):
            raise HTTPException(401)
        return session, form
