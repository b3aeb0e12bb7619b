"""Limits on connections for uvicorn, which has no deadline for a request's head or for an answer that nobody reads.

Used as `uvicorn.Config(http=BoundedProtocol, ...)`. The body's time is bounded by `guard`.
"""

import asyncio
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""How long a request's head may take to arrive, from the first moment of the connection or of the request."""
HEAD_BYTES = 32_768
UNREAD_SECONDS = 30.0
"""How long an answer may lie unread: a reader that takes some kilobytes a second is never ended."""


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose heads are short and come in time, and whose answers are read.

    Where many connections wait and ask nothing, the oldest one of the busiest address is closed for a new one: whoever
    opens them by the hundred keeps only themselves out, and a proxy opens another.
    """

    _waiting: ClassVar[dict["BoundedProtocol", str]] = {}
    """Connections without a request under way, with their addresses, oldest first."""
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)
        self._waits()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop()
        self._waiting.pop(self, None)
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; while a head is not whole, count them."""
        if self.cycle is None or self.cycle.response_complete:
            if self._timer is None:
                self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)
            self._head_bytes += len(data)
        super().data_received(data)
        if self._timer is not None and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._stop()
        self._waiting.pop(self, None)
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self.cycle is not None and self.cycle.response_complete and not self.transport.is_closing():
            self._waits()

    def pause_writing(self) -> None:
        """Note that nobody reads the answer."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_SECONDS, self._nobody_reads)

    def resume_writing(self) -> None:
        """Note that somebody does."""
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
