"""A channel within one process: the receiving school's own reception, without a network between.

For a clock that moves: certificates of another day are nothing to TLS, which asks the machine's clock.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from overstap.agreements import School
from overstap.delivery.channels.channel import OFFERED, HandOver, UnverifiedAnswer
from overstap.receiver.folder_store import FolderStore
from overstap.receiver.reception import Reception
from overstap.simulation.sandbox import Sandbox


class DirectChannel:
    """Hands envelopes to a school's reception.

    Args:
        reception: the school's.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Bring an envelope there; the receipt is the school's own."""
        taken = self._reception.receive(envelope, message_id=message_id, at=at)
        return HandOver(taken.receipt, None)

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Take nothing back: in a rehearsal nobody asks for it."""
        return OFFERED

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        """Yield nothing: receipts come at once."""
        return iter(())

    def close(self) -> None:
        """Let go of nothing."""


def direct_channel(sandbox: Sandbox) -> Callable[..., AbstractContextManager[DirectChannel]]:
    """Return what opens the way to a school of a sandbox, in the place of `channels.registry.way_of`.

    Args:
        sandbox: where the schools keep what they receive.
    """

    @contextmanager
    def opened(school: School, **_: Any) -> Iterator[DirectChannel]:
        store = FolderStore(sandbox.store(school.id))
        yield DirectChannel(Reception(school.id, trust=sandbox.trust_store(), store=store))

    return opened
