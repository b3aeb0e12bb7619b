"""Delivery channel within one process, straight to the school's reception, for rehearsals.

TLS verifies certificates by the machine's clock, so it cannot be used under a simulated clock.
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
    """Channel to a school's reception in the same process.

    Args:
        reception: reception of the school.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Hand an envelope to the reception; the receipt is the school's own."""
        taken = self._reception.receive(envelope, message_id=message_id, at=at)
        return HandOver(taken.receipt, None)

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Do nothing: a rehearsal withdraws no dossier."""
        return OFFERED

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        """Yield nothing: receipts are returned by `hand_over`."""
        return iter(())

    def close(self) -> None:
        """Do nothing: there is no connection."""


def direct_channel(sandbox: Sandbox) -> Callable[..., AbstractContextManager[DirectChannel]]:
    """Return a function that opens a channel to a school of a sandbox, instead of `channels.registry.way_of`.

    Args:
        sandbox: the sandbox, with the schools' stores.
    """

    @contextmanager
    def opened(school: School, **_: Any) -> Iterator[DirectChannel]:
        store = FolderStore(sandbox.store(school.id))
        yield DirectChannel(Reception(school.id, trust=sandbox.trust_store(), store=store))

    return opened
