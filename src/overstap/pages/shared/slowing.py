"""Answers that come later and later: what a wrong sign-in costs, without a right one ever being refused for it."""

import asyncio
from collections import Counter

MAX_SECONDS = 15.0
_FIRST_SECONDS = 0.5


def pause_seconds(failed: int, free: int) -> float:
    """Return how long an answer waits: nothing for the first failures, then twice as long after each.

    Args:
        failed: how many attempts failed lately, this one too.
        free: how many cost nothing: people mistype.
    """
    over = failed - free
    return 0.0 if over <= 0 else min(MAX_SECONDS, _FIRST_SECONDS * 2 ** min(over - 1, 10))


class WaitingRoom:
    """Where answers wait, so many per network and in all: a crowd of them cannot take up the service's connections.

    Args:
        per_network: how many wait at once for one network.
        in_all: how many for all.
    """

    def __init__(self, per_network: int = 10, in_all: int = 200) -> None:
        self._per_network = per_network
        self._in_all = in_all
        self._waiting: Counter[str] = Counter()

    async def wait(self, network: str, seconds: float) -> bool:
        """Wait; return False at once when the room is full.

        Args:
            network: on whose behalf.
            seconds: how long.
        """
        if seconds <= 0:
            return True
        if self._waiting[network] >= self._per_network or self._waiting.total() >= self._in_all:
            return False
        self._waiting[network] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting[network] -= 1
            if not self._waiting[network]:
                del self._waiting[network]
        return True
