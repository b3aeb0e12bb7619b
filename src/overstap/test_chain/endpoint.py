"""Endpoint for results of the test: `POST /leerlingresultaat` of the Doorstroomtoets API 1.1.0.

It stands beside the region's desk, on the same server with mutual TLS. A result is taken of a pupil whom the region
registered at this supplier for this school, and of nobody else; 202 is said after it is committed.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import psycopg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from overstap import clock
from overstap.agreements.model import SchoolMandate, SupplierOfTests
from overstap.errors import OverstapError
from overstap.intake.pupil_tests import is_school_year, las_key_in, read_result
from overstap.ledger import Ledger
from overstap.ledger.dossiers.test_registrations import SentResult, take_result
from overstap.ledger.rounds import rounds
from overstap.texts import texts
from overstap.transport.mtls_server import BusyError, body_of, media_type_of
from overstap.transport.worker_pool import WorkerPool

RESULTS = "/doorstroomtoets/v1.1/leerlingresultaat"
"""Path of the endpoint on the desk's server."""
MAX_BYTES = 256 * 1024
WORKERS = 2
_AHEAD = timedelta(days=1)
"""How far a message may be ahead of the clock; one that is further would keep later ones out."""
_log = logging.getLogger(__name__)


class ResultAnswer(StrEnum):
    """Answer to a result, an entry of include/texts/delivery/test_results.yaml."""

    TAKEN = "taken"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN_SCHOOL = "unknown_school"
    UNKNOWN_PUPIL = "unknown_pupil"
    INVALID = "invalid"
    MEDIA_TYPE = "media_type"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    NOT_NOW = "not_now"


_STATUS = {
    ResultAnswer.TAKEN: 202,
    ResultAnswer.NOT_ALLOWED: 401,
    ResultAnswer.UNKNOWN_SCHOOL: 405,
    ResultAnswer.UNKNOWN_PUPIL: 422,
    ResultAnswer.INVALID: 422,
    ResultAnswer.MEDIA_TYPE: 415,
    ResultAnswer.TOO_LARGE: 413,
    ResultAnswer.TOO_SLOW: 408,
    ResultAnswer.NOT_NOW: 503,
}
"""The first five of the description; the others of HTTP, with the same body."""


@dataclass(frozen=True, slots=True)
class ResultTaker:
    """Takes results of a region. For one thread at a time, like its ledger.

    Args:
        ledger: the ledger.
        region: region id.
    """

    ledger: Ledger
    region: str

    def suppliers(self) -> tuple[SupplierOfTests, ...]:
        """Return the suppliers of the agreement of the round of leavers that was opened last, closed or not."""
        with self.ledger.unit(self.region, "desk") as unit:
            year = rounds.newest_school_year(unit)
            known = [one for one in rounds.of_year(unit, year) if one.kind.is_of_leavers] if year else []
        return known[-1].agreement.test_suppliers if known else ()

    def take(self, body: bytes, *, supplier: str, routing_key: str, school_oin: str, at: datetime) -> ResultAnswer:
        """Take a result; it is committed when this returns `TAKEN`.

        Args:
            body: the message.
            supplier: OIN in the client certificate.
            routing_key: `edu-to`.
            school_oin: `edu-from`.
            at: the moment.

        Raises:
            OverstapError: LEDGER-nnn.
        """
        mandates = [(one, mandate) for one in self.suppliers() for mandate in one.mandates]
        named = [(one, mandate) for one, mandate in mandates if mandate.routing_key == routing_key]
        if not named:
            return ResultAnswer.UNKNOWN_SCHOOL
        allowed = [mandate for one, mandate in named if one.oin == supplier and mandate.school_oin == school_oin]
        if not allowed:
            return ResultAnswer.NOT_ALLOWED
        return self._take(body, supplier, allowed[0], at)

    def _take(self, body: bytes, supplier: str, mandate: SchoolMandate, at: datetime) -> ResultAnswer:
        refused = None
        try:
            stated = read_result(body)
            key, school_year, stated_at = stated.las_key, stated.school_year, stated.stated_at
            content = json.dumps({"test": stated.test, "level": stated.level, "reason": stated.reason})
            if stated_at > at + _AHEAD:
                refused = "INTAKE-128"
        except OverstapError as problem:
            named = _named(body)
            if named is None:
                _log.warning("result of the test for %s refused: %s", mandate.school, problem.code)
                return ResultAnswer.INVALID
            refused, content, stated_at = problem.code, "", at
            key, school_year = named
        try:
            registration = UUID(key)
        except ValueError:
            return ResultAnswer.UNKNOWN_PUPIL
        with self.ledger.unit(self.region, f"test supplier {supplier}") as unit:
            outcome = take_result(
                unit,
                SentResult(
                    *(school_year, mandate.school, supplier, mandate.routing_key, registration),
                    content=content,
                    stated_at=stated_at,
                    refused=refused,
                ),
            )
        if outcome == "unknown":
            _log.warning("result of the test for %s refused: no such pupil was registered", mandate.school)
            return ResultAnswer.UNKNOWN_PUPIL
        if refused is not None:
            _log.warning("result of the test for %s refused: %s", mandate.school, refused)
            return ResultAnswer.INVALID
        return ResultAnswer.TAKEN


def _named(body: bytes) -> tuple[str, str] | None:
    """Return the pupil's key and the school year of a message that cannot be used; None when it does not name them."""
    try:
        said = json.loads(body)
        key, school_year = str(UUID(las_key_in(said["resultatenscores"]))), said["schooljaar"]
        return (key, school_year) if is_school_year(school_year) else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def routes(takers: WorkerPool[ResultTaker], *, now: Callable[[], datetime] = clock.now) -> Sequence[BaseRoute]:
    """Return the routes of the endpoint; they expect the caller's OIN in `request.state.caller`.

    Args:
        takers: the pool of those who take results.
        now: the clock.
    """

    async def post(request: Request) -> Response:
        supplier = getattr(request.state, "caller", None)
        parties = {name: request.query_params.getlist(name) for name in ("edu-to", "edu-from")}
        if not supplier:
            return _said(ResultAnswer.NOT_ALLOWED)
        if any(len(values) != 1 for values in parties.values()):
            return _said(ResultAnswer.INVALID)
        if media_type_of(request) != "application/json":
            return _said(ResultAnswer.MEDIA_TYPE)
        body = await _body(request)
        if isinstance(body, ResultAnswer):
            return _said(body)
        try:
            answer = await takers.do(
                lambda taker: taker.take(
                    body,
                    supplier=supplier,
                    routing_key=parties["edu-to"][0],
                    school_oin=parties["edu-from"][0],
                    at=now(),
                )
            )
        except (OverstapError, psycopg.Error) as error:
            # A message of the database may contain a row
            _log.error("result of the test not taken: %s", getattr(error, "code", None) or type(error).__name__)
            return _said(ResultAnswer.NOT_NOW)
        return _said(answer)

    return (Route(RESULTS, post, methods=["POST"]),)


async def _body(request: Request) -> bytes | ResultAnswer:
    try:
        # A parsed message takes many times the memory of its text
        body = await body_of(request, MAX_BYTES, copies=10)
    except TimeoutError:
        return ResultAnswer.TOO_SLOW
    except BusyError:
        return ResultAnswer.NOT_NOW
    except ClientDisconnect:
        return ResultAnswer.INVALID  # nobody reads it
    return ResultAnswer.TOO_LARGE if body is None else body


def _said(answer: ResultAnswer) -> Response:
    """Return the answer with the body that the description has for all of them."""
    is_unread = answer in (ResultAnswer.TOO_LARGE, ResultAnswer.NOT_NOW, ResultAnswer.MEDIA_TYPE)
    sentence = texts("delivery/test_results")[answer.value]["nl"]
    headers = {"Connection": "close"} if is_unread else None
    return JSONResponse({"melding": sentence}, status_code=_STATUS[answer], headers=headers)
