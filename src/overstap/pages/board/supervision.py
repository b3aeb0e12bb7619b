"""Routes of the board for what waits for a second person, and for the recovery of schools' accounts.

Each change is one function of the database, as the signed-in account; the board's login may write nothing else.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from typing import Any, Protocol
from uuid import UUID

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from overstap.errors import OverstapError
from overstap.ledger import second_person
from overstap.ledger.accounts import recover
from overstap.ledger.session import Ledger, UnitOfWork
from overstap.pages.board import addresses, csrf
from overstap.pages.board.airflow_port import AirflowPort, AirflowRefusedError
from overstap.pages.board.person import BoardUser
from overstap.pages.board.questions import RELEASE
from overstap.pages.board.views import supervision
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.pages.board.views.question import FoundQuestion, find
from overstap.settings import Settings

log = logging.getLogger(__name__)


class SupervisedBoard(Protocol):
    """What these routes use of the board."""

    airflow: AirflowPort

    @property
    def settings(self) -> Settings:
        """The settings of this process."""

    def context(self, person: BoardUser) -> PageContext:
        """Return the context of one request."""


def add_supervision(app: FastAPI, board: SupervisedBoard) -> None:
    """Add the routes to the board's application."""
    asks = Depends(board.airflow.person)

    def about(region: str) -> str:
        return f"supervision/{region}"

    def written(person: BoardUser, region: str, status: int = 200, **more: Any) -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), person, about(region))
        content = supervision.page(board.context(person), region, form_token=token, **more)
        return HTMLResponse(content, status_code=status)

    def changed(person: BoardUser, region: str, change: Callable[[UnitOfWork], str]) -> Response:
        """Do a change as the account, and go back to the page with its message."""
        try:
            with (
                closing(Ledger(board.settings.need("ledger"), None)) as ledger,
                ledger.unit(region, person.account) as unit,
            ):
                done = change(unit)
        except OverstapError as error:
            if error.code == "LEDGER-006":
                raise
            return written(person, region, 409, problem=f"{error.message_nl} {error.do_nl}")
        log.info("%s in %s by %s", done, region, person.account)
        there = f"{board.airflow.base}{addresses.supervision(region)}?gedaan={done}"
        return RedirectResponse(there, status_code=303)

    async def decided(
        request: Request, person: BoardUser, region: str, mark: str, change: Callable[[UnitOfWork], str]
    ) -> Response:
        if region not in person.reruns:
            raise PageNotFoundError(region)
        if not csrf.is_submitted(request, board.airflow.secret(), person, about(region), mark):
            return await run_in_threadpool(written, person, region, 422, problem=supervision.words("form_old"))
        return await run_in_threadpool(changed, person, region, change)

    @app.get("/toezicht/{region}")
    def supervised(region: str, gedaan: str = "", person: BoardUser = asks) -> HTMLResponse:
        return written(person, region, done=gedaan)

    @app.post("/toezicht/{region}/bevestigen/{request_id}")
    async def confirm(
        request: Request, region: str, request_id: UUID, person: BoardUser = asks, mark: str = Form("")
    ) -> Response:
        released: list[str] = []

        def change(unit: UnitOfWork) -> str:
            asked = next((one for one in second_person.waiting(unit) if one.request == request_id), None)
            done = second_person.confirm(unit, request_id).value
            if asked is not None and asked.act == "release" and asked.round_id is not None:
                released.append(asked.round_id)
            return done

        answer = await decided(request, person, region, mark, change)
        for round_id in released:
            if not await passed_on(request, person, round_id):
                return RedirectResponse(f"{board.airflow.base}{addresses.supervision(region)}?gedaan=half", 303)
        return answer

    async def passed_on(request: Request, person: BoardUser, round_id: str) -> bool:
        """Let the question go on in Airflow whose answer on the board waited; one answered there waits itself."""

        def look() -> list[FoundQuestion]:
            context = board.context(person)
            with context.round(round_id) as (_, view):
                asked = board.airflow.questions(view.dag_id)
            return [find(context, round_id, RELEASE, one.number, asked) for one in asked if one.gate == RELEASE]

        for found in await run_in_threadpool(look):
            if found.question is not None and found.kept is not None:
                try:
                    await board.airflow.respond(request, found.question, found.kept.choice)
                except AirflowRefusedError as refused:
                    log.warning("%s: the release is confirmed, Airflow was not told: %s", round_id, refused)
                    return False
        return True

    @app.post("/toezicht/{region}/intrekken/{request_id}")
    async def withdraw(
        request: Request, region: str, request_id: UUID, person: BoardUser = asks, mark: str = Form("")
    ) -> Response:
        def change(unit: UnitOfWork) -> str:
            second_person.withdraw_request(unit, request_id)
            return "withdrawn"

        return await decided(request, person, region, mark, change)

    @app.post("/toezicht/{region}/herstellen")
    async def recover_account(
        request: Request, region: str, person: BoardUser = asks, account: str = Form(""), mark: str = Form("")
    ) -> Response:
        def change(unit: UnitOfWork) -> str:
            return "recovered" if recover(unit, account) else "no_account"

        return await decided(request, person, region, mark, change)
