"""Creation and verification of a receiver's signed statements: receipts, results and receipts of revocations.

A statement is CMS SignedData around JSON with the common fields format, message id, moment (equal to the signing time),
receiver and software, and the own fields of its kind.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

from overstap.envelope import manifest as forms
from overstap.envelope.manifest import Party
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.envelope.signing import sign, verify
from overstap.errors import OverstapError
from overstap.pki import SigningIdentity, TrustStore, oin_of

MEDIA_TYPE = "application/cms"
MAX_BYTES = 64 * 1024

_AHEAD = timedelta(hours=1)
_SOFTWARE_LENGTH = 100
_T = TypeVar("_T")


class StatementFault(StrEnum):
    """Why a statement is not valid."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    """Signature, signed attributes or the signer's certificate are not valid."""
    RECEIVER = "receiver"
    """The signer or the stated receiver is not the school that the envelope was sent to."""
    MESSAGE = "message"
    """The statement is about another message."""
    DIGEST = "digest"
    """The statement is about other bytes than were sent."""
    TIME = "time"
    """The stated moment is in the future, or differs from the signing time."""


class StatementRuleError(ValueError):
    """A statement breaks a rule of its form.

    Args:
        rule: name of the rule, never content of the statement.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class StatementHeader:
    """The common fields of a statement."""

    message_id: UUID
    at: datetime
    """In whole seconds."""
    receiver: Party
    software: str


@dataclass(frozen=True, slots=True)
class StatementForm(Generic[_T]):
    """Form of one kind of statement.

    Args:
        name: name and version of the format.
        fields: own fields, besides the common ones.
        moment: name of the field with the moment.
        parse: converts all fields to the result type; raises ValueError, TypeError or KeyError for invalid fields.
    """

    name: str
    fields: frozenset[str]
    moment: str
    parse: Callable[[Mapping[str, Any], StatementHeader], _T]

    def make(
        self, identity: SigningIdentity, own: Mapping[str, Any], *, message_id: UUID, at: datetime, software: str
    ) -> bytes:
        """Create a signed statement.

        Args:
            identity: signing key of the receiving school.
            own: own fields of this kind.
            message_id: id of the envelope.
            at: the moment, aware; truncated to whole seconds.
            software: name and version of the receiving software.

        Returns:
            DER of a ContentInfo with SignedData.
        """
        at = at.replace(microsecond=0)
        fields = {
            "format": self.name,
            "message_id": str(message_id),
            **own,
            self.moment: forms.moment_text(at),
            "receiver": {"oin": identity.oin, "school": identity.school},
            "software": software[:_SOFTWARE_LENGTH],
        }
        return sign(json.dumps(fields, separators=(",", ":")).encode(), identity, at=at)

    def verify(
        self,
        data: bytes,
        *,
        message_id: UUID,
        receiver: str,
        trust: TrustStore,
        at: datetime,
        error_for: Callable[[StatementFault, str], OverstapError],
    ) -> _T:
        """Verify that received bytes are a school's statement about a message.

        The caller must compare the stated digests with what was sent.

        Args:
            data: the received bytes.
            message_id: id of the message.
            receiver: the school (BRIN and branch) that must have signed.
            trust: trust store that checks the signer's certificate.
            at: the moment at which that certificate must be valid.
            error_for: returns the error for a fault and the rule that is broken.

        Raises:
            OverstapError: as returned by `error_for`.
        """
        if len(data) > MAX_BYTES:
            raise error_for(StatementFault.MALFORMED, "too_large")
        try:
            signed = verify(data, trust=trust, at=at)
        except EnvelopeError as error:
            shape = error.reason in (OpeningFailure.MALFORMED, OpeningFailure.NOT_SIGNED)
            fault = StatementFault.MALFORMED if shape else StatementFault.SIGNATURE
            raise error_for(fault, error.reason.value) from error
        try:
            stated, content = self._read(signed.content)
        except (EnvelopeError, ValueError, TypeError, KeyError, AttributeError) as error:
            rule = "json" if isinstance(error, EnvelopeError) else getattr(error, "rule", "content")
            raise error_for(StatementFault.MALFORMED, rule) from error
        if signed.oin != oin_of(receiver) or stated.receiver != Party(oin_of(receiver), receiver):
            raise error_for(StatementFault.RECEIVER, "receiver")
        if stated.message_id != message_id:
            raise error_for(StatementFault.MESSAGE, "message_id")
        if stated.at > at + _AHEAD or stated.at != signed.signed_at:
            raise error_for(StatementFault.TIME, "time")
        return content

    def _read(self, content: bytes) -> tuple[StatementHeader, _T]:
        fields = forms.json_object(content, OpeningFailure.MANIFEST)
        if fields.keys() != self.fields | {"format", "message_id", self.moment, "receiver", "software"}:
            raise StatementRuleError("fields")
        software = fields["software"]
        if fields["format"] != self.name or not isinstance(software, str) or len(software) > _SOFTWARE_LENGTH:
            raise StatementRuleError("format_or_software")
        moment, receiver = forms.moment_of(fields[self.moment]), forms.party_of(fields["receiver"])
        stated = StatementHeader(forms.uuid_of(fields["message_id"]), moment, receiver, software)
        return stated, self.parse(fields, stated)
