"""HTTPS server that authenticates callers by certificate."""

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
from overstap.transport.body_budget import BodyBudget, Lease
from overstap.transport.connections import Admission, StrangerConnection
from overstap.transport.server_limits import DEFAULT_SERVER_LIMITS, ServerLimits

_BODY_SECONDS = 60
_SHUTDOWN_SECONDS = 5
_log = logging.getLogger(__name__)


class BusyError(Exception):
    """There is no memory for a body now; the caller comes again later."""


def known_caller(
    certificate: bytes | None, *, trust: TrustStore, admits: Callable[[str], bool], at: datetime
) -> str | None:
    """Return the OIN of who calls, or None when this one may not.

    Args:
        certificate: DER, from the TLS connection.
        trust: whose certificates count.
        admits: says whether the holder of an OIN may call.
        at: the moment of calling.
    """
    if certificate is None:
        return None
    try:
        found = x509.load_der_x509_certificate(certificate)
        oin = oin_in(found)
    except UNREADABLE:
        _log.warning("caller refused: certificate not readable")
        return None
    if oin is None or not admits(oin):
        _log.warning("caller refused: not one of those who may call")
        return None
    try:
        trust.check(found, role=Role.CLIENT, oin=oin, at=at)
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
) -> uvicorn.Server:
    """Return a server that is ready to run: TLS 1.2 or later, a client certificate from everyone.

    Who may not call gets status 403 as soon as the certificate is known, and the connection is closed.

    Args:
        application: finds the caller in `request.state.caller`, and reads bodies by `body_of`.
        identity: who the server is.
        trust: which authorities issue callers' certificates.
        admit: gives the caller's OIN for a certificate (DER) at a moment, or None when this one may not call. It runs
            in a thread, once per connection.
        host: the address to listen on.
        port: the port; 0 for any.
        now: the clock.
        limits: how long each part may take, and how much a caller may hold.
    """
    admission = Admission(admit, server_context(identity, trust, at=now()), now, limits)

    class Connection(StrangerConnection):
        """A connection of this server; uvicorn makes it."""

        def __init__(
            self,
            config: uvicorn.Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            super().__init__(admission, config, server_state, app_state, _loop)

    config = uvicorn.Config(
        BodyBudget(application, limits),
        host=host,
        port=port,
        http=Connection,
        loop="asyncio",  # under uvloop one connection that says nothing keeps the next one from its TLS handshake
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
        identity: who it is.
        trust: which authorities issue callers' certificates.
        at: the moment.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    identity.load_into(context)
    context.load_verify_locations(trust.authorities_file(at=at))
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def body_of(request: Request, limit: int) -> bytes | None:
    """Read the body within the time, size and memory allowed; None when it is larger.

    Raises:
        TimeoutError: it took too long.
        BusyError: there is no memory for it now.
        starlette.requests.ClientDisconnect: the caller is gone.
    """
    lease: Lease | None = getattr(request.state, "lease", None)
    parts, size = [], 0
    async with asyncio.timeout(_BODY_SECONDS):
        async for part in request.stream():
            size += len(part)
            if size > limit:
                return None
            if lease is not None and not lease.take(len(part)):
                raise BusyError
            parts.append(part)
    return b"".join(parts)


def media_type_of(request: Request) -> str:
    """Return the media type of a request's body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def problem(status: int, code: str) -> Response:
    """Return an answer that carries nothing but a code: the caller still has what it sent and decides what to do."""
    content: dict[str, Any] = {"problem": code}
    is_unread = status == 413 or code == "busy"  # the rest of the body is not waited for
    return JSONResponse(content, status_code=status, headers={"Connection": "close"} if is_unread else None)
