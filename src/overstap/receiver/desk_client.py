"""Client of a region's desk (pull)."""

import json
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self
from uuid import UUID

from overstap.envelope import pull_messages, revocation
from overstap.envelope.manifest import uuid_of
from overstap.envelope.over_https import (
    MESSAGE_ID_HEADER,
    REASON_HEADER,
    RECEIPTS,
    REQUESTS,
    RESULTS,
    TAKEN_BACK,
)
from overstap.envelope.package import DEFAULT_LIMITS
from overstap.envelope.pull_messages import DossierRequest, NoDossier
from overstap.envelope.receipt import MEDIA_TYPE as CMS
from overstap.errors import OverstapError
from overstap.pki import TrustStore
from overstap.transport.https_client import DEADLINE_SECONDS, HttpsClient, Reply, TransportProblem

_CODES = {
    TransportProblem.UNREACHABLE: "DELIVERY-051",
    TransportProblem.IDENTITY: "DELIVERY-052",
    TransportProblem.TIMEOUT: "DELIVERY-053",
    TransportProblem.DISCONNECTED: "DELIVERY-054",
}


@dataclass(frozen=True, slots=True)
class Got:
    """What a request brought: an envelope or a statement that takes one back, still to be checked, or why none."""

    message_id: UUID | None
    envelope: bytes | None
    answer: NoDossier | None
    statement: bytes | None = None


class DeskClient:
    """A line to a desk, kept open between requests. For one thread at a time.

    Args:
        desk: its address, `https://host:port`.
        school: who asks (BRIN and branch).
        trust: the school's TLS key, and whose desk it must be.
        conductors: OINs of who may answer; all conductors known to `trust` when None.
        at: the moment.
        deadline_seconds: how long one request may take.

    Raises:
        OverstapError: TRUST-nnn when the school's own certificate is not in order; DELIVERY-055 when no conductor is
            known.
    """

    def __init__(
        self,
        desk: str,
        *,
        school: str,
        trust: TrustStore,
        conductors: frozenset[str] | None = None,
        at: datetime,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        oins = trust.conductor_oins() if conductors is None else conductors
        if not oins:
            raise OverstapError("DELIVERY-055")
        self._desk = desk.rstrip("/")
        self._line = HttpsClient(
            oins=oins,
            trust=trust,
            client=trust.tls_identity(school, at=at),
            at=at,
            deadline_seconds=deadline_seconds,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()

    def ask(self, request: DossierRequest) -> Got:
        """Ask for a dossier.

        Raises:
            OverstapError: DELIVERY-051 to DELIVERY-056 when there is no answer that can be used.
        """
        reply = self._line.post(
            f"{self._desk}{REQUESTS}",
            request.to_bytes(),
            {"Content-Type": pull_messages.MEDIA_TYPE},
            limit=DEFAULT_LIMITS.envelope_bytes,
        )
        self._usable(reply)
        try:
            if reply.status == 200 and reply.media_type == CMS and reply.body:
                return Got(uuid_of(reply.headers.get(MESSAGE_ID_HEADER.lower())), reply.body, None)
            if reply.status == 410 and reply.media_type == revocation.MEDIA_TYPE and reply.body:
                message_id = uuid_of(reply.headers.get(MESSAGE_ID_HEADER.lower()))
                return Got(message_id, None, NoDossier.WITHDRAWN, reply.body)
            if reply.status == 404 and reply.media_type == pull_messages.MEDIA_TYPE:
                request_id, answer = pull_messages.read_answer(reply.body)
                if request_id == request.request_id:
                    return Got(None, None, answer)
        except (ValueError, TypeError, AttributeError) as error:
            raise _unusable(reply) from error
        raise _unusable(reply)

    def hand_in_receipt(self, receipt: bytes, message_id: UUID) -> None:
        """Hand in a receipt.

        Raises:
            OverstapError: DELIVERY-051 to DELIVERY-056 when it was not taken.
        """
        self._hand_in(RECEIPTS, receipt, message_id)

    def hand_in_result(self, result: bytes, message_id: UUID) -> None:
        """Hand in what became of a dossier.

        Raises:
            OverstapError: DELIVERY-051 to DELIVERY-056 when it was not taken.
        """
        self._hand_in(RESULTS, result, message_id)

    def hand_in_taken_back(self, answer: bytes, message_id: UUID) -> None:
        """Hand in the answer to a statement that took a dossier back.

        Raises:
            OverstapError: DELIVERY-051 to DELIVERY-056 when it was not taken.
        """
        self._hand_in(TAKEN_BACK, answer, message_id)

    def _hand_in(self, path: str, content: bytes, message_id: UUID) -> None:
        reply = self._line.post(
            f"{self._desk}{path}",
            content,
            {"Content-Type": CMS, MESSAGE_ID_HEADER: str(message_id)},
            limit=pull_messages.MAX_BYTES,
        )
        self._usable(reply)
        if reply.status != 200:
            raise _unusable(reply)

    def _usable(self, reply: Reply) -> None:
        if reply.problem is not None:
            code = _CODES.get(reply.problem)
            raise OverstapError(code, cause=reply.cause or "-") if code else _unusable(reply)


def _unusable(reply: Reply) -> OverstapError:
    """Return the error for an answer that says no; a code in it is told, any other text is not."""
    code = "-"
    try:
        said = json.loads(reply.body).get("problem", "-")
        if _is_word(said):
            code = said
    except (ValueError, AttributeError):
        pass
    rule = reply.headers.get(REASON_HEADER.lower())  # for who tries with certificates made for tests
    if _is_word(rule):
        code = f"{code}: {rule}"
    return OverstapError("DELIVERY-056", status=reply.status or "-", problem=code)


def _is_word(said: object) -> bool:
    """Tell whether something is a short word of ours, which may be told."""
    return isinstance(said, str) and said.replace("_", "").replace("-", "").isalnum() and len(said) <= 40
