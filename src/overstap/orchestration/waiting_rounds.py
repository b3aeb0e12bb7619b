"""Waits of rounds in one process of the triggerer, and the one connection over which the ledger wakes them."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from contextvars import Context
from weakref import WeakKeyDictionary

from overstap.errors import OverstapError
from overstap.ledger.rounds.wakes import rounds_told
from overstap.settings import Settings

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 60.0
"""Between two attempts to connect again, at most; the first is after a second."""


class WaitingRounds:
    """Wakes waits when the ledger tells of their round: over one connection for all, and while there is a wait."""

    def __init__(self) -> None:
        self._waits: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._listening: asyncio.Task[None] | None = None

    @contextmanager
    def wait(self, round_id: str) -> Iterator[asyncio.Event]:
        """Take part for as long as a wait lasts.

        Args:
            round_id: the round that is waited for.

        Yields:
            What is set when the ledger told of the round, or may have: whoever waits clears it and looks.
        """
        woken = asyncio.Event()
        self._waits[round_id].add(woken)
        if self._listening is None:
            # Not in the context of the first wait, to whose log its lines would go
            self._listening = asyncio.create_task(self._listen(), context=Context(), name="waits of rounds")
        try:
            yield woken
        finally:
            self._waits[round_id].discard(woken)
            if not self._waits[round_id]:
                del self._waits[round_id]
            if not self._waits:
                self._listening.cancel()
                self._listening = None

    async def _listen(self) -> None:
        """Listen, and again whenever the connection is lost; each wait still looks at its own times meanwhile."""
        pause = 1.0
        while True:
            try:
                async with aclosing(rounds_told(Settings().need("ledger"))) as told:
                    async for round_id in told:
                        pause = 1.0
                        self._wake(round_id)
            except OverstapError as problem:
                log.warning("%s", problem)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _wake(self, round_id: str | None) -> None:
        """Wake the waits of a round; of all rounds where it is not known what was told."""
        woken = set().union(*self._waits.values()) if round_id is None else self._waits.get(round_id, ())
        for each in woken:
            each.set()


_OF_LOOP: WeakKeyDictionary[asyncio.AbstractEventLoop, WaitingRounds] = WeakKeyDictionary()


def waiting_rounds() -> WaitingRounds:
    """Return the waits of the running event loop, of which the triggerer has one."""
    return _OF_LOOP.setdefault(asyncio.get_running_loop(), WaitingRounds())
