"""HTTPS server with mutual TLS that authenticates callers by the OIN in their certificate."""

import asyncio
import logging
import math
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Any

import uvicorn
from cryptography import x509
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn.server import ServerState

from overstap.errors import OverstapError
from overstap.pki import Role, TlsIdentity, TrustStore
from overstap.pki.certificates import UNREADABLE, oin_in
from overstap.telemetry.asgi import Traced
from overstap.telemetry.export import HttpRecorder
from overstap.transport.body_budget import BodyBudget, Lease
from overstap.transport.connections import Admission, UnauthenticatedConnection
from overstap.transport.server_limits import DEFAULT_SERVER_LIMITS, ServerLimits

_BODY_SECONDS = 60
_SHUTDOWN_SECONDS = 5
_log = logging.getLogger(__name__)


class BusyError(Exception):
    """The memory limit for request bodies is reached; the caller must try again later."""


def authenticated_caller(
    certificate: bytes | None, *, trust: TrustStore, admits: Callable[[str], bool], at: datetime
) -> str | None:
    """Return the OIN of the caller, or None when the caller is not permitted.

    Args:
        certificate: DER, from the TLS connection.
        trust: trust store that checks the certificate.
        admits: returns whether the holder of an OIN may call.
        at: the moment of the call.
    """
    if certificate is None:
        return None
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        oin = oin_in(parsed)
    except UNREADABLE:
        _log.warning("caller refused: certificate not readable")
        return None
    if oin is None or not admits(oin):
        _log.warning("caller refused: its OIN is not permitted")
        return None
    try:
        trust.check(parsed, role=Role.CLIENT, oin=oin, at=at)
    except OverstapError as error:
        _log.warning("caller refused: %s", error.code)
        return None
    return oin


def server(
    application: Starlette,
    *,
    identity: TlsIdentity,
    trust: TrustStore,
    admit: Callable[[bytes | None, datetime], str | None],
    host: str,
    port: int,
    now: Callable[[], datetime],
    limits: ServerLimits = DEFAULT_SERVER_LIMITS,
    record: HttpRecorder | None = None,
) -> uvicorn.Server:
    """Return a server that is ready to run: TLS 1.2 or later, a client certificate required.

    A caller that is not permitted gets status 403 after the handshake, and the connection is closed.

    Args:
        application: the application; it finds the caller in `request.state.caller` and reads bodies by `body_of`.
        identity: TLS certificate and key of the server.
        trust: trust store with the authorities that issue callers' certificates.
        admit: returns the OIN of the caller for a certificate (DER) at a moment, or None when the caller is not
            permitted. It runs in a thread, once per connection.
        host: the address to listen on.
        port: the port; 0 for any free port.
        now: the clock.
        limits: deadlines and bounds per caller.
        record: records each request for monitoring.
    """
    admission = Admission(admit, server_context(identity, trust, at=now()), now, limits)

    class Connection(UnauthenticatedConnection):
        """A connection of this server, created by uvicorn."""

        def __init__(
            self,
            config: uvicorn.Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            super().__init__(admission, config, server_state, app_state, _loop)

    config = uvicorn.Config(
        Traced(BodyBudget(application, limits), record),
        host=host,
        port=port,
        http=Connection,
        loop="asyncio",  # under uvloop a silent connection blocks the TLS handshake of the next one
        ws="none",
        lifespan="off",
        timeout_keep_alive=math.ceil(limits.idle_seconds),
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        access_log=False,
        server_header=False,
        log_config=None,
    )
    return uvicorn.Server(config)


def server_context(identity: TlsIdentity, trust: TrustStore, *, at: datetime) -> ssl.SSLContext:
    """Return the TLS settings of a server.

    Args:
        identity: TLS certificate and key of the server.
        trust: trust store with the authorities that issue callers' certificates.
        at: the moment.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    identity.load_into(context)
    context.load_verify_locations(trust.authorities_file(at=at))
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def body_of(request: Request, limit: int, *, copies: int = 0) -> bytes | None:
    """Read the body of a request within the limits of time, size and memory.

    Args:
        request: the request.
        limit: largest body, in bytes.
        copies: how many times as much memory the caller needs beside the body itself, for what it decodes from it.

    Returns:
        The body; None when it is larger than the limit.

    Raises:
        TimeoutError: the body did not arrive in time.
        BusyError: the memory limit for bodies is reached.
        starlette.requests.ClientDisconnect: the caller disconnected.
    """
    lease: Lease | None = getattr(request.state, "lease", None)
    parts, size = [], 0
    async with asyncio.timeout(_BODY_SECONDS):
        async for part in request.stream():
            size += len(part)
            if size > limit:
                return None
            if lease is not None and not lease.take(len(part) * (1 + copies)):
                raise BusyError
            parts.append(part)
    return b"".join(parts)


def media_type_of(request: Request) -> str:
    """Return the media type of a request's body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def problem(status: int, code: str) -> Response:
    """Return a response with a problem code only; the caller still has its message and can send it again."""
    content: dict[str, Any] = {"problem": code}
    is_unread = status == 413 or code == "busy"  # the rest of the body was not read
    return JSONResponse(content, status_code=status, headers={"Connection": "close"} if is_unread else None)
