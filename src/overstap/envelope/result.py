"""Results: signed statements of a receiving school after its receipt.

Imported, or rejected with a reason; and for a placement round whether the pupil was placed. It may come days after the
receipt, and again when something changed: the one stated last counts. No free text, so no personal data.
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
    """What a result is about; per kind the one stated last counts."""

    IMPORT = "import"
    PLACEMENT = "placement"


class ResultOutcome(StrEnum):
    """What became of a dossier, or of its pupil."""

    IMPORTED = "imported"
    REJECTED = "rejected"
    """It arrived well, and the school's system does not take it; with a reason."""
    PLACED = "placed"
    NOT_PLACED = "not_placed"
    NOT_SHOWN_UP = "not_shown_up"

    @property
    def kind(self) -> ResultKind:
        """What it is about."""
        is_import = self in (ResultOutcome.IMPORTED, ResultOutcome.REJECTED)
        return ResultKind.IMPORT if is_import else ResultKind.PLACEMENT


class Rejection(StrEnum):
    """Why a school's system does not take a dossier that arrived well."""

    PUPIL_UNKNOWN = "pupil_unknown"
    """The school does not know the pupil."""
    ALREADY_IMPORTED = "already_imported"
    UNREADABLE = "unreadable"
    WRONG_VERSION = "wrong_version"
    """Of a version of the OSO data set that the system does not read."""
    INCOMPLETE = "incomplete"
    """Something is missing that the school needs."""
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
    """Make a signed result.

    Args:
        identity: the receiving school.
        message_id: of the envelope.
        envelope_sha256: 32 bytes, over the envelope as it came.
        outcome: what became of it.
        at: the moment of stating, aware.
        reason: why it was rejected; None for every other outcome.
        software: name and version of the receiving software.

    Returns:
        DER of a ContentInfo with SignedData.

    Raises:
        ValueError: a rejection without a reason, or a reason without one.
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
    """Verify that bytes are the receiving school's result for what was sent.

    Args:
        data: what came.
        message_id: the message it must be about.
        envelope_sha256: digest of the envelope that was sent.
        receiver: the school (BRIN and branch) that must have signed.
        round_kind: kind of the round it was sent in: placement is stated in a placement round alone.
        trust: who may sign.
        at: the moment of judging.

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
