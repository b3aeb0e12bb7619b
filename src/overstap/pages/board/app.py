"""FastAPI application of the board: routes, authorisation, response headers, error pages."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property
from typing import Any
from urllib.parse import quote

import psycopg
from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.pages.board import addresses, csrf, render
from overstap.pages.board.agreement_cache import AgreementCache
from overstap.pages.board.airflow_port import AirflowPort, ClearRefusedError, RunRef, TaskRef
from overstap.pages.board.person import BoardUser
from overstap.pages.board.selection import Selection, selection_of
from overstap.pages.board.views import administration, files, home, rerun, round, school, self_check
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError, sentence_of
from overstap.pages.board.views.self_check import CheckResult
from overstap.quality import report, rulebook
from overstap.resources import INCLUDE
from overstap.settings import Settings
from overstap.texts import texts, with_counts

log = logging.getLogger(__name__)

HEADERS = {
    # No content of other origins, no inline script or style; framed by Airflow's own pages only.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


Examine = Callable[[Settings, Iterable[str]], Iterable[CheckResult]]


class Board:
    """State that the board's pages share. Settings are read at the first request, not at import.

    Args:
        airflow: the interface to Airflow.
        settings: returns the settings.
        examine: the checks of `overstap doctor`; None where there are none.
    """

    def __init__(
        self, airflow: AirflowPort, settings: Callable[[], Settings] = Settings, *, examine: Examine | None = None
    ) -> None:
        self.airflow = airflow
        self.examine = examine
        self._settings = settings

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process."""
        return self._settings()

    @cached_property
    def read_only_ledger(self) -> ReadOnlyLedger:
        """Read-only access to the ledger."""
        return ReadOnlyLedger(self.settings.need("ledger"))

    @cached_property
    def agreement_cache(self) -> AgreementCache:
        """The cache of agreements."""
        return AgreementCache(self.settings.regions)

    def prepare(self) -> None:
        """Load templates, sentences and all agreements, so that the first request does not wait for them."""
        render.prepare()
        sentence_of(rulebook.own_rules()[0].id)
        report.page_words()
        for region in self.agreement_cache.regions():
            self.agreement_cache.of(region)

    def context(self, person: BoardUser) -> PageContext:
        """Return the context of one request."""
        return PageContext(self.read_only_ledger, self.agreement_cache, person, now(), self.airflow.base)


def make_app(board: Board) -> FastAPI:
    """Return the application, to be served at `addresses.PREFIX`."""
    app = FastAPI(title="Overstap: rondes", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=INCLUDE / "static" / "board"))
    _add_headers(app)
    _add_errors(app, board)
    _add_pages(app, board)
    _add_rerun(app, board)
    return app


def _add_pages(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)

    @app.get("/", response_class=HTMLResponse)
    def all_rounds(person: BoardUser = asks) -> str:
        return home.page(board.context(person), board.airflow.questions, board.airflow.paused())

    @app.get("/ronde/{round_id}", response_class=HTMLResponse, response_model=None)
    def one_round(
        round_id: str,
        person: BoardUser = asks,
        wanted: Selection = Depends(_wanted),  # noqa: B008
    ) -> Any:
        context = board.context(person)
        # Somebody who types the reference of a dossier goes to the school whose it is
        found = school.school_of_reference(context, round_id, wanted.text)
        if found is not None:
            return RedirectResponse(f"{addresses.school_page(round_id, found)}#dossiers", 303)
        return round.page(context, round_id, wanted, board.airflow.questions)

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

    @app.get("/ronde/{round_id}/kwaliteit.html")
    def quality_file(round_id: str, person: BoardUser = asks) -> Response:
        return _file(*files.quality(board.context(person), round_id))

    @app.get("/ronde/{round_id}/school/{school_id}", response_class=HTMLResponse)
    def one_school(round_id: str, school_id: str, opnieuw: int = 0, person: BoardUser = asks) -> str:
        told = texts("board/rerun")["told"]["nl"].format(**with_counts({"count": opnieuw})) if opnieuw else ""
        return school.page(board.context(person), round_id, school_id, told)

    # Airflow's own pages of a DAG and of a run show the board beside them: they know the DAG, not the round.
    @app.get("/dag/{dag_id}", response_class=HTMLResponse)
    def of_dag(
        dag_id: str,
        run: str = "",
        person: BoardUser = asks,
        wanted: Selection = Depends(_wanted),  # noqa: B008
    ) -> str:
        context = board.context(person)
        return round.page(context, round.round_of_dag(context, dag_id, run), wanted, board.airflow.questions)

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
        with context.round(round_id) as (_, view):
            if view.region not in context.person.reruns:
                return str(words["no_right"]["nl"])
            run = board.airflow.run(view.dag_id)
        if run is None:
            return str(words["no_run"]["nl"])
        return _pair(run, board.airflow.collect_task(run, school_id)) or str(words["no_task"]["nl"])

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
            except ClearRefusedError as refused:
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
        if not _is_own_page(request) or not csrf.is_valid(
            board.airflow.secret(), person, f"{round_id}/{school_id}", mark
        ):
            return await shown(**again, problem=words["bad_mark"]["nl"])
        if not note:
            return await shown(**again, problem=words["no_note"]["nl"])
        target = await run_in_threadpool(found, board.context(person), round_id, school_id)
        if isinstance(target, str):
            return await shown(**again)
        try:
            tasks = await board.airflow.clear(request, *target, note=note, is_rehearsal=False)
        except ClearRefusedError as refused:
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


def _is_own_page(request: Request) -> bool:
    """Tell whether a browser sent a form from a page of the same origin (Fetch Metadata; where absent, Origin)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


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
    def error_page(status: int, kind: str, error: OverstapError | None = None) -> HTMLResponse:
        words = texts("board/problem_pages")[kind]
        content = render.render(
            "problem",
            base=board.airflow.base,
            now=now(),
            person=BoardUser("", "", frozenset()),
            title=words["title_nl"],
            says=error.message_nl if error else words["nl"],
            do=error.do_nl if error else words["do_nl"],
            code=error.code if error else "",
        )
        return HTMLResponse(content, status_code=status)

    @app.exception_handler(PageNotFoundError)
    async def not_here(request: Request, problem: PageNotFoundError) -> HTMLResponse:
        return error_page(404, "not_here")

    @app.exception_handler(OverstapError)
    async def known(request: Request, problem: OverstapError) -> HTMLResponse:
        log.error("%s %s", problem.code, problem.message_en)
        return error_page(503, "failed", problem)

    @app.exception_handler(psycopg.OperationalError)
    async def database(request: Request, problem: psycopg.OperationalError) -> HTMLResponse:
        error = OverstapError("LEDGER-006", kind=type(problem).__name__)
        log.error("%s %s", error.code, error.message_en)
        return error_page(503, "failed", error)

    @app.exception_handler(HTTPException)
    async def http(request: Request, problem: HTTPException) -> Response:
        if problem.status_code == 401 and request.method == "GET":
            return RedirectResponse(board.airflow.login(request), status_code=303)
        kinds = {401: "signed_out", 403: "not_here"}
        return error_page(problem.status_code, kinds.get(problem.status_code, "not_here"))
