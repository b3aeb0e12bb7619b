"""Web server of a region's desk: HTTPS with mutual TLS (docs/pull.md).

POST /v1/requests     a request in; an envelope out, or a statement that takes one back, or a coded answer
POST /v1/receipts     a signed receipt in
POST /v1/results      a signed result in: imported, placed and so on
POST /v1/taken-back   a signed answer in to a statement that took a dossier back
GET  /health          for monitoring

Requests are in bodies, never in addresses, and are not logged. An answer without a dossier is sent at a whole multiple
of a tenth of a second after the request, so that its time does not show what was found.
"""

import asyncio
import logging
from collections.abc import Callable, Container, Sequence
from datetime import datetime
from typing import Any

import psycopg
import uvicorn
from cryptography import x509
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from overstap import clock
from overstap.delivery.desk.desk import DeskRefusal, RegionDesk
from overstap.envelope import pull_messages, revocation
from overstap.envelope.over_https import (
    MESSAGE_ID_HEADER,
    REASON_HEADER,
    RECEIPTS,
    REQUESTS,
    RESULTS,
    TAKEN_BACK,
    message_id_in,
)
from overstap.envelope.receipt import MAX_RECEIPT_BYTES
from overstap.envelope.receipt import MEDIA_TYPE as CMS
from overstap.errors import OverstapError
from overstap.pki import TrustStore, school_of
from overstap.pki.certificates import is_for_development
from overstap.telemetry.export import HttpRecorder
from overstap.transport import mtls_server
from overstap.transport.mtls_server import BusyError, authenticated_caller, body_of, media_type_of, problem
from overstap.transport.server_limits import DEFAULT_SERVER_LIMITS, ServerLimits
from overstap.transport.worker_pool import WorkerPool

BEAT_SECONDS = 0.1
"""Answers without a dossier are sent at multiples of this time, seconds."""
WORKERS = 4
"""Number of desks that work concurrently, each with its own connection to the ledger."""

_REFUSED = {DeskRefusal.TOO_MANY: 429, DeskRefusal.SESSION: 403, DeskRefusal.UNKNOWN_MESSAGE: 404}
_log = logging.getLogger(__name__)


class Desks(WorkerPool[RegionDesk]):
    """Pool of desks of one region, which answer concurrently.

    Args:
        make: makes a desk with its own connection to the ledger.
        workers: number of desks.
    """

    def __init__(self, make: Callable[[], RegionDesk], workers: int = WORKERS) -> None:
        super().__init__(make, workers, name="desk")


class CallersForTest:
    """Those who called last with a certificate made for demo and tests: suppliers who try, with no secret to find out.

    In production such certificates are refused, so there is nobody in it.
    """

    def __init__(self) -> None:
        self._oins: set[str] = set()

    def note(self, oin: str, certificate: bytes) -> None:
        """Note with which certificate (DER) a caller came, who was admitted."""
        if is_for_development(x509.load_der_x509_certificate(certificate)):
            self._oins.add(oin)
        else:
            self._oins.discard(oin)

    def __contains__(self, oin: object) -> bool:
        """Tell whether a caller tries with a test certificate."""
        return oin in self._oins


def application(
    desks: Desks,
    *,
    now: Callable[[], datetime] = clock.now,
    for_test: Container[str] = frozenset(),
    beside: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the web application of a desk; it expects the caller's OIN in `request.state.caller`.

    Args:
        desks: the pool of desks.
        now: the clock.
        for_test: OINs of callers who are told which rule a statement breaks.
        beside: routes of other protocols on the same server; each judges its callers itself.
    """

    async def ask(request: Request) -> Response:
        begun = asyncio.get_running_loop().time()
        school = _school(request)
        if school is None:
            return problem(403, "caller")
        body = await _body(request, pull_messages.MEDIA_TYPE, pull_messages.MAX_BYTES)
        if isinstance(body, Response):
            return body
        try:
            asked = pull_messages.read_request(body)
        except pull_messages.MessageError:
            return problem(400, "request")
        try:
            told = await desks.do(lambda desk: desk.ask(asked, school=school))
        except (OverstapError, psycopg.Error) as error:
            _log.error("request of %s not answered: %s", school, _kind(error))
            return problem(503, "not_now")
        if told.statement is not None:
            return Response(
                told.statement,
                status_code=410,
                media_type=revocation.MEDIA_TYPE,
                headers={MESSAGE_ID_HEADER: str(told.message_id)},
            )
        if told.envelope is not None:
            return Response(told.envelope, media_type=CMS, headers={MESSAGE_ID_HEADER: str(told.message_id)})
        await _on_the_beat(begun)
        if isinstance(told.answer, DeskRefusal):
            return problem(_REFUSED[told.answer], told.answer.value)
        return Response(
            pull_messages.answer_bytes(asked.request_id, told.answer),
            status_code=404,
            media_type=pull_messages.MEDIA_TYPE,
        )

    def taking(take: str) -> Callable[[Request], Any]:
        async def post(request: Request) -> Response:
            school = _school(request)
            if school is None:
                return problem(403, "caller")
            message_id = message_id_in(request.headers)
            if message_id is None:
                return problem(400, "message_id")
            body = await _body(request, CMS, MAX_RECEIPT_BYTES)
            if isinstance(body, Response):
                return body
            rules: list[str] = []
            told: dict[str, Any] = {"school": school, "at": now(), "explain": rules.append}
            try:
                said = await desks.do(lambda desk: getattr(desk, take)(body, message_id, **told))
            except (OverstapError, psycopg.Error) as error:
                _log.error("answer of %s not taken in: %s", school, _kind(error))
                return problem(503, "not_now")
            if said == DeskRefusal.UNKNOWN_MESSAGE:
                return problem(404, said)
            if said.startswith("DELIVERY-"):
                refused = problem(422, said)
                if rules and request.state.caller in for_test:
                    refused.headers[REASON_HEADER] = rules[-1]
                return refused
            return JSONResponse({"taken": said})

        return post

    def health(request: Request) -> Response:
        """Answer a health check."""
        return JSONResponse({"status": "ok"})

    found = Starlette(
        routes=[
            Route(REQUESTS, ask, methods=["POST"]),
            Route(RECEIPTS, taking("receipt"), methods=["POST"]),
            Route(RESULTS, taking("result"), methods=["POST"]),
            Route(TAKEN_BACK, taking("taken_back"), methods=["POST"]),
            Route("/health", health),
            *beside,
        ]
    )
    # An address with a slash too many is none: Starlette would send the caller to whatever host its request names
    found.router.redirect_slashes = False
    return found


def server(
    desks: Desks,
    *,
    region: str,
    trust: TrustStore,
    schools: Callable[[], frozenset[str]],
    host: str,
    port: int,
    now: Callable[[], datetime] = clock.now,
    limits: ServerLimits = DEFAULT_SERVER_LIMITS,
    record: HttpRecorder | None = None,
    others: Callable[[], frozenset[str]] = frozenset,
    beside: Sequence[BaseRoute] = (),
) -> uvicorn.Server:
    """Return a configured server.

    Args:
        desks: the pool of desks.
        region: region id; its conductor's certificate is the server's.
        trust: trust store that checks client certificates.
        schools: returns the schools that may connect (BRIN and branch); called for each connection.
        host: the address to listen on.
        port: the port; 0 for any.
        now: the clock.
        limits: limits of connections in time, number and memory.
        record: records each request for monitoring.
        others: returns the OINs of callers who are no schools; they are served by `beside` alone.
        beside: routes of other protocols.

    Raises:
        OverstapError: TRUST-001 to TRUST-014 when the conductor's TLS certificate or key is not in order.
    """
    for_test = CallersForTest()

    def admit(certificate: bytes | None, at: datetime) -> str | None:
        oin = authenticated_caller(
            certificate, trust=trust, admits=lambda oin: school_of(oin) in schools() or oin in others(), at=at
        )
        if oin is not None and certificate is not None:
            for_test.note(oin, certificate)
        return oin

    return mtls_server.server(
        application(desks, now=now, for_test=for_test, beside=beside),
        identity=trust.conductor_desk(region, at=now()),
        trust=trust,
        admit=admit,
        host=host,
        port=port,
        now=now,
        limits=limits,
        record=record,
    )


def _kind(error: Exception) -> str:
    """Return the loggable part of an error: a message of the database may contain a row."""
    return error.code if isinstance(error, OverstapError) else type(error).__name__


async def _on_the_beat(begun: float) -> None:
    passed = asyncio.get_running_loop().time() - begun
    await asyncio.sleep(BEAT_SECONDS - passed % BEAT_SECONDS)


def _school(request: Request) -> str | None:
    caller = getattr(request.state, "caller", None)
    return school_of(caller) if caller else None


async def _body(request: Request, media_type: str, limit: int) -> bytes | Response:
    if media_type_of(request) != media_type:
        return problem(415, "content_type")
    try:
        body = await body_of(request, limit)
    except TimeoutError:
        return problem(408, "too_slow")
    except BusyError:
        return problem(503, "busy")
    except ClientDisconnect:
        return problem(400, "disconnected")  # nobody reads it; the log of the server has the line
    return problem(413, "too_large") if body is None else body
