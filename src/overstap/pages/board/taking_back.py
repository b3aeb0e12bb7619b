"""Routes of the board on which a coordinator withdraws dossiers at a school to which their pupils do not go."""

import logging
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from overstap.errors import OverstapError
from overstap.ledger.delivery.withdrawals import WithdrawalReason
from overstap.ledger.rounds import coordinator_answers
from overstap.ledger.session import Ledger
from overstap.pages.board import addresses, csrf
from overstap.pages.board.person import BoardUser
from overstap.pages.board.shared_state import Board
from overstap.pages.board.views import sent_in_vain
from overstap.texts import texts

log = logging.getLogger(__name__)


def add_taking_back(app: FastAPI, board: Board) -> None:
    """Add the routes to the board's application."""
    asks = Depends(board.airflow.person)
    words = texts("board/sent_in_vain")

    def written(person: BoardUser, round_id: str, status: int, **more: Any) -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), person, f"{round_id}/sent_in_vain")
        content = sent_in_vain.page(board.context(person), round_id, form_token=token, **more)
        return HTMLResponse(content, status_code=status)

    @app.get("/ronde/{round_id}/gaat-elders")
    def in_vain(round_id: str, person: BoardUser = asks, ingetrokken: str = "") -> HTMLResponse:
        taken = int(ingetrokken) if ingetrokken.isdecimal() and len(ingetrokken) < 6 else None
        return written(person, round_id, 200, taken=taken)

    @app.post("/ronde/{round_id}/gaat-elders")
    def take_back(
        request: Request,
        round_id: str,
        person: BoardUser = asks,
        mark: str = Form(""),
        school: str = Form(""),
        dossier: Annotated[list[str] | None, Form()] = None,
        zeker: str = Form(""),
    ) -> Response:
        decisions = texts("board/decisions")["problems"]
        found = sent_in_vain.find(board.context(person), round_id)
        if not csrf.is_submitted(request, board.airflow.secret(), person, f"{round_id}/sent_in_vain", mark):
            return written(person, round_id, 422, problem=decisions["bad_mark"]["nl"], school=school)
        with board.context(person).round(round_id) as (_, view):
            region = view.region
        if region not in person.reruns:
            return written(person, round_id, 403, problem=decisions["no_right"]["nl"])
        there = {str(one.dossier) for one in found if one.secondary_school == school}
        chosen = set(dossier or ())
        if not chosen:
            return written(person, round_id, 422, problem=words["no_choice"]["nl"], school=school)
        if not chosen <= there:
            return written(person, round_id, 409, problem=words["changed"]["nl"])
        if zeker != "ja":
            return written(person, round_id, 422, problem=words["not_sure"]["nl"], school=school)
        ledger = Ledger(board.settings.need("ledger"), None)
        try:
            taken = coordinator_answers.take_back_sent(
                *(ledger, round_id, region, person.account, [UUID(one) for one in sorted(chosen)], school),
                WithdrawalReason.PUPIL_NOT_COMING.value,
            )
        except OverstapError as error:
            if error.code != "LEDGER-021" and not error.code.startswith("GATE-"):
                raise
            return written(person, round_id, 409, problem=f"{error.message_nl} {error.do_nl}")
        finally:
            ledger.close()
        log.info("%s: %s dossiers withdrawn at %s by %s", round_id, taken, school, person.account)
        back = f"{board.airflow.base}{addresses.sent_in_vain(round_id)}?ingetrokken={taken}"
        return RedirectResponse(back, status_code=303)
