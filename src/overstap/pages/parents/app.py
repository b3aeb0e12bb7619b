"""Routes of the parents' pages, in the order in which a parent meets them.

A GET changes nothing but the sign of life of a stay, so a mail scanner that opens links does no harm. Addresses hold no
code, name or id. What is confirmed to a parent is read back from the ledger first.
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
from overstap.ledger.review.parents_functions import LedgerUnavailableError, SignIn
from overstap.oso.labels import labels
from overstap.pages.parents import forms, printing
from overstap.pages.parents.lines import block_html
from overstap.pages.parents.store import Look, ReviewStore
from overstap.pages.shared.frame import STATIC, environment
from overstap.pages.shared.guard import Guard
from overstap.pages.shared.networks import Networks, networks_of
from overstap.pages.shared.quiet import Quiet
from overstap.pages.shared.security_txt import SECURITY_TXT, security_txt
from overstap.pages.shared.slowing import MAX_SECONDS, WaitingRoom, pause_seconds
from overstap.review.answer_notes import given_by, notes
from overstap.review.code_keys import TOKEN_BYTES, Stay, code_keys, read_code
from overstap.settings import Settings

_log = logging.getLogger(__name__)
_SWEEP_SECONDS = 600.0
_MAX_WORK = 30
"""PDFs that are made or wait; each takes about a second, and who comes later is asked to try again."""
_MAX_WORK_OF_PERSON = 2
_FREE_OF_CODE, _FREE_OF_NETWORK, _FREE_OF_WIDE = 5, 30, 150
"""Wrong attempts of half an hour that are answered at once: people mistype, and a school's families share a network."""
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
"""Per kind of attachment its media type, and whether it is downloaded and not shown in the browser."""
_ALONE = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""For what a school attached: it runs nothing, loads nothing, and has no part in our pages' origin."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the pages stand.

    Args:
        is_secure: whether visitors come by HTTPS.
    """

    is_secure: bool

    @property
    def cookie(self) -> str:
        """The cookie of a stay. The prefix keeps other sites of the domain from setting it (RFC 6265bis, 4.1.3)."""
        return "__Host-inzage" if self.is_secure else "inzage"

    @property
    def form_cookie(self) -> str:
        """The cookie that shows that the sign-in form was ours."""
        return "__Host-formulier" if self.is_secure else "formulier"


def build_app(store: ReviewStore, site: Site, workers: Executor) -> Quiet:
    """Return the application.

    Args:
        store: the ledger's functions.
        site: where the pages stand.
        workers: where PDFs are made, so that nobody waits for somebody else's.
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
    # It would send the visitor to whatever stands in the Host header, by HTTP.
    app.router.redirect_slashes = False
    return Quiet(Guard(app, is_secure=site.is_secure))


def _endpoint(page: Callable[..., Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await page(request, **request.path_params)

    return endpoint


class _Pages:
    """The pages, each a method."""

    def __init__(self, store: ReviewStore, site: Site, workers: Executor) -> None:
        self.store = store
        self.site = site
        self.workers = workers
        self.languages = languages()
        self.templates = environment()
        self.jobs: dict[tuple[UUID, str], asyncio.Future[bytes]] = {}
        self.room = WaitingRoom()

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return what can be asked for, by path."""
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
        """Return what can be sent, by path."""
        return {
            "/{taal}/inloggen": self.sign_in,
            "/{taal}/antwoord": self.answer,
            "/{taal}/vraag": self.ask,
            "/{taal}/bewijs": self.wish,
            "/{taal}/uitloggen": self.sign_out,
        }

    async def front(self, request: Request) -> Response:
        """Show the start in Dutch, or go to the visitor's own language where the browser asks for it first."""
        wanted = request.headers.get("accept-language", "").strip().lower()[:2]
        if wanted in self.languages and wanted != FIRST:
            return RedirectResponse(f"/{wanted}/", 303)
        return await self.start(request, FIRST)

    async def healthy(self, _: Request) -> Response:
        """Say that the process answers."""
        return PlainTextResponse("ok\n")

    async def security(self, _: Request) -> Response:
        """Say where weaknesses are reported."""
        return security_txt(Settings())

    async def begin(self, _: Request, taal: str) -> Response:
        """Go to the start of a language."""
        return RedirectResponse(f"/{self._language(taal).code}/", 303)

    async def start(self, request: Request, taal: str) -> Response:
        """Show the sign-in form."""
        return self._start(request, self._language(taal))

    def _start(
        self,
        request: Request,
        said: FamilyLanguage,
        *,
        faults: tuple[str, ...] = (),
        form: Mapping[str, str] | None = None,
    ) -> Response:
        token = request.cookies.get(self.site.form_cookie, "")
        is_new = not (token.isascii() and 20 <= len(token) <= 60)
        if is_new:
            token = secrets.token_urlsafe(24)
        # The code and the date are typed again: a page that holds them could be seen by the next person at the screen.
        answer = self._page(
            *(request, said, "start"),
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
        """Sign in with the code and the birth date. Wrong code and wrong date take the same way."""
        said = self._language(taal)
        form = forms.fields(await request.body())
        cookie = request.cookies.get(self.site.form_cookie, "")
        if not cookie or not hmac.compare_digest(cookie.encode(), form.get("formulier", "").encode()):
            return self._start(request, said, faults=("cookie",), form=form)
        code, born = read_code(form.get("code", "")), forms.birth_date(form)
        faults = [] if code else ["code_form" if form.get("code", "").strip() else "code_empty"]
        faults += [] if born else ["date_form"]
        if code is None or born is None:
            return self._start(request, said, faults=tuple(faults), form=form)
        keys, stay = code_keys(code, born), Stay.new()
        whence = networks_of(request)
        done = await self.store.sign_in(keys, whence, stay)
        if done.status == "open":
            answer: Response = RedirectResponse(f"/{said.code}/overzicht", 303)
            self._set_cookie(answer, self.site.cookie, urlsafe_b64encode(stay.secret).decode())
            answer.delete_cookie(self.site.form_cookie, path="/")
            return answer
        if done.status == "wrong":
            return await self._wrong(request, said, whence, done, form)
        # Who comes after the window sees no content, and may still see the log.
        answer = self._over(
            *(request, said, done.status),
            closes_at=done.closes_at,
            answered_at=done.answered_at,
            status=403,
            look=await self.store.look(stay) if done.status == "closed" else None,
        )
        if done.status == "closed":
            self._set_cookie(answer, self.site.cookie, urlsafe_b64encode(stay.secret).decode())
        return answer

    async def _wrong(
        self, request: Request, said: FamilyLanguage, whence: Networks, done: SignIn, form: Mapping[str, str]
    ) -> Response:
        """Say that it was wrong: later each time, per code and per network. Who has it right never waits for that."""
        if done.alarm is not None:
            raise_alarm(done.alarm, service="review", failed=max(done.failed_network or 0, done.failed_wide or 0))
        seconds = max(
            pause_seconds(done.failed_code or 0, _FREE_OF_CODE),
            pause_seconds(done.failed_network or 0, _FREE_OF_NETWORK),
            pause_seconds(done.failed_wide or 0, _FREE_OF_WIDE),
        )
        has_waited = await self.room.wait(whence.narrow, seconds)
        return self._start(request, said, faults=("pair" if has_waited else "wait",), form=form)

    async def explain(self, request: Request, taal: str) -> Response:
        """Tell what this is and what the law says; for everybody."""
        return self._page(request, self._language(taal), "explain")

    async def home(self, request: Request, taal: str) -> Response:
        """Show where the person stands and what can be done."""
        said = self._language(taal)
        look = await self._look(request)
        if look is None or look.copy is None:
            return self._shut(request, said, look)
        return self._page(
            *(request, said, "home"),
            look=look,
            copy=look.copy,
            newest=self._newest(look),
            recorded=[one for one in self._answers(look) if one["by"] != "person"],
            requests=self._requests(look),
        )

    async def dossier(self, request: Request, taal: str) -> Response:
        """Show all that goes along."""
        said = self._language(taal)
        look = await self._look(request, is_whole=True)
        if look is None or look.copy is None:
            return self._shut(request, said, look)
        return self._page(request, said, "dossier", look=look, copy=look.copy, kinds=_KINDS, block_html=block_html)

    async def dossier_pdf(self, request: Request, taal: str) -> Response:
        """Give the dossier to take home."""
        said = self._language(taal)
        look = await self._look(request, is_whole=True)
        if look is None or look.copy is None:
            return self._shut(request, said, look)
        made = await self._work(look, f"dossier/{said.code}", printing.dossier, look.copy, said.code, now())
        return self._download(made, "overstapdossier.pdf")

    async def file(self, request: Request, taal: str, number: str) -> Response:
        """Give an attachment; what could act is never shown within a page."""
        said = self._language(taal)
        look = await self._look(request)
        if look is None or look.copy is None:
            return self._shut(request, said, look)
        place = int(number) - 1 if number.isascii() and number.isdigit() and len(number) < 5 else -1
        found = await self.store.file(look, place)
        if found is None:
            raise HTTPException(404)
        content, kind = found
        media, is_download = _KINDS[kind]
        # The file's own name may hold a child's name, and a name is a way into a header: it gets ours.
        name = f"bijlage-{place + 1}.{'txt' if kind == 'text' else 'jpg' if kind == 'jpeg' else kind}"
        headers = {
            "content-disposition": f'{"attachment" if is_download else "inline"}; filename="{name}"',
            "content-security-policy": _ALONE,
            "content-type": media,
        }
        return Response(content, headers=headers)

    async def answer_form(self, request: Request, taal: str) -> Response:
        """Ask for the answer."""
        said = self._language(taal)
        look = await self._look(request)
        if look is None or look.copy is None:
            return self._shut(request, said, look)
        return self._answer_form(request, said, look)

    def _answer_form(
        self, request: Request, said: FamilyLanguage, look: Look, *, faults: tuple[str, ...] = (), form: Any = None
    ) -> Response:
        newest = self._newest(look)
        if form is None:
            form = {"antwoord": "", "zienswijze": ""}
            if newest is not None and newest["by"] == "person":
                form["antwoord"] = {"Ja": "eens", "Nee": "oneens"}.get(newest["agreed"], "")
                form["zienswijze"] = newest["view"] or ""
        return self._page(
            *(request, said, "answer"),
            status=422 if faults else 200,
            look=look,
            copy=look.copy,
            faults=faults,
            form=form,
            once=uuid4(),
            most=forms.MAX_VIEW_CHARACTERS,
        )

    async def answer(self, request: Request, taal: str) -> Response:
        """Record the answer, then go to its receipt."""
        said = self._language(taal)
        form = forms.fields(await request.body())
        given = forms.answer(form)
        look = await self._look(request)
        if look is None or look.copy is None:
            return self._shut(request, said, look, typed=given.view, is_sending=True)
        if not self._is_ours(look, form):
            return self._answer_form(request, said, look, faults=("form",), form=form)
        asks_consent = look.consent != "not_asked"
        faults = given.faults + (["consent"] if asks_consent and given.consent is None else [])
        if faults or given.agreed is None:
            return self._answer_form(request, said, look, faults=tuple(faults), form=form)
        status, _ = await self.store.decide(
            look, given.pressed, given.agreed, given.consent if asks_consent else None, given.view or None
        )
        if status == "enough":
            return self._answer_form(request, said, look, faults=("enough",), form=form)
        return self._sent(request, said, look, status, "ontvangstbewijs?ontvangen", given.view)

    async def receipt(self, request: Request, taal: str) -> Response:
        """Show what the person did, as the ledger has it."""
        said = self._language(taal)
        look = await self._look(request)
        if look is None or look.copy is None:
            return self._shut(request, said, look)
        return self._page(
            *(request, said, "receipt"),
            look=look,
            copy=look.copy,
            answers=self._answers(look),
            newest=self._newest(look),
            is_new="ontvangen" in request.query_params,
        )

    async def receipt_pdf(self, request: Request, taal: str) -> Response:
        """Give the receipt to take home."""
        said = self._language(taal)
        look = await self._look(request)
        if look is None or look.copy is None:
            return self._shut(request, said, look)
        # With what is in it in the name: an answer that was just given stands in the receipt
        name = f"receipt/{said.code}/{len(look.answers)}"
        made = await self._work(
            *(look, name, printing.receipt, look.copy, self._answers(look), look.school_name, said.code, now())
        )
        return self._download(made, "ontvangstbewijs.pdf")

    async def ask_form(self, request: Request, taal: str) -> Response:
        """Ask for a question or a correction."""
        said = self._language(taal)
        look = await self._look(request)
        if look is None or look.copy is None:
            return self._shut(request, said, look)
        return self._ask_form(request, said, look, is_sent="verstuurd" in request.query_params)

    def _ask_form(
        self,
        request: Request,
        said: FamilyLanguage,
        look: Look,
        *,
        faults: tuple[str, ...] = (),
        form: Any = None,
        is_sent: bool = False,
    ) -> Response:
        return self._page(
            *(request, said, "ask"),
            status=422 if faults else 200,
            look=look,
            copy=look.copy,
            faults=faults,
            form=form or {"soort": "", "tekst": ""},
            once=uuid4(),
            most=forms.MAX_ASK_CHARACTERS,
            requests=self._requests(look),
            is_sent=is_sent,
        )

    async def ask(self, request: Request, taal: str) -> Response:
        """Put a question or a correction to the school."""
        said = self._language(taal)
        form = forms.fields(await request.body())
        asked = forms.asked(form)
        look = await self._look(request)
        if look is None or look.copy is None:
            return self._shut(request, said, look, typed=asked.text, is_sending=True)
        if not self._is_ours(look, form):
            return self._ask_form(request, said, look, faults=("form",), form=form)
        if asked.faults or asked.kind is None:
            return self._ask_form(request, said, look, faults=tuple(asked.faults), form=form)
        status, _ = await self.store.ask(look, asked.request, asked.kind, asked.text)
        if status == "enough":
            return self._ask_form(request, said, look, faults=("enough",), form=form)
        return self._sent(request, said, look, status, "vraag?verstuurd", asked.text)

    def _sent(self, request: Request, said: FamilyLanguage, look: Look, status: str, to: str, typed: str) -> Response:
        """Go on from what was recorded; or tell that it came too late, with what was typed."""
        if status == "recorded":
            return RedirectResponse(f"/{said.code}/{to}", 303)
        closes_at = look.closes_at
        return self._over(
            request, said, status, closes_at=closes_at, typed=typed, is_sending=True, status=409, look=look
        )

    async def trail(self, request: Request, taal: str) -> Response:
        """Show who opened the dossier, where it went, and the proof; also when the window is over."""
        said = self._language(taal)
        look = await self._look(request)
        found = await self.store.trail(look) if look is not None else None
        if look is None or found is None:
            return self._shut(request, said, None)
        moments = {"at", "ended", "sealed", "received", "imported", "asked", "made"}

        def read(one: dict[str, Any]) -> dict[str, Any]:
            return {
                name: datetime.fromisoformat(value) if name in moments and value else value
                for name, value in one.items()
            }

        return self._page(
            *(request, said, "trail"),
            look=look,
            opened=[read(one) for one in found["opened"]],
            sent=[read(one) for one in found["sent"]],
            codes=[read(one) for one in found["codes"] or []],
            proof=read(found["proof"]) if found["proof"] else None,
            answers=[{**one, "at": datetime.fromisoformat(one["at"])} for one in look.answers],
        )

    async def wish(self, request: Request, taal: str) -> Response:
        """Ask the school for the proof."""
        said = self._language(taal)
        form = forms.fields(await request.body())
        look = await self._look(request)
        # A form that is not of this stay asks nothing; the log shows that nothing was asked.
        if look is None or (self._is_ours(look, form) and not await self.store.wish(look)):
            return self._shut(request, said, None, is_sending=True)
        return RedirectResponse(f"/{said.code}/logboek", 303)

    async def proof(self, request: Request, taal: str) -> Response:
        """Give the person's own proof pack."""
        said = self._language(taal)
        look = await self._look(request)
        if look is None:
            return self._shut(request, said, None)
        found = await self.store.proof(look)
        if found is None:
            raise HTTPException(404)
        return self._download(found, "bewijs-van-inzage.zip", "application/zip")

    async def sign_out(self, request: Request, taal: str) -> Response:
        """End the stay."""
        said = self._language(taal)
        form = forms.fields(await request.body())
        stay = self._stay(request)
        answer: Response = RedirectResponse(f"/{said.code}/", 303)
        if stay is not None and hmac.compare_digest(stay.form_token.encode(), form.get("formulier", "").encode()):
            await self.store.sign_out(stay)
            answer = self._page(request, said, "ended", typed="", is_signed_in=False)
            answer.delete_cookie(self.site.cookie, path="/")
        return answer

    async def away(self, request: Request, _: Exception) -> Response:
        """Say that the ledger does not answer."""
        answer = self._page(request, self._any_language(request), "away", status=503, is_signed_in=False)
        answer.headers["Retry-After"] = "60"
        return answer

    async def lost(self, request: Request, problem: Exception) -> Response:
        """Say that there is no such page."""
        status = problem.status_code if isinstance(problem, HTTPException) else 404
        return self._page(request, self._any_language(request), "lost", status=status, is_signed_in=False)

    def _shut(
        self, request: Request, said: FamilyLanguage, look: Look | None, *, typed: str = "", is_sending: bool = False
    ) -> Response:
        """Answer somebody whose stay is over, or whose dossier cannot be seen."""
        if look is not None:
            newest = next((one["at"] for one in look.answers if one["by"] == "person"), None)
            return self._over(
                *(request, said, look.phase),
                closes_at=look.closes_at,
                answered_at=datetime.fromisoformat(newest) if newest else None,
                typed=typed,
                is_sending=is_sending,
                status=409 if is_sending else 403,
                look=look,
            )
        if self.site.cookie not in request.cookies and not is_sending:
            return RedirectResponse(f"/{said.code}/", 303)
        answer = self._page(request, said, "ended", status=403, typed=typed, is_signed_in=False)
        answer.delete_cookie(self.site.cookie, path="/")
        return answer

    def _over(
        self,
        request: Request,
        said: FamilyLanguage,
        phase: str,
        *,
        closes_at: datetime | None,
        answered_at: datetime | None = None,
        typed: str = "",
        is_sending: bool = False,
        status: int,
        look: Look | None = None,
    ) -> Response:
        if phase == "ended":
            return self._page(request, said, "ended", status=403, typed=typed, is_signed_in=False)
        return self._page(
            *(request, said, "over"),
            status=status,
            phase=phase,
            closes_at=closes_at,
            answered_at=answered_at,
            typed=typed,
            is_sending=is_sending,
            look=look,
        )

    def _page(
        self, request: Request, said: FamilyLanguage, name: str, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        look: Look | None = facts.get("look")
        if look is not None and look.copy is not None:
            said = said.to(look.copy["kind"])
        facts.setdefault("is_signed_in", look is not None)
        facts.setdefault("faults", ())
        rest = request.url.path.split("/", 2)[2] if request.url.path.count("/") > 1 else ""
        return HTMLResponse(
            self.templates.get_template(f"review/{name}.html.j2").render(
                t=said.say,
                said=said,
                lang=said.code,
                dir=said.dir,
                names=labels(said.code),
                skip=said.say("frame.skip"),
                others=self.languages.values(),
                # A form that was sent cannot be asked for again in another language.
                here="" if request.method == "POST" else rest,
                form_key=look.stay.form_token if look is not None else "",
                moment=said.moment,
                day=said.day,
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

    def _stay(self, request: Request) -> Stay | None:
        text = request.cookies.get(self.site.cookie, "")
        with suppress(ValueError):
            secret = urlsafe_b64decode(text.encode())
            if len(secret) == TOKEN_BYTES:
                return Stay(secret)
        return None

    async def _look(self, request: Request, *, is_whole: bool = False) -> Look | None:
        stay = self._stay(request)
        return await self.store.look(stay, is_whole=is_whole) if stay is not None else None

    def _is_ours(self, look: Look, form: Mapping[str, str]) -> bool:
        return hmac.compare_digest(look.stay.form_token.encode(), form.get("formulier", "").encode())

    def _answers(self, look: Look) -> list[dict[str, Any]]:
        return [
            {
                **answer,
                "at": datetime.fromisoformat(answer["at"]),
                "view": self.store.view_of(look, answer),
            }
            for answer in look.answers
        ]

    def _newest(self, look: Look) -> dict[str, Any] | None:
        """Return the answer that counts for the person: their own, else what the school recorded for them."""
        answers = [one for one in self._answers(look) if one["counts"]]
        return min(answers, key=lambda one: ("person", "school", "family").index(one["by"]), default=None)

    def _requests(self, look: Look) -> list[dict[str, Any]]:
        shown = []
        for one in look.requests:
            text, answer = self.store.words_of(look, one)
            at, due = datetime.fromisoformat(one["at"]), datetime.fromisoformat(one["due"])
            shown.append({**one, "at": at, "due": due, "text": text, "answer": answer})
        return shown

    async def _work(self, look: Look, name: str, work: Callable[..., bytes], *values: Any) -> bytes:
        """Make a document where nobody waits for it.

        What one person asks for again while it is being made is made once, also when nobody waits for it any more: a
        page that is reloaded, or a hundred requests that are left, hold up nobody else.
        """
        key = (look.access, name)
        job = self.jobs.get(key)
        if job is None:
            of_person = sum(access == look.access for access, _ in self.jobs)
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
