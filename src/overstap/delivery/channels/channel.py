"""What every way to a school has in common."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from overstap.agreements import School
from overstap.envelope.file_names import AnswerKind
from overstap.errors import OverstapError
from overstap.pki import TrustStore
from overstap.transport.https_client import TransportProblem

_CODES = {
    TransportProblem.UNREACHABLE: "DELIVERY-021",
    TransportProblem.IDENTITY: "DELIVERY-022",
    TransportProblem.TIMEOUT: "DELIVERY-023",
    TransportProblem.DISCONNECTED: "DELIVERY-024",
    TransportProblem.NO_RECEIPT: "DELIVERY-025",
    TransportProblem.ANSWER_TOO_LARGE: "DELIVERY-026",
    TransportProblem.WRONG_STATUS: "DELIVERY-027",
    TransportProblem.LOGIN: "DELIVERY-028",
    TransportProblem.STORAGE: "DELIVERY-029",
}


@dataclass(frozen=True, slots=True)
class HandOver:
    """What came of handing over one envelope.

    A receipt still to be verified; or a problem; or neither: then it stands where the school takes it, and the receipt
    comes later by `Way.answers` or at the region's desk.
    """

    receipt_unverified: bytes | None
    problem: TransportProblem | None
    status: int | None = None
    """HTTP status, where there was one."""
    cause: str | None = None
    """Code of the trust store's error, where there was one."""

    @property
    def is_offered(self) -> bool:
        """Whether it stands ready, with no answer yet."""
        return self.receipt_unverified is None and self.problem is None

    def error(self, *, school: str, message_id: UUID) -> OverstapError:
        """Return the problem in the words for people.

        Raises:
            ValueError: there is no problem.
        """
        if self.problem is None:
            raise ValueError("this went well")
        facts = {"status": self.status or "-", "cause": self.cause or "-"}
        return OverstapError(_CODES[self.problem], school=school, message=str(message_id), **facts)


class ChannelError(Exception):
    """A place could not be looked at.

    Args:
        problem: why not.
    """

    def __init__(self, problem: TransportProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem

    def told(self, school: str, message_id: UUID) -> OverstapError:
        """Return it in the words for people."""
        return HandOver(None, self.problem).error(school=school, message_id=message_id)


OFFERED = HandOver(None, None)
"""It stands ready."""


@dataclass(frozen=True, slots=True)
class UnverifiedAnswer:
    """An answer that a school left for us, still to be verified."""

    message_id: UUID
    kind: AnswerKind
    content: bytes


@dataclass(frozen=True, slots=True)
class ChannelPlace:
    """What a channel is opened with, beside the school's block of the agreement."""

    school: School
    region: str
    """Whose conductor brings envelopes."""
    trust: TrustStore
    """Who calls, and who must answer."""
    at: datetime
    outbox: Path | None
    """The folder of schools that collect by hand (setting OVERSTAP_OUTBOX)."""
    asked: Callable[[UUID], tuple[UUID, str] | None]
    """Gives the school's own request that a message answers, and its sender, if it asked before."""


class Channel(Protocol):
    """A way to one school, open for the time of one run. For one thread at a time.

    Each call ends within its deadline, whatever the other side does: a school that is slow, lies or pours harms its own
    deliveries only.
    """

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Bring an envelope there. Safe to repeat with the very same bytes; what goes wrong is in the answer.

        Args:
            envelope: as sealed.
            message_id: its message id.
            at: the moment.
        """
        ...

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Bring a statement that takes an envelope back. Safe to repeat with the very same bytes.

        Args:
            statement: as signed.
            message_id: of the envelope.
            at: the moment.
        """
        ...

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        """Yield what the school left for us since: receipts of awaited messages, and other answers about any.

        Args:
            awaited: messages whose receipt has not come.
            at: the moment.

        Raises:
            ChannelError: the place could not be looked at.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
