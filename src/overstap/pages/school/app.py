"""Routes of the schools' pages.

A GET shows; what opens a dossier, makes codes or records something is a POST with the stay's own token. Addresses hold
ids, never a name. Whatever is asked for is looked up within the account's own school, under its region's role.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from overstap.alarms import raise_alarm
from overstap.clock import dutch_time, format_digits, format_moment, now
from overstap.errors import OverstapError
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.dossiers.reference import read_reference
from overstap.ledger.region_keys import sha256
from overstap.pages.parents.forms import clean
from overstap.pages.school.desk import SchoolDesk
from overstap.pages.school.passwords import Prover, SignInBusyError
from overstap.pages.shared.frame import STATIC, environment
from overstap.pages.shared.guard import Guard, RequestLimits
from overstap.pages.shared.networks import networks_of
from overstap.pages.shared.quiet import Quiet
from overstap.pages.shared.security_txt import SECURITY_TXT, security_txt
from overstap.pages.shared.slowing import MAX_SECONDS, WaitingRoom, pause_seconds
from overstap.review.code_keys import TOKEN_BYTES, Stay
from overstap.settings import Settings
from overstap.tabular import MAX_BYTES
from overstap.texts import texts, with_counts

MAX_UPLOAD = MAX_BYTES + 65_536
_DOWNLOAD_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_RECORD_FIELDS = ("wie", "datum", "antwoord", "zienswijze", "opmerking", "grond")
_FREE_OF_ACCOUNT, _FREE_OF_NETWORK = 5, 60
"""Wrong attempts that are answered at once: of an account in a day, of a network in half an hour."""
_DEVICE_SECONDS = 400 * 86_400
Handler = Callable[..., Any]


def build_app(desk: SchoolDesk, *, is_secure: bool) -> Quiet:
    """Return the application.

    Args:
        desk: what the pages do in the ledger.
        is_secure: whether visitors come by HTTPS.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=STATIC))
    pages = _Pages(desk, is_secure=is_secure)
    for path, page in pages.gets().items():
        app.add_api_route(path, page, methods=["GET"], response_model=None)
    for path, page in pages.posts().items():
        app.add_api_route(path, page, methods=["POST"], response_model=None)
    app.add_exception_handler(OverstapError, pages.failed)
    app.add_exception_handler(HTTPException, pages.lost)
    return Quiet(Guard(app, is_secure=is_secure, larger=pages.upload_limits))


class _Pages:
    """The pages, each a method."""

    def __init__(self, desk: SchoolDesk, *, is_secure: bool) -> None:
        self.desk = desk
        self.is_secure = is_secure
        self.cookie = "__Host-school" if is_secure else "school"
        self.form_cookie = "__Host-schoolformulier" if is_secure else "schoolformulier"
        self.device_cookie = "__Host-schoolapparaat" if is_secure else "schoolapparaat"
        self.room = WaitingRoom()
        self.prover = Prover()

    def gets(self) -> Mapping[str, Handler]:
        """Return what can be asked for, by path."""
        return {
            "/": self.start,
            "/gezond": self.healthy,
            SECURITY_TXT: self.security,
            "/rondes": self.rounds,
            "/ronde/{round_id}": self.pupils,
            "/ronde/{round_id}/leerling/{dossier}": self.pupil,
            "/ronde/{round_id}/vragen": self.requests,
            "/ronde/{round_id}/fouten": self.faults,
            "/ronde/{round_id}/fouten.csv": self.faults_table,
            "/ronde/{round_id}/fouten.xlsx": self.faults_workbook,
        }

    def posts(self) -> Mapping[str, Handler]:
        """Return what can be sent, by path."""
        return {
            "/inloggen": self.sign_in,
            "/uitloggen": self.sign_out,
            "/ronde/{round_id}/brieven": self.letters,
            "/ronde/{round_id}/lijst": self.list_of,
            "/ronde/{round_id}/leerling/{dossier}/vastleggen": self.record,
            "/ronde/{round_id}/leerling/{dossier}/brief": self.letter_again,
            "/ronde/{round_id}/leerling/{dossier}/afdruk": self.print,
            "/ronde/{round_id}/leerling/{dossier}/bewijs": self.proof,
            "/ronde/{round_id}/vragen/{request_id}": self.settle,
            "/ronde/{round_id}/bewijzen/{wished}": self.give_proof,
        }

    async def upload_limits(self, request: Request) -> RequestLimits | None:
        """Let who is signed in send a list; nobody else sends more than a form."""
        if not request.url.path.endswith("/lijst"):
            return None
        stay = self._stay(request)
        account = await run_in_threadpool(self.desk.look, sha256(stay.token)) if stay is not None else None
        return RequestLimits(body_bytes=MAX_UPLOAD, body_seconds=60) if account is not None else None

    async def healthy(self) -> Response:
        """Say that the process answers."""
        return Response("ok\n", media_type="text/plain")

    async def security(self) -> Response:
        """Say where weaknesses are reported."""
        return security_txt(Settings())

    async def start(self, request: Request) -> Response:
        """Show the sign-in form."""
        return self._start(request)

    def _start(self, request: Request, *, fault: str = "", account: str = "", status: int = 200) -> Response:
        token = request.cookies.get(self.form_cookie, "")
        is_new = not (token.isascii() and 20 <= len(token) <= 60)
        if is_new:
            token = secrets.token_urlsafe(24)
        said = OverstapError("SCHOOL-001")
        facts = {"form_key": token, "typed": account, "wrong_nl": f"{said.message_nl} {said.do_nl}"}
        answer = self._page(None, "start", status=status, fault=fault, **facts)
        if is_new:
            self._set_cookie(answer, self.form_cookie, token)
        return answer

    async def sign_in(self, request: Request) -> Response:
        """Sign in. A wrong account and a wrong password take the same way and the same time.

        Nobody is kept out by a stranger who tries their account: at a browser at which one signed in before, only its
        own mistakes count. Elsewhere a hundred a day do, and wrong ones are answered later and later.
        """
        form = await _form(request, files=0, fields=10)
        account, password = _text(form, "account").strip().lower()[:64], str(form.get("wachtwoord", ""))
        cookie = request.cookies.get(self.form_cookie, "")
        if not cookie or not hmac.compare_digest(cookie.encode(), _text(form, "formulier").encode()):
            return self._start(request, fault="form_old", account=account, status=403)
        whence, stay = networks_of(request), Stay.new()
        networks = [sha256(f"network\0{one}".encode()) for one in (whence.narrow, f"wide {whence.wide}")]
        browser = f"{self.device_cookie}-{sha256(account.encode()).hex()[:12]}"
        device = sha256(f"device\0{account}\0{request.cookies.get(browser, '')}".encode())
        began = await run_in_threadpool(self.desk.attempt, account, networks, device)
        if not began.may:
            raise_alarm("account_guessed", service="school", failed=began.failed_account)
            return self._refused(request, "wait", account)
        try:
            if not began.is_known and not await self.room.wait(
                whence.narrow, pause_seconds(began.failed_network, _FREE_OF_NETWORK)
            ):
                raise SignInBusyError
            is_proven = await self.prover.proves(password, began.password, is_known=began.is_known)
        except SignInBusyError:
            return self._refused(request, "busy", account)
        new_device = secrets.token_urlsafe(32)
        if is_proven and began.password is not None:
            found = sha256(f"device\0{account}\0{new_device}".encode())
            is_proven = await run_in_threadpool(
                self.desk.enter, account, began.password, networks, device, found, sha256(stay.token)
            )
        if not is_proven:
            # A full room makes the answer come at once; the hundred a day hold all the same
            await self.room.wait(account, pause_seconds(began.failed_account, _FREE_OF_ACCOUNT))
            return self._start(request, fault="wrong", account=account, status=422)
        answer = RedirectResponse("/rondes", 303)
        self._set_cookie(answer, self.cookie, urlsafe_b64encode(stay.secret).decode())
        if not began.is_known:
            self._set_cookie(answer, browser, new_device, max_age=_DEVICE_SECONDS)
        answer.delete_cookie(self.form_cookie, path="/")
        return answer

    def _refused(self, request: Request, fault: str, account: str) -> Response:
        answer = self._start(request, fault=fault, account=account, status=429)
        answer.headers["Retry-After"] = "3600" if fault == "wait" else str(round(MAX_SECONDS))
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the stay."""
        stay = self._stay(request)
        form = await _form(request, files=0, fields=10)
        if stay is None or not _is_ours(stay, form):
            return RedirectResponse("/", 303)
        await run_in_threadpool(self.desk.sign_out, sha256(stay.token))
        answer = self._page(None, "ended")
        answer.delete_cookie(self.cookie, path="/")
        return answer

    async def rounds(self, request: Request) -> Response:
        """Show the school's rounds, or go to the only one."""
        stay, account = await self._who(request)
        found = await run_in_threadpool(self.desk.rounds, account)
        if len(found) == 1:
            return RedirectResponse(f"/ronde/{found[0].round_id}", 303)
        return self._page(stay, "rounds", account=account, rounds=found)

    async def pupils(self, request: Request, round_id: str, code: str = "") -> Response:
        """Show the school's pupils in a round, or go to the one whose dossier has a reference."""
        stay, account = await self._who(request)
        if not code.strip():
            return await self._pupils(stay, account, round_id)
        wanted = read_reference(code)
        found = (await run_in_threadpool(self.desk.overview, account, round_id)).pupils if wanted else []
        for one in found:
            if one.reference == wanted:
                return RedirectResponse(f"/ronde/{round_id}/leerling/{one.ref.dossier}", 303)
        return await self._pupils(stay, account, round_id, fault="code_unknown", status=404)

    async def _pupils(
        self, stay: Stay, account: SchoolAccount, round_id: str, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.desk.overview, account, round_id)
        return self._page(stay, "pupils", status=status, account=account, found=found, tab="pupils", **facts)

    async def letters(self, request: Request, round_id: str) -> Response:
        """Make the letters of everybody who has none; or anew, where the file was lost, of who has not looked yet."""
        stay, account, form = await self._sent(request)
        is_lost = _text(form, "kwijt") == "ja"
        made = await run_in_threadpool(partial(self.desk.letters, account, round_id, (), is_lost=is_lost))
        if made is None:
            return await self._pupils(stay, account, round_id, message="letters_none")
        return _download(made, "brieven-inzage.pdf", "application/pdf")

    async def list_of(self, request: Request, round_id: str) -> Response:
        """Record a list that the school made in its spreadsheet program."""
        stay, account, form = await self._sent(request, files=1)
        file = form.get("bestand")
        content = await file.read() if isinstance(file, UploadFile) else b""
        if not content:
            return await self._pupils(stay, account, round_id, fault="list_none", status=422)
        if len(content) > MAX_BYTES:
            return await self._pupils(stay, account, round_id, fault="list_too_large", status=413)
        try:
            outcome = await run_in_threadpool(self.desk.record_list, account, round_id, content, _text(form, "grond"))
        except OverstapError as error:
            return await self._pupils(stay, account, round_id, problem=error, status=422)
        return await self._pupils(stay, account, round_id, outcome=outcome)

    async def faults(self, request: Request, round_id: str) -> Response:
        """Show the list of faults as the quality stage made it."""
        _, account = await self._who(request)
        report = await run_in_threadpool(self.desk.report, account, round_id)
        return HTMLResponse(report.html, headers={"content-security-policy": _DOWNLOAD_POLICY})

    async def faults_table(self, request: Request, round_id: str) -> Response:
        """Give the list of faults for a spreadsheet program."""
        _, account = await self._who(request)
        report = await run_in_threadpool(self.desk.report, account, round_id)
        return _download(f"\ufeff{report.csv}".encode(), "foutenlijst.csv", "text/csv; charset=utf-8")

    async def faults_workbook(self, request: Request, round_id: str) -> Response:
        """Give the list of faults as a workbook, by screen and field of the school's own system."""
        _, account = await self._who(request)
        made = await run_in_threadpool(self.desk.workbook, account, round_id)
        return _download(made, "foutenlijst.xlsx", _WORKBOOK)

    async def pupil(self, request: Request, round_id: str, dossier: str) -> Response:
        """Show one pupil, and what can be done."""
        stay, account = await self._who(request)
        return await self._pupil(stay, account, round_id, _id(dossier))

    async def _pupil(
        self, stay: Stay, account: SchoolAccount, round_id: str, dossier: UUID, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.desk.pupil, account, round_id, dossier)
        facts["form"] = dict.fromkeys(_RECORD_FIELDS, "") | facts.get("form", {})
        return self._page(stay, "pupil", status=status, account=account, found=found, tab="pupils", **facts)

    async def record(self, request: Request, round_id: str, dossier: str) -> Response:
        """Record an inspection at school, or attest one after the window."""
        stay, account, form = await self._sent(request)
        typed = {name: _text(form, name) for name in _RECORD_FIELDS}
        seen_on = _day(typed["datum"])
        agreed = {"eens": "Ja", "oneens": "Nee", "gezien": "Onbekend"}.get(typed["antwoord"])
        faults = [
            *(["fault_day"] if seen_on is None else []),
            *(["fault_answer"] if agreed is None else []),
            *(["fault_note"] if typed["grond"] == "attested" and not typed["opmerking"].strip() else []),
            *(["fault_long"] if max(len(typed["zienswijze"]), len(typed["opmerking"])) > 10_000 else []),
        ]
        if faults or seen_on is None or agreed is None:
            return await self._pupil(stay, account, round_id, _id(dossier), faults=faults, form=typed, status=422)
        done = await run_in_threadpool(
            partial(
                self.desk.record,
                account,
                round_id,
                _id(dossier),
                ground=typed["grond"],
                person=typed["wie"],
                seen_on=seen_on,
                agreed=agreed,
                view=typed["zienswijze"].strip() or None,
                note=typed["opmerking"].strip() or None,
            )
        )
        if done in ("record_late", "record_answered"):
            return await self._pupil(stay, account, round_id, _id(dossier), faults=[done], form=typed, status=409)
        return await self._pupil(stay, account, round_id, _id(dossier), message=done)

    async def letter_again(self, request: Request, round_id: str, dossier: str) -> Response:
        """Make a pupil's letters anew; the codes before it end."""
        stay, account, _ = await self._sent(request)
        made = await run_in_threadpool(self.desk.letters, account, round_id, (_id(dossier),))
        if made is None:
            return await self._pupil(stay, account, round_id, _id(dossier), faults=["record_closed"], status=409)
        return _download(made, "brief-inzage.pdf", "application/pdf")

    async def print(self, request: Request, round_id: str, dossier: str) -> Response:
        """Print the dossier for one person."""
        _, account, form = await self._sent(request)
        made = await run_in_threadpool(self.desk.print, account, round_id, _id(dossier), _text(form, "wie"))
        return _download(made, "overstapdossier.pdf", "application/pdf")

    async def proof(self, request: Request, round_id: str, dossier: str) -> Response:
        """Make the proof pack."""
        _, account, _ = await self._sent(request)
        made = await run_in_threadpool(self.desk.proof, account, round_id, _id(dossier))
        return _download(made, "bewijs-van-inzage.zip", "application/zip")

    async def requests(self, request: Request, round_id: str) -> Response:
        """Show what parents asked."""
        stay, account = await self._who(request)
        return await self._requests(stay, account, round_id)

    async def _requests(
        self, stay: Stay, account: SchoolAccount, round_id: str, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.desk.requests, account, round_id)
        facts["form"] = {"request": "", "antwoord": ""} | facts.get("form", {})
        return self._page(stay, "requests", status=status, account=account, found=found, tab="requests", **facts)

    async def settle(self, request: Request, round_id: str, request_id: str) -> Response:
        """Answer what a parent asked."""
        stay, account, form = await self._sent(request)
        words, state = _text(form, "antwoord"), _text(form, "afloop")
        try:
            await run_in_threadpool(self.desk.settle, account, _id(request_id), state, words)
        except OverstapError as error:
            typed = {"request": request_id, "antwoord": words}
            return await self._requests(stay, account, round_id, problem=error, form=typed, status=422)
        return await self._requests(stay, account, round_id, message="settled_done")

    async def give_proof(self, request: Request, round_id: str, wished: str) -> Response:
        """Make the proof that a parent asked for, and lay it ready for them."""
        stay, account, _ = await self._sent(request)
        await run_in_threadpool(self.desk.give_proof, account, round_id, _id(wished))
        return await self._requests(stay, account, round_id, message="wish_done")

    async def failed(self, request: Request, problem: Exception) -> Response:
        """Tell what went wrong, in the sentences of its code."""
        error = problem if isinstance(problem, OverstapError) else OverstapError("LEDGER-006", kind="?")
        if error.code == "LEDGER-006":
            answer = self._page(None, "away", status=503)
            answer.headers["Retry-After"] = "60"
            return answer
        return self._page(None, "failed", status=404 if error.code in _NOT_THERE else 409, problem=error)

    async def lost(self, request: Request, problem: Exception) -> Response:
        """Say that there is no such page, or that somebody has to sign in."""
        status = problem.status_code if isinstance(problem, HTTPException) else 404
        if status == 401:
            if self.cookie not in request.cookies and request.method == "GET":
                return RedirectResponse("/", 303)
            answer = self._page(None, "ended", status=403)
            answer.delete_cookie(self.cookie, path="/")
            return answer
        return self._page(None, "lost", status=status)

    async def _who(self, request: Request) -> tuple[Stay, SchoolAccount]:
        stay = self._stay(request)
        account = await run_in_threadpool(self.desk.look, sha256(stay.token)) if stay is not None else None
        if stay is None or account is None:
            raise HTTPException(401)
        return stay, account

    async def _sent(self, request: Request, *, files: int = 0) -> tuple[Stay, SchoolAccount, FormData]:
        stay, account = await self._who(request)
        form = await _form(request, files=files, fields=20)
        if not _is_ours(stay, form):
            raise HTTPException(401)
        return stay, account, form

    def _stay(self, request: Request) -> Stay | None:
        with suppress(ValueError):
            secret = urlsafe_b64decode(request.cookies.get(self.cookie, "").encode())
            if len(secret) == TOKEN_BYTES:
                return Stay(secret)
        return None

    def _page(self, stay: Stay | None, name: str, *, status: int = 200, **facts: Any) -> HTMLResponse:
        words = texts("school/page")

        def t(key: str, **values: Any) -> str:
            found: Any = words
            for step in key.split("."):
                found = found[step]
            return str(found["nl"].format(**with_counts(values)))

        facts.setdefault("form_key", stay.form_token if stay is not None else "")
        for key in ("fault", "message"):
            facts.setdefault(key, "")
        for key in ("problem", "outcome", "account", "found"):
            facts.setdefault(key, None)
        facts.setdefault("faults", [])
        facts.setdefault("tab", "")
        template = environment().get_template(f"school/{name}.html.j2")
        page = template.render(
            t=t, skip=t("skip"), is_signed_in=stay is not None, moment=_short, format_moment=format_moment, **facts
        )
        return HTMLResponse(page, status)

    def _set_cookie(self, answer: Response, name: str, value: str, *, max_age: int | None = None) -> None:
        answer.set_cookie(
            name, value, max_age=max_age, path="/", httponly=True, samesite="strict", secure=self.is_secure
        )


_NOT_THERE = frozenset({"SCHOOL-004", "LEDGER-009", "LEDGER-010", "LEDGER-011", "REVIEW-024"})


async def _form(request: Request, *, files: int, fields: int) -> FormData:
    # Python knows codings that take minutes (punycode) or give half signs (unicode_escape); browsers send UTF-8
    _, named = parse_options_header(request.headers.get("content-type", ""))
    if named.get(b"charset", b"utf-8").lower() != b"utf-8":
        raise HTTPException(400)
    try:
        return await request.form(max_files=files, max_fields=fields, max_part_size=MAX_BYTES)
    except ValueError:  # a coding that the browser names, and that its words do not keep to
        raise HTTPException(400) from None


def _is_ours(stay: Stay, form: FormData) -> bool:
    return hmac.compare_digest(stay.form_token.encode(), _text(form, "formulier").encode())


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return clean(value) if isinstance(value, str) else ""


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise HTTPException(404) from None


def _day(text: str) -> date | None:
    """Return the day of 18-3-2027 or 2027-03-18, up to today."""
    parts = text.strip().replace("/", "-").replace(".", "-").split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        return None
    year, month, day = parts if len(parts[0]) == 4 else parts[::-1]
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if found.year >= 2000 and found <= dutch_time(now()).date() else None


def _short(moment: Any) -> str:
    return format_digits(moment)


def _download(content: bytes, name: str, media: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-security-policy": _DOWNLOAD_POLICY}
    return Response(content, media_type=media, headers=headers)
