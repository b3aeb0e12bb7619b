"""Routes of the board for drafts of agreements: begin, check, save, approve by a second person, put aside."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from overstap.agreements.drafting.composition import LastYear, NewAgreementRequest, compose, schools_csv
from overstap.agreements.drafting.fields import (
    comparisons_of,
    coordinators_of,
    with_all_moments,
    with_comparisons,
    with_coordinators,
    with_fields,
)
from overstap.agreements.drafting.files import MOST_BYTES, MOST_BYTES_OF_SCHOOLS, AgreementPlace, AgreementTexts
from overstap.agreements.drafting.merging import MergeConflict, merge
from overstap.agreements.load import agreement_paths
from overstap.agreements.source_positions import SCHOOL_YEAR
from overstap.clock import dutch_time
from overstap.errors import OverstapError
from overstap.ledger.agreement_drafts import (
    AgreementDraft,
    DraftAnswer,
    DraftState,
    approve_draft,
    begin_draft,
    drop_draft,
    rebase_draft,
    save_draft,
    text_of_version,
)
from overstap.ledger.session import Ledger, UnitOfWork
from overstap.pages.board import addresses, csrf
from overstap.pages.board.person import BoardUser
from overstap.pages.board.shared_state import Board
from overstap.pages.board.views.drafts import (
    DraftMessage,
    check_draft,
    draft_page,
    found_draft,
    list_page,
    next_year,
    require_coordinator,
)
from overstap.pages.board.views.page_context import PageContext
from overstap.texts import texts, with_counts

log = logging.getLogger(__name__)

MOST_BODY = MOST_BYTES + MOST_BYTES_OF_SCHOOLS + 1_000_000
"""Largest form: both texts, written as a form is, and a file of schools."""
_MOST_FIELDS = 2_000


class NotDoneError(Exception):
    """A form was not carried out; the message says why, Dutch."""


def add_drafting(app: FastAPI, board: Board, policy: str) -> None:
    """Add the routes to the board's application.

    Args:
        app: the application.
        board: what the pages share.
        policy: Content-Security-Policy of the board; a draft's page may also ask the check while somebody types.
    """
    _add_list(app, board)
    _add_draft(app, board, {"Content-Security-Policy": f"{policy}; connect-src 'self'"})


def _add_list(app: FastAPI, board: Board) -> None:
    asks = Depends(board.airflow.person)

    def written(context: PageContext, region: str, status: int = 200, problem: str = "") -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), context.person, f"agreements/{region}")
        content = list_page(context, board.settings.regions, region, token, problem)
        return HTMLResponse(content, status_code=status)

    @app.get("/afspraken/{region}")
    def agreements(region: str, person: BoardUser = asks) -> HTMLResponse:
        return written(board.context(person), region)

    @app.post("/afspraken/{region}")
    async def begin(request: Request, region: str, person: BoardUser = asks) -> Response:
        context = board.context(person)
        require_coordinator(context, region)
        form = await _form(request)

        def do() -> Response:
            try:
                _check_mark(board, request, person, f"agreements/{region}", form)
                place = AgreementPlace(board.settings.regions, region, _year(form))
                is_new = form.get("what") == "new"
                new, base = _composed(context, place) if is_new else _of_file(place)
                _check_size(new)
                with _unit(board, region, person) as unit:
                    made = begin_draft(
                        *(unit, place.school_year, new, base.digest if base else None),
                        *(base or AgreementTexts("", None), person.account),
                    )
                if made is None:
                    raise NotDoneError(_problem("too_many"))
            except NotDoneError as problem:
                return written(context, region, 422, str(problem))
            log.info("draft of %s %s begun by %s", region, place.school_year, person.account)
            return _to(board, addresses.draft(region, made), "begun")

        return await run_in_threadpool(do)


def _add_draft(app: FastAPI, board: Board, headers: Mapping[str, str]) -> None:
    asks = Depends(board.airflow.person)

    def written(
        context: PageContext,
        region: str,
        draft: AgreementDraft,
        *,
        status: int = 200,
        shown: AgreementTexts | None = None,
        message: DraftMessage | None = None,
    ) -> HTMLResponse:
        token = csrf.form_token(board.airflow.secret(), context.person, f"draft/{draft.draft}")
        content = draft_page(context, board.settings.regions, region, draft, token, shown=shown, message=message)
        return HTMLResponse(content, status_code=status, headers=dict(headers))

    @app.get("/afspraken/{region}/{draft_id}")
    def one_draft(region: str, draft_id: UUID, person: BoardUser = asks, gedaan: str = "") -> HTMLResponse:
        context = board.context(person)
        said = texts("board/drafts")["told"].get(gedaan)
        message = DraftMessage(said["nl"], is_good=True) if said else None
        return written(context, region, found_draft(context, region, draft_id), message=message)

    @app.post("/afspraken/{region}/{draft_id}")
    async def change(request: Request, region: str, draft_id: UUID, person: BoardUser = asks) -> Response:
        context = board.context(person)
        await run_in_threadpool(found_draft, context, region, draft_id)
        form = await _form(request)

        def do() -> Response:
            draft = found_draft(context, region, draft_id)
            place = AgreementPlace(board.settings.regions, region, draft.school_year)
            shown: AgreementTexts | None = None
            try:
                if form.get("do") not in _OTHER_ACTIONS:
                    shown = _typed(context, place, draft, form)
                _check_mark(board, request, person, f"draft/{draft.draft}", form)
                if shown is not None:
                    _check_size(shown)
                    return _save(board, written, context, region, draft, shown, form)
                return _other(board, written, context, region, draft, form)
            except NotDoneError as problem:
                return written(context, region, draft, status=422, shown=shown, message=DraftMessage(str(problem)))

        return await run_in_threadpool(do)

    @app.post("/afspraken/{region}/{draft_id}/controle")
    async def check(request: Request, region: str, draft_id: UUID, person: BoardUser = asks) -> Response:
        """Check what somebody is typing; nothing is saved."""
        context = board.context(person)
        await run_in_threadpool(found_draft, context, region, draft_id)
        form = await _form(request)

        def do() -> Response:
            draft = found_draft(context, region, draft_id)
            place = AgreementPlace(board.settings.regions, region, draft.school_year)
            try:
                _check_mark(board, request, person, f"draft/{draft.draft}", form)
                shown = _typed(context, place, draft, form)
                _check_size(shown)
            except NotDoneError as problem:
                return JSONResponse({"problem": str(problem)}, status_code=422)
            checked = check_draft(place, shown, draft.base)
            words = texts("board/drafts")["check"]
            summary = words["errors"]["nl"].format(**with_counts({"count": checked.errors}))
            return JSONResponse(
                {
                    "summary": summary if checked.errors else words["good"]["nl"],
                    "errors": checked.errors,
                    "fields": {
                        name: [{"error": one.is_error, "says": one.says, "does": one.does} for one in found]
                        for name, found in checked.by_field.items()
                    },
                    "lines": [
                        {"error": one.is_error, "where": one.where, "says": one.says, "does": one.does}
                        for one in checked.others
                    ],
                }
            )

        return await run_in_threadpool(do)


_OTHER_ACTIONS = frozenset({"approve", "drop", "rebase"})


def _save(
    board: Board,
    written: Any,
    context: PageContext,
    region: str,
    draft: AgreementDraft,
    mine: AgreementTexts,
    form: Mapping[str, Any],
) -> Response:
    """Check or save what somebody typed; when another version was saved meanwhile, show both changes together."""
    words = texts("board/drafts")
    if draft.state is not DraftState.OPEN:
        raise NotDoneError(_problem("settled"))
    based_on = _number(form)
    if based_on != draft.version:
        with context.region(region) as unit:
            base = text_of_version(unit, draft.draft, based_on) if unit is not None else None
        both, conflicts = _merged(base or draft.base, mine, draft.texts)
        if both == draft.texts and not conflicts:
            return _to(board, addresses.draft(region, draft.draft), "saved")  # the same form, sent twice
        said = words["problems"]["conflict" if conflicts else "merged"]["nl"]
        other = context.named(region)(draft.changed_by)
        message = DraftMessage(said.format(by=other, version=draft.version), conflicts=conflicts, by=other)
        return written(context, region, draft, status=409, shown=both, message=message)
    if form.get("do") == "check":
        return written(context, region, draft, shown=mine)
    if mine == draft.texts:
        return _to(board, addresses.draft(region, draft.draft), "saved")
    with _unit(board, region, context.person) as unit:
        answer = save_draft(unit, draft.draft, draft.version, mine, context.person.account)
    if answer is DraftAnswer.CHANGED:  # somebody saved between our look and our writing: look again
        return _save(board, written, context, region, found_draft(context, region, draft.draft), mine, form)
    if answer is not DraftAnswer.SAVED:
        raise NotDoneError(_problem("settled"))
    return _to(board, addresses.draft(region, draft.draft), "saved")


def _other(
    board: Board, written: Any, context: PageContext, region: str, draft: AgreementDraft, form: Mapping[str, Any]
) -> Response:
    """Approve a draft, put it aside, or take over changes of the file."""
    place = AgreementPlace(board.settings.regions, region, draft.school_year)
    account = context.person.account
    action = str(form.get("do"))
    if draft.state is not DraftState.OPEN:
        raise NotDoneError(_problem("settled"))
    if action == "rebase":
        return _rebase(board, written, context, region, draft, place)
    if action == "drop":
        with _unit(board, region, context.person) as unit:
            answer = drop_draft(unit, draft.draft, account)
        told = "dropped"
    else:
        if _number(form) != draft.version:
            raise NotDoneError(_problem("changed"))
        stored = _stored(place)
        if (stored.digest if stored else None) != draft.base_digest:
            raise NotDoneError(str(texts("board/drafts")["by_hand"]["nl"]))
        words = texts("board/drafts")["approval"]
        if stored == draft.texts:
            raise NotDoneError(str(words["nothing"]["nl"]))
        if place.has_errors(draft.texts, draft.base):
            raise NotDoneError(str(words["errors"]["nl"]))
        with _unit(board, region, context.person) as unit:
            means = place.agreement(draft.texts).digest
            answer = approve_draft(unit, draft.draft, draft.version, account, means)
        told = "agreed" if answer is DraftAnswer.AGREED else "approved"
    if answer is DraftAnswer.OWN:
        raise NotDoneError(str(texts("board/drafts")["approval"]["own"]["nl"]))
    if answer is DraftAnswer.CHANGED:
        raise NotDoneError(_problem("changed"))
    if answer is DraftAnswer.SETTLED:
        raise NotDoneError(_problem("settled"))
    log.info("draft %s of %s: %s by %s", draft.draft, region, told, account)
    return _to(board, addresses.draft(region, draft.draft), told)


def _rebase(
    board: Board, written: Any, context: PageContext, region: str, draft: AgreementDraft, place: AgreementPlace
) -> Response:
    """Take the changes of the file into the draft; the other way round nothing is lost either, since versions stay."""
    stored = _stored(place) or AgreementTexts("", None)
    digest = stored.digest if place.path.exists() else None
    both, conflicts = _merged(_with_lines(draft.base), draft.texts, _with_lines(stored))
    _check_size(both)
    with _unit(board, region, context.person) as unit:
        answer = rebase_draft(
            unit, draft.draft, draft.version, both, base_digest=digest, base=stored, by=context.person.account
        )
    if answer is not DraftAnswer.SAVED:
        raise NotDoneError(_problem("changed" if answer is DraftAnswer.CHANGED else "settled"))
    if not conflicts:
        return _to(board, addresses.draft(region, draft.draft), "rebased")
    message = DraftMessage(_problem("conflict_file"), False, conflicts)
    return written(context, region, found_draft(context, region, draft.draft), message=message)


def _merged(
    base: AgreementTexts, mine: AgreementTexts, theirs: AgreementTexts
) -> tuple[AgreementTexts, list[MergeConflict]]:
    content = merge(base.content, mine.content, theirs.content)
    conflicts = list(content.conflicts)
    schools = mine.schools
    if mine.schools is not None and theirs.schools is not None:
        merged = merge(base.schools or "", mine.schools, theirs.schools)
        schools, conflicts = merged.text, [*conflicts, *merged.conflicts]
    elif mine.schools is None:
        schools = theirs.schools
    return AgreementTexts(content.text, schools), conflicts


def _typed(
    context: PageContext, place: AgreementPlace, draft: AgreementDraft, form: Mapping[str, Any]
) -> AgreementTexts:
    """Return the texts that a form means: fields, a list of schools or the whole file, put into its own version.

    Raises:
        NotDoneError: the file of schools cannot be read, or there is no such version.
    """
    with context.region(place.region) as unit:
        based_on = text_of_version(unit, draft.draft, _number(form)) if unit is not None else None
    if based_on is None:
        raise NotDoneError(_problem("changed"))
    part = form.get("part")
    if part == "whole":
        return AgreementTexts(_lines(form.get("content")), based_on.schools)
    if part == "schools":
        return AgreementTexts(based_on.content, _schools(form))
    values = {name.removeprefix("v."): str(value) for name, value in form.items() if name.startswith("v.")}
    content = with_fields(based_on.content, place.source(based_on), values)
    changed = AgreementTexts(content, based_on.schools)
    people = coordinators_of(place.source(changed))
    kept = [person for serial, person in enumerate(people) if f"remove.{serial}" not in form]
    if form.get("do") == "write_out":
        content = with_all_moments(content, place.source(changed))
    if form.get("do") == "add_coordinator":
        kept.append({})
    if len(kept) != len(people) or form.get("do") == "add_coordinator":
        content = with_coordinators(content, place.source(changed), kept)
    source = place.source(AgreementTexts(content, based_on.schools))
    compared = [one for serial, one in enumerate(comparisons_of(source, values)) if f"leave.{serial}" not in form]
    if form.get("do") == "add_comparison":
        compared.append({"region": ""})
    return AgreementTexts(with_comparisons(content, source, compared), based_on.schools)


def _schools(form: Mapping[str, Any]) -> str:
    file = form.get("file")
    typed = _lines(form.get("schools"))
    try:
        if isinstance(file, bytes) and file:
            return schools_csv(file).decode()
        # A list from a spreadsheet has tabs or semicolons; what cannot be read stays as it is, and the check says why
        return schools_csv(typed.encode()).decode()
    except OverstapError as error:
        if isinstance(file, bytes) and file:
            raise NotDoneError(_problem("schools_file", problem=error.message_nl)) from error
        return typed


def _composed(context: PageContext, place: AgreementPlace) -> tuple[AgreementTexts, AgreementTexts | None]:
    """Return the new agreement of the year after the newest one, by that one's habits."""
    paths = agreement_paths(place.folder, place.region)
    if place.path.exists():
        raise NotDoneError(_problem("exists", school_year=place.school_year))
    if not paths or place.school_year != next_year([path.stem for path in paths]):
        raise NotDoneError(_problem("unreadable"))
    try:
        last = LastYear.read(paths[-1])
        one = last.agreement
        request = NewAgreementRequest(
            *(place.region, one.name, place.school_year, one.holiday_region, one.coordinators),
        )
        new = compose(request, last, today=_today(context))
    except OverstapError as error:
        raise NotDoneError(f"{error.message_nl} {error.do_nl}") from error
    return AgreementTexts(new.text, new.schools.decode() if new.schools is not None else None), None


def _of_file(place: AgreementPlace) -> tuple[AgreementTexts, AgreementTexts | None]:
    stored = _stored(place)
    if stored is None or "\0" in stored.content:
        raise NotDoneError(_problem("unreadable"))
    return _with_lines(stored), stored


def _stored(place: AgreementPlace) -> AgreementTexts | None:
    try:
        return place.stored()
    except (OSError, UnicodeDecodeError, OverstapError) as error:
        raise NotDoneError(_problem("unreadable")) from error


def _with_lines(stored: AgreementTexts) -> AgreementTexts:
    schools = None if stored.schools is None else _lines(stored.schools)
    return AgreementTexts(_lines(stored.content), schools)


def _lines(text: object) -> str:
    """Return a text with line ends of one kind; a browser sends two signs for each."""
    return str(text or "").replace("\r\n", "\n").replace("\r", "\n")


def _today(context: PageContext) -> date:
    return dutch_time(context.now).date()


def _year(form: Mapping[str, Any]) -> str:
    year = str(form.get("school_year", ""))
    if SCHOOL_YEAR.fullmatch(year) is None or int(year[5:]) != int(year[:4]) + 1:
        raise NotDoneError(_problem("unreadable"))
    return year


def _number(form: Mapping[str, Any]) -> int:
    stated = str(form.get("version", ""))
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 9 else 0


def _check_size(shown: AgreementTexts) -> None:
    text = f"{shown.content}{shown.schools or ''}"
    if shown.is_too_large:
        raise NotDoneError(_problem("too_large"))
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise NotDoneError(_problem("strange_signs"))


def _check_mark(board: Board, request: Request, person: BoardUser, about: str, form: Mapping[str, Any]) -> None:
    if not csrf.is_submitted(request, board.airflow.secret(), person, about, str(form.get("mark", ""))):
        raise NotDoneError(_problem("bad_mark"))


async def _form(request: Request) -> dict[str, Any]:
    """Read a form of limited size.

    Raises:
        HTTPException: 411 when its size is not said beforehand, 413 when it is too large, 400 when the browser left,
            since the page's script drops a check when its user types on.
    """
    stated = request.headers.get("content-length", "")
    if not (stated.isascii() and stated.isdigit()):
        raise HTTPException(411)
    if len(stated) > 9 or int(stated) > MOST_BODY:
        raise HTTPException(413)
    found: dict[str, Any] = {}
    try:
        async with request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=MOST_BODY) as form:
            for name, value in form.items():
                found[name] = await value.read() if isinstance(value, UploadFile) else value
    except ClientDisconnect as problem:
        raise HTTPException(400) from problem
    return found


@contextmanager
def _unit(board: Board, region: str, person: BoardUser) -> Iterator[UnitOfWork]:
    """Open a transaction of the login that may keep drafts.

    Raises:
        NotDoneError: this server has no such login.
    """
    dsn = board.settings.drafts
    if dsn is None:
        raise NotDoneError(_problem("not_set"))
    ledger = Ledger(dsn, None)
    try:
        with ledger.unit(region, f"board: {person.account}") as unit:
            yield unit
    finally:
        ledger.close()


def _problem(name: str, **facts: str) -> str:
    said: str = texts("board/drafts")["problems"][name]["nl"]
    return said.format(**facts)


def _to(board: Board, path: str, told: str) -> RedirectResponse:
    return RedirectResponse(f"{board.airflow.base}{path}?gedaan={told}", status_code=303)
