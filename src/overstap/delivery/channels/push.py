"""Channel `push`: envelopes are sent to a school's endpoint over HTTPS with mutual TLS.

The answer is not a confirmation before `delivery.receipt_verification` has verified it.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from overstap.agreements.kinds import ChannelKind
from overstap.agreements.model.receiving import ReceivingPart
from overstap.delivery.channels.channel import ChannelContext, HandOver, UnverifiedAnswer
from overstap.envelope import evidence_request, revocation, several
from overstap.envelope.evidence_request import EvidenceResponse
from overstap.envelope.over_https import MESSAGE_ID_HEADER
from overstap.envelope.receipt import MAX_RECEIPT_BYTES, MEDIA_TYPE
from overstap.pki import TlsIdentity, TrustStore, oin_of
from overstap.resources import INCLUDE
from overstap.transport.https_client import DEADLINE_SECONDS, HttpsClient, TransportProblem

_RECEIPT_STATUS = frozenset({200, 409, 422})
_log = logging.getLogger(__name__)


class Push(ReceivingPart):
    """The school has an endpoint that takes envelopes over HTTPS with mutual TLS."""

    way: Literal["push"]
    url: Annotated[str, Field(pattern=r"^https://")]


class PushChannel:
    """HTTPS connection to one school's endpoint, kept open between envelopes. For one thread at a time.

    Args:
        url: the address for envelopes, `https://...`.
        school: whose endpoint it must be (BRIN and branch).
        trust: trust store that checks the server's certificate.
        client: the conductor's certificate and key.
        at: the moment against which the server's certificate is checked when connecting.
        deadline_seconds: how long one push may take from beginning to end.
    """

    def __init__(
        self,
        url: str,
        *,
        school: str,
        trust: TrustStore,
        client: TlsIdentity,
        at: datetime,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        oins = frozenset({oin_of(school)})
        self._line = HttpsClient(oins=oins, trust=trust, client=client, at=at, deadline_seconds=deadline_seconds)
        self._url = url
        self._at_once = several.ONE
        self._is_alone = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime | None = None) -> HandOver:
        """Send an envelope and return the answer. Problems of the school's side are in the result.

        Args:
            envelope: as `envelope.seal` made it; a repetition takes the same bytes.
            message_id: its message id.
            at: the moment, for the check of a certificate when it connects anew; as given before when None.
        """
        headers = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE, MESSAGE_ID_HEADER: str(message_id)}
        reply = self._line.post(self._url, envelope, headers, limit=MAX_RECEIPT_BYTES, judge=_problem, at=at)
        if reply.problem is not None:
            return HandOver(None, reply.problem, reply.status, reply.cause)
        if not reply.body:
            return HandOver(None, TransportProblem.NO_RECEIPT, reply.status)
        self._at_once = several.told_by(reply.headers)
        return HandOver(reply.body, None, reply.status)

    def fitting(self, sizes: Sequence[int]) -> int:
        """Return how many of the next envelopes the school takes in one request, by its last answer to one of them.

        Args:
            sizes: the length of each, in the order in which they will be handed over.
        """
        return 1 if self._is_alone else self._at_once.fitting(sizes)

    def hand_over_all(self, envelopes: Sequence[tuple[UUID, bytes]], *, at: datetime) -> list[HandOver] | None:
        """Send several envelopes in one request; see `SeveralAtOnce.hand_over_all`.

        Args:
            envelopes: message ids and sealed bytes.
            at: the moment.
        """
        headers = {"Content-Type": several.MEDIA_TYPE, "Accept": several.ANSWERS_TYPE}
        limit = several.answers_limit(len(envelopes))
        content = several.envelopes_bytes(envelopes)
        reply = self._line.post(self._url, content, headers, limit=limit, judge=_several_problem, at=at)
        answers = several.read_answers(reply.body, count=len(envelopes)) if reply.problem is None else None
        if answers is None:
            problem = reply.problem or TransportProblem.NO_RECEIPT
            _log.warning("%d envelopes in one request: %s; each goes by itself from now on", len(envelopes), problem)
            self._is_alone = True
            return None
        return [_handed(answers.get(message_id)) for message_id, _ in envelopes]

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Send a revocation; the answer is not verified yet.

        Args:
            statement: as `revocation.make_revocation` made it; a repetition takes the same bytes.
            message_id: message id of the revoked envelope.
            at: the moment.
        """
        headers = {"Content-Type": revocation.MEDIA_TYPE, "Accept": MEDIA_TYPE, MESSAGE_ID_HEADER: str(message_id)}
        reply = self._line.post(self._url, statement, headers, limit=MAX_RECEIPT_BYTES, judge=_problem, at=at)
        if reply.problem is not None:
            return HandOver(None, reply.problem, reply.status, reply.cause)
        return (
            HandOver(reply.body, None, reply.status)
            if reply.body
            else HandOver(None, TransportProblem.NO_RECEIPT, reply.status)
        )

    def evidence(self, message_id: UUID, *, at: datetime) -> EvidenceResponse | TransportProblem:
        """Ask which envelope the school stored under a message id; the answer is not verified yet.

        Args:
            message_id: of the envelope.
            at: the moment.
        """
        kind, answer = evidence_request.MEDIA_TYPE, evidence_request.ANSWER_TYPE
        headers = {"Content-Type": kind, "Accept": answer, MESSAGE_ID_HEADER: str(message_id)}
        reply = self._line.post(
            self._url, b"", headers, limit=evidence_request.MAX_BYTES, judge=_evidence_problem, at=at
        )
        if reply.problem is not None:
            return reply.problem
        return evidence_request.read_evidence(reply.body) or TransportProblem.NO_RECEIPT

    push = hand_over
    """The name of this way for it."""

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        """Yield nothing: receipts are in the HTTP answers."""
        return iter(())


def _handed(answer: several.EnvelopeAnswer | None) -> HandOver:
    """Return the result of one of several envelopes, as that of a request of its own would be."""
    if answer is None:
        return HandOver(None, TransportProblem.NO_RECEIPT)
    if answer.status not in _RECEIPT_STATUS:
        return HandOver(None, TransportProblem.WRONG_STATUS, answer.status)
    if not answer.receipt:
        return HandOver(None, TransportProblem.NO_RECEIPT, answer.status)
    if len(answer.receipt) > MAX_RECEIPT_BYTES:
        return HandOver(None, TransportProblem.ANSWER_TOO_LARGE, answer.status)
    return HandOver(answer.receipt, None, answer.status)


def _several_problem(status: int, media_type: str) -> TransportProblem | None:
    """Return the problem of an answer to several envelopes, by its status and media type."""
    if status != 200:
        return TransportProblem.WRONG_STATUS
    return None if media_type == several.ANSWERS_TYPE else TransportProblem.NO_RECEIPT


def _problem(status: int, media_type: str) -> TransportProblem | None:
    if status not in _RECEIPT_STATUS:
        return TransportProblem.WRONG_STATUS
    return None if media_type == MEDIA_TYPE else TransportProblem.NO_RECEIPT


def _evidence_problem(status: int, media_type: str) -> TransportProblem | None:
    """Return the problem of an answer to `evidence`, by its status and media type."""
    if status != 200:
        return TransportProblem.WRONG_STATUS
    return None if media_type == evidence_request.ANSWER_TYPE else TransportProblem.NO_RECEIPT


def _open(receives: Push, context: ChannelContext) -> PushChannel:
    client = context.trust.conductor_identity(context.region, at=context.at)
    return PushChannel(receives.url, school=context.school.id, trust=context.trust, client=client, at=context.at)


def _cell(cell: str) -> dict[str, Any] | None:
    """Read an https address."""
    return {"way": "push", "url": cell} if cell.startswith("https://") else None


KIND = ChannelKind(
    model=Push, help=INCLUDE / "texts" / "channels" / "push.yaml", open=_open, cell=_cell, address=("url",)
)
