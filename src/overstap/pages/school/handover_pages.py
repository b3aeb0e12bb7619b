"""Pages on which schools propose and agree moments for a warm handover, say that they talked, and make class lists."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.region_keys import sha256
from overstap.pages.school.handovers import CLASS_COLUMNS, MAX_CLASS, NOTE_LENGTH, SUGGESTED
from overstap.pages.school.page_frame import PageFrame, dutch, id_of, text_of
from overstap.review.code_keys import PageSession
from overstap.tabular.writing import csv_of, workbook_of
from overstap.texts import texts

ADDRESS = "/overdracht"
_POLICY = "sandbox; default-src 'none'"


class HandoverPages(PageFrame):
    """Handlers of the pages, one method per route."""

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of GET requests, by path."""
        return {ADDRESS: self.handovers, f"{ADDRESS}/klassenlijst": self.choose_class}

    def posts(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of POST requests, by path."""
        return {
            f"{ADDRESS}/voorstel": self.propose,
            f"{ADDRESS}/afspreken": self.agree,
            f"{ADDRESS}/afronden": self.end,
            f"{ADDRESS}/agenda": self.calendar,
            f"{ADDRESS}/klassenlijst": self.class_list,
        }

    async def handovers(self, request: Request) -> Response:
        """Show the dossiers that ask for contact."""
        session, account = await self._who(request)
        return await self._shown(session, account)

    async def _shown(
        self, session: PageSession, account: SchoolAccount, *, status: int = 200, said: str = ""
    ) -> HTMLResponse:
        page = await run_in_threadpool(self.operations.handovers.page, account, sha256(session.token))
        return self._page(
            session,
            "handovers",
            status=status,
            account=account,
            page=page,
            tab="handovers",
            said=said,
            most=NOTE_LENGTH,
            ht=dutch("school/handovers"),
            ct=dutch("school/collecting"),
        )

    async def _told(self, session: PageSession, account: SchoolAccount, said: str | None) -> HTMLResponse:
        is_good = said in ("proposed", "agreed", "ended", "same")
        status = 200 if is_good else {None: 403, "unknown": 404, "changed": 409}.get(said, 422)
        return await self._shown(session, account, status=status, said=said or "")

    async def propose(self, request: Request) -> Response:
        """Propose moments to the other school."""
        session, account, form = await self._sent(request)
        typed = [text_of(form, f"moment{place}") for place in range(1, SUGGESTED + 1)]
        said = await run_in_threadpool(
            self.operations.handovers.propose,
            *(account, sha256(session.token), id_of(text_of(form, "dossier")), text_of(form, "school")[:6], typed),
        )
        return await self._told(session, account, "proposed" if said == "kept" else said)

    async def agree(self, request: Request) -> Response:
        """Agree a moment that the other school proposed."""
        session, account, form = await self._sent(request)
        said = await run_in_threadpool(
            self.operations.handovers.agree,
            *(account, sha256(session.token), id_of(text_of(form, "dossier")), text_of(form, "school")[:6]),
            text_of(form, "moment")[:40],
        )
        return await self._told(session, account, "agreed" if said == "kept" else said)

    async def end(self, request: Request) -> Response:
        """Record that the schools talked, or that they do not."""
        session, account, form = await self._sent(request)
        note, outcome = text_of(form, "notitie").strip(), text_of(form, "uitkomst")
        if outcome not in ("gesproken", "niet"):
            return await self._told(session, account, "outcome")
        if len(note) > NOTE_LENGTH:
            return await self._told(session, account, "long")
        if outcome == "niet" and not note:
            return await self._told(session, account, "why")

        def ended() -> str | None:
            return self.operations.handovers.end(
                account,
                sha256(session.token),
                id_of(text_of(form, "dossier")),
                text_of(form, "school")[:6],
                is_done=outcome == "gesproken",
                note=note,
            )

        said = await run_in_threadpool(ended)
        return await self._told(session, account, "ended" if said == "kept" else said)

    async def calendar(self, request: Request) -> Response:
        """Return the agreed moments as a calendar file."""
        session, account, _ = await self._sent(request)
        content = await run_in_threadpool(self.operations.handovers.calendar, account, sha256(session.token))
        return _download(content, "overdracht.ics", "text/calendar; charset=utf-8")

    async def choose_class(self, request: Request) -> Response:
        """Show the pupils from whom a class list is made."""
        session, account = await self._who(request)
        await self._only_receivers(account)
        return await self._class(session, account)

    async def _only_receivers(self, account: SchoolAccount) -> None:
        if not await run_in_threadpool(self.operations.collecting.is_receiver, account):
            raise HTTPException(404)

    async def _class(
        self, session: PageSession, account: SchoolAccount, *, status: int = 200, said: str = ""
    ) -> HTMLResponse:
        lines = await run_in_threadpool(self.operations.handovers.class_pupils, account, sha256(session.token))
        return self._page(
            session,
            "class_list",
            status=status,
            account=account,
            lines=lines,
            tab="handovers",
            said=said,
            most=MAX_CLASS,
            ht=dutch("school/handovers"),
        )

    async def class_list(self, request: Request) -> Response:
        """Return a class list for a mentor: as CSV, as a workbook, or as a page to print."""
        session, account, form = await self._sent(request, fields=MAX_CLASS + 10)
        await self._only_receivers(account)
        name, how = " ".join(text_of(form, "klas").split())[:40], text_of(form, "vorm")
        chosen: list[UUID] = [id_of(each) for each in form.getlist("dossier") if isinstance(each, str)]
        if not chosen or not name:
            return await self._class(session, account, status=422, said="class")
        states = {key: each["nl"] for key, each in texts("school/handovers")["states"].items()}
        rows = await run_in_threadpool(
            self.operations.handovers.class_list, account, sha256(session.token), chosen, name, states
        )
        if how == "csv":
            return _download(csv_of(CLASS_COLUMNS, rows), "klassenlijst.csv", "text/csv; charset=utf-8")
        if how == "xlsx":
            content = await run_in_threadpool(workbook_of, CLASS_COLUMNS, rows, name)
            media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            return _download(content, "klassenlijst.xlsx", media)
        return self._page(
            session,
            "class_print",
            account=account,
            rows=[_printed(dict(zip(CLASS_COLUMNS, row, strict=True))) for row in rows],
            class_name=name,
            tab="handovers",
            ht=dutch("school/handovers"),
        )


def _printed(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as it is printed: the birth date day first; in files it stays as other systems read it."""
    return {**row, "geboortedatum": "-".join(reversed(str(row["geboortedatum"]).split("-")))}


def _download(content: bytes, name: str, media: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-security-policy": _POLICY}
    return Response(content, media_type=media, headers=headers)
