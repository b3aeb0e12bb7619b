"""Channel `traffic_centre`: envelopes are kept at the desk, and the school is notified by OSO's Traffic Centre."""

import logging
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from overstap.agreements.kinds import ChannelKind
from overstap.agreements.model.receiving import ReceivingPart
from overstap.delivery.channels.channel import OFFERED, ChannelContext, HandOver, UnverifiedAnswer
from overstap.delivery.traffic_centre.adapter import TrafficCentreAdapter, TrafficCentreError, centre_of
from overstap.delivery.traffic_centre.messages import MeldenNotificatieRequest
from overstap.errors import OverstapError
from overstap.resources import INCLUDE
from overstap.settings import Settings
from overstap.transport.https_client import TransportProblem

_log = logging.getLogger(__name__)


class ByTrafficCentre(ReceivingPart):
    """The school asks through OSO's Traffic Centre, by an adapter of a qualified supplier (docs/traffic-centre.md)."""

    way: Literal["traffic_centre"]
    delivery_point: Annotated[str, Field(pattern=r"^[0-9A-Z]{20}$")]
    """Routing id (routeringskenmerk) of the school's system."""


class TrafficCentreChannel:
    """The notifications to one school by the Traffic Centre.

    OSO notifies a school of a dossier that it asked for too early; without a request there is no notification.

    Args:
        centre: the adapter.
        school: the school (BRIN and branch).
        delivery_point: its routing id, as agreed.
        asked: returns the school's request that a message answers, with the primary school that it names.
    """

    def __init__(
        self,
        centre: TrafficCentreAdapter,
        *,
        school: str,
        delivery_point: str,
        asked: Callable[[UUID], tuple[UUID, str] | None],
    ) -> None:
        self._centre = centre
        self._school = school
        self._delivery_point = delivery_point
        self._asked = asked

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Have the school notified if it asked before; the envelope stays at the desk."""
        return self._tell(message_id)

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Have the school notified if it asked before; when it asks again, the desk answers with the revocation."""
        return self._tell(message_id)

    def _tell(self, message_id: UUID) -> HandOver:
        found = self._asked(message_id)
        if found is None:
            return OFFERED
        request, sender = found
        try:
            self._centre.melden_notificatie(
                MeldenNotificatieRequest(sender, self._school, self._delivery_point, request)
            )
        except TrafficCentreError as error:
            _log.warning("the Traffic Centre did not notify %s: %s", self._school, error.answer)
            return HandOver(None, TransportProblem.UNREACHABLE)
        return OFFERED

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        """Yield nothing: receipts and results are handed in at the desk."""
        return iter(())

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _open(receives: ByTrafficCentre, context: ChannelContext) -> TrafficCentreChannel:
    centre = centre_of(Settings())
    if centre is None:
        raise OverstapError("DELIVERY-030", school=context.school.label, way="traffic_centre")
    return TrafficCentreChannel(
        centre, school=context.school.id, delivery_point=receives.delivery_point, asked=context.asked
    )


def _cell(cell: str) -> dict[str, Any] | None:
    """Read `traffic_centre:<routing id>`."""
    name, _, rest = cell.partition(":")
    return {"way": name, "delivery_point": rest.strip()} if name == "traffic_centre" else None


KIND = ChannelKind(
    model=ByTrafficCentre,
    help=INCLUDE / "texts" / "channels" / "traffic_centre.yaml",
    open=_open,
    cell=_cell,
    is_at_desk=True,
)
