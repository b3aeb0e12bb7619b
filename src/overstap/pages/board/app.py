"""FastAPI application of the board: routes, authorisation, response headers, error pages."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import psycopg
from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import guests
from overstap.pages.board import addresses, csrf, render
from overstap.pages.board.airflow_port import AirflowRefusedError, RunRef, TaskRef
from overstap.pages.board.contacting import add_contacting
from overstap.pages.board.deciding import add_deciding
from overstap.pages.board.drafting import add_drafting
from overstap.pages.board.inviting import add_inviting
from overstap.pages.board.person import BoardUser
from overstap.pages.board.placing import add_placing
from overstap.pages.board.searching import add_searching
from overstap.pages.board.selection import Selection, selection_of
from overstap.pages.board.shared_state import Board, Examine
from overstap.pages.board.supervision import add_supervision
from overstap.pages.board.taking_back import add_taking_back
from overstap.pages.board.views import (
    administration,
    agreement,
    applications,
    calendar,
    files,
    home,
    places,
    rerun,
    round,
    school,
    self_check,
    two_regions,
    yearly,
)
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.resources import INCLUDE
from overstap.texts import texts, with_counts

__all__ = ["Board", "Examine", "make_app"]

log = logging.getLogger(__name__)

HEADERS = {
    # No content of other origins, no inline script or style; framed by Airflow's own pages only.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LEDGER_DOWN = "LEDGER-006"
_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "ics": "text/calendar; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def make_app(board: Board) -> FastAPI:
    """Return the application, to be served at `addresses.PREFIX`."""
    app = FastAPI(title="Overstap: rondes", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=INCLUDE / "static" / "board"))
    _add_headers(app)
    _add_errors(app, board)
    _add_pages(app, board)
    _add_rerun(app, board)
    add_contacting(app, board)
    add_inviting(app, board)
    add_deciding(app, board)
    add_placing(app, board)
    add_taking_back(app, board)
    add_drafting(app, board, HEADERS["Content-Security-Policy"])
    add_supervision(app, board)
    add_searching(app, board)
    return app


def _add_pages(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)

    @app.get("/", response_class=HTMLResponse)
    def all_rounds(person: BoardUser = asks) -> str:
        return home.page(board.context(person), board.airflow.questions, board.airflow.paused(), board.contact_keys)

    @app.get("/ronde/{round_id}", response_class=HTMLResponse, response_model=None)
    def one_round(
        round_id: str,
        person: BoardUser = asks,
        wanted: Selection = Depends(_wanted),  # noqa: B008
        gedaan: str = "",
    ) -> Any:
        context = board.context(person)
        # Somebody who types the reference of a dossier goes to the school whose it is
        found = school.school_of_reference(context, round_id, wanted.text)
        if found is not None:
            return RedirectResponse(f"{addresses.school_page(round_id, found)}#dossiers", 303)
        mark = csrf.form_token(board.airflow.secret(), person, f"{round_id}/up")
        return round.page(
            context, round_id, wanted, board.airflow.questions, board.contact_keys, told=gedaan, mark=mark
        )

    @app.get("/ronde/{round_id}/scholen.{kind}")
    def schools_file(
        round_id: str,
        kind: str,
        person: BoardUser = asks,
        wanted: Selection = Depends(_wanted),  # noqa: B008
    ) -> Response:
        if kind not in ("csv", "xlsx"):
            raise PageNotFoundError(kind)
        context = board.context(person)
        view, rows = round.rows_of(context, round_id, wanted)
        from overstap.pages.board import exports  # what makes workbooks is loaded once one is asked for: 45 MB

        content = exports.to_csv(rows) if kind == "csv" else exports.to_spreadsheet(rows, view, context.now)
        return _file(f"{round_id}-scholen.{kind}", content)

    @app.get("/ronde/{round_id}/rondeverslag.{kind}")
    def report_file(round_id: str, kind: str, person: BoardUser = asks) -> Response:
        return _file(*files.report(board.context(person), round_id, kind))

    @app.get("/ronde/{round_id}/leerlingenlijst.{kind}")
    def rosters_file(round_id: str, kind: str, person: BoardUser = asks) -> Response:
        return _file(*files.rosters(board.context(person), round_id, kind))

    @app.get("/ronde/{round_id}/aanmeldingen.{kind}")
    def applications_file(round_id: str, kind: str, person: BoardUser = asks) -> Response:
        return _file(*applications.file(board.context(person), round_id, kind))

    @app.get("/ronde/{round_id}/plaatsen", response_class=HTMLResponse)
    def places_of_region(round_id: str, person: BoardUser = asks) -> str:
        return places.page(board.context(person), round_id)

    @app.get("/ronde/{round_id}/plaatsen/{name}")
    def places_file(round_id: str, name: str, person: BoardUser = asks) -> Response:
        return _file(*places.file(board.context(person), round_id, name))

    @app.get("/ronde/{round_id}/andere-regio", response_class=HTMLResponse)
    def in_two_regions(round_id: str, person: BoardUser = asks, zoek: str = "") -> str:
        mark = csrf.form_token(board.airflow.secret(), person, f"{round_id}/up")
        return two_regions.page(board.context(person), round_id, zoek, mark=mark)

    @app.get("/ronde/{round_id}/andere-regio.{kind}")
    def two_regions_file(round_id: str, kind: str, person: BoardUser = asks, zoek: str = "") -> Response:
        return _file(*two_regions.file(board.context(person), round_id, kind, zoek))

    @app.get("/jaarcijfers/{region}", response_class=HTMLResponse)
    def figures_of_years(region: str, person: BoardUser = asks) -> str:
        return yearly.page(board.context(person), region)

    @app.get("/jaarcijfers/{region}/{name}")
    def figures_file(region: str, name: str, person: BoardUser = asks) -> Response:
        return _file(*yearly.file(board.context(person), region, name))

    @app.get("/ronde/{round_id}/kwaliteit.html")
    def quality_file(round_id: str, person: BoardUser = asks) -> Response:
        return _file(*files.quality(board.context(person), round_id))

    @app.get("/ronde/{round_id}/school/{school_id}/foutenlijst.{kind}")
    def school_list_file(round_id: str, school_id: str, kind: str, person: BoardUser = asks) -> Response:
        return _file(*files.school_list(board.context(person), round_id, school_id, kind))

    @app.get("/ronde/{round_id}/afspraken", response_class=HTMLResponse)
    def changes_of_agreement(round_id: str, person: BoardUser = asks) -> str:
        return agreement.page(board.context(person), round_id)

    @app.get("/agenda/{region}", response_class=HTMLResponse)
    def calendar_of_region(region: str, person: BoardUser = asks) -> str:
        return calendar.page(board.context(person), region)

    @app.get("/agenda/{region}/{school_year}/{name}.ics")
    def calendar_file(region: str, school_year: str, name: str, person: BoardUser = asks) -> Response:
        return _file(*calendar.file(board.context(person), region, school_year, name))

    @app.get("/ronde/{round_id}/school/{school_id}", response_class=HTMLResponse)
    def one_school(round_id: str, school_id: str, opnieuw: int = 0, person: BoardUser = asks) -> str:
        told = texts("board/rerun")["told"]["nl"].format(**with_counts({"count": opnieuw})) if opnieuw else ""
        return school.page(board.context(person), round_id, school_id, told, board.airflow, board.contact_keys)

    # Airflow's own pages of a DAG and of a run show the board beside them: they know the DAG, not the round.
    @app.get("/dag/{dag_id}", response_class=HTMLResponse)
    def of_dag(
        dag_id: str,
        run: str = "",
        person: BoardUser = asks,
        wanted: Selection = Depends(_wanted),  # noqa: B008
    ) -> str:
        context = board.context(person)
        round_id = round.round_of_dag(context, dag_id, run)
        return round.page(context, round_id, wanted, board.airflow.questions, board.contact_keys)

    @app.get("/beheer", response_class=HTMLResponse)
    def all_regions(person: BoardUser = asks) -> str:
        if not person.is_administrator:
            raise PageNotFoundError("beheer")
        context = board.context(person)
        return administration.page(
            context, board.airflow.health(context.now), board.airflow.red_tasks(), board.settings
        )

    @app.get("/beheer/controle", response_class=HTMLResponse)
    def own_checks(person: BoardUser = asks) -> str:
        if not person.is_administrator or board.examine is None:
            raise PageNotFoundError("controle")
        return self_check.page(board.context(person), board.examine(board.settings, self_check.CHECKS))


def _add_rerun(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)
    words = texts("board/rerun")["problems"]

    def found(context: PageContext, round_id: str, school_id: str) -> tuple[RunRef, TaskRef] | str:
        """Return the run and the task to clear, or the key of the sentence that says why there is none."""
        with context.round(round_id) as (unit, view):
            if view.region not in context.person.reruns:
                return str(words["no_right"]["nl"])
            is_guest = unit is not None and school_id in guests.ids(unit, round_id)
            run = board.airflow.run(view.dag_id)
        if run is None:
            return str(words["no_run"]["nl"])
        return _pair(run, board.airflow.collect_task(run, school_id, is_guest=is_guest)) or str(words["no_task"]["nl"])

    async def shown(
        request: Request, person: BoardUser, round_id: str, school_id: str, *, problem: str = "", note: str = ""
    ) -> HTMLResponse:
        context = board.context(person)
        target = await run_in_threadpool(found, context, round_id, school_id)
        tasks: list[TaskRef] = []
        fatal = target if isinstance(target, str) else ""
        if not isinstance(target, str):
            try:
                tasks = list(await board.airflow.clear(request, *target, note="", is_rehearsal=True))
            except AirflowRefusedError as refused:
                fatal = words["refused"]["nl"].format(said=refused)
        form_token = csrf.form_token(board.airflow.secret(), person, f"{round_id}/{school_id}")

        def write() -> str:
            return rerun.page(
                context,
                round_id,
                school_id,
                tasks=tasks,
                form_token=form_token,
                problem=fatal,
                warning=problem,
                note=note,
            )

        content = await run_in_threadpool(write)
        return HTMLResponse(content, status_code=422 if problem else 409 if fatal else 200)

    @app.get("/ronde/{round_id}/school/{school_id}/opnieuw")
    async def what_a_rerun_does(
        request: Request, round_id: str, school_id: str, person: BoardUser = asks
    ) -> HTMLResponse:
        return await shown(request, person, round_id, school_id)

    @app.post("/ronde/{round_id}/school/{school_id}/opnieuw")
    async def do_rerun(
        request: Request,
        round_id: str,
        school_id: str,
        person: BoardUser = asks,
        mark: str = Form(""),
        note: str = Form(""),
    ) -> Response:
        note = " ".join(note.split())[:500]
        again: dict[str, Any] = {"request": request, "person": person, "note": note}
        again |= {"round_id": round_id, "school_id": school_id}
        if not csrf.is_submitted(request, board.airflow.secret(), person, f"{round_id}/{school_id}", mark):
            return await shown(**again, problem=words["bad_mark"]["nl"])
        if not note:
            return await shown(**again, problem=words["no_note"]["nl"])
        target = await run_in_threadpool(found, board.context(person), round_id, school_id)
        if isinstance(target, str):
            return await shown(**again)
        try:
            tasks = await board.airflow.clear(request, *target, note=note, is_rehearsal=False)
        except AirflowRefusedError as refused:
            return await shown(**again, problem=words["refused"]["nl"].format(said=refused))
        log.info("rerun of %s in %s asked by %s: %d tasks", school_id, round_id, person.account, len(tasks))
        there = f"{board.airflow.base}{addresses.school_page(round_id, school_id)}?opnieuw={len(tasks)}"
        return RedirectResponse(there, status_code=303)


def _file(name: str, content: bytes) -> Response:
    """Return a file as a download: a browser does not open it as a page of the board."""
    headers = {"Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(name)}"}
    return Response(content, media_type=_MEDIA[name.rpartition(".")[2]], headers=headers)


def _pair(run: RunRef, task: TaskRef | None) -> tuple[RunRef, TaskRef] | None:
    return None if task is None else (run, task)


def _wanted(toon: str = "", op: str = "", om: str = "", zoek: str = "") -> Selection:
    return selection_of(toon, op, om == "1", zoek)


def _add_headers(app: FastAPI) -> None:
    @app.middleware("http")
    async def headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if "/static/" in request.url.path and response.status_code == 200:
            response.headers["Cache-Control"] = "max-age=300"
        return response


def _add_errors(app: FastAPI, board: Board) -> None:
    def error_page(status: int, kind: str, error: OverstapError | None = None, code: str = "") -> HTMLResponse:
        words = texts("board/problem_pages")[kind]
        content = render.render(
            "problem",
            base=board.airflow.base,
            now=now(),
            person=BoardUser("", "", frozenset()),
            title=words["title_nl"],
            says=error.message_nl if error else words["nl"],
            do=error.do_nl if error else words["do_nl"],
            code=error.code if error else code,
        )
        return HTMLResponse(content, status_code=status)

    def down(request: Request) -> HTMLResponse:
        # What the error says to an administrator is no help to a coordinator
        return error_page(503, "down" if request.method == "GET" else "down_form", code=_LEDGER_DOWN)

    @app.exception_handler(PageNotFoundError)
    async def not_here(request: Request, problem: PageNotFoundError) -> HTMLResponse:
        return error_page(404, "not_here")

    @app.exception_handler(OverstapError)
    async def known(request: Request, problem: OverstapError) -> HTMLResponse:
        log.error("%s %s", problem.code, problem.message_en)
        return down(request) if problem.code == _LEDGER_DOWN else error_page(503, "failed", problem)

    @app.exception_handler(psycopg.OperationalError)
    async def database(request: Request, problem: psycopg.OperationalError) -> HTMLResponse:
        error = OverstapError(_LEDGER_DOWN, kind=type(problem).__name__)
        log.error("%s %s", error.code, error.message_en)
        return down(request)

    @app.exception_handler(RequestValidationError)
    async def no_value(request: Request, problem: RequestValidationError) -> HTMLResponse:
        # FastAPI's own answer repeats what was given, to a program
        return error_page(404 if request.method == "GET" else 422, "not_here")

    @app.exception_handler(psycopg.DataError)
    async def no_text(request: Request, problem: psycopg.DataError) -> HTMLResponse:
        # A NUL, which is in no text of the ledger, in an address or a form
        log.warning("%s in a request of %s", type(problem).__name__, request.method)
        return error_page(404, "not_here")

    @app.exception_handler(HTTPException)
    async def http(request: Request, problem: HTTPException) -> Response:
        if problem.status_code == 401 and request.method == "GET":
            return RedirectResponse(board.airflow.login(request), status_code=303)
        kinds = {401: "signed_out", 403: "not_here", 411: "too_large", 413: "too_large"}
        return error_page(problem.status_code, kinds.get(problem.status_code, "not_here"))
