"""Report of how far a long operation has come: what an operation calls, and what nobody listens to."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")
Advance = Callable[[int], None]
"""Called with the number of items that were done since the last call."""


def unwatched(_: int) -> None:
    """Listen to nobody: the default of operations that can be watched."""


def counted(items: Iterable[_Item], advance: Advance, every: int = 1_000) -> Iterator[_Item]:
    """Yield items, and report them in groups, since a report for each would cost more than the item.

    Args:
        items: the items.
        advance: is told of them, of the last group too; not of what was never taken.
        every: number of items between two reports.
    """
    count = 0
    for item in items:
        yield item
        count += 1
        if count == every:
            advance(count)
            count = 0
    if count:
        advance(count)
