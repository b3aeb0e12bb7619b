"""Common form of signed statements: receipts, results, answers to revocations.

CMS SignedData around JSON: format, message id, what is stated, the moment (which is the second of signing), who states
it, and with which software. What differs is what is stated; how it is made, read and held against what was expected is
here, once.
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
    """Why a statement does not count."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    """Signature, attributes or the signer's certificate are not in order."""
    RECEIVER = "receiver"
    """Signed by, or speaking for, another school than the envelope went to."""
    MESSAGE = "message"
    """About another message."""
    DIGEST = "digest"
    """About other bytes than were sent."""
    TIME = "time"
    """From the future."""


class StatementRuleError(ValueError):
    """A statement breaks one rule of its form.

    Args:
        rule: which one; a word of ours, nothing of what was stated.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class StatementHeader:
    """What every statement states."""

    message_id: UUID
    at: datetime
    """In whole seconds."""
    receiver: Party
    software: str


@dataclass(frozen=True, slots=True)
class StatementForm(Generic[_T]):
    """A kind of statement.

    Args:
        name: its format and version.
        fields: its own fields, beside those of every statement.
        moment: the field with the moment.
        parse: makes what is stated of the fields; raises ValueError, TypeError or KeyError when they do not fit.
    """

    name: str
    fields: frozenset[str]
    moment: str
    parse: Callable[[Mapping[str, Any], StatementHeader], _T]

    def make(
        self, identity: SigningIdentity, own: Mapping[str, Any], *, message_id: UUID, at: datetime, software: str
    ) -> bytes:
        """Make a signed statement.

        Args:
            identity: the receiving school.
            own: the kind's own fields.
            message_id: of the envelope it is about.
            at: the moment, aware; kept in whole seconds.
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
        """Verify that bytes are a school's statement about a message.

        Whether it is about the bytes that were sent is for the caller to compare.

        Args:
            data: what came.
            message_id: the message it must be about.
            receiver: the school (BRIN and branch) that must have signed.
            trust: who may sign.
            at: the moment of judging: the signer's certificate must be good then.
            error_for: makes the error that says why it does not count, of the fault and the rule that is broken.

        Raises:
            OverstapError: of `error_for`.
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
            stated, found = self._read(signed.content)
        except (EnvelopeError, ValueError, TypeError, KeyError, AttributeError) as error:
            rule = "json" if isinstance(error, EnvelopeError) else getattr(error, "rule", "content")
            raise error_for(StatementFault.MALFORMED, rule) from error
        if signed.oin != oin_of(receiver) or stated.receiver != Party(oin_of(receiver), receiver):
            raise error_for(StatementFault.RECEIVER, "receiver")
        if stated.message_id != message_id:
            raise error_for(StatementFault.MESSAGE, "message_id")
        if stated.at > at + _AHEAD or stated.at != signed.signed_at:
            raise error_for(StatementFault.TIME, "time")
        return found

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
