"""Reception of an envelope: check, open, store, confirm, once."""

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from overstap.envelope.envelope import open_envelope
from overstap.envelope.package import DEFAULT_LIMITS, PackageLimits
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.envelope.receipt import Refusal, make_receipt
from overstap.errors import OverstapError
from overstap.pki import REVOCATION_UNKNOWN, KeyRing, SigningIdentity, TrustStore
from overstap.pki.certificates import is_for_development
from overstap.receiver.store import ReceiverStore
from overstap.transport.mtls_server import known_caller

_log = logging.getLogger(__name__)


class Took(StrEnum):
    """What became of an envelope."""

    STORED = "stored"
    REPEATED = "repeated"
    """It was stored before; its receipt is the same bytes again."""
    REFUSED = "refused"
    CONFLICT = "conflict"
    """Its message id is stored with another content."""


@dataclass(frozen=True, slots=True)
class ReceptionResult:
    """What became of an envelope, and the receipt that says so."""

    took: Took
    receipt: bytes
    reason: OpeningFailure | None = None
    """The precise reason of a refusal, for this school alone: an answer that tells it helps who tries keys."""
    cause: str | None = None
    """Code of the trust store's error behind it, where there was one."""


class Reception:
    """The receiving end of one school. Safe to use from several threads and processes over one store.

    Args:
        school: BRIN and branch.
        trust: its keys, and who may sign and call.
        store: where accepted envelopes go.
        callers: OINs that may call; all conductors known to `trust` when None.
        limits: how large an envelope may be.
    """

    def __init__(
        self,
        school: str,
        *,
        trust: TrustStore,
        store: ReceiverStore,
        callers: frozenset[str] | None = None,
        limits: PackageLimits = DEFAULT_LIMITS,
    ) -> None:
        self.school = school
        self.trust = trust
        self.store = store
        self.limits = limits
        self._callers = callers

    def caller(self, certificate: bytes | None, *, at: datetime) -> str | None:
        """Return the OIN of who calls, or None when this one may not.

        Args:
            certificate: DER, from the TLS connection.
            at: the moment of calling.
        """
        allowed = self.trust.conductor_oins() if self._callers is None else self._callers
        return known_caller(certificate, trust=self.trust, admits=allowed.__contains__, at=at)

    def take(
        self,
        envelope: bytes,
        *,
        message_id: UUID,
        at: datetime,
        random: Callable[[int], bytes] = os.urandom,
    ) -> ReceptionResult:
        """Take an envelope in: whatever the answer says has happened, durably, when this returns.

        Args:
            envelope: as it came.
            message_id: the id under which it came.
            at: the moment.
            random: gives random bytes.

        Raises:
            OverstapError: DELIVERY-002 when it cannot be judged now (own keys, revocation lists); the sender keeps it
                and tries again, so nothing is refused for a fault that is ours.
            OSError: it cannot be stored now.
        """
        digest = hashlib.sha256(envelope).digest()
        known = self.store.receipt_for(message_id)
        if known is not None and known[0] == digest:
            return ReceptionResult(Took.REPEATED, known[1])
        identity, keyring = self.own(at)

        def refuse(
            refusal: Refusal, took: Took, reason: OpeningFailure | None = None, cause: str | None = None
        ) -> ReceptionResult:
            receipt = make_receipt(
                identity,
                message_id=message_id,
                envelope_sha256=digest,
                manifest_sha256=None,
                at=at,
                refusal=refusal,
            )
            self.store.add_refusal(digest, receipt)
            return ReceptionResult(took, receipt, reason, cause)

        try:
            opened = open_envelope(
                envelope, keyring=keyring, trust=self.trust, me=self.school, at=at, limits=self.limits
            )
            if opened.manifest.message_id != message_id:
                raise EnvelopeError(OpeningFailure.MESSAGE_ID)
        except EnvelopeError as error:
            cause = getattr(error.__cause__, "code", None)
            if cause in REVOCATION_UNKNOWN:
                raise OverstapError("DELIVERY-002", school=self.school, cause=str(cause)) from error
            refusal = Refusal.TOO_LARGE if error.reason is OpeningFailure.TOO_LARGE else Refusal.ENVELOPE
            return refuse(refusal, Took.REFUSED, error.reason, cause)
        if known is None and self.store.is_withdrawn(message_id):
            return refuse(Refusal.WITHDRAWN, Took.REFUSED)
        receipt = make_receipt(
            identity,
            message_id=message_id,
            envelope_sha256=digest,
            manifest_sha256=opened.manifest_sha256,
            at=at,
        )
        if known is None and self.store.add(opened, envelope, receipt, unique=random(8)):
            if self.store.forget_withdrawn(message_id):  # taken back while it was being stored
                return refuse(Refusal.WITHDRAWN, Took.REFUSED)
            return ReceptionResult(Took.STORED, receipt)
        known = self.store.receipt_for(message_id)
        if known is None:  # it was there a moment ago: somebody is clearing the store
            raise OverstapError("DELIVERY-002", school=self.school, cause="store")
        if known[0] == digest:
            return ReceptionResult(Took.REPEATED, known[1])
        _log.error("alarm: message %s came again with another content", message_id)
        self.store.raise_alarm(message_id, stored=known[0], came=digest, at=at)
        return refuse(Refusal.CONFLICT, Took.CONFLICT)

    def is_for_test(self, at: datetime) -> bool:
        """Return whether this school's own keys are made for demo and tests: there is nothing to be found out then."""
        try:
            return not self.trust.production and all(
                is_for_development(one.certificate) for one in self.trust.keyring(self.school, at=at)
            )
        except OverstapError:
            return False

    def own(self, at: datetime) -> tuple[SigningIdentity, KeyRing]:
        """Return this school's own keys.

        Raises:
            OverstapError: DELIVERY-002 when one of them is not in order.
        """
        try:
            return self.trust.signing_identity(self.school, at=at), self.trust.keyring(self.school, at=at)
        except OverstapError as error:
            _log.exception("cannot receive: own keys are not in order")
            raise OverstapError("DELIVERY-002", school=self.school, cause=error.code) from error
