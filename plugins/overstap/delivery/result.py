"""The second answer: the receiving school's signed statement of what became of a dossier after it was received.

Imported, or rejected with a reason; and for a placement round whether the pupil was placed. It may come days after the
receipt, and again when something changed: the one stated last counts. No free text, so no personal data.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from overstap.agreements.model import RoundKind
from overstap.delivery import manifest as forms
from overstap.delivery.manifest import Party
from overstap.delivery.reasons import EnvelopeError, Reason
from overstap.delivery.receipt import MAX_RECEIPT_BYTES, SOFTWARE
from overstap.delivery.signing import sign, verify
from overstap.errors import OverstapError
from overstap.trust import SigningIdentity, TrustStore, oin_of

FORMAT = "overstap-result/1"
_AHEAD = timedelta(hours=1)
_SOFTWARE_LENGTH = 100
_DIGEST_BYTES = 32


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
    at = at.replace(microsecond=0)
    fields = {
        "format": FORMAT,
        "message_id": str(message_id),
        "envelope_sha256": envelope_sha256.hex(),
        "outcome": outcome,
        "reason": reason,
        "stated_at": forms.moment_text(at),
        "receiver": {"oin": identity.oin, "school": identity.school},
        "software": software[:_SOFTWARE_LENGTH],
    }
    return sign(json.dumps(fields, separators=(",", ":")).encode(), identity, at=at)


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

    def refused(fault: str) -> OverstapError:
        return OverstapError(_CODES[fault], school=receiver, message=str(message_id))

    if len(data) > MAX_RECEIPT_BYTES:
        raise refused("malformed")
    try:
        signed = verify(data, trust=trust, at=at)
    except EnvelopeError as error:
        shape = error.reason in (Reason.MALFORMED, Reason.NOT_SIGNED)
        raise refused("malformed" if shape else "signature") from error
    try:
        result = _parse(signed.content)
    except (EnvelopeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise refused("malformed") from error
    if signed.oin != oin_of(receiver) or result.receiver != Party(oin_of(receiver), receiver):
        raise refused("receiver")
    if result.message_id != message_id:
        raise refused("message")
    if result.envelope_sha256 != envelope_sha256:
        raise refused("digest")
    if result.stated_at > at + _AHEAD or result.stated_at != signed.signed_at:
        raise refused("time")
    if result.outcome.kind is ResultKind.PLACEMENT and round_kind != RoundKind.PLACEMENT:
        raise refused("round")
    return result


def _parse(content: bytes) -> Result:
    fields = forms.json_object(content, Reason.MANIFEST)
    names = {
        *("format", "message_id", "envelope_sha256", "outcome", "reason", "stated_at", "receiver", "software"),
    }
    if fields.keys() != names or fields["format"] != FORMAT:
        raise ValueError("another form of result")
    outcome = ResultOutcome(fields["outcome"])
    reason = Rejection(fields["reason"]) if fields["reason"] is not None else None
    if (outcome is ResultOutcome.REJECTED) != (reason is not None):
        raise ValueError("a rejection has a reason, and nothing else has")
    software, digest = fields["software"], bytes.fromhex(fields["envelope_sha256"])
    if not isinstance(software, str) or len(software) > _SOFTWARE_LENGTH:
        raise ValueError("another form of software name")
    if len(digest) != _DIGEST_BYTES or digest.hex() != fields["envelope_sha256"]:
        raise ValueError("another form of digest")
    return Result(
        message_id=forms.uuid_of(fields["message_id"]),
        envelope_sha256=digest,
        outcome=outcome,
        reason=reason,
        stated_at=forms.moment_of(fields["stated_at"]),
        receiver=forms.party_of(fields["receiver"]),
        software=software,
    )
