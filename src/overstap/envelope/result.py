"""Results (terugmeldingen): a receiving school's later signed statement about a dossier or its pupil.

A result states that the dossier was imported, or rejected with a reason; in a placement round it states whether the
pupil was placed. It can follow days after the receipt and be stated again; the latest one applies. It has no free text,
so no personal data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from overstap import SOFTWARE
from overstap.envelope import manifest as forms
from overstap.envelope.manifest import Party
from overstap.envelope.statement import StatementFault, StatementForm, StatementHeader
from overstap.errors import OverstapError
from overstap.pki import SigningIdentity, TrustStore


class ResultKind(StrEnum):
    """Subject of a result; per kind the latest statement applies."""

    IMPORT = "import"
    PLACEMENT = "placement"


class ResultOutcome(StrEnum):
    """Outcome for a dossier, or for its pupil."""

    IMPORTED = "imported"
    REJECTED = "rejected"
    """The envelope was accepted, but the school's system cannot import the dossier; with a reason."""
    PLACED = "placed"
    NOT_PLACED = "not_placed"
    NOT_SHOWN_UP = "not_shown_up"

    @property
    def kind(self) -> ResultKind:
        """The subject of this outcome."""
        is_import = self in (ResultOutcome.IMPORTED, ResultOutcome.REJECTED)
        return ResultKind.IMPORT if is_import else ResultKind.PLACEMENT


class Rejection(StrEnum):
    """Why a school's system cannot import a dossier."""

    PUPIL_UNKNOWN = "pupil_unknown"
    """The school does not know the pupil."""
    ALREADY_IMPORTED = "already_imported"
    UNREADABLE = "unreadable"
    WRONG_VERSION = "wrong_version"
    """The system does not read this version of the OSO data set."""
    INCOMPLETE = "incomplete"
    """Data are missing that the school needs."""
    OTHER = "other"


_PLACEMENT_ROUND = "placement"
_CODES = {
    "malformed": "DELIVERY-031",
    "signature": "DELIVERY-032",
    "receiver": "DELIVERY-033",
    "message": "DELIVERY-034",
    "digest": "DELIVERY-035",
    "time": "DELIVERY-036",
    "round": "DELIVERY-037",
}


@dataclass(frozen=True, slots=True)
class Result:
    """A result's content (schema: include/schemas/envelope/result.schema.json)."""

    message_id: UUID
    envelope_sha256: bytes
    outcome: ResultOutcome
    reason: Rejection | None
    stated_at: datetime
    """In whole seconds."""
    receiver: Party
    software: str


def make_result(
    identity: SigningIdentity,
    *,
    message_id: UUID,
    envelope_sha256: bytes,
    outcome: ResultOutcome,
    at: datetime,
    reason: Rejection | None = None,
    software: str = SOFTWARE,
) -> bytes:
    """Create a signed result.

    Args:
        identity: signing key of the receiving school.
        message_id: id of the envelope.
        envelope_sha256: digest over the envelope as received, 32 bytes.
        outcome: the outcome.
        at: the moment of the statement, aware.
        reason: reason of a rejection; None for every other outcome.
        software: name and version of the receiving software.

    Returns:
        DER of a ContentInfo with SignedData.

    Raises:
        ValueError: a rejection without a reason, or a reason without a rejection.
    """
    if (outcome is ResultOutcome.REJECTED) != (reason is not None):
        raise ValueError("a rejection has a reason, and nothing else has")
    own = {"envelope_sha256": envelope_sha256.hex(), "outcome": outcome, "reason": reason}
    return _FORM.make(identity, own, message_id=message_id, at=at, software=software)


def verify_result(
    data: bytes,
    *,
    message_id: UUID,
    envelope_sha256: bytes,
    receiver: str,
    round_kind: str,
    trust: TrustStore,
    at: datetime,
) -> Result:
    """Verify that received bytes are the receiving school's result for an envelope.

    Args:
        data: the received bytes.
        message_id: id of the envelope that was sent.
        envelope_sha256: digest of that envelope, 32 bytes.
        receiver: the school (BRIN and branch) that must have signed.
        round_kind: kind of the round; only in a placement round may a result be about placement.
        trust: trust store that checks the signer's certificate.
        at: the moment at which that certificate must be valid.

    Raises:
        OverstapError: DELIVERY-031 to DELIVERY-037.
    """

    def error_for(fault: str, rule: str) -> OverstapError:
        return OverstapError(_CODES[fault], school=receiver, message=str(message_id), rule=rule)

    result = _FORM.verify(data, message_id=message_id, receiver=receiver, trust=trust, at=at, error_for=error_for)
    if result.envelope_sha256 != envelope_sha256:
        raise error_for(StatementFault.DIGEST, "digest")
    if result.outcome.kind is ResultKind.PLACEMENT and round_kind != _PLACEMENT_ROUND:
        raise error_for("round", "round")
    return result


def _parse(fields: Mapping[str, Any], stated: StatementHeader) -> Result:
    outcome = ResultOutcome(fields["outcome"])
    reason = Rejection(fields["reason"]) if fields["reason"] is not None else None
    if (outcome is ResultOutcome.REJECTED) != (reason is not None):
        raise ValueError("a rejection has a reason, and nothing else has")
    return Result(
        message_id=stated.message_id,
        envelope_sha256=forms.digest_of(fields["envelope_sha256"]),
        outcome=outcome,
        reason=reason,
        stated_at=stated.at,
        receiver=stated.receiver,
        software=stated.software,
    )


_FORM = StatementForm("overstap-result/1", frozenset({"envelope_sha256", "outcome", "reason"}), "stated_at", _parse)
