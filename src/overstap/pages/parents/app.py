"""Starlette application of the parents' pages: routes in the order in which a parent visits them.

A GET changes nothing but the last use of a session, so a mail scanner that opens links does no harm. Addresses hold no
code, name or id. A confirmation is shown after it was read back from the ledger.
"""

import asyncio
import hmac
import logging
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from overstap.alarms import raise_alarm
from overstap.clock import now
from overstap.family_languages import FIRST, FamilyLanguage, languages
from overstap.ledger.review.parents_functions import LedgerUnavailableError, SignInResult
from overstap.oso.labels import labels
from overstap.pages.parents import forms, printing
from overstap.pages.parents.lines import block_html
from overstap.pages.parents.store import ReviewStore, SessionView
from overstap.pages.shared.delays import MAX_SECONDS, DelayQueue, delay_seconds
from overstap.pages.shared.frame import STATIC, environment
from overstap.pages.shared.guard import Guard
from overstap.pages.shared.networks import Networks, networks_of
from overstap.pages.shared.request_log import RequestLog
from overstap.pages.shared.security_txt import SECURITY_TXT, security_txt
from overstap.review.answer_notes import given_by, notes
from overstap.review.code_keys import TOKEN_BYTES, PageSession, code_keys, read_code
from overstap.settings import Settings

_log = logging.getLogger(__name__)
_SWEEP_SECONDS = 600.0
_MAX_WORK = 30
"""Number of PDFs in progress or waiting; each takes about a second, and later requests get HTTP 503."""
_MAX_WORK_OF_PERSON = 2
_FREE_OF_CODE, _FREE_OF_NETWORK, _FREE_OF_WIDE = 5, 30, 150
"""Wrong attempts in half an hour without delay: people mistype, and a school's families may share a network."""
_KINDS = {
    "pdf": ("application/pdf", True),
    "jpeg": ("image/jpeg", False),
    "png": ("image/png", False),
    "text": ("text/plain; charset=utf-8", False),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", True),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", True),
    "pptx": ("application/vnd.openxmlformats-officedocument.presentationml.presentation", True),
    "odt": ("application/vnd.oasis.opendocument.text", True),
    "doc": ("application/octet-stream", True),
}
"""Per kind of attachment: its media type, and whether it is downloaded rather than shown in the browser."""
_ALONE = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""Content-Security-Policy of attachments: no scripts, no loading, an opaque origin (sandbox)."""


@dataclass(frozen=True, slots=True)
class Site:
    """Deployment facts of the pages.

    Args:
        is_secure: whether visitors come by HTTPS.
    """

    is_secure: bool

    @property
    def cookie(self) -> str:
        """Name of the session cookie; the prefix keeps subdomains from setting it (RFC 6265bis, 4.1.3)."""
        return "__Host-inzage" if self.is_secure else "inzage"

    @property
    def form_cookie(self) -> str:
        """Name of the cookie that ties the sign-in form to this browser."""
        return "__Host-formulier" if self.is_secure else "formulier"


def build_app(store: ReviewStore, site: Site, workers: Executor) -> RequestLog:
    """Return the application.

    Args:
        store: the ledger's functions.
        site: deployment facts of the pages.
        workers: pool in which PDFs are made, outside the event loop.
    """

    @asynccontextmanager
    async def living(_: Starlette) -> AsyncIterator[None]:
        await store.open()
        sweeping = asyncio.create_task(_sweep(store))
        yield
        sweeping.cancel()
        await store.close()

    pages = _Pages(store, site, workers)
    routes: list[BaseRoute] = [Mount("/static", StaticFiles(directory=STATIC))]
    routes += [Route(path, _endpoint(page), methods=["GET"]) for path, page in pages.gets().items()]
    routes += [Route(path, _endpoint(page), methods=["POST"]) for path, page in pages.posts().items()]
    app = Starlette(
        routes=routes,
        lifespan=living,
        exception_handlers={LedgerUnavailableError: pages.away, HTTPException: pages.lost},
    )
    # A redirect would use the Host header, which the client controls, and plain HTTP.
    app.router.redirect_slashes = False
    return RequestLog(Guard(app, is_secure=site.is_secure))


def _endpoint(page: Callable[..., Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await page(request, **request.path_params)

    return endpoint


class _Pages:
    """Handlers of the pages, one method per route."""

    def __init__(self, store: ReviewStore, site: Site, workers: Executor) -> None:
        self.store = store
        self.site = site
        self.workers = workers
        self.languages = languages()
        self.templates = environment()
        self.jobs: dict[tuple[UUID, str], asyncio.Future[bytes]] = {}
        self.delays = DelayQueue()

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of GET requests, by path."""
        return {
            "/": self.front,
            "/gezond": self.healthy,
            SECURITY_TXT: self.security,
            "/{taal}": self.begin,
            "/{taal}/": self.start,
            "/{taal}/uitleg": self.explain,
            "/{taal}/overzicht": self.home,
            "/{taal}/dossier": self.dossier,
            "/{taal}/dossier.pdf": self.dossier_pdf,
            "/{taal}/bijlage/{number}": self.file,
            "/{taal}/antwoord": self.answer_form,
            "/{taal}/ontvangstbewijs": self.receipt,
            "/{taal}/ontvangstbewijs.pdf": self.receipt_pdf,
            "/{taal}/vraag": self.ask_form,
            "/{taal}/logboek": self.trail,
            "/{taal}/bewijs.zip": self.proof,
        }

    def posts(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of POST requests, by path."""
        return {
            "/{taal}/inloggen": self.sign_in,
            "/{taal}/antwoord": self.answer,
            "/{taal}/vraag": self.ask,
            "/{taal}/bewijs": self.wish,
            "/{taal}/uitloggen": self.sign_out,
        }

    async def front(self, request: Request) -> Response:
        """Show the start page in Dutch, or redirect to the language that the browser prefers (RFC 9110, 12.5.4)."""
        wanted = request.headers.get("accept-language", "").strip().lower()[:2]
        if wanted in self.languages and wanted != FIRST:
            return RedirectResponse(f"/{wanted}/", 303)
        return await self.start(request, FIRST)

    async def healthy(self, _: Request) -> Response:
        """Answer the health check of the process."""
        return PlainTextResponse("ok\n")

    async def security(self, _: Request) -> Response:
        """Return security.txt (RFC 9116)."""
        return security_txt(Settings())

    async def begin(self, _: Request, taal: str) -> Response:
        """Redirect to the start page in a language."""
        return RedirectResponse(f"/{self._language(taal).code}/", 303)

    async def start(self, request: Request, taal: str) -> Response:
        """Show the sign-in form."""
        return self._start(request, self._language(taal))

    def _start(
        self,
        request: Request,
        language: FamilyLanguage,
        *,
        faults: tuple[str, ...] = (),
        form: Mapping[str, str] | None = None,
    ) -> Response:
        token = request.cookies.get(self.site.form_cookie, "")
        is_new = not (token.isascii() and 20 <= len(token) <= 60)
        if is_new:
            token = secrets.token_urlsafe(24)
        # The code and the date are not filled in again: the next person at the screen could see them.
        answer = self._page(
            *(request, language, "start"),
            status=429 if "wait" in faults else 422 if faults else 200,
            faults=faults,
            form_token=token,
            typed=form or {},
        )
        if is_new:
            self._set_cookie(answer, self.site.form_cookie, token)
        if "wait" in faults:
            answer.headers["Retry-After"] = str(round(MAX_SECONDS))
        return answer

    async def sign_in(self, request: Request, taal: str) -> Response:
        """Sign in with code and birth date. A wrong code and a wrong date take the same path and the same time."""
        language = self._language(taal)
        form = forms.form_fields(await request.body())
        cookie = request.cookies.get(self.site.form_cookie, "")
        if not cookie or not hmac.compare_digest(cookie.encode(), form.get("formulier", "").encode()):
            return self._start(request, language, faults=("cookie",), form=form)
        code, born = read_code(form.get("code", "")), forms.birth_date(form)
        faults = [] if code else ["code_form" if form.get("code", "").strip() else "code_empty"]
        faults += [] if born else ["date_form"]
        if code is None or born is None:
            return self._start(request, language, faults=tuple(faults), form=form)
        keys, session = code_keys(code, born), PageSession.new()
        networks = networks_of(request)
        done = await self.store.sign_in(keys, networks, session)
        if done.status == "open":
            answer: Response = RedirectResponse(f"/{language.code}/overzicht", 303)
            self._set_cookie(answer, self.site.cookie, urlsafe_b64encode(session.secret).decode())
            answer.delete_cookie(self.site.form_cookie, path="/")
            return answer
        if done.status == "wrong":
            return await self._wrong(request, language, networks, done, form)
        # After the window the content is closed, but the access history is not.
        answer = self._over(
            *(request, language, done.status),
            closes_at=done.closes_at,
            answered_at=done.answered_at,
            status=403,
            session_view=await self.store.view(session) if done.status == "closed" else None,
        )
        if done.status == "closed":
            self._set_cookie(answer, self.site.cookie, urlsafe_b64encode(session.secret).decode())
        return answer

    async def _wrong(
        self,
        request: Request,
        language: FamilyLanguage,
        networks: Networks,
        done: SignInResult,
        form: Mapping[str, str],
    ) -> Response:
        """Answer a failed sign-in, with a delay that grows per code and per network. A correct sign-in has no delay."""
        if done.alarm is not None:
            raise_alarm(done.alarm, service="review", failed=max(done.failed_network or 0, done.failed_wide or 0))
        seconds = max(
            delay_seconds(done.failed_code or 0, _FREE_OF_CODE),
            delay_seconds(done.failed_network or 0, _FREE_OF_NETWORK),
            delay_seconds(done.failed_wide or 0, _FREE_OF_WIDE),
        )
        has_waited = await self.delays.wait(networks.narrow, seconds)
        return self._start(request, language, faults=("pair" if has_waited else "wait",), form=form)

    async def explain(self, request: Request, taal: str) -> Response:
        """Show the explanation of the service and the law; without signing in."""
        return self._page(request, self._language(taal), "explain")

    async def home(self, request: Request, taal: str) -> Response:
        """Show the overview: the state of the person's inspection and the possible actions."""
        language = self._language(taal)
        session_view = await self._view(request)
        if session_view is None or session_view.copy is None:
            return self._shut(request, language, session_view)
        return self._page(
            *(request, language, "home"),
            session_view=session_view,
            copy=session_view.copy,
            newest=self._newest(session_view),
            recorded=[one for one in self._answers(session_view) if one["by"] != "person"],
            requests=self._requests(session_view),
        )

    async def dossier(self, request: Request, taal: str) -> Response:
        """Show the dossier's content."""
        language = self._language(taal)
        session_view = await self._view(request, is_whole=True)
        if session_view is None or session_view.copy is None:
            return self._shut(request, language, session_view)
        return self._page(
            request,
            language,
            "dossier",
            session_view=session_view,
            copy=session_view.copy,
            kinds=_KINDS,
            block_html=block_html,
        )

    async def dossier_pdf(self, request: Request, taal: str) -> Response:
        """Return the dossier as PDF."""
        language = self._language(taal)
        session_view = await self._view(request, is_whole=True)
        if session_view is None or session_view.copy is None:
            return self._shut(request, language, session_view)
        made = await self._work(
            session_view, f"dossier/{language.code}", printing.dossier, session_view.copy, language.code, now()
        )
        return self._download(made, "overstapdossier.pdf")

    async def file(self, request: Request, taal: str, number: str) -> Response:
        """Return an attachment; active content is downloaded, never shown in a page."""
        language = self._language(taal)
        session_view = await self._view(request)
        if session_view is None or session_view.copy is None:
            return self._shut(request, language, session_view)
        place = int(number) - 1 if number.isascii() and number.isdigit() and len(number) < 5 else -1
        found = await self.store.file(session_view, place)
        if found is None:
            raise HTTPException(404)
        content, kind = found
        media, is_download = _KINDS[kind]
        # The original file name may hold a child's name and could inject a header: the download gets a neutral one.
        name = f"bijlage-{place + 1}.{'txt' if kind == 'text' else 'jpg' if kind == 'jpeg' else kind}"
        headers = {
            "content-disposition": f'{"attachment" if is_download else "inline"}; filename="{name}"',
            "content-security-policy": _ALONE,
            "content-type": media,
        }
        return Response(content, headers=headers)

    async def answer_form(self, request: Request, taal: str) -> Response:
        """Show the decision form."""
        language = self._language(taal)
        session_view = await self._view(request)
        if session_view is None or session_view.copy is None:
            return self._shut(request, language, session_view)
        return self._answer_form(request, language, session_view)

    def _answer_form(
        self,
        request: Request,
        language: FamilyLanguage,
        session_view: SessionView,
        *,
        faults: tuple[str, ...] = (),
        form: Any = None,
    ) -> Response:
        newest = self._newest(session_view)
        if form is None:
            form = {"antwoord": "", "zienswijze": ""}
            if newest is not None and newest["by"] == "person":
                form["antwoord"] = {"Ja": "eens", "Nee": "oneens"}.get(newest["agreed"], "")
                form["zienswijze"] = newest["view"] or ""
        return self._page(
            *(request, language, "answer"),
            status=422 if faults else 200,
            session_view=session_view,
            copy=session_view.copy,
            faults=faults,
            form=form,
            once=uuid4(),
            most=forms.MAX_VIEW_CHARACTERS,
        )

    async def answer(self, request: Request, taal: str) -> Response:
        """Record the decision, then redirect to its receipt."""
        language = self._language(taal)
        form = forms.form_fields(await request.body())
        given = forms.read_decision(form)
        session_view = await self._view(request)
        if session_view is None or session_view.copy is None:
            return self._shut(request, language, session_view, typed=given.view, is_sending=True)
        if not self._is_ours(session_view, form):
            return self._answer_form(request, language, session_view, faults=("form",), form=form)
        asks_consent = session_view.consent != "not_asked"
        faults = given.faults + (["consent"] if asks_consent and given.consent is None else [])
        if faults or given.agreed is None:
            return self._answer_form(request, language, session_view, faults=tuple(faults), form=form)
        status, _ = await self.store.decide(
            session_view, given.submission, given.agreed, given.consent if asks_consent else None, given.view or None
        )
        if status == "enough":
            return self._answer_form(request, language, session_view, faults=("enough",), form=form)
        return self._sent(request, language, session_view, status, "ontvangstbewijs?ontvangen", given.view)

    async def receipt(self, request: Request, taal: str) -> Response:
        """Show the person's decision as it is in the ledger."""
        language = self._language(taal)
        session_view = await self._view(request)
        if session_view is None or session_view.copy is None:
            return self._shut(request, language, session_view)
        return self._page(
            *(request, language, "receipt"),
            session_view=session_view,
            copy=session_view.copy,
            answers=self._answers(session_view),
            newest=self._newest(session_view),
            is_new="ontvangen" in request.query_params,
        )

    async def receipt_pdf(self, request: Request, taal: str) -> Response:
        """Return the receipt as PDF."""
        language = self._language(taal)
        session_view = await self._view(request)
        if session_view is None or session_view.copy is None:
            return self._shut(request, language, session_view)
        # The key includes the decisions, so that a decision just recorded is in the receipt.
        name = f"receipt/{language.code}/{len(session_view.answers)}"
        made = await self._work(
            *(
                session_view,
                name,
                printing.receipt,
                session_view.copy,
                self._answers(session_view),
                session_view.school_name,
                language.code,
                now(),
            )
        )
        return self._download(made, "ontvangstbewijs.pdf")

    async def ask_form(self, request: Request, taal: str) -> Response:
        """Show the form for questions and corrections."""
        language = self._language(taal)
        session_view = await self._view(request)
        if session_view is None or session_view.copy is None:
            return self._shut(request, language, session_view)
        return self._ask_form(request, language, session_view, is_sent="verstuurd" in request.query_params)

    def _ask_form(
        self,
        request: Request,
        language: FamilyLanguage,
        session_view: SessionView,
        *,
        faults: tuple[str, ...] = (),
        form: Any = None,
        is_sent: bool = False,
    ) -> Response:
        return self._page(
            *(request, language, "ask"),
            status=422 if faults else 200,
            session_view=session_view,
            copy=session_view.copy,
            faults=faults,
            form=form or {"soort": "", "tekst": ""},
            once=uuid4(),
            most=forms.MAX_ASK_CHARACTERS,
            requests=self._requests(session_view),
            is_sent=is_sent,
        )

    async def ask(self, request: Request, taal: str) -> Response:
        """Record a question or a correction for the school."""
        language = self._language(taal)
        form = forms.form_fields(await request.body())
        asked = forms.read_question(form)
        session_view = await self._view(request)
        if session_view is None or session_view.copy is None:
            return self._shut(request, language, session_view, typed=asked.text, is_sending=True)
        if not self._is_ours(session_view, form):
            return self._ask_form(request, language, session_view, faults=("form",), form=form)
        if asked.faults or asked.kind is None:
            return self._ask_form(request, language, session_view, faults=tuple(asked.faults), form=form)
        status, _ = await self.store.ask(session_view, asked.request, asked.kind, asked.text)
        if status == "enough":
            return self._ask_form(request, language, session_view, faults=("enough",), form=form)
        return self._sent(request, language, session_view, status, "vraag?verstuurd", asked.text)

    def _sent(
        self, request: Request, language: FamilyLanguage, session_view: SessionView, status: str, to: str, typed: str
    ) -> Response:
        """Redirect after a recorded form; or show that it came too late, with the text that was typed."""
        if status == "recorded":
            return RedirectResponse(f"/{language.code}/{to}", 303)
        closes_at = session_view.closes_at
        return self._over(
            request,
            language,
            status,
            closes_at=closes_at,
            typed=typed,
            is_sending=True,
            status=409,
            session_view=session_view,
        )

    async def trail(self, request: Request, taal: str) -> Response:
        """Show who opened the dossier, where it was sent, and the proof; also after the window."""
        language = self._language(taal)
        session_view = await self._view(request)
        found = await self.store.access_history(session_view) if session_view is not None else None
        if session_view is None or found is None:
            return self._shut(request, language, None)
        moments = {"at", "ended", "sealed", "received", "imported", "asked", "made"}

        def read(one: dict[str, Any]) -> dict[str, Any]:
            return {
                name: datetime.fromisoformat(value) if name in moments and value else value
                for name, value in one.items()
            }

        return self._page(
            *(request, language, "trail"),
            session_view=session_view,
            opened=[read(one) for one in found["opened"]],
            sent=[read(one) for one in found["sent"]],
            codes=[read(one) for one in found["codes"] or []],
            proof=read(found["proof"]) if found["proof"] else None,
            answers=[{**one, "at": datetime.fromisoformat(one["at"])} for one in session_view.answers],
        )

    async def wish(self, request: Request, taal: str) -> Response:
        """Record a request for the proof to the school."""
        language = self._language(taal)
        form = forms.form_fields(await request.body())
        session_view = await self._view(request)
        # A form without this session's token records nothing; the access history shows that nothing was requested.
        if session_view is None or (
            self._is_ours(session_view, form) and not await self.store.request_proof(session_view)
        ):
            return self._shut(request, language, None, is_sending=True)
        return RedirectResponse(f"/{language.code}/logboek", 303)

    async def proof(self, request: Request, taal: str) -> Response:
        """Return the person's own proof pack."""
        language = self._language(taal)
        session_view = await self._view(request)
        if session_view is None:
            return self._shut(request, language, None)
        found = await self.store.proof(session_view)
        if found is None:
            raise HTTPException(404)
        return self._download(found, "bewijs-van-inzage.zip", "application/zip")

    async def sign_out(self, request: Request, taal: str) -> Response:
        """End the session."""
        language = self._language(taal)
        form = forms.form_fields(await request.body())
        session = self._session(request)
        answer: Response = RedirectResponse(f"/{language.code}/", 303)
        if session is not None and hmac.compare_digest(session.form_token.encode(), form.get("formulier", "").encode()):
            await self.store.sign_out(session)
            answer = self._page(request, language, "ended", typed="", is_signed_in=False)
            answer.delete_cookie(self.site.cookie, path="/")
        return answer

    async def away(self, request: Request, _: Exception) -> Response:
        """Answer HTTP 503: the ledger does not answer."""
        answer = self._page(request, self._any_language(request), "away", status=503, is_signed_in=False)
        answer.headers["Retry-After"] = "60"
        return answer

    async def lost(self, request: Request, problem: Exception) -> Response:
        """Answer HTTP 404: there is no such page."""
        status = problem.status_code if isinstance(problem, HTTPException) else 404
        return self._page(request, self._any_language(request), "lost", status=status, is_signed_in=False)

    def _shut(
        self,
        request: Request,
        language: FamilyLanguage,
        session_view: SessionView | None,
        *,
        typed: str = "",
        is_sending: bool = False,
    ) -> Response:
        """Answer a request whose session has ended, or whose dossier is closed."""
        if session_view is not None:
            newest = next((one["at"] for one in session_view.answers if one["by"] == "person"), None)
            return self._over(
                *(request, language, session_view.phase),
                closes_at=session_view.closes_at,
                answered_at=datetime.fromisoformat(newest) if newest else None,
                typed=typed,
                is_sending=is_sending,
                status=409 if is_sending else 403,
                session_view=session_view,
            )
        if self.site.cookie not in request.cookies and not is_sending:
            return RedirectResponse(f"/{language.code}/", 303)
        answer = self._page(request, language, "ended", status=403, typed=typed, is_signed_in=False)
        answer.delete_cookie(self.site.cookie, path="/")
        return answer

    def _over(
        self,
        request: Request,
        language: FamilyLanguage,
        phase: str,
        *,
        closes_at: datetime | None,
        answered_at: datetime | None = None,
        typed: str = "",
        is_sending: bool = False,
        status: int,
        session_view: SessionView | None = None,
    ) -> Response:
        if phase == "ended":
            return self._page(request, language, "ended", status=403, typed=typed, is_signed_in=False)
        return self._page(
            *(request, language, "over"),
            status=status,
            phase=phase,
            closes_at=closes_at,
            answered_at=answered_at,
            typed=typed,
            is_sending=is_sending,
            session_view=session_view,
        )

    def _page(
        self, request: Request, language: FamilyLanguage, name: str, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        session_view: SessionView | None = facts.get("session_view")
        if session_view is not None and session_view.copy is not None:
            language = language.to(session_view.copy["kind"])
        names = session_view.copy.get("names", {}) if session_view is not None and session_view.copy else {}
        facts.setdefault("is_signed_in", session_view is not None)
        facts.setdefault("faults", ())
        rest = request.url.path.split("/", 2)[2] if request.url.path.count("/") > 1 else ""
        return HTMLResponse(
            self.templates.get_template(f"review/{name}.html.j2").render(
                t=language.say,
                language=language,
                lang=language.code,
                dir=language.dir,
                names=labels(language.code).with_names(names),
                skip=language.say("frame.skip"),
                others=self.languages.values(),
                # The answer to a POST has no address for another language.
                here="" if request.method == "POST" else rest,
                form_key=session_view.session.form_token if session_view is not None else "",
                moment=language.moment,
                day=language.day,
                given_by=given_by,
                notes=notes,
                **facts,
            ),
            status,
        )

    def _language(self, code: str) -> FamilyLanguage:
        if code not in self.languages:
            raise HTTPException(404)
        return self.languages[code]

    def _any_language(self, request: Request) -> FamilyLanguage:
        step = request.url.path.split("/")[1] if request.url.path.startswith("/") else ""
        return self.languages.get(step, self.languages[FIRST])

    def _session(self, request: Request) -> PageSession | None:
        text = request.cookies.get(self.site.cookie, "")
        with suppress(ValueError):
            secret = urlsafe_b64decode(text.encode())
            if len(secret) == TOKEN_BYTES:
                return PageSession(secret)
        return None

    async def _view(self, request: Request, *, is_whole: bool = False) -> SessionView | None:
        session = self._session(request)
        return await self.store.view(session, is_whole=is_whole) if session is not None else None

    def _is_ours(self, session_view: SessionView, form: Mapping[str, str]) -> bool:
        return hmac.compare_digest(session_view.session.form_token.encode(), form.get("formulier", "").encode())

    def _answers(self, session_view: SessionView) -> list[dict[str, Any]]:
        return [
            {
                **answer,
                "at": datetime.fromisoformat(answer["at"]),
                "view": self.store.view_of(session_view, answer),
            }
            for answer in session_view.answers
        ]

    def _newest(self, session_view: SessionView) -> dict[str, Any] | None:
        """Return the decision that counts for the person: their own, else the one that the school recorded."""
        answers = [one for one in self._answers(session_view) if one["counts"]]
        return min(answers, key=lambda one: ("person", "school", "family").index(one["by"]), default=None)

    def _requests(self, session_view: SessionView) -> list[dict[str, Any]]:
        shown = []
        for one in session_view.requests:
            text, answer = self.store.words_of(session_view, one)
            at, due = datetime.fromisoformat(one["at"]), datetime.fromisoformat(one["due"])
            shown.append({**one, "at": at, "due": due, "text": text, "answer": answer})
        return shown

    async def _work(self, session_view: SessionView, name: str, work: Callable[..., bytes], *values: Any) -> bytes:
        """Make a document in the pool of workers.

        Repeated requests of one person for the same document share one job, also after the client disconnected: reloads
        and abandoned requests take no capacity from others.
        """
        key = (session_view.access, name)
        job = self.jobs.get(key)
        if job is None:
            of_person = sum(access == session_view.access for access, _ in self.jobs)
            if of_person >= _MAX_WORK_OF_PERSON or len(self.jobs) >= _MAX_WORK:
                raise LedgerUnavailableError("busy")
            job = asyncio.get_running_loop().run_in_executor(self.workers, work, *values)
            self.jobs[key] = job
            job.add_done_callback(lambda _: self.jobs.pop(key, None))
        return await asyncio.shield(job)

    def _download(self, content: bytes, name: str, media: str = "application/pdf") -> Response:
        headers = {"content-disposition": f'attachment; filename="{name}"', "content-security-policy": _ALONE}
        return Response(content, media_type=media, headers=headers)

    def _set_cookie(self, answer: Response, name: str, value: str) -> None:
        answer.set_cookie(name, value, path="/", httponly=True, samesite="strict", secure=self.site.is_secure)


async def _sweep(store: ReviewStore) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        try:
            await store.sweep()
        except LedgerUnavailableError:
            _log.warning("the ledger is away; what is over is taken away later")
