"""HTTPS server of a receiving school, with mutual TLS: receives envelopes, revocations and notifications.

POST /v1/envelopes      receives an envelope and returns its receipt (docs/envelope.md, part "Over HTTPS"); with another
                        content type, several envelopes, a revocation or an evidence request
POST /v1/notifications  receives the notice that a dossier is ready, for a school that pulls (docs/pull.md)
GET  /health            health check
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from uuid import UUID

import uvicorn
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overstap import clock
from overstap.envelope import evidence_request, pull_messages, revocation, several
from overstap.envelope.over_https import ENVELOPES, NOTIFICATIONS, REASON_HEADER, message_id_in
from overstap.envelope.receipt import MAX_RECEIPT_BYTES, MEDIA_TYPE
from overstap.errors import OverstapError
from overstap.receiver.reception import Reception, ReceptionResult, ReceptionStatus
from overstap.receiver.revocation_receiver import receive_revocation
from overstap.telemetry.export import HttpRecorder
from overstap.transport import mtls_server
from overstap.transport.mtls_server import BusyError, body_of, media_type_of, problem
from overstap.transport.server_limits import DEFAULT_SERVER_LIMITS, ServerLimits

_MAX_CONCURRENT_OPENINGS = 8
"""Opening one envelope can take a hundred megabytes of memory."""
AT_ONCE = several.AtOnce(count=50, body_bytes=8 * 1024 * 1024)
"""How much this endpoint takes in one request; it tells so in each answer to an envelope."""
_STATUS = {
    ReceptionStatus.STORED: 200,
    ReceptionStatus.REPEATED: 200,
    ReceptionStatus.REFUSED: 422,
    ReceptionStatus.CONFLICT: 409,
}
_log = logging.getLogger(__name__)


def application(reception: Reception, *, now: Callable[[], datetime] = clock.now) -> Starlette:
    """Return the web application of an endpoint; it expects the caller's OIN in `request.state.caller`.

    Args:
        reception: receives envelopes for the school.
        now: the clock.
    """
    opening = CapacityLimiter(_MAX_CONCURRENT_OPENINGS)

    async def post(request: Request) -> Response:
        if getattr(request.state, "caller", None) is None:
            return problem(403, "caller")
        kind = media_type_of(request)
        take = takes.get(kind)
        message_id = message_id_in(request.headers)
        if message_id is None and kind != several.MEDIA_TYPE:
            return problem(400, "message_id")
        if take is None:
            return problem(415, "content_type")
        limits = {MEDIA_TYPE: reception.limits.envelope_bytes, several.MEDIA_TYPE: AT_ONCE.body_bytes}
        try:
            copies = several.COPIES if kind == several.MEDIA_TYPE else 0
            body = await body_of(request, limits.get(kind, MAX_RECEIPT_BYTES), copies=copies)
        except TimeoutError:
            return problem(408, "too_slow")
        except BusyError:
            return problem(503, "busy")
        except ClientDisconnect:
            return problem(400, "disconnected")  # nobody reads this response
        if body is None:
            return problem(413, "too_large")
        try:
            return await take(body, message_id)
        except OverstapError as error:
            _log.error("message %s not received: %s", message_id, error.code)
            return problem(503, "not_now")
        except OSError:
            _log.exception("message %s not stored", message_id)
            return problem(503, "storage")

    async def take_one(receive: Callable[..., ReceptionResult], body: bytes, message_id: UUID | None) -> Response:
        answer = await to_thread.run_sync(partial(receive, body, message_id=message_id, at=now()), limiter=opening)
        _log.info("message %s: %s", message_id, answer.status.value)
        headers = AT_ONCE.headers()
        if (reason := told_reason(answer)) is not None:
            headers[REASON_HEADER] = reason
        return Response(answer.receipt, status_code=_STATUS[answer.status], media_type=MEDIA_TYPE, headers=headers)

    async def take_several(body: bytes, _message_id: UUID | None) -> Response:
        try:
            envelopes = await run_in_threadpool(several.read_envelopes, body, count=AT_ONCE.count)
        except several.SeveralError:
            return problem(400, "envelopes")
        del body
        received = await to_thread.run_sync(partial(reception.receive_all, envelopes, at=now()), limiter=opening)
        answers = [answer_to(message_id, one) for (message_id, _), one in zip(envelopes, received, strict=True)]
        content = several.answers_bytes(answers)
        return Response(content, media_type=several.ANSWERS_TYPE, headers=AT_ONCE.headers())

    def answer_to(message_id: UUID, received: ReceptionResult | OverstapError | OSError) -> several.EnvelopeAnswer:
        if isinstance(received, ReceptionResult):
            _log.info("message %s: %s", message_id, received.status.value)
            status = _STATUS[received.status]
            return several.EnvelopeAnswer(message_id, status, received.receipt, told_reason(received))
        if isinstance(received, OverstapError):
            _log.error("message %s not received: %s", message_id, received.code)
        else:
            _log.error("message %s not stored", message_id, exc_info=received)
        return several.EnvelopeAnswer(message_id, 503)

    def told_reason(answer: ReceptionResult) -> str | None:
        """Return the precise reason of a refusal where it may be told: it helps suppliers that test, and attackers."""
        return answer.reason.value if answer.reason is not None and reception.is_for_test(now()) else None

    async def take_evidence_request(_body: bytes, message_id: UUID) -> Response:
        evidence = await run_in_threadpool(reception.store.evidence, message_id)
        if evidence is None:
            return problem(404, "unknown")
        return Response(evidence_request.evidence_bytes(*evidence), media_type=evidence_request.ANSWER_TYPE)

    takes: dict[str, Callable[..., Awaitable[Response]]] = {
        MEDIA_TYPE: partial(take_one, reception.receive),
        revocation.MEDIA_TYPE: partial(take_one, partial(receive_revocation, reception)),
        several.MEDIA_TYPE: take_several,
        evidence_request.MEDIA_TYPE: take_evidence_request,
    }

    async def notify(request: Request) -> Response:
        if getattr(request.state, "caller", None) is None:
            return problem(403, "caller")
        if media_type_of(request) != pull_messages.MEDIA_TYPE:
            return problem(415, "content_type")
        try:
            body = await body_of(request, pull_messages.MAX_BYTES)
            if body is None:
                return problem(413, "too_large")
            notification = pull_messages.read_notification(body)
            await run_in_threadpool(reception.store.keep_notification, notification.message_id, body)
        except TimeoutError:
            return problem(408, "too_slow")
        except BusyError:
            return problem(503, "busy")
        except ClientDisconnect:
            return problem(400, "disconnected")
        except pull_messages.MessageError:
            return problem(400, "notification")
        except (OverstapError, OSError):
            _log.exception("notification not stored")
            return problem(503, "storage")
        _log.info("a dossier is ready: message %s", notification.message_id)
        return Response(status_code=204)

    def health(request: Request) -> Response:
        """Return whether envelopes can be received now: the school's own keys are valid and the store works."""
        try:
            at = now()
            reception.trust.signing_identity(reception.school, at=at)
            reception.trust.keyring(reception.school, at=at)
            alarms, ready = reception.store.alarms(), reception.store.pending_notifications()
        except (OverstapError, OSError) as error:
            code = error.code if isinstance(error, OverstapError) else "storage"
            return JSONResponse({"school": reception.school, "status": "unable", "problem": code}, status_code=503)
        return JSONResponse({"school": reception.school, "status": "ok", "alarms": alarms, "ready": ready})

    return Starlette(
        routes=[
            Route(ENVELOPES, post, methods=["POST"]),
            Route(NOTIFICATIONS, notify, methods=["POST"]),
            Route("/health", health),
        ]
    )


def server(
    reception: Reception,
    *,
    host: str,
    port: int,
    now: Callable[[], datetime] = clock.now,
    limits: ServerLimits = DEFAULT_SERVER_LIMITS,
    record: HttpRecorder | None = None,
) -> uvicorn.Server:
    """Return a server that is ready to run: TLS 1.2 or later, a client certificate required.

    Args:
        reception: receives envelopes for the school.
        host: the address to listen on.
        port: the port; 0 for any free port.
        now: the clock.
        limits: deadlines and bounds per caller.
        record: records each request for monitoring.

    Raises:
        OverstapError: TRUST-001 to TRUST-014 when the school's TLS certificate or key is not valid.
    """
    return mtls_server.server(
        application(reception, now=now),
        identity=reception.trust.tls_identity(reception.school, at=now()),
        trust=reception.trust,
        admit=lambda certificate, at: reception.caller(certificate, at=at),
        host=host,
        port=port,
        now=now,
        limits=limits,
        record=record,
    )
