"""Channel `page`: a school without a system collects on the schools' pages, signed in with a second factor.

Handing over is putting ready: the dossier stays in the ledger, encrypted with the region's key, and the database
decides at each turn whether the school may have it (`pages.school.collecting`). Such a school needs no certificate.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from overstap.agreements.kinds import ChannelKind
from overstap.agreements.model.receiving import ReceivingPart
from overstap.delivery.channels.channel import OFFERED, ChannelContext, HandOver, UnverifiedAnswer
from overstap.resources import INCLUDE


class OnPage(ReceivingPart):
    """The school collects on the schools' pages, and confirms by its account."""

    way: Literal["page"]


class PageChannel:
    """Puts dossiers and revocations ready; the schools' pages read them from the ledger."""

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Say that the dossier is ready."""
        return OFFERED

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Say that the revocation is ready; the dossier is not on the page since it was withdrawn."""
        return OFFERED

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        """Yield nothing: the school confirms on its page."""
        return iter(())

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _open(receives: OnPage, context: ChannelContext) -> PageChannel:
    return PageChannel()


def _cell(cell: str) -> dict[str, Any] | None:
    """Read `page`."""
    return {"way": "page"} if cell == "page" else None


KIND = ChannelKind(
    model=OnPage, help=INCLUDE / "texts" / "channels" / "page.yaml", open=_open, cell=_cell, is_on_page=True
)
