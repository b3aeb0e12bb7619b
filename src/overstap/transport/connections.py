"""The connections of a server with mutual TLS: first of strangers, then of callers who are known by certificate.

A stranger costs a handshake and a check, both with a deadline and off the event loop, and is one of a bounded number. A
caller's connections are bounded for itself, so that it can keep only itself waiting.
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

_EARLY_BYTES = 1024 * 1024
"""What a stranger may send ahead: what TLS hands over at once before reading can be stopped."""
_REFUSED = b'{"problem":"%s"}'
_log = logging.getLogger(__name__)


@dataclass
class Admission:
    """Who may come in, and who is inside. Used on the event loop only, but for the check itself.

    Args:
        admit: gives the caller's OIN for a certificate (DER) at a moment, or None when this one may not call. It may
            ask an OCSP service: it runs in a thread.
        context: the server's TLS settings.
        now: the clock.
        limits: the bounds.
    """

    admit: Callable[[bytes | None, datetime], str | None]
    context: ssl.SSLContext
    now: Callable[[], datetime]
    limits: ServerLimits
    strangers: dict["StrangerConnection", str] = field(default_factory=dict)
    """With their addresses, oldest first."""
    inside: dict[str, dict["CallerConnection", None]] = field(default_factory=dict)
    """Connections by OIN, oldest first."""

    def __post_init__(self) -> None:
        """Make the threads that check."""
        self.threads = ThreadPoolExecutor(8, thread_name_prefix="admission")

    def arrive(self, stranger: "StrangerConnection", address: str) -> None:
        """Note a stranger; drop the oldest one of the busiest address when there are too many."""
        self.strangers[stranger] = address
        if len(self.strangers) > self.limits.unknown:
            [(busiest, _)] = Counter(self.strangers.values()).most_common(1)
            oldest = next(one for one, place in self.strangers.items() if place == busiest)
            _log.warning("too many connections from strangers: the oldest one of %s is dropped", busiest)
            oldest.drop()

    def leave(self, stranger: "StrangerConnection") -> None:
        """Forget a stranger: gone, or known by now."""
        self.strangers.pop(stranger, None)

    def has_room(self, caller: str) -> bool:
        """Make room for one more connection of a caller, at the cost of idle ones; return whether there is."""
        own = self.inside.get(caller, {})
        if len(own) >= self.limits.per_caller and not self._close_idle(own):
            _log.warning("caller %s has %d connections at work; another one is refused", caller, len(own))
            return False
        if sum(map(len, self.inside.values())) < self.limits.callers:
            return True
        return self._close_idle(max(self.inside.values(), key=len))

    def enter(self, caller: str, connection: "CallerConnection") -> None:
        """Note a caller's connection."""
        self.inside.setdefault(caller, {})[connection] = None

    def exit(self, caller: str, connection: "CallerConnection") -> None:
        """Forget a caller's connection."""
        own = self.inside.get(caller, {})
        own.pop(connection, None)
        if not own:
            self.inside.pop(caller, None)

    def _close_idle(self, connections: dict["CallerConnection", None]) -> bool:
        idle = next((one for one in connections if one.is_idle), None)
        if idle is None:
            return False
        connections.pop(idle)
        idle.drop()
        return True


class StrangerConnection(asyncio.Protocol):
    """A connection until its caller is known: the TLS handshake, the check of the certificate, and then its heir.

    Args:
        admission: who may come in.
        config: of the server.
        server_state: of the server.
        app_state: what every request finds in its state.
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
        self._early = b""
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        self._transport = transport
        transport.pause_reading()
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # closed with the server as any other
        peer = transport.get_extra_info("peername")
        self._admission.arrive(self, str(peer[0]) if peer else "-")
        self._task = self._loop.create_task(self._come_in(transport))

    def data_received(self, data: bytes) -> None:
        """Keep what came ahead of the check; of who was refused nothing is kept."""
        if self._is_refused:
            return
        self._early += data
        if len(self._early) > _EARLY_BYTES:
            self.drop()

    def connection_lost(self, problem: Exception | None) -> None:
        """Forget it."""
        self._forget()

    def drop(self) -> None:
        """End it at once."""
        self._forget()
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    shutdown = drop
    """What the server calls when it stops."""

    def _forget(self) -> None:
        self._admission.leave(self)
        self._server_state.connections.discard(self)

    async def _come_in(self, plain: asyncio.Transport) -> None:
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
        except OSError:  # no TLS, no certificate, an authority that is not ours, too slow, gone
            self.drop()
            return
        if secured is None:
            self.drop()
            return
        self._transport = secured
        secured.pause_reading()
        certificate = secured.get_extra_info("ssl_object").getpeercert(binary_form=True)
        asked = self._loop.run_in_executor(
            self._admission.threads, self._admission.admit, certificate, self._admission.now()
        )
        try:
            caller = await asyncio.wait_for(asked, limits.admission_seconds)
        except TimeoutError:
            _log.warning("caller refused: its certificate could not be checked in time")
            self._refuse(secured, 503, "not_now")
            return
        except Exception:
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
            heir = CallerConnection(
                caller, self._admission, self._config, self._server_state, self._app_state, self._loop
            )
            secured.set_protocol(heir)
            heir.connection_made(secured)
            if self._early:
                heir.data_received(self._early)
            secured.resume_reading()

    def _refuse(self, transport: asyncio.Transport, status: int, problem: str) -> None:
        """Say why in one answer, whatever was asked, and close."""
        self._is_refused, self._early = True, b""
        body = _REFUSED % problem.encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        transport.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        transport.resume_reading()  # what was sent is read and thrown away: else the answer would be lost with it
        self._loop.call_later(self._admission.limits.closing_seconds, transport.close)


class _Phase(Enum):
    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()


class CallerConnection(H11Protocol):
    """A caller's connection: HTTP as uvicorn speaks it, with a deadline for each part of a conversation.

    Args:
        caller: OIN.
        admission: where it is noted.
        config: of the server.
        server_state: of the server.
        app_state: what every request finds in its state; the caller is added.
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
        self._at: tuple[_Phase, object] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self._at is not None and self._at[0] is _Phase.IDLE

    def drop(self) -> None:
        """End it at once."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        self._admission.enter(self._caller, self)
        super().connection_made(transport)
        self._enter(_Phase.IDLE, None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._admission.exit(self._caller, self)
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in a part of a request."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Go on after an answer."""
        super().on_response_complete()
        self._look()

    def _look(self) -> None:
        """See in which part of a conversation it is now."""
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.SEND_BODY:
            self._enter(_Phase.BODY, self.cycle)
        elif self.cycle is not None and not self.cycle.response_complete:
            self._enter(_Phase.ANSWER, self.cycle)
        else:
            self._enter(_Phase.HEAD if self.conn.trailing_data[0] else _Phase.IDLE, self.cycle)

    def _enter(self, phase: _Phase, cycle: object) -> None:
        if self._at == (phase, cycle):
            return  # the time that it has goes on: a byte now and then gains nothing
        self._at = phase, cycle
        limits = self._admission.limits
        idle = limits.head_seconds if cycle is None else limits.idle_seconds + limits.closing_seconds
        seconds = {
            _Phase.IDLE: idle,  # of the second one uvicorn says goodbye before, if it can
            _Phase.HEAD: limits.head_seconds,
            _Phase.BODY: limits.body_seconds,
            _Phase.ANSWER: limits.answer_seconds,
        }[phase]
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self._end, phase)

    def _end(self, phase: _Phase) -> None:
        if phase is not _Phase.IDLE:
            _log.warning("caller %s is too slow (%s): the connection is ended", self._caller, phase.name.lower())
        self.transport.abort()
