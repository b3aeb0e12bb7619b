"""The school's page of advice and test: for each pupil what is there, what is due, and the days of the calendar."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from overstap.pages.school.page_frame import PageFrame, dutch

ADDRESS = "/ronde/{round_id}/advies"


class AdvicePages(PageFrame):
    """Handlers of the page."""

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of GET requests, by path."""
        return {ADDRESS: self.advices}

    async def advices(self, request: Request, round_id: str) -> Response:
        """Show advice and test of the school's pupils."""
        session, account = await self._who(request)
        found = await run_in_threadpool(self.operations.advices.advices, account, round_id)
        if found is None or account.only_round is not None:
            raise HTTPException(404)
        return self._page(session, "advice", account=account, found=found, tab="advice", at=dutch("school/advice"))
