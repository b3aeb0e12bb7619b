"""Routes of the board for schools from outside the region: inviting, inviting again, ending.

E-mail address and pupils are encrypted with the board's key for contact; each change is one function of the database.
"""

import logging
from dataclasses import replace
from typing import Any
from uuid import UUID

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from overstap.ledger import guests
from overstap.ledger.dossiers.reference import find_by_reference
from overstap.ledger.guests import MOST_PUPILS, GuestAsked, GuestSchool
from overstap.ledger.region_keys import BoardKeys
from overstap.ledger.session import UnitOfWork
from overstap.notifications.message import is_address
from overstap.oso.foreign_numbers import ForeignNumbers, find_foreign_numbers
from overstap.pages.board import addresses, csrf
from overstap.pages.board.contacting import FormRefusedError, as_coordinator
from overstap.pages.board.person import BoardUser
from overstap.pages.board.shared_state import Board
from overstap.pages.board.views import guests as view
from overstap.pages.board.views.contacts import MOST_LINE, coordinated
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.school_numbers import nearest_school_id, school_id_in
from overstap.texts import texts

log = logging.getLogger(__name__)


def add_inviting(app: FastAPI, board: Board) -> None:
    """Add the routes to the board's application."""
    asks = Depends(board.airflow.person)

    def written(context: PageContext, round_id: str, status: int = 200, **more: Any) -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), context.person, _about(round_id))
        keys = board.contact_keys(_region(context, round_id))
        return HTMLResponse(view.page(context, keys, round_id, form_token=token, **more), status_code=status)

    @app.get("/ronde/{round_id}/gasten")
    def show(round_id: str, gedaan: str = "", person: BoardUser = asks) -> HTMLResponse:
        return written(board.context(person), round_id, told=gedaan)

    @app.post("/ronde/{round_id}/gasten")
    async def change(
        request: Request,
        round_id: str,
        person: BoardUser = asks,
        mark: str = Form(""),
        do: str = Form(""),
        guest: str = Form(""),
        school: str = Form(""),
        name: str = Form(""),
        email: str = Form(""),
        pupils: str = Form(""),
        dossiers: str = Form(""),
    ) -> Response:
        context = board.context(person)
        given = {"guest": guest, "school": school, "name": name, "email": email, "pupils": pupils}
        given |= {"dossiers": dossiers, "do": do}

        def decide() -> Response:
            region = _region(context, round_id)

            def carried_out(unit: UnitOfWork, keys: BoardKeys) -> str:
                if do == "invite":
                    return _invited(unit, keys, round_id, given)
                if do == "collect":
                    return _let_collect(unit, keys, round_id, given)
                known = _known(unit, round_id, guest)
                if do == "end":
                    return "ended" if guests.end(unit, known.guest) else "nothing"
                before = guests.asked_of(unit, keys, round_id, known.school)
                if before is None or not guests.renew(
                    unit, keys, known.guest, replace(before, email=_address(email or before.email))
                ):
                    raise FormRefusedError(_says("gone"))
                return "renewed"

            try:
                if not csrf.is_submitted(request, board.airflow.secret(), person, _about(round_id), mark):
                    raise FormRefusedError(_says("form_old"))
                done = as_coordinator(board, region, person, carried_out)
            except FormRefusedError as problem:
                shown = given if do in ("invite", "collect") else None
                return written(context, round_id, 422, problem=str(problem), given=shown)
            log.info("guest school in %s by %s: %s", round_id, person.account, done)
            there = f"{board.airflow.base}{addresses.guests(round_id)}?gedaan={done}"
            return RedirectResponse(there, status_code=303)

        return await run_in_threadpool(decide)


def _invited(unit: UnitOfWork, keys: BoardKeys, round_id: str, given: dict[str, str]) -> str:
    """Invite a school; return what was done, a key of include/texts/board/guests.yaml.

    Raises:
        FormRefusedError: a field is not valid, or the school cannot be invited.
    """
    school = _school(given["school"])
    name = _line(given["name"])
    if not name:
        raise FormRefusedError(_says("name"))
    pupils = tuple(line for line in map(_line, given["pupils"].splitlines()) if line)
    if not 1 <= len(pupils) <= MOST_PUPILS:
        raise FormRefusedError(_says("pupils").format(most=MOST_PUPILS))
    what = GuestAsked(_address(given["email"]), pupils)
    done = guests.invite(unit, keys, round_id, _id(given["guest"]), school, name, what)
    if done != "invited":
        raise FormRefusedError(_says(done))
    return done


def _let_collect(unit: UnitOfWork, keys: BoardKeys, round_id: str, given: dict[str, str]) -> str:
    """Let a secondary school collect dossiers; return what was done, a key of include/texts/board/guests.yaml.

    Raises:
        FormRefusedError: a field is not valid, or the school cannot collect.
    """
    school, name = _school(given["school"]), _line(given["name"])
    if not name:
        raise FormRefusedError(_says("name"))
    typed = given["dossiers"].replace(",", "\n").replace(";", "\n").split("\n")
    wanted = list(dict.fromkeys(one.strip() for one in typed if one.strip()))
    if not 1 <= len(wanted) <= MOST_PUPILS:
        raise FormRefusedError(_says("dossiers").format(most=MOST_PUPILS))
    ids = []
    for place, one in enumerate(wanted, start=1):
        found = find_by_reference(unit, one, round_id)
        if len(found) != 1:
            raise FormRefusedError(_says("reference").format(place=place))
        ids.append(found[0].dossier)
    done = guests.invite_collector(
        *(unit, keys, round_id, _id(given["guest"]), school, name), email=_address(given["email"]), dossiers=ids
    )
    if done not in ("invited", "added"):
        raise FormRefusedError(_says({"member": "receives", "ended": "collector_ended"}.get(done, done)))
    return "collects" if done == "invited" else "added"


def _school(text: str) -> str:
    school = school_id_in(text)
    if school is None:
        meant = nearest_school_id(text[:20])
        raise FormRefusedError(_says("brin_meant").format(meant=meant) if meant else _says("brin"))
    return school


def _known(unit: UnitOfWork, round_id: str, guest: str) -> GuestSchool:
    for one in guests.of_round(unit, round_id):
        if str(one.guest) == guest:
            return one
    raise PageNotFoundError(guest)


def _line(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > MOST_LINE or any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in text):
        raise FormRefusedError(_says("too_long").format(most=MOST_LINE))
    if find_foreign_numbers(text, None) is not ForeignNumbers.NONE:
        raise FormRefusedError(_says("number"))
    return text


def _address(text: str) -> str:
    text = text.strip()
    if not is_address(text):
        raise FormRefusedError(_says("email"))
    return text


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise FormRefusedError(_says("form_old")) from None


def _says(key: str) -> str:
    return str(texts("board/guests")["problems"][key]["nl"])


def _region(context: PageContext, round_id: str) -> str:
    with coordinated(context, round_id) as (_, found):
        return found.region


def _about(round_id: str) -> str:
    return f"guests/{round_id}"
