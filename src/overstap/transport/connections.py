"""Connections of a server with mutual TLS, before and after the caller is authenticated by certificate.

The number of unauthenticated connections is bounded; TLS handshake and certificate check have a deadline and run off
the event loop. Each caller has its own bound on connections, so that a caller can exhaust only its own share.
"""

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from overstap.transport.server_limits import ServerLimits

_MAX_EARLY_BYTES = 1024 * 1024
"""Most bytes kept from a connection before its caller is authenticated; TLS can deliver some before reading pauses."""
_REFUSED = b'{"problem":"%s"}'
_log = logging.getLogger(__name__)


@dataclass
class Admission:
    """Register of a server's connections, which enforces the bounds. Use it on the event loop only.

    Args:
        admit: returns the OIN of the caller for a certificate (DER) at a moment, or None when the caller is not
            permitted. It runs in a thread, since it may query an OCSP service.
        context: TLS settings of the server.
        now: the clock.
        limits: the bounds.
    """

    admit: Callable[[bytes | None, datetime], str | None]
    context: ssl.SSLContext
    now: Callable[[], datetime]
    limits: ServerLimits
    unauthenticated: dict["UnauthenticatedConnection", str] = field(default_factory=dict)
    """Connections without an authenticated caller, with the peer's IP address, oldest first."""
    authenticated: dict[str, dict["AuthenticatedConnection", None]] = field(default_factory=dict)
    """Connections of authenticated callers by OIN, oldest first."""

    def __post_init__(self) -> None:
        """Start the thread pool for certificate checks."""
        self.threads = ThreadPoolExecutor(8, thread_name_prefix="admission")

    def add_unauthenticated(self, connection: "UnauthenticatedConnection", address: str) -> None:
        """Register an unauthenticated connection; above the bound, drop the oldest one of the busiest address."""
        self.unauthenticated[connection] = address
        if len(self.unauthenticated) > self.limits.unauthenticated:
            [(busiest, _)] = Counter(self.unauthenticated.values()).most_common(1)
            oldest = next(one for one, address in self.unauthenticated.items() if address == busiest)
            _log.warning("too many unauthenticated connections: the oldest one of %s is dropped", busiest)
            oldest.drop()

    def remove_unauthenticated(self, connection: "UnauthenticatedConnection") -> None:
        """Remove an unauthenticated connection: it is closed, or its caller is authenticated."""
        self.unauthenticated.pop(connection, None)

    def has_room(self, caller: str) -> bool:
        """Return whether a caller may have one more connection; close an idle connection where that makes room."""
        own = self.authenticated.get(caller, {})
        if len(own) >= self.limits.per_caller and not self._close_idle(own):
            _log.warning("caller %s has %d connections at work; another one is refused", caller, len(own))
            return False
        if sum(map(len, self.authenticated.values())) < self.limits.callers:
            return True
        return self._close_idle(max(self.authenticated.values(), key=len))

    def add_caller(self, caller: str, connection: "AuthenticatedConnection") -> None:
        """Register a connection of an authenticated caller."""
        self.authenticated.setdefault(caller, {})[connection] = None

    def remove_caller(self, caller: str, connection: "AuthenticatedConnection") -> None:
        """Remove a connection of an authenticated caller."""
        own = self.authenticated.get(caller, {})
        own.pop(connection, None)
        if not own:
            self.authenticated.pop(caller, None)

    def _close_idle(self, connections: dict["AuthenticatedConnection", None]) -> bool:
        idle = next((one for one in connections if one.is_idle), None)
        if idle is None:
            return False
        connections.pop(idle)
        idle.drop()
        return True


class UnauthenticatedConnection(asyncio.Protocol):
    """A connection whose caller is not authenticated yet.

    It does the TLS handshake and the certificate check, and then hands its transport to an `AuthenticatedConnection`.

    Args:
        admission: register of connections.
        config: uvicorn's configuration.
        server_state: uvicorn's state of the server.
        app_state: values that every request gets in its state.
        _loop: the event loop.
    """

    def __init__(
        self,
        admission: Admission,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._admission = admission
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._early_data = b""
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register the connection and start authentication."""
        self._transport = transport
        transport.pause_reading()
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # closed with the server as any other
        peer = transport.get_extra_info("peername")
        self._admission.add_unauthenticated(self, str(peer[0]) if peer else "-")
        self._task = self._loop.create_task(self._authenticate(transport))

    def data_received(self, data: bytes) -> None:
        """Keep data that arrives before authentication ends; discard it after a refusal."""
        if self._is_refused:
            return
        self._early_data += data
        if len(self._early_data) > _MAX_EARLY_BYTES:
            self.drop()

    def connection_lost(self, problem: Exception | None) -> None:
        """Remove the connection from the register."""
        self._forget()

    def drop(self) -> None:
        """Abort the connection."""
        self._forget()
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    shutdown = drop
    """uvicorn calls this when the server stops."""

    def _forget(self) -> None:
        self._admission.remove_unauthenticated(self)
        self._server_state.connections.discard(self)

    async def _authenticate(self, plain: asyncio.Transport) -> None:
        limits = self._admission.limits
        try:
            secured = await self._loop.start_tls(
                plain,
                self,
                self._admission.context,
                server_side=True,
                ssl_handshake_timeout=limits.handshake_seconds,
                ssl_shutdown_timeout=limits.closing_seconds,
            )
        except OSError:  # no TLS, no certificate, an unknown authority, a timeout, or a closed connection
            self.drop()
            return
        if secured is None:
            self.drop()
            return
        self._transport = secured
        secured.pause_reading()
        certificate = secured.get_extra_info("ssl_object").getpeercert(binary_form=True)
        check = self._loop.run_in_executor(
            self._admission.threads, self._admission.admit, certificate, self._admission.now()
        )
        try:
            caller = await asyncio.wait_for(check, limits.admission_seconds)
        except TimeoutError:
            _log.warning("caller refused: its certificate could not be checked in time")
            self._refuse(secured, 503, "not_now")
            return
        except Exception:  # whoever is not known to be good is refused, whatever went wrong
            _log.exception("caller refused: its certificate could not be checked")
            self._refuse(secured, 503, "not_now")
            return
        if caller is None:
            self._refuse(secured, 403, "caller")
        elif secured.is_closing():
            self._forget()
        elif not self._admission.has_room(caller):
            self._refuse(secured, 503, "too_many_connections")
        else:
            self._forget()
            successor = AuthenticatedConnection(
                caller, self._admission, self._config, self._server_state, self._app_state, self._loop
            )
            secured.set_protocol(successor)
            successor.connection_made(secured)
            if self._early_data:
                successor.data_received(self._early_data)
            secured.resume_reading()

    def _refuse(self, transport: asyncio.Transport, status: int, problem: str) -> None:
        """Send one response with the reason, whatever the request was, and close the connection."""
        self._is_refused, self._early_data = True, b""
        body = _REFUSED % problem.encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        transport.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        # Unread input makes TCP reset the connection, which would lose the response: so it is read and discarded
        transport.resume_reading()
        self._loop.call_later(self._admission.limits.closing_seconds, transport.close)


class _Phase(Enum):
    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()


class AuthenticatedConnection(H11Protocol):
    """HTTP connection of an authenticated caller, with a deadline for each phase of a request.

    Args:
        caller: OIN of the caller.
        admission: register of connections.
        config: uvicorn's configuration.
        server_state: uvicorn's state of the server.
        app_state: values that every request gets in its state; `caller` is added.
        loop: the event loop.
    """

    def __init__(
        self,
        caller: str,
        admission: Admission,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(config, server_state, {**app_state, "caller": caller}, loop)
        self._caller = caller
        self._admission = admission
        self._phase_and_cycle: tuple[_Phase, object] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress."""
        return self._phase_and_cycle is not None and self._phase_and_cycle[0] is _Phase.IDLE

    def drop(self) -> None:
        """Abort the connection."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register the connection and wait for the first request."""
        self._admission.add_caller(self._caller, self)
        super().connection_made(transport)
        self._enter(_Phase.IDLE, None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from the register."""
        self._admission.remove_caller(self._caller, self)
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle a part of a request."""
        super().data_received(data)
        self._update_phase()

    def on_response_complete(self) -> None:
        """Handle the end of a response."""
        super().on_response_complete()
        self._update_phase()

    def _update_phase(self) -> None:
        """Determine the phase of the request from the state of the HTTP parser, and set its deadline."""
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.SEND_BODY:
            self._enter(_Phase.BODY, self.cycle)
        elif self.cycle is not None and not self.cycle.response_complete:
            self._enter(_Phase.ANSWER, self.cycle)
        else:
            self._enter(_Phase.HEAD if self.conn.trailing_data[0] else _Phase.IDLE, self.cycle)

    def _enter(self, phase: _Phase, cycle: object) -> None:
        if self._phase_and_cycle == (phase, cycle):
            return  # same phase: the deadline stays, so that sending a byte now and then does not extend it
        self._phase_and_cycle = phase, cycle
        limits = self._admission.limits
        idle = limits.head_seconds if cycle is None else limits.idle_seconds + limits.closing_seconds
        seconds = {
            _Phase.IDLE: idle,  # between requests uvicorn closes the connection earlier, after idle_seconds
            _Phase.HEAD: limits.head_seconds,
            _Phase.BODY: limits.body_seconds,
            _Phase.ANSWER: limits.answer_seconds,
        }[phase]
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self._end, phase)

    def _end(self, phase: _Phase) -> None:
        if phase is not _Phase.IDLE:
            _log.warning("caller %s is too slow (%s): the connection is closed", self._caller, phase.name.lower())
        self.transport.abort()
