"""Client of a region's desk, with which a school requests dossiers by pull (docs/pull.md)."""

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
class DossierResponse:
    """Response of a desk to a request: an envelope, a revocation, or the reason why there is no dossier."""

    message_id: UUID | None
    """Id of the envelope or of the envelope that is revoked; None without either."""
    envelope: bytes | None
    """The envelope, not verified yet."""
    answer: NoDossier | None
    statement: bytes | None = None
    """The revocation, not verified yet."""


class DeskClient:
    """HTTPS connection to a desk, kept open between requests. Use it in one thread at a time.

    Args:
        desk: address of the desk, `https://host:port`.
        school: the requesting school (BRIN and branch).
        trust: trust store with the school's TLS key and the conductors' certificates.
        conductors: permitted OINs of the desk; those of all conductors in `trust` when None.
        at: the moment against which certificates are checked.
        deadline_seconds: limit of one request.

    Raises:
        OverstapError: TRUST-nnn when the school's own certificate is not valid; DELIVERY-055 when no conductor is
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
        self._client = HttpsClient(
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
        self._client.close()

    def request_dossier(self, request: DossierRequest) -> DossierResponse:
        """Request a dossier.

        Raises:
            OverstapError: DELIVERY-051 to DELIVERY-056 without a usable response.
        """
        reply = self._client.post(
            f"{self._desk}{REQUESTS}",
            request.to_bytes(),
            {"Content-Type": pull_messages.MEDIA_TYPE},
            limit=DEFAULT_LIMITS.envelope_bytes,
        )
        self._usable(reply)
        try:
            if reply.status == 200 and reply.media_type == CMS and reply.body:
                return DossierResponse(uuid_of(reply.headers.get(MESSAGE_ID_HEADER.lower())), reply.body, None)
            if reply.status == 410 and reply.media_type == revocation.MEDIA_TYPE and reply.body:
                message_id = uuid_of(reply.headers.get(MESSAGE_ID_HEADER.lower()))
                return DossierResponse(message_id, None, NoDossier.WITHDRAWN, reply.body)
            if reply.status == 404 and reply.media_type == pull_messages.MEDIA_TYPE:
                request_id, answer = pull_messages.read_answer(reply.body)
                if request_id == request.request_id:
                    return DossierResponse(None, None, answer)
        except (ValueError, TypeError, AttributeError) as error:
            raise _unusable(reply) from error
        raise _unusable(reply)

    def hand_in_receipt(self, receipt: bytes, message_id: UUID) -> None:
        """Submit the receipt of an envelope.

        Args:
            receipt: the signed receipt, DER.
            message_id: id of the envelope.

        Raises:
            OverstapError: DELIVERY-051 to DELIVERY-056 when the desk did not accept it.
        """
        self._hand_in(RECEIPTS, receipt, message_id)

    def hand_in_result(self, result: bytes, message_id: UUID) -> None:
        """Submit the result of a dossier (terugmelding).

        Args:
            result: the signed result, DER.
            message_id: id of the envelope.

        Raises:
            OverstapError: DELIVERY-051 to DELIVERY-056 when the desk did not accept it.
        """
        self._hand_in(RESULTS, result, message_id)

    def hand_in_taken_back(self, answer: bytes, message_id: UUID) -> None:
        """Submit the receipt of a revocation.

        Args:
            answer: the signed receipt of the revocation, DER.
            message_id: id of the envelope that is revoked.

        Raises:
            OverstapError: DELIVERY-051 to DELIVERY-056 when the desk did not accept it.
        """
        self._hand_in(TAKEN_BACK, answer, message_id)

    def _hand_in(self, path: str, content: bytes, message_id: UUID) -> None:
        reply = self._client.post(
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
    """Return the error for a response without success; it repeats a problem code of ours and no other text."""
    code = "-"
    try:
        problem = json.loads(reply.body).get("problem", "-")
        if _is_word(problem):
            code = problem
    except (ValueError, AttributeError, RecursionError):
        pass
    rule = reply.headers.get(REASON_HEADER.lower())  # sent to callers with test certificates only
    if _is_word(rule):
        code = f"{code}: {rule}"
    return OverstapError("DELIVERY-056", status=reply.status or "-", problem=code)


def _is_word(problem: object) -> bool:
    """Return whether a value has the form of our own problem codes, which messages may repeat."""
    return isinstance(problem, str) and problem.replace("_", "").replace("-", "").isalnum() and len(problem) <= 40
