"""Web server of a receiving school: HTTPS with mutual TLS.

POST /v1/envelopes      an envelope in, a receipt out (docs/envelope.md, part "Over HTTPS"); by its content type also a
                        statement that takes one back, or the question what is stored under a message id
POST /v1/notifications  a dossier became ready, for a school that asks (docs/pull.md)
GET  /health            for who keeps the server running
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
from overstap.receiver.reception import Reception, Took
from overstap.receiver.revocation_receiver import take_back
from overstap.transport import mtls_server
from overstap.transport.mtls_server import BusyError, body_of, media_type_of, problem
from overstap.transport.server_limits import DEFAULT_SERVER_LIMITS, ServerLimits

_TAKES_AT_ONCE = 8
"""Envelopes opened side by side: each may be a hundred megabytes of memory while it lasts."""
_STATUS = {Took.STORED: 200, Took.REPEATED: 200, Took.REFUSED: 422, Took.CONFLICT: 409}
_log = logging.getLogger(__name__)


def application(reception: Reception, *, now: Callable[[], datetime] = clock.now) -> Starlette:
    """Return the web application of a reception; it expects the caller in `request.state.caller`.

    Args:
        reception: what takes envelopes in.
        now: the clock.
    """
    opening = CapacityLimiter(_TAKES_AT_ONCE)

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
            return problem(400, "disconnected")  # nobody reads it; the log of the server has the line
        if envelope is None:
            return problem(413, "too_large")
        try:
            if kind == evidence_request.MEDIA_TYPE:
                found = await run_in_threadpool(reception.store.evidence, message_id)
                if found is None:
                    return problem(404, "unknown")
                return Response(evidence_request.written(*found), media_type=evidence_request.ANSWER_TYPE)
            take = reception.take if kind == MEDIA_TYPE else partial(take_back, reception)
            answer = await to_thread.run_sync(partial(take, envelope, message_id=message_id, at=now()), limiter=opening)
        except OverstapError as error:
            _log.error("message %s not taken in: %s", message_id, error.code)
            return problem(503, "not_now")
        except OSError:
            _log.exception("message %s not stored", message_id)
            return problem(503, "storage")
        headers = {}
        if answer.reason is not None and reception.is_for_test(now()):  # a supplier tries with certificates of its own
            headers[REASON_HEADER] = answer.reason.value
        return Response(answer.receipt, status_code=_STATUS[answer.took], media_type=MEDIA_TYPE, headers=headers)

    async def notify(request: Request) -> Response:
        if getattr(request.state, "caller", None) is None:
            return problem(403, "caller")
        if media_type_of(request) != pull_messages.MEDIA_TYPE:
            return problem(415, "content_type")
        try:
            body = await body_of(request, pull_messages.MAX_BYTES)
            if body is None:
                return problem(413, "too_large")
            said = pull_messages.read_notification(body)
            await run_in_threadpool(reception.store.keep_notification, said.message_id, body)
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
        _log.info("a dossier stands ready: message %s", said.message_id)
        return Response(status_code=204)

    def health(request: Request) -> Response:
        """Say whether envelopes can be taken in now: own keys, and the store."""
        try:
            at = now()
            reception.trust.signing_identity(reception.school, at=at)
            reception.trust.keyring(reception.school, at=at)
            alarms, ready = reception.store.alarms(), reception.store.notified()
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
) -> uvicorn.Server:
    """Return a server that is ready to run: TLS 1.2 or later, a client certificate from everyone.

    Args:
        reception: what takes envelopes in.
        host: the address to listen on.
        port: the port; 0 for any.
        now: the clock.
        limits: how long each part of a conversation may take, and how much a caller may hold.

    Raises:
        OverstapError: TRUST-001 to TRUST-014 when the school's TLS certificate or key is not in order.
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
    )
