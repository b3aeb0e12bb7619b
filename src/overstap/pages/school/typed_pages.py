"""Pages on which a school types dossiers in: list, steps, overview, view of the parents, handing in.

No script is needed: blocks are added and taken away by buttons that save the step as well.
"""

import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import psycopg
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from overstap.errors import OverstapError
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.dossiers.typed import TypedAnswer, TypedState
from overstap.oso import structure
from overstap.oso.labels import DEFAULT_LANGUAGE, labels
from overstap.pages.parents.forms import clean
from overstap.pages.parents.lines import block_html
from overstap.pages.school import kept_steps
from overstap.pages.school.page_frame import PageFrame, dutch, id_of, is_ours, read_form, text_of
from overstap.pages.school.typed_operations import OpenDraft, SavedStep, SentFile
from overstap.pages.school.uploaded import LARGEST_FILE, UploadedFile
from overstap.pages.shared.guard import RequestLimits
from overstap.review.code_keys import PageSession
from overstap.tabular import MAX_BYTES
from overstap.texts import texts
from overstap.typed.dossier import MAX_FILE_BYTES
from overstap.typed.form import FormFieldKind, FormStep, walk
from overstap.typed.view import shown

_STEP = re.compile(r"/ronde/[^/]+/invullen/(?:werkmap|oso|[^/]+/stap/[a-z_]+(?:/alsnog)?)")
_MAX_FIELDS, _MAX_FILES = 3_000, 20
_BODY = RequestLimits(body_bytes=3 * MAX_FILE_BYTES + 2_000_000, body_seconds=180)
_FILES = RequestLimits(body_bytes=LARGEST_FILE + 2_000_000, body_seconds=180)
_SAVED = frozenset({"bewaard", "samen", "erbij"})
"""Messages that an address can ask for after a step was saved."""
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"


def limits_of_step(path: str) -> RequestLimits | None:
    """Return the limits of a step that is saved or of files, which can be large; None for any other address."""
    if not _STEP.fullmatch(path):
        return None
    return _FILES if path.endswith("/oso") else _BODY


LIMITS_OF_KEPT = RequestLimits(body_bytes=4_000_000, body_seconds=60)
"""Limits of a step whose session has ended, from a browser that has the key to keep it: a scan or two."""
LIMITS_OF_SEALED = RequestLimits(body_bytes=6_000_000, body_seconds=60)
"""Limits of a step that was kept: the same in Base64."""


def limits_of_kept(path: str) -> RequestLimits:
    """Return the limits of a step without a session, from a browser that has the key to keep it."""
    return LIMITS_OF_SEALED if path.endswith("/alsnog") else LIMITS_OF_KEPT


class TypedPages(PageFrame):
    """Handlers of the pages, one method per route."""

    def gets(self) -> dict[str, Any]:
        """Return the handlers of GET requests, by path."""
        return {
            "/ronde/{round_id}/invullen": self.drafts,
            "/ronde/{round_id}/invullen/werkmap.xlsx": self.workbook,
            "/ronde/{round_id}/invullen/{draft}": self.overview,
            "/ronde/{round_id}/invullen/{draft}/stap/{step}": self.step,
            "/ronde/{round_id}/invullen/{draft}/ouders": self.as_parents_see,
            "/ronde/{round_id}/invullen/{draft}/bestand/{file}": self.file,
        }

    def posts(self) -> dict[str, Any]:
        """Return the handlers of POST requests, by path."""
        return {
            "/ronde/{round_id}/invullen": self.begin,
            "/ronde/{round_id}/invullen/werkmap": self.take_workbook,
            "/ronde/{round_id}/invullen/oso": self.upload,
            "/ronde/{round_id}/invullen/{draft}/stap/{step}": self.save,
            "/ronde/{round_id}/invullen/{draft}/stap/{step}/alsnog": self.save_kept,
            "/ronde/{round_id}/invullen/{draft}/aanleveren": self.hand_in,
            "/ronde/{round_id}/invullen/{draft}/verbeteren": self.reopen,
            "/ronde/{round_id}/invullen/{draft}/weggooien": self.drop,
        }

    async def drafts(self, request: Request, round_id: str) -> Response:
        """Show the drafts of the school in a round."""
        session, account = await self._who(request)
        return await self._list(session, account, round_id)

    async def _list(
        self, session: PageSession, account: SchoolAccount, round_id: str, *, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.operations.typed.list, account, round_id)
        facts = {"sheet": None, "copy": "", "fault_of_workbook": "", "uploads": None, "fault_of_upload": ""} | facts
        return self._typed(session, "typed_list", status=status, account=account, found=found, **facts)

    def _typed(self, session: PageSession | None, name: str, *, status: int = 200, **facts: Any) -> HTMLResponse:
        facts.setdefault("note", "")
        return self._page(
            session, name, status=status, tab="typed", tt=dutch("school/typed"), mt=dutch("school/mapping"), **facts
        )

    async def begin(self, request: Request, round_id: str) -> Response:
        """Begin a draft and show its first step."""
        _, account, form = await self._sent(request)
        earlier, entry = (
            id_of(chosen) if (chosen := text_of(form, name).strip()) else None for name in ("eerder", "leerling")
        )
        made = await run_in_threadpool(
            partial(self.operations.typed.begin, account, round_id, earlier=earlier, entry=entry)
        )
        found = await run_in_threadpool(self.operations.typed.draft, account, round_id, made)
        return RedirectResponse(_address(round_id, made, f"stap/{found.round.form.steps[0].name}"), 303)

    async def workbook(self, request: Request, round_id: str) -> Response:
        """Return the workbook in which the school types its pupils."""
        _, account = await self._who(request)
        made = await run_in_threadpool(self.operations.typed.workbook, account, round_id)
        return _download(made, "leerlingen.xlsx", _WORKBOOK)

    async def take_workbook(self, request: Request, round_id: str) -> Response:
        """Hand in the pupils of a workbook; when some are wrong, the answer is a workbook with the faults."""
        session, account, form = await self._sent(request, files=1)
        file = form.get("bestand")
        content = await file.read(MAX_BYTES + 1) if isinstance(file, UploadFile) else b""
        if not content:
            return await self._list(session, account, round_id, fault_of_workbook="none", status=422)
        try:
            outcome = await run_in_threadpool(self.operations.typed.take_workbook, account, round_id, content)
        except OverstapError as error:
            return await self._list(session, account, round_id, problem=error, status=422)
        copy = b64encode(outcome.copy).decode("ascii") if outcome.copy is not None else ""
        return await self._list(session, account, round_id, sheet=outcome, copy=copy)

    async def upload(self, request: Request, round_id: str) -> Response:
        """Hand in the dossiers of OSO files; what is wrong with one is told beside its name, and it is not kept."""
        session, account, form = await self._sent(request, files=_MAX_FILES)
        sent = [
            UploadedFile(clean(value.filename or "")[:120], await value.read(LARGEST_FILE + 1))
            for value in form.getlist("bestand")
            if isinstance(value, UploadFile) and value.filename
        ]
        if not sent:
            return await self._list(session, account, round_id, fault_of_upload="none", status=422)
        try:
            outcomes = await run_in_threadpool(self.operations.uploads.take, account, round_id, sent)
        except OverstapError as error:
            return await self._list(session, account, round_id, problem=error, status=422)
        is_wrong = any(one.state == "refused" for one in outcomes)
        return await self._list(session, account, round_id, uploads=outcomes, status=422 if is_wrong else 200)

    async def overview(self, request: Request, round_id: str, draft: str) -> Response:
        """Show a draft as a whole: its steps, what is wrong, and the button to hand it in."""
        session, account = await self._who(request)
        return await self._overview(session, account, round_id, draft)

    async def _overview(
        self,
        session: PageSession,
        account: SchoolAccount,
        round_id: str,
        draft: str,
        *,
        status: int = 200,
        **facts: Any,
    ) -> HTMLResponse:
        found = await run_in_threadpool(self.operations.typed.draft, account, round_id, id_of(draft))
        base = _address(round_id, found.draft.typed)
        return self._typed(session, "typed", status=status, account=account, found=found, base=base, **facts)

    async def step(self, request: Request, round_id: str, draft: str, step: str) -> Response:
        """Show one step of the form."""
        session, account = await self._who(request)
        found = await run_in_threadpool(self.operations.typed.draft, account, round_id, id_of(draft))
        about = _step_of(found, step)
        note = next((name for name in _SAVED if name in request.query_params), "")
        by = clean(request.query_params.get("samen", ""))[:250]
        return self._step(request, session, account, found, about, is_checked=found.is_begun(step), note=note, by=by)

    def _step(
        self,
        request: Request,
        session: PageSession,
        account: SchoolAccount,
        found: OpenDraft,
        about: FormStep,
        *,
        is_checked: bool,
        status: int = 200,
        saved: SavedStep | None = None,
        **facts: Any,
    ) -> HTMLResponse:
        findings = list(found.findings) if is_checked else []
        answers = saved.answers if saved is not None else found.answers(about.name)
        view = shown(about, answers, findings, saved.clashes if saved is not None else ())
        of_step = [one for one in findings if one.step == about.name]
        files = {} if saved is None else {path: _file_sentence(code) for path, code in saved.file_faults}
        facts.setdefault("by", saved.by if saved is not None else "")
        steps = found.round.form.steps
        key = kept_key(request, self.kept_cookie)
        made = key or kept_steps.new_key()
        answer = self._typed(
            session,
            "typed_step",
            status=status,
            st=dutch("school/support"),
            account=account,
            found=found,
            base=_address(found.round_id, found.draft.typed),
            step=about,
            view=view,
            of_step=of_step,
            error_count=sum(one.severity == "error" for one in of_step) + len(files),
            has_files=any(getattr(one, "kind", None) is FormFieldKind.FILE for one in walk(about.block)),
            file_faults=files,
            number=found.steps[about.name].number if about.name in found.steps else 0,
            place=[one.name for one in steps if one.is_mandatory].index(about.name) + 1 if about.is_mandatory else 0,
            places=sum(one.is_mandatory for one in steps),
            clashes=saved.clashes if saved is not None else (),
            is_settled=saved.is_settled
            if saved is not None
            else found.draft.state is not TypedState.OPEN or found.round.is_closed,
            is_full=saved is not None and saved.is_full,
            max_megabytes=MAX_FILE_BYTES // 1_000_000,
            mark=kept_steps.mark_of(made, account.account, _place(found.round_id, found.draft.typed, about.name)),
            **facts,
        )
        if key is None:
            self._set_cookie(answer, self.kept_cookie, urlsafe_b64encode(made).decode())
        return answer

    async def save(self, request: Request, round_id: str, draft: str, step: str) -> Response:
        """Save a step, and show the next one, or this one with what is wrong in it.

        A form whose session has ended is kept in the answer, and so is one that comes while the ledger is away.
        """
        try:
            return await self._save(request, round_id, draft, step)
        except HTTPException as problem:
            if problem.status_code != 401:
                raise
            return await self._keep(request, round_id, draft, step, status=403)
        except (OverstapError, psycopg.OperationalError) as problem:
            if isinstance(problem, OverstapError) and problem.code != "LEDGER-006":
                raise
            return await self._keep(request, round_id, draft, step, status=503)

    async def _save(self, request: Request, round_id: str, draft: str, step: str) -> Response:
        """Save a step; 401 without a session, or for a form that is not the account's.

        A form that was made for the account in an earlier session of the same browser is saved like any other: its
        mark is known to nobody else.
        """
        session, account = await self._who(request)
        form = await read_form(request, files=_MAX_FILES, fields=_MAX_FIELDS)
        key, place = kept_key(request, self.kept_cookie), _place(round_id, id_of(draft), step)
        if not is_ours(session, form) and not (
            key is not None and kept_steps.is_mark(text_of(form, "zegel"), key, account.account, place)
        ):
            raise HTTPException(401)
        files, action = await _files(form), text_of(form, "doe")
        return await self._saved(
            *(request, session, account, round_id, id_of(draft), step), _number(form), _given(form), files, action
        )

    async def _saved(
        self,
        request: Request,
        session: PageSession,
        account: SchoolAccount,
        round_id: str,
        draft: UUID,
        step: str,
        number: int,
        given: Sequence[tuple[str, str]],
        files: Sequence[SentFile],
        action: str,
    ) -> Response:
        before = await run_in_threadpool(self.operations.typed.draft, account, round_id, draft)
        about = _step_of(before, step)
        saved = await run_in_threadpool(
            partial(
                self.operations.typed.save,
                *(account, round_id, before.draft.typed, about, number, given, files),
                action=action,
            )
        )
        found = saved.draft
        if saved.is_settled or saved.clashes:
            return self._step(request, session, account, found, about, is_checked=True, status=409, saved=saved)
        if saved.file_faults:
            return self._step(request, session, account, found, about, is_checked=True, status=422, saved=saved)
        here = _address(round_id, found.draft.typed, f"stap/{about.name}")
        if action.startswith(("erbij:", "weg:")):
            block = action.partition(":")[2]
            return RedirectResponse(f"{here}?erbij#b-{quote(block, safe='/[]')}", 303)
        if saved.by:
            return RedirectResponse(f"{here}?{urlencode({'samen': saved.by})}", 303)
        if action == "overzicht":
            return RedirectResponse(_address(round_id, found.draft.typed), 303)
        if action == "blijf" or (action != "later" and found.errors(about.name)):
            return RedirectResponse(f"{here}?bewaard", 303)
        following = found.next_step(about.name)
        where = f"stap/{following}" if following is not None else ""
        return RedirectResponse(_address(round_id, found.draft.typed, where), 303)

    async def _keep(self, request: Request, round_id: str, draft: str, step: str, *, status: int) -> Response:
        """Show what was sent and could not be saved as kept; 401 where the form was not made in this browser."""
        form = await read_form(request, files=_MAX_FILES, fields=_MAX_FIELDS)
        key, mark = kept_key(request, self.kept_cookie), text_of(form, "zegel")
        if key is None or not mark:
            raise HTTPException(401)
        place = _place(round_id, id_of(draft), step)
        files = [kept_steps.KeptFile(one.path, one.name, one.content) for one in await _files(form)]
        kept = kept_steps.KeptStep(_number(form), _given(form), mark, files)
        sealed = await run_in_threadpool(kept_steps.sealed, key, kept, place)
        return self._kept(place, sealed, files=len(files), status=status)

    def _kept(self, place: str, text: str, *, files: int, status: int = 403, note: str = "") -> Response:
        facts = {"address": f"{place}/alsnog", "kept": text, "files": files, "note": note}
        answer = self._typed(None, "typed_kept", status=status, why="away" if status == 503 else "ended", **facts)
        if status == 503:
            answer.headers["Retry-After"] = "60"
        return answer

    async def save_kept(self, request: Request, round_id: str, draft: str, step: str) -> Response:
        """Save a step that was kept, for the account that typed it.

        It needs no token of a session: nobody but this browser can have sealed it.
        """
        form = await read_form(request, files=0, fields=5)
        key, text = kept_key(request, self.kept_cookie), text_of(form, "bewaard")
        place = _place(round_id, id_of(draft), step)
        kept = await run_in_threadpool(kept_steps.opened, key, text, place) if key is not None else None
        if key is None or kept is None:
            raise HTTPException(401)
        try:
            session, account = await self._who(request)
            if not kept_steps.is_mark(kept.mark, key, account.account, place):
                return self._kept(place, text, files=len(kept.files), note="kept_other")
            return await self._saved(
                *(request, session, account, round_id, id_of(draft), step),
                *(kept.number, kept.fields, [SentFile(one.path, one.name, one.content) for one in kept.files]),
                "blijf",
            )
        except HTTPException as problem:
            if problem.status_code != 401:
                raise
            return self._kept(place, text, files=len(kept.files), note="kept_not_yet")
        except (OverstapError, psycopg.OperationalError) as problem:
            if isinstance(problem, OverstapError) and problem.code != "LEDGER-006":
                raise
            return self._kept(place, text, files=len(kept.files), status=503)

    async def as_parents_see(self, request: Request, round_id: str, draft: str) -> Response:
        """Show the draft as the parents will see it."""
        session, account = await self._who(request)
        found, copy = await run_in_threadpool(self.operations.typed.as_parents_see, account, round_id, id_of(draft))
        names = labels(DEFAULT_LANGUAGE).with_names(copy["names"])
        return self._typed(
            *(session, "typed_parents"),
            account=account,
            found=found,
            base=_address(round_id, found.draft.typed),
            copy=copy,
            names=names,
            block_html=block_html,
            rw=texts("review/nl")["sentences"]["dossier"],
        )

    async def file(self, request: Request, round_id: str, draft: str, file: str) -> Response:
        """Return an attachment of a draft, always as a download under a neutral name."""
        _, account = await self._who(request)
        found = await run_in_threadpool(self.operations.typed.file, account, round_id, id_of(draft), id_of(file))
        ending = found.name.rpartition(".")[2].lower()
        ending = ending if ending.isascii() and ending.isalnum() and len(ending) < 6 else "bin"
        headers = {
            "content-disposition": f'attachment; filename="bijlage.{ending}"',
            "content-security-policy": _FILE_POLICY,
        }
        return Response(found.content, media_type="application/octet-stream", headers=headers)

    async def hand_in(self, request: Request, round_id: str, draft: str) -> Response:
        """Hand a draft in."""
        session, account, form = await self._sent(request)
        version = text_of(form, "versie")
        answer = await run_in_threadpool(
            self.operations.typed.hand_in,
            *(account, round_id, id_of(draft)),
            int(version) if version.isascii() and version.isdigit() and len(version) < 9 else -1,
        )
        if answer is TypedAnswer.HANDED_IN:
            return await self._list(session, account, round_id, note="handed_in")
        return await self._overview(session, account, round_id, draft, status=409, note=f"not_{answer.value}")

    async def reopen(self, request: Request, round_id: str, draft: str) -> Response:
        """Take a handed-in draft up again."""
        session, account, _ = await self._sent(request)
        answer = await run_in_threadpool(self.operations.typed.reopen, account, round_id, id_of(draft))
        status = 200 if answer is TypedAnswer.OPEN else 409
        note = "reopened" if answer is TypedAnswer.OPEN else "not_settled"
        return await self._overview(session, account, round_id, draft, status=status, note=note)

    async def drop(self, request: Request, round_id: str, draft: str) -> Response:
        """Throw a draft away that was never handed in."""
        session, account, form = await self._sent(request)
        if text_of(form, "zeker") != "ja":
            return await self._overview(session, account, round_id, draft, status=422, note="not_sure")
        answer = await run_in_threadpool(self.operations.typed.drop, account, round_id, id_of(draft))
        if answer is TypedAnswer.DROPPED:
            return await self._list(session, account, round_id, note="dropped")
        return await self._overview(session, account, round_id, draft, status=409, note="not_settled")


def kept_key(request: Request, cookie: str) -> bytes | None:
    """Return the key with which a browser's steps are kept; None when it has none.

    Args:
        request: the request.
        cookie: name of the cookie.
    """
    with suppress(ValueError):
        key = urlsafe_b64decode(request.cookies.get(cookie, "").encode())
        if len(key) == kept_steps.KEY_BYTES:
            return key
    return None


def _place(round_id: str, draft: UUID, step: str) -> str:
    return _address(round_id, draft, f"stap/{step}")


def _number(form: FormData) -> int:
    """Return the number of the version that was shown; 0 when it is none."""
    text = text_of(form, "versie")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _download(content: bytes, name: str, media: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-security-policy": _FILE_POLICY}
    return Response(content, media_type=media, headers=headers)


def _address(round_id: str, draft: Any, more: str = "") -> str:
    return f"/ronde/{quote(round_id)}/invullen/{draft}" + (f"/{more}" if more else "")


def _step_of(found: OpenDraft, name: str) -> FormStep:
    step = found.round.form.step(name) if not found.draft.is_file else None  # nothing in a file is typed
    if step is None:
        raise HTTPException(404)
    return step


def _given(form: FormData) -> list[tuple[str, str]]:
    """Return names and texts of the form's fields; where somebody takes over what another wrote, that text."""
    fields = [(name, clean(value)) for name, value in form.multi_items() if isinstance(value, str)]
    taken = {name.removeprefix("over:") for name, value in fields if name.startswith("over:") and value == "ja"}
    theirs = {name.removeprefix("hun:"): value for name, value in fields if name.startswith("hun:")}
    return [one for one in fields if one[0] not in taken] + [(path, theirs.get(path, "")) for path in sorted(taken)]


async def _files(form: FormData) -> list[SentFile]:
    found = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) and (value.filename or value.size):
            content = await value.read(MAX_FILE_BYTES + 1)
            if value.filename or content:
                found.append(SentFile(name.removeprefix("bestand:"), clean(value.filename or ""), content))
    return found


def _file_sentence(code: str) -> str:
    if code.startswith("ATTACHMENT-"):
        return structure.sentence(code)[0]
    return dutch("school/typed")(f"file.{code}")
