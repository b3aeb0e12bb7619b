"""Routes of the board for contact with schools: whom to call, a log of calls, and messages that a task mails.

The board encrypts what can name a person with its own key of the region, which decrypts nothing else, and calls one
function of the database for each change.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from overstap.agreements import RoundId
from overstap.clock import NETHERLANDS, now
from overstap.errors import OverstapError
from overstap.ledger import board_notes, contacts
from overstap.ledger.contacts import ContactPerson
from overstap.ledger.region_keys import BoardKeys
from overstap.ledger.session import Ledger, UnitOfWork
from overstap.notifications.message import is_address
from overstap.oso.foreign_numbers import ForeignNumbers, find_foreign_numbers
from overstap.pages.board import addresses, csrf
from overstap.pages.board.contact_list import MOST_BYTES, ListRefusedError, read_contacts
from overstap.pages.board.person import BoardUser
from overstap.pages.board.selection import selection_of
from overstap.pages.board.shared_state import Board
from overstap.pages.board.views import contacts as view
from overstap.pages.board.views.contacts import MOST_LINE, MOST_NOTE, MOST_TEXT, Draft, Recipients
from overstap.pages.board.views.page_context import PageContext
from overstap.texts import texts

log = logging.getLogger(__name__)


class FormRefusedError(Exception):
    """A form was not carried out; the message says why, Dutch."""


def add_contacting(app: FastAPI, board: Board) -> None:
    """Add the routes to the board's application."""
    _add_list(app, board)
    _add_party(app, board)
    _add_message(app, board)


def _add_list(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)

    def written(context: PageContext, round_id: str, status: int = 200, **more: Any) -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), context.person, _about(round_id, "list"))
        keys = board.contact_keys(_region(context, round_id))
        content = view.list_page(context, keys, round_id, form_token=token, **more)
        return HTMLResponse(content, status_code=status)

    @app.get("/ronde/{round_id}/contact")
    def all_parties(round_id: str, gedaan: str = "", person: BoardUser = asks) -> HTMLResponse:
        return written(board.context(person), round_id, told=gedaan)

    @app.post("/ronde/{round_id}/contact")
    def take_list(
        request: Request,
        round_id: str,
        person: BoardUser = asks,
        mark: str = Form(""),
        file: UploadFile | None = None,
    ) -> Response:
        context = board.context(person)
        region = _region(context, round_id)
        content = file.file.read(MOST_BYTES + 1) if file is not None else b""
        words = texts("board/contacts")["list"]
        try:
            if not csrf.is_submitted(request, board.airflow.secret(), person, _about(round_id, "list"), mark):
                raise FormRefusedError(view.words("problems", "form_old"))
            if len(content) > MOST_BYTES:
                raise FormRefusedError(words["too_large"]["nl"])
            with view.coordinated(context, round_id) as (unit, _):
                every = contacts.parties(unit, round_id)
            found = [(party, _person(one, line)) for party, one, line in read_contacts(content, every)]

            def keep(unit: UnitOfWork, keys: BoardKeys) -> str:
                for party, one in found:
                    contacts.keep_person(unit, keys, round_id, party, one)
                return "list"

            done = as_coordinator(board, region, person, keep)
        except (FormRefusedError, ListRefusedError) as problem:
            return written(context, round_id, 422, problem=str(problem))
        log.info("list of %d contacts in %s taken over by %s", len(found), round_id, person.account)
        there = f"{board.airflow.base}{addresses.contacts(round_id)}?gedaan={done}"
        return RedirectResponse(there, status_code=303)


def _add_party(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)

    def written(context: PageContext, round_id: str, party: str, status: int = 200, **more: Any) -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), context.person, _about(round_id, party))
        keys = board.contact_keys(_region(context, round_id))
        content = view.party_page(context, keys, round_id, party, form_token=token, **more)
        return HTMLResponse(content, status_code=status)

    async def changed(
        request: Request,
        person: BoardUser,
        round_id: str,
        party: str,
        mark: str,
        given: dict[str, str],
        change: Callable[[UnitOfWork, BoardKeys], str],
    ) -> Response:
        """Do a change as the coordinator, and go back to the page with its message."""
        context = board.context(person)

        def do() -> Response:
            region = _region(context, round_id)
            try:
                if not csrf.is_submitted(request, board.airflow.secret(), person, _about(round_id, party), mark):
                    raise FormRefusedError(view.words("problems", "form_old"))
                done = as_coordinator(board, region, person, change)
            except FormRefusedError as problem:
                return written(context, round_id, party, 422, problem=str(problem), given=given)
            log.info("contact in %s by %s: %s", round_id, person.account, done)
            there = f"{board.airflow.base}{addresses.contact(round_id, party)}?gedaan={done}"
            return RedirectResponse(there, status_code=303)

        return await run_in_threadpool(do)

    @app.get("/ronde/{round_id}/contact/{party:path}")
    def one_party(round_id: str, party: str, gedaan: str = "", person: BoardUser = asks) -> HTMLResponse:
        return written(board.context(person), round_id, party, told=gedaan)

    @app.post("/ronde/{round_id}/contact/{party:path}")
    async def keep(
        request: Request,
        round_id: str,
        party: str,
        person: BoardUser = asks,
        mark: str = Form(""),
        do: str = Form(""),
        name: str = Form(""),
        role: str = Form(""),
        phone: str = Form(""),
        email: str = Form(""),
        call: str = Form(""),
        at: str = Form(""),
        spoke_with: str = Form(""),
        note: str = Form(""),
        note_id: str = Form(""),
    ) -> Response:
        given = {"name": name, "role": role, "phone": phone, "email": email}
        if do == "call":
            given = {"call": call, "at": at, "spoke_with": spoke_with, "note": note}
        elif do == "note":
            given = {"text": note}

        def change(unit: UnitOfWork, keys: BoardKeys) -> str:
            if do == "erase_note":
                board_notes.erase(unit, form_id(note_id))
                return "note_erased"
            if do == "note":
                year = RoundId(round_id).school_year
                board_notes.keep(unit, keys, year, form_id(note_id), checked_note(note), party=party)
                return "note"
            if do == "erase":
                contacts.erase_call(unit, form_id(call))
                return "erased"
            if do == "call":
                moment = _moment(at)
                who, what = _line(spoke_with, "call_with"), _text(note, "call_note", MOST_NOTE)
                _filled(who, "call_with")
                _filled(what, "call_note")
                contacts.note_call(unit, keys, round_id, party, form_id(call), at=moment, spoke_with=who, note=what)
                return "call"
            contacts.keep_person(unit, keys, round_id, party, _checked_person(ContactPerson(**given)))
            return "person"

        return await changed(request, person, round_id, party, mark, given, change)


def _add_message(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)

    def written(context: PageContext, round_id: str, asked: Recipients, status: int = 200, **more: Any) -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), context.person, _about(round_id, "message"))
        keys = board.contact_keys(_region(context, round_id))
        content = view.message_page(context, keys, round_id, asked, form_token=token, **more)
        return HTMLResponse(content, status_code=status)

    @app.get("/ronde/{round_id}/bericht")
    def write(
        round_id: str,
        asked: Annotated[Recipients, Depends(_asked)],
        person: BoardUser = asks,
    ) -> HTMLResponse:
        return written(board.context(person), round_id, asked)

    @app.post("/ronde/{round_id}/bericht")
    async def send(
        request: Request,
        round_id: str,
        asked: Annotated[Recipients, Depends(_asked)],
        to: Annotated[tuple[str, ...], Form()] = (),
        person: BoardUser = asks,
        mark: str = Form(""),
        do: str = Form(""),
        message: str = Form(""),
        subject: str = Form(""),
        text: str = Form(""),
    ) -> Response:
        context = board.context(person)

        def decide() -> Response:
            region = _region(context, round_id)
            draft = Draft(uuid4(), tuple(dict.fromkeys(to)), subject, text)
            try:
                draft = replace(draft, message=form_id(message))
                if not csrf.is_submitted(request, board.airflow.secret(), person, _about(round_id, "message"), mark):
                    raise FormRefusedError(view.words("problems", "form_old"))
                draft = _checked(board, context, round_id, region, draft)
                if do != "send":
                    return written(context, round_id, asked, draft=draft, is_preview=do == "preview")

                def keep(unit: UnitOfWork, keys: BoardKeys) -> str:
                    contacts.keep_message(
                        unit, keys, round_id, draft.to, draft.message, subject=draft.subject, text=draft.text
                    )
                    return "sent"

                as_coordinator(board, region, person, keep)
            except FormRefusedError as problem:
                return written(context, round_id, asked, 422, draft=draft, problem=str(problem))
            log.info("message %s in %s to %d by %s", draft.message, round_id, len(draft.to), person.account)
            there = addresses.contact(round_id, draft.to[0]) if len(draft.to) == 1 else addresses.contacts(round_id)
            return RedirectResponse(f"{board.airflow.base}{there}?gedaan=sent", status_code=303)

        return await run_in_threadpool(decide)


def _asked(toon: str = "", zoek: str = "", aan: str = "", bestuur: str = "") -> Recipients:
    """Return which parties an address asks for: those of the round page's filter, receivers, one, or of a board."""
    return Recipients(selection_of(toon, "", False, zoek), "bestuur" if bestuur else aan, bestuur)


def _checked(board: Board, context: PageContext, round_id: str, region: str, draft: Draft) -> Draft:
    """Return a draft whose lines were tidied.

    Raises:
        FormRefusedError: something in it is not valid.
    """
    keys = board.contact_keys(region)
    if keys is None:
        raise FormRefusedError(view.words("problems", "no_keys"))
    subject, text = _line(draft.subject, "subject"), _text(draft.text, "text", MOST_TEXT)
    _filled(subject, "subject")
    _filled(text, "text")
    with view.coordinated(context, round_id) as (unit, _):
        known = view.addresses_of(unit, keys, round_id)
    if not set(draft.to) <= known.keys():
        raise FormRefusedError(view.words("problems", "unknown"))
    to = [party for party in draft.to if is_address(known[party])]
    if not to:
        raise FormRefusedError(view.words("problems", "nobody"))
    return Draft(draft.message, to, subject, text)


def as_coordinator(board: Board, region: str, person: BoardUser, change: Callable[[UnitOfWork, BoardKeys], str]) -> str:
    """Do a change in a transaction as the signed-in account.

    Raises:
        FormRefusedError: this server has no key, or the database refuses.
    """
    keys = board.contact_keys(region)
    if keys is None:
        raise FormRefusedError(view.words("problems", "no_keys"))
    try:
        with (
            closing(Ledger(board.settings.need("ledger"), None)) as ledger,
            ledger.unit(region, person.account) as unit,
        ):
            return change(unit, keys)
    except OverstapError as error:
        if error.code not in ("LEDGER-025", "LEDGER-027"):
            raise
        raise FormRefusedError(f"{error.message_nl} {error.do_nl}") from error


def checked_note(text: str) -> str:
    """Return a note without spaces around it.

    Raises:
        FormRefusedError: it is empty or too long, has signs that are no text, or a number that can be a pupil's.
    """
    found = _text(text, "note", MOST_NOTE)
    _filled(found, "note")
    return found


def _person(one: ContactPerson, line: int) -> ContactPerson:
    """Return whom to call from a line of a list.

    Raises:
        FormRefusedError: a cell is not valid; it says which line.
    """
    try:
        return _checked_person(one)
    except FormRefusedError as problem:
        said = texts("board/contacts")["list"]["line"]["nl"]
        raise FormRefusedError(said.format(line=line, problem=problem)) from None


def _checked_person(one: ContactPerson) -> ContactPerson:
    lines = {key: _line(value, f"person.{key}") for key, value in asdict(one).items()}
    if lines["email"] and not is_address(lines["email"]):
        raise FormRefusedError(view.words("problems", "email"))
    return ContactPerson(**lines)


def _region(context: PageContext, round_id: str) -> str:
    """Return the region of a round that the account coordinates; else there is no such page."""
    with view.coordinated(context, round_id) as (_, found):
        return found.region


def _about(round_id: str, party: str) -> str:
    return f"contact/{round_id}/{party}"


def _line(text: str, name: str) -> str:
    return _text(" ".join(text.split()), name, MOST_LINE)


def _text(text: str, name: str, most: int) -> str:
    """Return a text without spaces around it.

    Raises:
        FormRefusedError: it is too long, has signs that are no text, or a number that can be a pupil's.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > most or any((sign < " " and sign not in "\n\t") or "\ud800" <= sign <= "\udfff" for sign in text):
        raise FormRefusedError(view.words("problems", "too_long").format(field=_name(name)))
    if find_foreign_numbers(text, None) is not ForeignNumbers.NONE:
        raise FormRefusedError(view.words("problems", "number"))
    return text


def _filled(text: str, name: str) -> None:
    if not text:
        raise FormRefusedError(view.words("problems", "empty").format(field=_name(name)))


def _name(name: str) -> str:
    part, _, key = name.partition(".")
    found = texts("board/contacts")[part]
    label = found[key]["nl"] if key else found["nl"]
    return f"“{label}”"


def form_id(text: str) -> UUID:
    """Return the id that was made with a form.

    Raises:
        FormRefusedError: it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise FormRefusedError(view.words("problems", "form_old")) from None


def _moment(text: str) -> datetime:
    """Return a moment in Dutch wall time, as a browser sends it.

    Raises:
        FormRefusedError: it is none, or not of the last year.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FormRefusedError(view.words("problems", "moment")) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=NETHERLANDS)
    if not now() - timedelta(days=364) < moment <= now() + timedelta(minutes=4):
        raise FormRefusedError(view.words("problems", "moment"))
    return moment
