"""Routes of the board on which a coordinator says which placement of a pupil holds."""

import logging
from typing import Any

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from overstap.errors import OverstapError
from overstap.ledger.rounds import coordinator_answers
from overstap.ledger.session import Ledger
from overstap.pages.board import addresses, csrf
from overstap.pages.board.person import BoardUser
from overstap.pages.board.questions import REASON_LENGTH
from overstap.pages.board.shared_state import Board
from overstap.pages.board.views import placements
from overstap.texts import texts

log = logging.getLogger(__name__)


def add_placing(app: FastAPI, board: Board) -> None:
    """Add the routes to the board's application."""
    asks = Depends(board.airflow.person)
    words = texts("board/placements")

    def written(person: BoardUser, round_id: str, status: int, **more: Any) -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), person, f"{round_id}/placements")
        context = board.context(person)
        content = placements.page(context, round_id, form_token=token, **more)
        return HTMLResponse(content, status_code=status)

    @app.get("/ronde/{round_id}/dubbel-geplaatst")
    def placed_twice(round_id: str, person: BoardUser = asks, gedaan: str = "") -> HTMLResponse:
        return written(person, round_id, 200, done=gedaan == "vastgelegd")

    @app.post("/ronde/{round_id}/dubbel-geplaatst")
    def which_holds(
        request: Request,
        round_id: str,
        person: BoardUser = asks,
        mark: str = Form(""),
        sign: str = Form(""),
        seen: str = Form(""),
        holds: str = Form(""),
        reason: str = Form(""),
    ) -> Response:
        context = board.context(person)
        reason = " ".join(reason.split())
        given = {"sign": sign, "holds": holds, "reason": reason}
        found = placements.find(context, round_id, sign)
        decisions = texts("board/decisions")["problems"]
        if not csrf.is_submitted(request, board.airflow.secret(), person, f"{round_id}/placements", mark):
            return written(person, round_id, 422, problem=decisions["bad_mark"]["nl"], given=given)
        with context.round(round_id) as (_, view):
            region = view.region
        if region not in person.reruns:
            return written(person, round_id, 403, problem=decisions["no_right"]["nl"])
        if found is None or " ".join(found.schools) != seen:
            return written(person, round_id, 409, problem=words["changed"]["nl"])
        if holds != "all" and holds not in found.schools:
            return written(person, round_id, 422, problem=words["no_choice"]["nl"], given=given)
        if not reason or len(reason) > REASON_LENGTH or "\x00" in reason:
            return written(person, round_id, 422, problem=words["no_reason"]["nl"], given={**given, "reason": ""})
        ledger = Ledger(board.settings.need("ledger"), None)
        try:
            chosen = found.schools if holds == "all" else (holds,)
            coordinator_answers.answer_placement(ledger, round_id, region, person.account, found, chosen, reason)
        except OverstapError as error:
            if not error.code.startswith("GATE-"):
                raise
            return written(person, round_id, 409, problem=f"{error.message_nl} {error.do_nl}")
        finally:
            ledger.close()
        log.info("%s: which placement of %s holds, answered by %s", round_id, sign, person.account)
        there = f"{board.airflow.base}{addresses.placements(round_id)}?gedaan=vastgelegd"
        return RedirectResponse(there, status_code=303)
