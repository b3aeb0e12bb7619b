"""Opens the way that a school chose."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

from overstap.agreements import School
from overstap.agreements.model import receiving as chosen
from overstap.delivery.channels.channel import Channel
from overstap.delivery.channels.folder import FolderWay
from overstap.delivery.channels.pull import PullWay
from overstap.delivery.channels.push import Pusher
from overstap.delivery.channels.sftp import SftpWay
from overstap.delivery.channels.traffic_centre import TrafficCentreWay
from overstap.delivery.traffic_centre.adapter import centre_of
from overstap.errors import OverstapError
from overstap.pki import TrustStore
from overstap.settings import Settings


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
    match school.receives:
        case None:
            raise ValueError(f"{school.id} receives nothing")
        case chosen.Push(url=url):
            client = trust.conductor_identity(region, at=at)
            way: Channel = Pusher(url, school=school.id, trust=trust, client=client, at=at)
        case chosen.Pull(notify=notify):
            way = PullWay(notify, school=school.id, region=region, trust=trust, at=at, asked=asked)
        case chosen.Sftp() as server:
            way = SftpWay(server, region=region, trust=trust)
        case chosen.Folder():
            if outbox is None:
                raise OverstapError("SETTING-001", setting="OVERSTAP_OUTBOX")
            way = FolderWay(outbox / region / school.id)
        case chosen.ByTrafficCentre(delivery_point=delivery_point):
            centre = centre_of(Settings())
            if centre is None:
                raise OverstapError("DELIVERY-030", school=school.label, way="traffic_centre")
            way = TrafficCentreWay(centre, school=school.id, delivery_point=delivery_point, asked=asked)
    with closing(way):
        yield way
