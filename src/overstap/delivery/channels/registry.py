"""Opens the channel that the agreement states for a school."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from uuid import UUID

from overstap.agreements import School
from overstap.agreements.kinds import channels
from overstap.delivery.channels.channel import Channel, ChannelContext
from overstap.pki import TrustStore
from overstap.storage import Place


@contextmanager
def way_of(
    school: School,
    *,
    region: str,
    trust: TrustStore,
    at: datetime,
    outbox: Place | None = None,
    asked: Callable[[UUID], tuple[UUID, str] | None] = lambda message_id: None,
) -> Iterator[Channel]:
    """Open the channel to a school for the duration of one run.

    Args:
        school: the receiver.
        region: region whose conductor sends.
        trust: trust store with the conductor's and the schools' certificates.
        at: the moment.
        outbox: the folder of schools that collect by hand (setting OVERSTAP_OUTBOX).
        asked: returns the school's request that a message answers, and its sender; None when there was no request.

    Raises:
        OverstapError: TRUST-nnn when the conductor's certificate is not in order; SETTING-001 when the school collects
            by hand and OVERSTAP_OUTBOX is not set; DELIVERY-030 when the channel needs an adapter and there is none.
        ValueError: the agreement states no channel for the school.
    """
    if school.receives is None:
        raise ValueError(f"{school.id} receives nothing")
    kind = channels()[school.receives.way]
    way: Channel = kind.open(school.receives, ChannelContext(school, region, trust, at, outbox, asked))
    with closing(way):
        yield way
