"""Routes of the board on which a coordinator looks a pupil up by number, and keeps notes about the pupil.

A number comes in the body of a form, is hashed at once, and stands in no address, page, log or table.
"""

import logging
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import board_notes, pupil_search
from overstap.ledger.dossiers.reference import find_by_reference
from overstap.ledger.pupil_search import SearchOutcome
from overstap.ledger.region_keys import BoardKeys
from overstap.ledger.session import Ledger, UnitOfWork
from overstap.oso.identifiers import is_bsn, is_onderwijsnummer
from overstap.pages.board import addresses, csrf
from overstap.pages.board.contacting import FormRefusedError, as_coordinator, checked_note, form_id
from overstap.pages.board.person import BoardUser
from overstap.pages.board.shared_state import Board
from overstap.pages.board.views import pupil as view
from overstap.pages.board.views.page_context import PageContext

log = logging.getLogger(__name__)
_MOST_TYPED = 20
_AFTER_LIMIT = timedelta(minutes=1)


def add_searching(app: FastAPI, board: Board) -> None:
    """Add the routes to the board's application."""
    _add_search(app, board)
    _add_pupil(app, board)


def _add_search(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)

    def written(context: PageContext, region: str, status: int = 200, **more: Any) -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), context.person, _about(region))
        can_hash = board.settings.key_service is not None or board.settings.keys is not None
        content = view.search_page(context, region, can_hash=can_hash, form_token=token, **more)
        return HTMLResponse(content, status_code=status)

    @app.get("/leerling/{region}")
    def form(region: str, person: BoardUser = asks) -> HTMLResponse:
        return written(board.context(person), region)

    @app.post("/leerling/{region}")
    async def search(
        request: Request, region: str, person: BoardUser = asks, mark: str = Form(""), number: str = Form("")
    ) -> Response:
        context = board.context(person)

        def look() -> Response:
            with view.coordinated(context, region) as unit:
                most = pupil_search.most_an_hour(unit)
            if not csrf.is_submitted(request, board.airflow.secret(), person, _about(region), mark):
                return written(context, region, 422, problem=view.words("problems", "form_old"))
            typed = "".join(number[: _MOST_TYPED + 1].split()).replace(".", "").replace("-", "")
            if len(number) > _MOST_TYPED or not typed.isascii():
                return written(context, region, 422, problem=view.words("problems", "number"))
            if not (is_bsn(typed) or is_onderwijsnummer(typed)):
                return _by_code(context, region, typed)
            try:
                outcome, subject = _find(board, region, person, typed)
            except FormRefusedError as problem:
                return written(context, region, 422, problem=str(problem))
            if outcome is SearchOutcome.LIMIT:
                log.warning("look-ups by %s in %s are over the limit", person.account, region)
                said = view.words("problems", "limit").format(most=most)
                return written(context, region, 429, problem=said)
            if subject is None:
                said = view.words("problems", "unknown")
                return written(context, region, problem=said, is_unknown=True)
            return RedirectResponse(f"{board.airflow.base}{addresses.pupil(region, subject)}", 303)

        return await run_in_threadpool(look)

    def _by_code(context: PageContext, region: str, typed: str) -> Response:
        if len(typed) != len("6BCJX0NH"):
            return written(context, region, 422, problem=view.words("problems", "number"))
        with view.coordinated(context, region) as unit:
            known = find_by_reference(unit, typed)
        if not known:
            said = view.words("problems", "unknown_code")
            return written(context, region, problem=said, is_unknown=True)
        return RedirectResponse(f"{board.airflow.base}{addresses.pupil(region, known[-1].dossier)}", 303)


def _add_pupil(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)

    def written(context: PageContext, region: str, subject: UUID, status: int = 200, **more: Any) -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), context.person, _about(region, subject))
        keys = board.contact_keys(region) if region in context.person.reruns else None
        content = view.page(context, keys, region, subject, form_token=token, **more)
        return HTMLResponse(content, status_code=status)

    @app.get("/leerling/{region}/{subject}")
    def one_pupil(region: str, subject: UUID, gedaan: str = "", person: BoardUser = asks) -> HTMLResponse:
        return written(board.context(person), region, subject, told=gedaan)

    @app.post("/leerling/{region}/{subject}")
    async def keep(
        request: Request,
        region: str,
        subject: UUID,
        person: BoardUser = asks,
        mark: str = Form(""),
        do: str = Form(""),
        note_id: str = Form(""),
        note: str = Form(""),
    ) -> Response:
        context = board.context(person)

        def decide() -> Response:
            pupil = view.found(context, region, subject)
            secret, about = board.airflow.secret(), _about(region, subject)
            try:
                if not csrf.is_submitted(request, secret, person, about, mark):
                    raise FormRefusedError(view.words("problems", "form_old_note"))
                of_note = form_id(note_id)
                words = "" if do == "erase_note" else checked_note(note)

                def change(unit: UnitOfWork, keys: BoardKeys) -> str:
                    if do == "erase_note":
                        board_notes.erase(unit, of_note)
                        return "note_erased"
                    board_notes.keep(unit, keys, pupil.school_year, of_note, words, subject=subject)
                    return "note"

                done = as_coordinator(board, region, person, change)
            except FormRefusedError as problem:
                return written(context, region, subject, 422, problem=str(problem), text=note[:4_000])
            log.info("note about a pupil in %s by %s: %s", region, person.account, done)
            there = f"{board.airflow.base}{addresses.pupil(region, subject)}?gedaan={done}"
            return RedirectResponse(there, status_code=303)

        return await run_in_threadpool(decide)


def _find(board: Board, region: str, person: BoardUser, number: str) -> tuple[SearchOutcome, UUID | None]:
    """Look a pupil up by number.

    Raises:
        FormRefusedError: this server has no key service, the service refuses, or the account coordinates no round.
    """
    who = (region, person.account)
    if board.over_limit.get(who, now()) > now():  # else one account uses up the look-ups of all of its region
        return SearchOutcome.LIMIT, None
    try:
        hashed = board.pupil_hash(region, number)
        if hashed is None:
            raise FormRefusedError(view.unable())
        with (
            closing(Ledger(board.settings.need("ledger"), None)) as ledger,
            ledger.unit(region, person.account) as unit,
        ):
            outcome, subject = pupil_search.find(unit, hashed)
        if outcome is SearchOutcome.LIMIT:
            board.over_limit[who] = now() + _AFTER_LIMIT
        return outcome, subject
    except OverstapError as error:
        if error.code not in ("LEDGER-025", "KEYS-001", "KEYS-004"):
            raise
        log.warning("a look-up by %s in %s was refused: %s", person.account, region, error.code)
        raise FormRefusedError(f"{error.message_nl} {error.do_nl}") from error


def _about(region: str, subject: UUID | None = None) -> str:
    return f"pupil/{region}/{subject or ''}"
