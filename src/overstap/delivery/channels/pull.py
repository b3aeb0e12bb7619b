"""Channel `pull`: envelopes are kept at the region's desk, and the school gets a notification.

Handing over means notifying, with ids only, so that a notification has no personal data. The desk decides whether the
school may have a dossier when it asks (`delivery.desk`); a lost notification causes delay only.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from overstap.agreements.kinds import ChannelKind
from overstap.agreements.model.receiving import ReceivingPart
from overstap.delivery.channels.channel import OFFERED, ChannelContext, HandOver, UnverifiedAnswer
from overstap.envelope.pull_messages import MEDIA_TYPE, Notification
from overstap.pki import TrustStore, oin_of
from overstap.resources import INCLUDE
from overstap.transport.https_client import DEADLINE_SECONDS, HttpsClient, TransportProblem

_TAKEN = frozenset({200, 202, 204})
_MAX_BYTES = 4096


class Pull(ReceivingPart):
    """The school asks for each dossier at the region's desk, as in OSO."""

    way: Literal["pull"]
    notify: Annotated[str, Field(pattern=r"^https://")] | None = None
    """Address of the school for notifications; None when it asks without them."""


class PullChannel:
    """The notifications to one school.

    Args:
        url: address for notifications; None when the school asks without them.
        school: the school (BRIN and branch).
        region: region whose conductor notifies.
        trust: trust store with the conductor's and the schools' certificates.
        at: the moment.
        asked: returns the school's request that a message answers, and its sender; None when there was no request.
        deadline_seconds: how long one notification may take.
    """

    def __init__(
        self,
        url: str | None,
        *,
        school: str,
        region: str,
        trust: TrustStore,
        at: datetime,
        asked: Callable[[UUID], tuple[UUID, str] | None] = lambda message_id: None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._url = url
        self._asked = asked
        self._line: HttpsClient | None = None
        if url is not None:
            self._line = HttpsClient(
                oins=frozenset({oin_of(school)}),
                trust=trust,
                client=trust.conductor_identity(region, at=at),
                at=at,
                deadline_seconds=deadline_seconds,
            )

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Notify the school that a dossier is ready; the envelope stays at the desk."""
        return self._tell(message_id, at)

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Notify the school about a message; when it asks, the desk answers with the revocation."""
        return self._tell(message_id, at)

    def _tell(self, message_id: UUID, at: datetime) -> HandOver:
        if self._line is None or self._url is None:
            return OFFERED
        asked = self._asked(message_id)
        said = Notification(message_id, asked[0] if asked else None, at)
        reply = self._line.post(
            self._url,
            said.to_bytes(),
            {"Content-Type": MEDIA_TYPE},
            limit=_MAX_BYTES,
            judge=lambda status, media_type: None if status in _TAKEN else TransportProblem.WRONG_STATUS,
            at=at,
        )
        return OFFERED if reply.problem is None else HandOver(None, reply.problem, reply.status, reply.cause)

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        """Yield nothing: receipts and results are handed in at the desk."""
        return iter(())

    def close(self) -> None:
        """Close the connection."""
        if self._line is not None:
            self._line.close()


def _open(receives: Pull, context: ChannelContext) -> PullChannel:
    return PullChannel(
        receives.notify,
        school=context.school.id,
        region=context.region,
        trust=context.trust,
        at=context.at,
        asked=context.asked,
    )


def _cell(cell: str) -> dict[str, Any] | None:
    """Read `pull` or `pull:<address>`."""
    name, _, rest = cell.partition(":")
    if name != "pull":
        return None
    return {"way": "pull", "notify": rest.strip()} if rest else {"way": "pull"}


KIND = ChannelKind(
    model=Pull, help=INCLUDE / "texts" / "channels" / "pull.yaml", open=_open, cell=_cell, is_at_desk=True
)
