"""Interface of a channel to a school, and its results."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import UUID

from overstap.agreements import School
from overstap.envelope.file_names import AnswerKind
from overstap.errors import OverstapError
from overstap.pki import TrustStore
from overstap.storage import Place
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
    """Result of handing over one envelope.

    It has a receipt that is not verified yet, or a problem, or neither. With neither the envelope is ready for the
    school to collect, and the receipt comes later by `Channel.answers` or at the region's desk.
    """

    receipt_unverified: bytes | None
    problem: TransportProblem | None
    status: int | None = None
    """HTTP status; None where there was no HTTP answer."""
    cause: str | None = None
    """Code of the trust store's error; None where there was none."""

    @property
    def is_offered(self) -> bool:
        """Whether the envelope is ready to be collected, without an answer yet."""
        return self.receipt_unverified is None and self.problem is None

    def error(self, *, school: str, message_id: UUID) -> OverstapError:
        """Return the problem as an error with sentences.

        Raises:
            ValueError: there is no problem.
        """
        if self.problem is None:
            raise ValueError("this went well")
        facts = {"status": self.status or "-", "cause": self.cause or "-"}
        return OverstapError(_CODES[self.problem], school=school, message=str(message_id), **facts)


class ChannelError(Exception):
    """The folder or server of a school could not be read.

    Args:
        problem: the reason.
    """

    def __init__(self, problem: TransportProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem

    def told(self, school: str, message_id: UUID) -> OverstapError:
        """Return it as an error with sentences."""
        return HandOver(None, self.problem).error(school=school, message_id=message_id)


OFFERED = HandOver(None, None)
"""The envelope is ready to be collected."""


@dataclass(frozen=True, slots=True)
class UnverifiedAnswer:
    """An answer that a school left, not verified yet."""

    message_id: UUID
    kind: AnswerKind
    content: bytes


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """Parameters with which a channel is opened, beside the school's block of the agreement."""

    school: School
    region: str
    """Region whose conductor sends."""
    trust: TrustStore
    """Trust store with the conductor's and the schools' certificates."""
    at: datetime
    outbox: Place | None
    """The folder of schools that collect by hand (setting OVERSTAP_OUTBOX)."""
    asked: Callable[[UUID], tuple[UUID, str] | None]
    """Returns the school's request that a message answers, and its sender; None when there was no request."""


class Channel(Protocol):
    """An open channel to one school, for one run and one thread at a time.

    Each call ends within its deadline, so that a school whose endpoint is slow, endless or wrong delays its own
    deliveries only.
    """

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Hand an envelope over. Idempotent for the same bytes; problems of the school's side are in the result.

        Args:
            envelope: the sealed bytes.
            message_id: its message id.
            at: the moment.
        """
        ...

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Hand a revocation over. Idempotent for the same bytes.

        Args:
            statement: the signed bytes.
            message_id: message id of the revoked envelope.
            at: the moment.
        """
        ...

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        """Yield answers that the school left: receipts of awaited messages, and other answers about any message.

        Args:
            awaited: ids of messages without a receipt.
            at: the moment.

        Raises:
            ChannelError: the folder or server could not be read.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


@runtime_checkable
class SeveralAtOnce(Protocol):
    """What a channel has beside `Channel` when it can hand over several envelopes in one request."""

    def fitting(self, sizes: Sequence[int]) -> int:
        """Return how many of the next envelopes the school takes in one request; 1 while nothing else is known.

        Args:
            sizes: the length of each, in the order in which they will be handed over.
        """
        ...

    def hand_over_all(self, envelopes: Sequence[tuple[UUID, bytes]], *, at: datetime) -> list[HandOver] | None:
        """Hand several envelopes over in one request. Idempotent for the same bytes, as `hand_over` is.

        Args:
            envelopes: message ids and sealed bytes.
            at: the moment.

        Returns:
            The result of each; None when the request as a whole had no usable answer. Each is then handed over by
            itself, and `fitting` is 1 from then on.
        """
        ...
