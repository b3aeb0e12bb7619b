"""Sign-in with an account of the sector's federation: to the identity provider and back."""

import hmac
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from overstap.ledger.accounts import SignInStep
from overstap.ledger.region_keys import sha256
from overstap.pages.parents.forms import clean
from overstap.pages.school.federation import (
    BegunSignIn,
    FederatedPerson,
    Federation,
    FederationAwayError,
    FederationBusyError,
    FederationRefusedError,
)
from overstap.pages.school.operations import SchoolOperations
from overstap.pages.school.page_frame import PageFrame
from overstap.pages.school.passwords import PasswordVerifier
from overstap.pages.school.second_factor import CODE, SECURITY
from overstap.pages.shared.delays import DelayQueue
from overstap.review.code_keys import PageSession

log = logging.getLogger(__name__)

FEDERATED = "/schoolaccount"
FIRST_PAGE = {SignInStep.NOTHING: "/rondes", SignInStep.FACTOR: CODE, SignInStep.ENROLMENT: SECURITY}
"""Page that follows the first proof of who somebody is."""
_COOKIE_SECONDS = 600
_MAX_CODE = 4_096


class FederatedPages(PageFrame):
    """Handlers of the sign-in at the provider, one method per route; other arguments as of `PageFrame`.

    Args:
        federation: the provider; None: these pages answer 404.
    """

    def __init__(
        self,
        operations: SchoolOperations,
        *,
        federation: Federation | None,
        is_secure: bool,
        verifier: PasswordVerifier,
        delays: DelayQueue,
    ) -> None:
        super().__init__(operations, is_secure=is_secure, verifier=verifier, delays=delays)
        self.federation = federation
        self.begun_cookie = "__Host-schoolaanmelding" if is_secure else "schoolaanmelding"

    def gets(self) -> Mapping[str, Any]:
        """Return the handlers of GET requests, by path; none without a provider."""
        return {} if self.federation is None else {FEDERATED: self.leave, f"{FEDERATED}/terug": self.come_back}

    @property
    def _provider(self) -> Federation:
        if self.federation is None:
            raise RuntimeError("no identity provider of schools is configured")
        return self.federation

    async def leave(self, request: Request) -> Response:
        """Send a browser to the provider."""
        begun = BegunSignIn.new()
        try:
            address = await run_in_threadpool(self._provider.address, begun)
        except (FederationAwayError, FederationBusyError) as problem:
            return self._failed(problem)
        answer = RedirectResponse(address, 303)
        # Lax: the way back begins at another site, and a strict cookie would stay at home
        answer.set_cookie(
            self.begun_cookie,
            begun.cookie,
            max_age=_COOKIE_SECONDS,
            path="/",
            httponly=True,
            samesite="lax",
            secure=self.is_secure,
        )
        return answer

    async def come_back(self, request: Request) -> Response:
        """Begin a session for whom the provider says it is, if that person has an account of that school here."""
        given = request.query_params
        begun = BegunSignIn.read(request.cookies.get(self.begun_cookie, ""))
        if begun is None or not hmac.compare_digest(begun.state.encode(), given.get("state", "").encode()):
            return self._refused("old", 403)
        code = given.get("code", "")
        if not code or len(code) > _MAX_CODE:
            return self._refused("cancelled", 403)
        try:
            person = await run_in_threadpool(self._provider.person, begun, code)
        except (FederationAwayError, FederationBusyError) as problem:
            return self._failed(problem)
        except FederationRefusedError as problem:
            log.warning("sign-in at the identity provider of schools refused: %s", problem.reason)
            return self._refused("refused", 403)
        session = PageSession.new()
        step = await run_in_threadpool(
            partial(self.operations.enter_federated, person, sha256(session.token)),
        )
        if step is None:
            return self._no_account(person)
        answer = self._page(None, "federated", outcome="entered", provider=self._name, following=FIRST_PAGE[step])
        self._begin_session(answer, session)
        answer.delete_cookie(self.begun_cookie, path="/")
        return answer

    @property
    def _name(self) -> str:
        return self._provider.choices.name

    def _no_account(self, person: FederatedPerson) -> Response:
        facts = {"typed": clean(person.account)[:250], "organisation": clean(person.organisation)}
        return self._refused("no_account", 403, **facts)

    def _failed(self, problem: Exception) -> Response:
        answer = self._refused("busy" if isinstance(problem, FederationBusyError) else "away", 503)
        answer.headers["Retry-After"] = "60"
        return answer

    def _refused(self, why: str, status: int, **facts: str) -> Response:
        answer = self._page(None, "federated", status=status, outcome=why, provider=self._name, **facts)
        answer.delete_cookie(self.begun_cookie, path="/")
        return answer
