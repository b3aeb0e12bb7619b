"""Routes of the board on which a coordinator decides: answers to gates, taking back, asking again, taking up.

The ledger is told first, by one function of the database; then Airflow, with the person's own rights. When Airflow was
not told, the decision stands and the page says so; the same button then passes on what the ledger has.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from overstap.clock import NETHERLANDS, format_moment
from overstap.errors import OverstapError
from overstap.ledger.rosters import by_application
from overstap.ledger.rounds import coordinator_answers
from overstap.ledger.rounds.coordinator_answers import GivenAnswer, KeptAnswer
from overstap.ledger.session import Ledger
from overstap.pages.board import addresses, csrf
from overstap.pages.board.airflow_port import AirflowPort, AirflowRefusedError, RunRef
from overstap.pages.board.person import BoardUser
from overstap.pages.board.questions import REASON_LENGTH, question_view
from overstap.pages.board.shared_state import Board
from overstap.pages.board.views import question, second_thought
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.pages.board.views.question import FoundQuestion
from overstap.texts import texts

log = logging.getLogger(__name__)


def add_deciding(app: FastAPI, board: Board) -> None:
    """Add the routes to the board's application."""
    _add_question(app, board)
    _add_taking_back(app, board)
    _add_asking_again(app, board)
    _add_taking_up(app, board)


def _add_question(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)

    def look(context: PageContext, round_id: str, gate: str, number: int) -> FoundQuestion:
        with context.round(round_id) as (_, view):
            dag_id = view.dag_id
        return question.find(context, round_id, gate, number, board.airflow.questions(dag_id))

    def about(round_id: str, gate: str, number: int, found: FoundQuestion) -> str:
        return f"{round_id}/{gate}/{number}/{found.question.key if found.question else ''}"

    def written(
        context: PageContext, round_id: str, gate: str, number: int, found: FoundQuestion, status: int, **more: Any
    ) -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), context.person, about(round_id, gate, number, found))
        content = question.page(context, round_id, gate, number, found, form_token=token, **more)
        return HTMLResponse(content, status_code=status)

    @app.get("/ronde/{round_id}/besluit/{gate}/{number}")
    def the_question(round_id: str, gate: str, number: int, person: BoardUser = asks) -> HTMLResponse:
        context = board.context(person)
        return written(context, round_id, gate, number, look(context, round_id, gate, number), 200)

    @app.post("/ronde/{round_id}/besluit/{gate}/{number}")
    async def the_answer(
        request: Request,
        round_id: str,
        gate: str,
        number: int,
        person: BoardUser = asks,
        mark: str = Form(""),
        choice: str = Form(""),
        reason: str = Form(""),
        schools: list[str] = Form([]),  # noqa: B008
        until: str = Form(""),
    ) -> Response:
        context = board.context(person)
        given = {"reason": reason, "schools": schools, "until": until}

        def decide() -> tuple[FoundQuestion, KeptAnswer | None, Response | None]:
            """Return the question and the answer that counts, or the page that says why there is none."""
            found = look(context, round_id, gate, number)
            at = (context, round_id, gate, number)
            words = texts("board/decisions")["problems"]
            if found.question is None:
                return found, None, written(*at, found, 409, was_late=True)
            subject = about(round_id, gate, number, found)
            if not csrf.is_submitted(request, board.airflow.secret(), person, subject, mark):
                return found, None, written(*at, found, 422, problem=words["bad_mark"]["nl"], given=given)
            if found.view.region not in person.reruns:
                return found, None, written(*at, found, 403, problem=words["no_right"]["nl"])
            if found.kept is not None:
                return found, found.kept, None
            try:
                answer = _checked(context, round_id, found, choice, " ".join(reason.split()), schools, until)
                with _deciding_ledger(board) as ledger:
                    kept = coordinator_answers.answer(ledger, round_id, found.view.region, person.account, answer)
            except _NotRightError as problem:
                return found, None, written(*at, found, 422, problem=str(problem), given=given)
            except OverstapError as error:
                if error.code == "LEDGER-021":
                    said = f"{error.message_nl} {error.do_nl}"
                    return found, None, written(*at, found, 409, problem=said, given=given)
                if not error.code.startswith("GATE-"):
                    raise
                return found, None, written(*at, found, 409, problem=error.message_nl, given=given)
            return FoundQuestion(found.view, found.question, kept), kept, None

        found, kept, problem = await run_in_threadpool(decide)
        if problem is not None or kept is None or found.question is None:
            return problem or HTMLResponse(status_code=404)
        try:
            await board.airflow.respond(request, found.question, kept.choice)
        except AirflowRefusedError as refused:
            said = texts("board/decisions")["problems"]["half"]["nl"].format(said=refused)
            log.warning("%s %s: the ledger has the answer, Airflow was not told: %s", round_id, gate, refused)
            return await run_in_threadpool(written, context, round_id, gate, number, found, 502, problem=said)
        if kept.account != person.account and choice:
            told = FoundQuestion(found.view, None, kept)
            return await run_in_threadpool(written, context, round_id, gate, number, told, 409, was_late=True)
        log.info("%s %s answered by %s: %s", round_id, gate, kept.account, kept.choice)
        return _to_round(board.airflow, round_id, "answered")


def _add_taking_back(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)

    def written(
        context: PageContext, round_id: str, *, decision: UUID | None = None, status: int = 200, **more: Any
    ) -> HTMLResponse:
        found = second_thought.undoable(context, round_id)
        if found is None:
            more.setdefault("problem", OverstapError("GATE-015").message_nl)
        subject = f"{round_id}/back/{found.decision if found else ''}"
        content = second_thought.page(
            context,
            round_id,
            "back",
            form_token=csrf.form_token(board.airflow.secret(), context.person, subject),
            gate=found.gate if found else "",
            decision=found.decision if found else decision,
            **more,
        )
        return HTMLResponse(content, status_code=409 if found is None and status == 200 else status)

    @app.get("/ronde/{round_id}/terugnemen")
    def what_taking_back_does(round_id: str, person: BoardUser = asks) -> HTMLResponse:
        return written(board.context(person), round_id)

    @app.post("/ronde/{round_id}/terugnemen")
    async def take_back(
        request: Request,
        round_id: str,
        person: BoardUser = asks,
        mark: str = Form(""),
        decision: str = Form(""),
        note: str = Form(""),
    ) -> Response:
        context = board.context(person)
        note = " ".join(note.split())[:REASON_LENGTH]
        words = texts("board/decisions")["problems"]

        def decide() -> str | Response:
            found = second_thought.undoable(context, round_id)
            subject = f"{round_id}/back/{decision}"
            if not csrf.is_submitted(request, board.airflow.secret(), person, subject, mark):
                return written(context, round_id, status=422, warning=words["bad_mark"]["nl"], note=note)
            if not note:
                return written(context, round_id, status=422, warning=words["no_note"]["nl"])
            if found is None or str(found.decision) != decision:
                return written(context, round_id, status=409)
            try:
                with _deciding_ledger(board) as ledger:
                    return coordinator_answers.take_back(
                        *(ledger, round_id, _region(context, round_id), person.account, found.decision),
                        reason=note,
                        key=f"taken back {found.decision}",
                    )
            except OverstapError as error:
                if not error.code.startswith("GATE-"):
                    raise
                return written(context, round_id, status=409, problem=error.message_nl)

        gate = await run_in_threadpool(decide)
        if isinstance(gate, Response):
            return gate
        log.info("%s: %s taken back by %s", round_id, gate, person.account)
        return await _asked(board, request, context, round_id, gate, note, "taken_back", "half_back")


def _add_asking_again(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)
    words = texts("board/decisions")["problems"]

    @app.get("/ronde/{round_id}/opnieuw-vragen/{gate}")
    def what_asking_again_does(round_id: str, gate: str, person: BoardUser = asks) -> HTMLResponse:
        context = board.context(person)
        problem = "" if _region(context, round_id) in person.reruns else words["no_right"]["nl"]
        return _again(board, context, round_id, gate, 403 if problem else 200, problem=problem)

    @app.post("/ronde/{round_id}/opnieuw-vragen/{gate}")
    async def ask_again(
        request: Request,
        round_id: str,
        gate: str,
        person: BoardUser = asks,
        mark: str = Form(""),
        note: str = Form(""),
    ) -> Response:
        context = board.context(person)
        note = " ".join(note.split())[:REASON_LENGTH]
        subject = f"{round_id}/again/{gate}"
        problem = ""
        if not csrf.is_submitted(request, board.airflow.secret(), person, subject, mark):
            problem = words["bad_mark"]["nl"]
        elif not note:
            problem = words["no_note"]["nl"]
        if problem:
            return await run_in_threadpool(
                lambda: _again(board, context, round_id, gate, 422, warning=problem, note=note)
            )
        return await _asked(board, request, context, round_id, gate, note, "asked", "refused")


def _add_taking_up(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)

    @app.post("/ronde/{round_id}/oppakken")
    def take_up(
        request: Request, round_id: str, person: BoardUser = asks, mark: str = Form(""), school: str = Form("")
    ) -> Response:
        context = board.context(person)
        region = _region(context, round_id)
        is_ours = csrf.is_submitted(request, board.airflow.secret(), person, f"{round_id}/up", mark)
        if region not in person.reruns or not is_ours:
            return _to_round(board.airflow, round_id, "")
        with _deciding_ledger(board) as ledger:
            count = coordinator_answers.take_up(ledger, round_id, region, person.account, school)
        log.info("%s: %d dossiers without a receiver taken up by %s", round_id, count, person.account)
        return _to_round(board.airflow, round_id, "taken_up" if count else "", "#over")

    @app.post("/ronde/{round_id}/lijst-oppakken")
    def take_up_list(
        request: Request,
        round_id: str,
        person: BoardUser = asks,
        mark: str = Form(""),
        school: str = Form(""),
        lijst: str = Form(""),
    ) -> Response:
        context = board.context(person)
        region = _region(context, round_id)
        is_ours = csrf.is_submitted(request, board.airflow.secret(), person, f"{round_id}/up", mark)
        with context.round(round_id) as (unit, _):
            known = (
                {(one.school, one.list.value) for one in by_application.all_counts(unit, round_id)} if unit else set()
            )
        if region not in person.reruns or not is_ours or (school, lijst) not in known:
            return _to_round(board.airflow, round_id, "")
        with _deciding_ledger(board) as ledger:
            is_taken = coordinator_answers.take_up_list(ledger, round_id, region, person.account, school, lijst)
        log.info("%s: list %s of %s taken up by %s", round_id, lijst, school, person.account)
        return _to_round(board.airflow, round_id, "taken_up" if is_taken else "", "#leerlingen")


class _NotRightError(Exception):
    """A value of the form is not valid; the message is a Dutch sentence for the page."""


def _checked(
    context: PageContext,
    round_id: str,
    found: FoundQuestion,
    choice: str,
    reason: str,
    schools: list[str],
    until: str,
) -> GivenAnswer:
    """Return the answer of a form, after the checks that the gate's task makes as well.

    Raises:
        _NotRightError: a value is not valid.
    """
    words = texts("board/decisions")["problems"]
    asking = found.question
    if asking is None:
        raise _NotRightError(words["bad_mark"]["nl"])
    with context.round(round_id) as (unit, _):
        if unit is None:
            raise PageNotFoundError(round_id)
        view = question_view(unit, round_id, asking, context.now)
    if choice not in dict(view.options):
        raise _NotRightError(OverstapError("GATE-005", field="antwoord").message_nl)
    if len(reason) > REASON_LENGTH or "\x00" in reason:
        raise _NotRightError(words["too_long"]["nl"])
    moment = None
    if view.latest is not None:
        asked = {row.school for row in view.rows}
        if not schools:
            raise _NotRightError(words["no_school"]["nl"])
        if not set(schools) <= asked:
            raise _NotRightError(OverstapError("GATE-006", schools="?").message_nl)
        if choice == "extend":
            moment = _moment(until)
            if moment is None or not context.now < moment <= view.latest:
                raise _NotRightError(words["no_moment"]["nl"].format(latest=format_moment(view.latest)))
        if choice == "attest" and not reason:
            raise _NotRightError(words["no_reason"]["nl"])
    chosen = tuple(schools) if view.latest is not None else ()
    return GivenAnswer(asking.gate, asking.number, choice, reason, asking.key, chosen, moment)


def _moment(text: str) -> datetime | None:
    """Return a moment in Dutch wall time, as a browser sends it: "2027-03-24T16:00"; None when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=NETHERLANDS)


async def _asked(
    board: Board, request: Request, context: PageContext, round_id: str, gate: str, note: str, told: str, failed: str
) -> Response:
    """Have Airflow ask a gate's question again, and return to the round."""
    words = texts("board/decisions")["problems"]

    def target() -> RunRef | None:
        with context.round(round_id) as (_, view):
            return board.airflow.run(view.dag_id)

    run = await run_in_threadpool(target)
    task = await run_in_threadpool(board.airflow.questions_task, run, gate) if run else None
    try:
        if run is None or task is None:
            raise AirflowRefusedError(words["no_run"]["nl"])
        await board.airflow.clear(request, run, task, note=note, is_rehearsal=False)
    except AirflowRefusedError as refused:
        log.warning("%s %s: not asked again: %s", round_id, gate, refused)
        said = words[failed]["nl"].format(said=refused)
        return await run_in_threadpool(lambda: _again(board, context, round_id, gate, 502, warning=said, note=note))
    return _to_round(board.airflow, round_id, told)


def _again(board: Board, context: PageContext, round_id: str, gate: str, status: int, **more: Any) -> HTMLResponse:
    if gate not in question.GATES:
        raise PageNotFoundError(gate)
    token = csrf.form_token(board.airflow.secret(), context.person, f"{round_id}/again/{gate}")
    content = second_thought.page(context, round_id, "again", form_token=token, gate=gate, **more)
    return HTMLResponse(content, status_code=status)


def _region(context: PageContext, round_id: str) -> str:
    with context.round(round_id) as (_, view):
        return view.region


@contextmanager
def _deciding_ledger(board: Board) -> Iterator[Ledger]:
    """Open the ledger for one decision, with the board's own login, which has no key."""
    ledger = Ledger(board.settings.need("ledger"), None)
    try:
        yield ledger
    finally:
        ledger.close()


def _to_round(airflow: AirflowPort, round_id: str, told: str, place: str = "") -> RedirectResponse:
    query = f"?gedaan={told}" if told else ""
    return RedirectResponse(f"{airflow.base}{addresses.round_page(round_id)}{query}{place}", status_code=303)
