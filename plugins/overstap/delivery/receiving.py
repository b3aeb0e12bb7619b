"""The web server of a receiving school: HTTPS, callers known by certificate, one address for envelopes.

POST /v1/envelopes    an envelope in, a receipt out (docs/envelope.md, part "Over HTTPS")
GET  /health          for who keeps the server running
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from overstap import clock
from overstap.delivery.manifest import uuid_of
from overstap.delivery.receipt import MEDIA_TYPE
from overstap.delivery.reception import Reception, Took
from overstap.errors import OverstapError

PATH = "/v1/envelopes"
MESSAGE_ID_HEADER = "Overstap-Message-Id"

_BODY_SECONDS = 60
_KEEP_ALIVE_SECONDS = 30
_SHUTDOWN_SECONDS = 5
_AT_ONCE = 200
_STATUS = {Took.STORED: 200, Took.REPEATED: 200, Took.REFUSED: 422, Took.CONFLICT: 409}
_log = logging.getLogger(__name__)


def application(reception: Reception, *, now: Callable[[], datetime] = clock.now) -> Starlette:
    """Return the web application of a reception; it expects the caller in `request.state.caller`.

    Args:
        reception: what takes envelopes in.
        now: the clock.
    """

    async def post(request: Request) -> Response:
        if getattr(request.state, "caller", None) is None:
            return _problem(403, "caller")
        message_id = _message_id(request)
        if message_id is None:
            return _problem(400, "message_id")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
            return _problem(415, "content_type")
        try:
            envelope = await _body(request, reception.limits.envelope_bytes)
        except TimeoutError:
            return _problem(408, "too_slow")
        except ClientDisconnect:
            return _problem(400, "disconnected")  # nobody reads it; the log of the server has the line
        if envelope is None:
            return _problem(413, "too_large")
        try:
            answer = await run_in_threadpool(reception.take, envelope, message_id=message_id, at=now())
        except OverstapError as error:
            _log.error("message %s not taken in: %s", message_id, error.code)
            return _problem(503, "not_now")
        except OSError:
            _log.exception("message %s not stored", message_id)
            return _problem(503, "storage")
        return Response(answer.receipt, status_code=_STATUS[answer.took], media_type=MEDIA_TYPE)

    def health(request: Request) -> Response:
        """Say whether envelopes can be taken in now: own keys, and the store."""
        try:
            at = now()
            reception.trust.signing_identity(reception.school, at=at)
            reception.trust.keyring(reception.school, at=at)
            alarms = reception.store.alarms()
        except (OverstapError, OSError) as error:
            code = error.code if isinstance(error, OverstapError) else "storage"
            return JSONResponse({"school": reception.school, "status": "unable", "problem": code}, status_code=503)
        return JSONResponse({"school": reception.school, "status": "ok", "alarms": alarms})

    return Starlette(routes=[Route(PATH, post, methods=["POST"]), Route("/health", health)])


def server(reception: Reception, *, host: str, port: int, now: Callable[[], datetime] = clock.now) -> uvicorn.Server:
    """Return a server that is ready to run: TLS 1.2 or later, a client certificate from everyone.

    Args:
        reception: what takes envelopes in.
        host: the address to listen on.
        port: the port; 0 for any.
        now: the clock.

    Raises:
        OverstapError: TRUST-001 to TRUST-014 when the school's TLS certificate or key is not in order.
    """

    class KnownCaller(H11Protocol):
        """Looks at the caller's certificate once per connection, with all checks of the trust store."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            tls = transport.get_extra_info("ssl_object")
            certificate = tls.getpeercert(binary_form=True) if tls else None
            self.app_state = {**self.app_state, "caller": reception.caller(certificate, at=now())}
            super().connection_made(transport)

    context = server_context(reception, at=now())
    config = uvicorn.Config(
        application(reception, now=now),
        host=host,
        port=port,
        http=KnownCaller,
        ws="none",
        lifespan="off",
        ssl_context_factory=lambda _config, _default: context,
        limit_concurrency=_AT_ONCE,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        access_log=False,
        server_header=False,
        log_config=None,
    )
    return uvicorn.Server(config)


def server_context(reception: Reception, *, at: datetime) -> ssl.SSLContext:
    """Return the TLS settings of a school's endpoint."""
    identity = reception.trust.tls_identity(reception.school, at=at)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    identity.load_into(context)
    context.load_verify_locations(reception.trust.authorities_file(at=at))
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _body(request: Request, limit: int) -> bytes | None:
    """Read the body within the time and size allowed; None when it is larger."""
    parts, size = [], 0
    async with asyncio.timeout(_BODY_SECONDS):
        async for part in request.stream():
            size += len(part)
            if size > limit:
                return None
            parts.append(part)
    return b"".join(parts)


def _message_id(request: Request) -> UUID | None:
    try:
        return uuid_of(request.headers.get(MESSAGE_ID_HEADER))
    except (ValueError, TypeError, AttributeError):
        return None


def _problem(status: int, code: str) -> Response:
    """Return an answer that is no receipt: the sender still has the envelope and decides what to do."""
    content: dict[str, Any] = {"problem": code}
    return JSONResponse(content, status_code=status, headers={"Connection": "close"} if status == 413 else None)
