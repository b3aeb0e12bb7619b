"""Growing delays for answers to failed sign-ins, which slow guessing down without locking accounts."""

import asyncio
from collections import Counter

MAX_SECONDS = 15.0
_FIRST_SECONDS = 0.5


def delay_seconds(failed: int, free: int) -> float:
    """Return the delay of an answer in seconds: 0 for the first failures, then doubled after each.

    Args:
        failed: number of recent failures, this one included.
        free: number of failures without delay, since people mistype.
    """
    over = failed - free
    return 0.0 if over <= 0 else min(MAX_SECONDS, _FIRST_SECONDS * 2 ** min(over - 1, 10))


class DelayQueue:
    """Bounded set of delayed answers, so that delays cannot occupy all connections of the service.

    Args:
        per_network: largest number of delayed answers of one network.
        in_all: largest number of delayed answers of all networks.
    """

    def __init__(self, per_network: int = 10, in_all: int = 200) -> None:
        self._per_network = per_network
        self._in_all = in_all
        self._waiting: Counter[str] = Counter()

    async def wait(self, network: str, seconds: float) -> bool:
        """Wait; return False at once when the limit is reached.

        Args:
            network: network of the client.
            seconds: the delay.
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
