"""Starlette application of the schools' pages: routes and sign-in.

A GET changes nothing; a request that opens a dossier, makes codes or records something is a POST with the session's own
token. Addresses hold ids, never a name. Every lookup is limited to the account's school, under its region's role.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from overstap.alarms import raise_alarm
from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.ledger.accounts import CorrectPassword, SchoolAccount
from overstap.ledger.dossiers.reference import read_reference
from overstap.ledger.region_keys import sha256
from overstap.pages.school.advice_pages import AdvicePages
from overstap.pages.school.application_pages import ApplicationPages
from overstap.pages.school.collecting_pages import ADDRESS as COLLECTING
from overstap.pages.school.collecting_pages import CollectingPages
from overstap.pages.school.federated_pages import FIRST_PAGE, FederatedPages
from overstap.pages.school.federation import Federation
from overstap.pages.school.guest_pages import GuestPages
from overstap.pages.school.handover_pages import HandoverPages
from overstap.pages.school.inviting_pages import InvitingPages
from overstap.pages.school.mapping_pages import MappingPages
from overstap.pages.school.operations import SchoolOperations
from overstap.pages.school.page_frame import PageFrame, dutch, id_of, is_ours, read_form, text_of
from overstap.pages.school.passwords import PasswordVerifier, SignInBusyError
from overstap.pages.school.places_pages import PlacesPages
from overstap.pages.school.progress_pages import ProgressPages
from overstap.pages.school.roster_pages import RosterPages
from overstap.pages.school.second_factor import FactorPages
from overstap.pages.school.support_pages import SupportPages
from overstap.pages.school.typed_pages import TypedPages, kept_key, limits_of_kept, limits_of_step
from overstap.pages.shared.delays import MAX_SECONDS, DelayQueue, delay_seconds
from overstap.pages.shared.frame import STATIC
from overstap.pages.shared.guard import Guard, RequestLimits
from overstap.pages.shared.networks import networks_of
from overstap.pages.shared.request_log import RequestLog
from overstap.pages.shared.security_txt import SECURITY_TXT, security_txt
from overstap.pages.shared.turns import Turns
from overstap.review.code_keys import PageSession
from overstap.settings import Settings
from overstap.tabular import MAX_BYTES

MAX_UPLOAD = MAX_BYTES + 65_536
_DOWNLOAD_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_RECORD_FIELDS = ("wie", "datum", "antwoord", "zienswijze", "opmerking", "grond")
_FREE_OF_ACCOUNT, _FREE_OF_NETWORK = 5, 60
"""Wrong attempts without delay: of an account in a day, of a network in half an hour."""
_DEVICE_SECONDS = 400 * 86_400
Handler = Callable[..., Any]


def build_app(operations: SchoolOperations, *, is_secure: bool, federation: Federation | None = None) -> RequestLog:
    """Return the application.

    Args:
        operations: operations on the ledger.
        is_secure: whether visitors come by HTTPS.
        federation: identity provider at which staff may sign in; None for passwords alone.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=STATIC))
    verifier, delays = PasswordVerifier(), DelayQueue()
    pages = _Pages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    pages.federated = federation.choices.name if federation is not None else ""
    federated = FederatedPages(operations, federation=federation, is_secure=is_secure, verifier=verifier, delays=delays)
    typing = TypedPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    guests = GuestPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    factors = FactorPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    rosters = RosterPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    mapping = MappingPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    collecting = CollectingPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    inviting = InvitingPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    applications = ApplicationPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    advices = AdvicePages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    places = PlacesPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    handovers = HandoverPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    support = SupportPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    own = (pages, factors, rosters, typing, mapping, guests, collecting, inviting, applications, places)
    progress = ProgressPages(operations, is_secure=is_secure, verifier=verifier, delays=delays)
    later = (handovers, support, progress)
    for part in (*own, *later, federated, advices):
        for path, page in part.gets().items():
            app.add_api_route(path, page, methods=["GET"], response_model=None)
    for part in (*own, *later):
        for path, page in part.posts().items():
            app.add_api_route(path, page, methods=["POST"], response_model=None)
    app.add_exception_handler(OverstapError, pages.failed)
    app.add_exception_handler(psycopg.OperationalError, pages.failed)  # the ledger ended in the middle of a page
    app.add_exception_handler(HTTPException, pages.lost)
    return RequestLog(Guard(Turns(app), is_secure=is_secure, larger=pages.upload_limits))


class _Pages(PageFrame):
    """Handlers of the pages, one method per route."""

    def __init__(
        self, operations: SchoolOperations, *, is_secure: bool, verifier: PasswordVerifier, delays: DelayQueue
    ) -> None:
        super().__init__(operations, is_secure=is_secure, verifier=verifier, delays=delays)
        self.form_cookie = "__Host-schoolformulier" if is_secure else "schoolformulier"
        self.device_cookie = "__Host-schoolapparaat" if is_secure else "schoolapparaat"
        self.federated = ""
        """Name of the identity provider at which staff may sign in; empty without one."""

    def gets(self) -> Mapping[str, Handler]:
        """Return the handlers of GET requests, by path."""
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
        """Return the handlers of POST requests, by path."""
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
            "/ronde/{round_id}/bewijzen/{request_id}": self.give_proof,
        }

    async def upload_limits(self, request: Request) -> RequestLimits | None:
        """Return larger limits for a signed-in account, which may upload a list, and for a step that is kept."""
        typed = limits_of_step(request.url.path)
        if typed is None and not request.url.path.endswith(
            ("/lijst", "/leerlingenlijst", "/export", "/terugkoppeling/bestand")
        ):
            return None
        session, is_kept = self._session(request), typed is not None and kept_key(request, self.kept_cookie) is not None
        account = None
        if session is not None:
            try:
                account = await run_in_threadpool(self.operations.account_of, sha256(session.token))
            except (OverstapError, psycopg.OperationalError):  # the ledger is away: such a step is kept
                if not is_kept:
                    raise
        if account is None:
            return limits_of_kept(request.url.path) if is_kept else None
        return typed or RequestLimits(body_bytes=MAX_UPLOAD, body_seconds=60)

    async def healthy(self) -> Response:
        """Answer the health check of the process."""
        return Response("ok\n", media_type="text/plain")

    async def security(self) -> Response:
        """Return security.txt (RFC 9116)."""
        return security_txt(Settings())

    async def start(self, request: Request) -> Response:
        """Show the sign-in form."""
        return self._start(request)

    def _start(self, request: Request, *, fault: str = "", account: str = "", status: int = 200) -> Response:
        token = request.cookies.get(self.form_cookie, "")
        is_new = not (token.isascii() and 20 <= len(token) <= 60)
        if is_new:
            token = secrets.token_urlsafe(24)
        error = OverstapError("SCHOOL-001")
        facts = {
            "form_key": token,
            "typed": account,
            "federated": self.federated,
            "wrong_nl": f"{error.message_nl} {error.do_nl}",
        }
        answer = self._page(None, "start", status=status, fault=fault, **facts)
        if is_new:
            self._set_cookie(answer, self.form_cookie, token)
        return answer

    async def sign_in(self, request: Request) -> Response:
        """Sign in. A wrong account and a wrong password take the same path and the same time.

        A stranger's attempts do not lock an account out: for a browser that signed in before, only its own failures
        count. For other browsers a hundred failures a day are the limit, with growing delays.
        """
        form = await read_form(request, files=0, fields=10)
        account, password = text_of(form, "account").strip().lower()[:64], str(form.get("wachtwoord", ""))
        cookie = request.cookies.get(self.form_cookie, "")
        if not cookie or not hmac.compare_digest(cookie.encode(), text_of(form, "formulier").encode()):
            return self._start(request, fault="form_old", account=account, status=403)
        networks, session = networks_of(request), PageSession.new()
        network_hashes = [sha256(f"network\0{one}".encode()) for one in (networks.narrow, f"wide {networks.wide}")]
        browser = f"{self.device_cookie}-{sha256(account.encode()).hex()[:12]}"
        device = sha256(f"device\0{account}\0{request.cookies.get(browser, '')}".encode())
        began = await run_in_threadpool(self.operations.attempt, account, network_hashes, device)
        if not began.may:
            raise_alarm("account_guessed", service="school", failed=began.failed_account, about=account)
            return self._refused(request, "wait", account)
        try:
            if not began.is_known and not await self.delays.wait(
                networks.narrow, delay_seconds(began.failed_network, _FREE_OF_NETWORK)
            ):
                raise SignInBusyError
            is_proven = await self.verifier.verify(password, began.password, is_known=began.is_known)
        except SignInBusyError:
            return self._refused(request, "busy", account)
        new_device, step = secrets.token_urlsafe(32), None
        if is_proven and began.password is not None:
            found = sha256(f"device\0{account}\0{new_device}".encode())
            correct = CorrectPassword(
                *(account, began.password, network_hashes, device, found, sha256(session.token)),
                needs_factor=self.operations.factors.needs_factor,
            )
            step = await run_in_threadpool(self.operations.enter, correct)
        if step is None:
            # When the queue is full the answer is immediate; the limit of a hundred a day holds regardless
            await self.delays.wait(account, delay_seconds(began.failed_account, _FREE_OF_ACCOUNT))
            return self._start(request, fault="wrong", account=account, status=422)
        answer = RedirectResponse(FIRST_PAGE[step], 303)
        self._begin_session(answer, session)
        if not began.is_known:
            self._set_cookie(answer, browser, new_device, max_age=_DEVICE_SECONDS)
        answer.delete_cookie(self.form_cookie, path="/")
        return answer

    def _refused(self, request: Request, fault: str, account: str) -> Response:
        answer = self._start(request, fault=fault, account=account, status=429)
        answer.headers["Retry-After"] = "3600" if fault == "wait" else str(round(MAX_SECONDS))
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        session = self._session(request)
        form = await read_form(request, files=0, fields=10)
        if session is None or not is_ours(session, form):
            return RedirectResponse("/", 303)
        await run_in_threadpool(self.operations.sign_out, sha256(session.token))
        answer = self._page(None, "ended")
        answer.delete_cookie(self.cookie, path="/")
        answer.delete_cookie(self.kept_cookie, path="/")
        return answer

    async def rounds(self, request: Request) -> Response:
        """Show the school's rounds, or redirect to the only one."""
        session, account = await self._who(request)
        found = await run_in_threadpool(self.operations.rounds, account)
        is_receiver = await run_in_threadpool(self.operations.collecting.is_receiver, account)
        if account.only_round is not None and found:
            there = COLLECTING if is_receiver else f"/ronde/{account.only_round}/invullen"
            return RedirectResponse(there, 303)
        if is_receiver and not any(one.dossiers for one in found):
            return RedirectResponse(COLLECTING, 303)
        if len(found) == 1 and found[0].inspects and not is_receiver:
            return RedirectResponse(f"/ronde/{found[0].round_id}", 303)
        ct = dutch("school/collecting") if is_receiver else None
        at = dutch("school/applications") if is_receiver else None
        pt = dutch("school/places") if is_receiver else None
        more = {"ht": dutch("school/handovers"), "st": dutch("school/support"), "gt": dutch("school/progress")}
        facts: dict[str, Any] = {"account": account, "rounds": found, "ct": ct, "at": at, "pt": pt, **more}
        return self._page(session, "rounds", **facts)

    async def pupils(self, request: Request, round_id: str, code: str = "") -> Response:
        """Show the school's pupils in a round, or redirect to the one whose dossier has the given reference."""
        session, account = await self._who(request)
        if not code.strip():
            return await self._pupils(session, account, round_id)
        wanted = read_reference(code)
        found = (await run_in_threadpool(self.operations.overview, account, round_id)).pupils if wanted else []
        for one in found:
            if one.reference == wanted:
                return RedirectResponse(f"/ronde/{round_id}/leerling/{one.ref.dossier}", 303)
        return await self._pupils(session, account, round_id, fault="code_unknown", status=404)

    async def _pupils(
        self, session: PageSession, account: SchoolAccount, round_id: str, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.operations.overview, account, round_id)
        return self._page(session, "pupils", status=status, account=account, found=found, tab="pupils", **facts)

    async def letters(self, request: Request, round_id: str) -> Response:
        """Make the letters of persons without one; when the file was lost, also of persons who did not sign in."""
        session, account, form = await self._sent(request)
        is_lost = text_of(form, "kwijt") == "ja"
        made = await run_in_threadpool(partial(self.operations.letters, account, round_id, (), is_lost=is_lost))
        if made is None:
            return await self._pupils(session, account, round_id, message="letters_none")
        return _download(made, "brieven-inzage.pdf", "application/pdf")

    async def list_of(self, request: Request, round_id: str) -> Response:
        """Record a list of decisions, uploaded as CSV or workbook."""
        session, account, form = await self._sent(request, files=1)
        file = form.get("bestand")
        content = await file.read() if isinstance(file, UploadFile) else b""
        if not content:
            return await self._pupils(session, account, round_id, fault="list_none", status=422)
        if len(content) > MAX_BYTES:
            return await self._pupils(session, account, round_id, fault="list_too_large", status=413)
        try:
            outcome = await run_in_threadpool(
                self.operations.record_list, account, round_id, content, text_of(form, "grond")
            )
        except OverstapError as error:
            return await self._pupils(session, account, round_id, problem=error, status=422)
        return await self._pupils(session, account, round_id, outcome=outcome)

    async def faults(self, request: Request, round_id: str) -> Response:
        """Show the list of faults that the quality check made."""
        _, account = await self._who(request)
        report = await run_in_threadpool(self.operations.report, account, round_id)
        return HTMLResponse(report.html, headers={"content-security-policy": _DOWNLOAD_POLICY})

    async def faults_table(self, request: Request, round_id: str) -> Response:
        """Return the list of faults as CSV."""
        _, account = await self._who(request)
        report = await run_in_threadpool(self.operations.report_file, account, round_id)
        return _download(f"\ufeff{report.csv}".encode(), "foutenlijst.csv", "text/csv; charset=utf-8")

    async def faults_workbook(self, request: Request, round_id: str) -> Response:
        """Return the list of faults as a workbook, by screen and field of the school's own system."""
        _, account = await self._who(request)
        made = await run_in_threadpool(self.operations.workbook, account, round_id)
        return _download(made, "foutenlijst.xlsx", _WORKBOOK)

    async def pupil(self, request: Request, round_id: str, dossier: str) -> Response:
        """Show one pupil and the possible actions."""
        session, account = await self._who(request)
        return await self._pupil(session, account, round_id, id_of(dossier))

    async def _pupil(
        self,
        session: PageSession,
        account: SchoolAccount,
        round_id: str,
        dossier: UUID,
        *,
        status: int = 200,
        **facts: Any,
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.operations.pupil, account, round_id, dossier)
        facts["form"] = dict.fromkeys(_RECORD_FIELDS, "") | facts.get("form", {})
        return self._page(session, "pupil", status=status, account=account, found=found, tab="pupils", **facts)

    async def record(self, request: Request, round_id: str, dossier: str) -> Response:
        """Record an inspection at school, or attest one after the window."""
        session, account, form = await self._sent(request)
        typed = {name: text_of(form, name) for name in _RECORD_FIELDS}
        seen_on = _day(typed["datum"])
        agreed = {"eens": "Ja", "oneens": "Nee", "gezien": "Onbekend"}.get(typed["antwoord"])
        faults = [
            *(["fault_day"] if seen_on is None else []),
            *(["fault_answer"] if agreed is None else []),
            *(["fault_note"] if typed["grond"] == "attested" and not typed["opmerking"].strip() else []),
            *(["fault_long"] if max(len(typed["zienswijze"]), len(typed["opmerking"])) > 10_000 else []),
        ]
        if faults or seen_on is None or agreed is None:
            return await self._pupil(session, account, round_id, id_of(dossier), faults=faults, form=typed, status=422)
        done = await run_in_threadpool(
            partial(
                self.operations.record,
                account,
                round_id,
                id_of(dossier),
                ground=typed["grond"],
                person=typed["wie"],
                seen_on=seen_on,
                agreed=agreed,
                view=typed["zienswijze"].strip() or None,
                note=typed["opmerking"].strip() or None,
            )
        )
        if done in ("record_late", "record_answered"):
            return await self._pupil(session, account, round_id, id_of(dossier), faults=[done], form=typed, status=409)
        return await self._pupil(session, account, round_id, id_of(dossier), message=done)

    async def letter_again(self, request: Request, round_id: str, dossier: str) -> Response:
        """Make new letters of a pupil; earlier codes end."""
        session, account, _ = await self._sent(request)
        made = await run_in_threadpool(self.operations.letters, account, round_id, (id_of(dossier),))
        if made is None:
            return await self._pupil(session, account, round_id, id_of(dossier), faults=["record_closed"], status=409)
        return _download(made, "brief-inzage.pdf", "application/pdf")

    async def print(self, request: Request, round_id: str, dossier: str) -> Response:
        """Return the dossier as PDF for one person."""
        _, account, form = await self._sent(request)
        made = await run_in_threadpool(self.operations.print, account, round_id, id_of(dossier), text_of(form, "wie"))
        return _download(made, "overstapdossier.pdf", "application/pdf")

    async def proof(self, request: Request, round_id: str, dossier: str) -> Response:
        """Return the proof pack."""
        _, account, _ = await self._sent(request)
        made = await run_in_threadpool(self.operations.proof, account, round_id, id_of(dossier))
        return _download(made, "bewijs-van-inzage.zip", "application/zip")

    async def requests(self, request: Request, round_id: str) -> Response:
        """Show the requests of parents."""
        session, account = await self._who(request)
        return await self._requests(session, account, round_id)

    async def _requests(
        self, session: PageSession, account: SchoolAccount, round_id: str, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.operations.requests, account, round_id)
        facts["form"] = {"request": "", "antwoord": ""} | facts.get("form", {})
        return self._page(session, "requests", status=status, account=account, found=found, tab="requests", **facts)

    async def settle(self, request: Request, round_id: str, request_id: str) -> Response:
        """Answer a request of a parent."""
        session, account, form = await self._sent(request)
        words, state = text_of(form, "antwoord"), text_of(form, "afloop")
        try:
            await run_in_threadpool(self.operations.settle, account, id_of(request_id), state, words)
        except OverstapError as error:
            typed = {"request": request_id, "antwoord": words}
            return await self._requests(session, account, round_id, problem=error, form=typed, status=422)
        return await self._requests(session, account, round_id, message="settled_done")

    async def give_proof(self, request: Request, round_id: str, request_id: str) -> Response:
        """Make the proof that a parent requested, and publish it on the parents' pages."""
        session, account, _ = await self._sent(request)
        await run_in_threadpool(self.operations.give_proof, account, round_id, id_of(request_id))
        return await self._requests(session, account, round_id, message="wish_done")

    async def failed(self, request: Request, problem: Exception) -> Response:
        """Show the error page of an error code."""
        error = problem if isinstance(problem, OverstapError) else OverstapError("LEDGER-006", kind="?")
        if error.code in ("LEDGER-006", "KEYS-001"):
            answer = self._page(None, "away", status=503)
            answer.headers["Retry-After"] = "60"
            return answer
        return self._page(None, "failed", status=404 if error.code in _NOT_THERE else 409, problem=error)

    async def lost(self, request: Request, problem: Exception) -> Response:
        """Answer HTTP 404, or redirect to the sign-in form."""
        status = problem.status_code if isinstance(problem, HTTPException) else 404
        if status == 401:
            if self.cookie not in request.cookies and request.method == "GET":
                return RedirectResponse("/", 303)
            half = await self._half(request)
            if half is not None and request.method == "GET":
                return RedirectResponse(FIRST_PAGE[half.waits_for], 303)
            answer = self._page(None, "ended", status=403)
            answer.delete_cookie(self.cookie, path="/")
            return answer
        answer = self._page(None, "lost", status=status, message="crowded" if status == 429 else "")
        if status == 429:
            answer.headers["Retry-After"] = "10"
        return answer


_NOT_THERE = frozenset({"SCHOOL-004", "LEDGER-009", "LEDGER-010", "LEDGER-011", "REVIEW-024"})


def _day(text: str) -> date | None:
    """Return the date of text such as 18-3-2027 or 2027-03-18; None for another text or a future date."""
    parts = text.strip().replace("/", "-").replace(".", "-").split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        return None
    year, month, day = parts if len(parts[0]) == 4 else parts[::-1]
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if found.year >= 2000 and found <= dutch_time(now()).date() else None


def _download(content: bytes, name: str, media: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-security-policy": _DOWNLOAD_POLICY}
    return Response(content, media_type=media, headers=headers)
