"""Page on which a secondary school tells how pupils fare, and on which their primary school reads it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from overstap.errors import OverstapError
from overstap.intake.pupil_progress import progress_of, read_progress
from overstap.intake.refusals import RefusedItem
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.region_keys import sha256
from overstap.ledger.rounds.pupil_progress import StatedProgress
from overstap.oso.advice_order import levels, name_of
from overstap.oso.progress_fields import permitted_fields, permitted_years, profiles
from overstap.pages.school.page_frame import PageFrame, dutch, text_of
from overstap.pages.school.progress import COLUMNS, rows
from overstap.review.code_keys import PageSession
from overstap.tabular.values import digits
from overstap.tabular.writing import csv_of, workbook_of

ADDRESS = "/terugkoppeling"
_POLICY = "sandbox; default-src 'none'"
_FIELDS = ("leerlingnummer", "leerjaar", "niveau", "profiel", "nog_op_school")
_SHOWN = 20
"""Most refused rows that are told one by one."""


class ProgressPages(PageFrame):
    """Handlers of the page, one method per route."""

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of GET requests, by path."""
        return {ADDRESS: self.progress}

    def posts(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of POST requests, by path."""
        return {
            f"{ADDRESS}/opgeven": self.state,
            f"{ADDRESS}/bestand": self.take_list,
            f"{ADDRESS}/lijst": self.give_list,
        }

    async def progress(self, request: Request) -> Response:
        """Show what is known."""
        session, account = await self._who(request)
        self._only_members(account)
        return await self._shown(session, account)

    async def _shown(
        self,
        session: PageSession,
        account: SchoolAccount,
        *,
        status: int = 200,
        said: str = "",
        column: str = "",
        counts: tuple[int, int, int] | None = None,
        refused: tuple[RefusedItem, ...] = (),
        restored: Sequence[int] = (),
        is_list: bool = False,
        problem: OverstapError | None = None,
    ) -> HTMLResponse:
        page = await run_in_threadpool(self.operations.progress.page, account, sha256(session.token))
        return self._page(
            session,
            "progress",
            status=status,
            account=account,
            page=page,
            tab="progress",
            said=said,
            column=column,
            counts=counts,
            refused=[one.error for one in refused[:_SHOWN]],
            refused_count=len(refused),
            restored=restored,
            is_list=is_list,
            restored_lines=", ".join(map(str, restored[:_SHOWN])) + (" …" if len(restored) > _SHOWN else ""),
            problem=problem,
            kinds=[key for key in levels() if key != "none"],
            name_of=name_of,
            profiles=profiles(),
            years=permitted_years(),
            fields=permitted_fields(),
            pt=dutch("school/progress"),
            ct=dutch("school/collecting"),
        )

    async def _keep(
        self, session: PageSession, account: SchoolAccount, left: str, found: list[StatedProgress], source: str
    ) -> tuple[int, int] | None:
        return await run_in_threadpool(
            self.operations.progress.state, account, sha256(session.token), left, found, source
        )

    async def state(self, request: Request) -> Response:
        """Keep what was typed of one pupil."""
        session, account, form = await self._sent(request)
        self._only_members(account)
        one = progress_of({name: text_of(form, name).strip() for name in _FIELDS})
        if isinstance(one, str):
            return await self._shown(session, account, said="wrong", column=one, status=422)
        restored = [1] if one.pupil_number != digits(text_of(form, "leerlingnummer")) else []
        return await self._kept(session, account, text_of(form, "vertrokken"), [one], "page", (), restored)

    async def _kept(
        self,
        session: PageSession,
        account: SchoolAccount,
        left: str,
        found: list[StatedProgress],
        source: str,
        refused: tuple[RefusedItem, ...],
        restored: Sequence[int],
    ) -> HTMLResponse:
        try:
            done = await self._keep(session, account, left, found, source)
        except ValueError:
            return await self._shown(session, account, said="year", status=422)
        if done is None:
            return await self._shown(session, account, status=403)
        own, changed = done
        return await self._shown(
            session,
            account,
            said="kept",
            counts=(changed, own - changed, len(found) - own),
            refused=refused,
            restored=restored,
            is_list=source == "file",
            status=200 if own or not found else 404,
        )

    async def take_list(self, request: Request) -> Response:
        """Take in a list."""
        session, account, form = await self._sent(request, files=1)
        self._only_members(account)
        file = form.get("bestand")
        content = await file.read() if isinstance(file, UploadFile) else b""
        if not content:
            return await self._shown(session, account, said="no_file", status=422)
        try:
            found, refused, restored = await run_in_threadpool(read_progress, content)
        except OverstapError as problem:
            return await self._shown(session, account, problem=problem, said="refused", status=422)
        return await self._kept(session, account, text_of(form, "vertrokken"), found, "file", tuple(refused), restored)

    async def give_list(self, request: Request) -> Response:
        """Return what is known as CSV or as a workbook."""
        session, account, form = await self._sent(request)
        self._only_members(account)
        lines = await run_in_threadpool(self.operations.progress.file_lines, account, sha256(session.token))
        if lines is None:
            return await self._shown(session, account, status=403)
        if text_of(form, "vorm") == "xlsx":
            content = await run_in_threadpool(workbook_of, COLUMNS, rows(lines), "Terugkoppeling")
            media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            return _download(content, "terugkoppeling.xlsx", media)
        return _download(csv_of(COLUMNS, rows(lines)), "terugkoppeling.csv", "text/csv; charset=utf-8")


def _download(content: bytes, name: str, media: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-security-policy": _POLICY}
    return Response(content, media_type=media, headers=headers)
