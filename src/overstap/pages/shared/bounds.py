"""HTTP protocol for uvicorn with deadlines for request heads and unread responses, and limits on connections.

Used as `uvicorn.Config(http=BoundedProtocol, ...)`. The time of a body is limited by `guard`.
"""

import asyncio
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""Seconds within which a request's head must arrive, from the start of the connection or of the request."""
HEAD_BYTES = 32_768
UNREAD_SECONDS = 30.0
"""Seconds for which a client may read nothing of a response; a client that reads some kilobytes a second is kept."""


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 protocol that closes connections with slow or long heads, and with unread responses.

    When many connections are idle, a new one closes the oldest of the address with the most: a client that opens
    hundreds displaces only its own, and a proxy reconnects.
    """

    _waiting: ClassVar[dict["BoundedProtocol", str]] = {}
    """Idle connections, with their addresses, the oldest first."""
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Start the deadline for the first head."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)
        self._waits()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadlines."""
        self._stop()
        self._waiting.pop(self, None)
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process bytes; count them while a head is incomplete."""
        if self.cycle is None or self.cycle.response_complete:
            if self._timer is None:
                self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)
            self._head_bytes += len(data)
        super().data_received(data)
        if self._timer is not None and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Cancel the deadline for the head."""
        self._stop()
        self._waiting.pop(self, None)
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Start the deadline for the next head."""
        super().on_response_complete()
        if self.cycle is not None and self.cycle.response_complete and not self.transport.is_closing():
            self._waits()

    def pause_writing(self) -> None:
        """Start the deadline for an unread response."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_SECONDS, self._nobody_reads)

    def resume_writing(self) -> None:
        """Cancel the deadline for an unread response."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _waits(self) -> None:
        self._waiting[self] = self.client[0] if self.client else "-"
        most = self.config.limit_concurrency
        if most is not None and len(self._waiting) > most // 2:
            [(busiest, _)] = Counter(self._waiting.values()).most_common(1)
            oldest = next(one for one, address in self._waiting.items() if address == busiest)
            self._waiting.pop(oldest)
            oldest.transport.abort()

    def _stop(self) -> None:
        self._head_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _nobody_reads(self) -> None:
        self._unread = None
        self.transport.abort()
