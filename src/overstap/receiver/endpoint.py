"""HTTPS server of a receiving school, with mutual TLS: receives envelopes, revocations and notifications.

POST /v1/envelopes      receives an envelope and returns its receipt (docs/envelope.md, part "Over HTTPS"); with another
                        content type, a revocation or an evidence request
POST /v1/notifications  receives the notice that a dossier is ready, for a school that pulls (docs/pull.md)
GET  /health            health check
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

import uvicorn
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overstap import clock
from overstap.envelope import evidence_request, pull_messages, revocation
from overstap.envelope.over_https import ENVELOPES, NOTIFICATIONS, REASON_HEADER, message_id_in
from overstap.envelope.receipt import MAX_RECEIPT_BYTES, MEDIA_TYPE
from overstap.errors import OverstapError
from overstap.receiver.reception import Reception, ReceptionStatus
from overstap.receiver.revocation_receiver import receive_revocation
from overstap.telemetry.export import HttpRecorder
from overstap.transport import mtls_server
from overstap.transport.mtls_server import BusyError, body_of, media_type_of, problem
from overstap.transport.server_limits import DEFAULT_SERVER_LIMITS, ServerLimits

_MAX_CONCURRENT_OPENINGS = 8
"""Opening one envelope can take a hundred megabytes of memory."""
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
        message_id = message_id_in(request.headers)
        if message_id is None:
            return problem(400, "message_id")
        kind = media_type_of(request)
        if kind not in (MEDIA_TYPE, revocation.MEDIA_TYPE, evidence_request.MEDIA_TYPE):
            return problem(415, "content_type")
        limit = reception.limits.envelope_bytes if kind == MEDIA_TYPE else MAX_RECEIPT_BYTES
        try:
            envelope = await body_of(request, limit)
        except TimeoutError:
            return problem(408, "too_slow")
        except BusyError:
            return problem(503, "busy")
        except ClientDisconnect:
            return problem(400, "disconnected")  # nobody reads this response
        if envelope is None:
            return problem(413, "too_large")
        try:
            if kind == evidence_request.MEDIA_TYPE:
                evidence = await run_in_threadpool(reception.store.evidence, message_id)
                if evidence is None:
                    return problem(404, "unknown")
                return Response(evidence_request.evidence_bytes(*evidence), media_type=evidence_request.ANSWER_TYPE)
            receive = reception.receive if kind == MEDIA_TYPE else partial(receive_revocation, reception)
            answer = await to_thread.run_sync(
                partial(receive, envelope, message_id=message_id, at=now()), limiter=opening
            )
        except OverstapError as error:
            _log.error("message %s not received: %s", message_id, error.code)
            return problem(503, "not_now")
        except OSError:
            _log.exception("message %s not stored", message_id)
            return problem(503, "storage")
        _log.info("message %s: %s", message_id, answer.status.value)
        headers = {}
        # The precise reason helps an attacker, so it is sent to suppliers that test with development certificates only
        if answer.reason is not None and reception.is_for_test(now()):
            headers[REASON_HEADER] = answer.reason.value
        return Response(answer.receipt, status_code=_STATUS[answer.status], media_type=MEDIA_TYPE, headers=headers)

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
