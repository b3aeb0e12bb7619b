"""Opens the way that a school chose."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

from overstap.agreements import School
from overstap.agreements.kinds import channels
from overstap.delivery.channels.channel import Channel, ChannelPlace
from overstap.pki import TrustStore


@contextmanager
def way_of(
    school: School,
    *,
    region: str,
    trust: TrustStore,
    at: datetime,
    outbox: Path | None = None,
    asked: Callable[[UUID], tuple[UUID, str] | None] = lambda message_id: None,
) -> Iterator[Channel]:
    """Open the way to a school for the time of one run.

    Args:
        school: the receiver.
        region: whose conductor brings it.
        trust: who calls, and who must answer.
        at: the moment.
        outbox: the folder of schools that collect by hand (setting OVERSTAP_OUTBOX).
        asked: gives the school's own request that a message answers, and its sender, if it asked before.

    Raises:
        OverstapError: TRUST-nnn when our own certificate is not in order; SETTING-001 when the school collects by hand
            and there is no outbox; DELIVERY-030 for a way that takes an adapter that is not there.
        ValueError: the school receives nothing.
    """
    if school.receives is None:
        raise ValueError(f"{school.id} receives nothing")
    kind = channels()[school.receives.way]
    way: Channel = kind.open(school.receives, ChannelPlace(school, region, trust, at, outbox, asked))
    with closing(way):
        yield way
