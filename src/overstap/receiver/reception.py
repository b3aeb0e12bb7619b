"""Reception of envelopes at a school: opens, verifies and stores each envelope once, and signs its receipt."""

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
from overstap.transport.mtls_server import authenticated_caller

_log = logging.getLogger(__name__)


class ReceptionStatus(StrEnum):
    """Status of a received envelope."""

    STORED = "stored"
    REPEATED = "repeated"
    """It was stored before; the same receipt is returned."""
    REFUSED = "refused"
    CONFLICT = "conflict"
    """Its message id is stored with other content."""


@dataclass(frozen=True, slots=True)
class ReceptionResult:
    """Status of a received envelope, with its signed receipt."""

    status: ReceptionStatus
    receipt: bytes
    reason: OpeningFailure | None = None
    """The precise reason of a refusal, for the school's own log only: in a response it could serve as an oracle."""
    cause: str | None = None
    """Code of the trust store's error that caused the refusal; None without one."""


class Reception:
    """Receives envelopes for one school. Safe to use from several threads and processes over one store.

    Args:
        school: BRIN and branch.
        trust: trust store with the school's keys and the certificates of senders and conductors.
        store: stores accepted envelopes.
        callers: OINs of permitted callers; those of all conductors in `trust` when None.
        limits: size limits of an envelope.
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
        """Return the OIN of the caller, or None when the caller is not permitted.

        Args:
            certificate: DER, from the TLS connection.
            at: the moment of the call.
        """
        allowed = self.trust.conductor_oins() if self._callers is None else self._callers
        return authenticated_caller(certificate, trust=self.trust, admits=allowed.__contains__, at=at)

    def receive(
        self,
        envelope: bytes,
        *,
        message_id: UUID,
        at: datetime,
        random: Callable[[int], bytes] = os.urandom,
    ) -> ReceptionResult:
        """Receive an envelope. What the receipt states has been done durably when this returns.

        Args:
            envelope: the envelope as received.
            message_id: the id in the transport's header or file name.
            at: the moment.
            random: returns random bytes.

        Raises:
            OverstapError: DELIVERY-002 when the envelope cannot be verified now (own keys, revocation status); the
                sender tries again later, so that a fault on this side leads to no refusal.
            OSError: the store cannot be written now.
        """
        digest = hashlib.sha256(envelope).digest()
        stored = self.store.receipt_for(message_id)
        if stored is not None and stored[0] == digest:
            return ReceptionResult(ReceptionStatus.REPEATED, stored[1])
        identity, keyring = self.own_keys(at)

        def refuse(
            refusal: Refusal, status: ReceptionStatus, reason: OpeningFailure | None = None, cause: str | None = None
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
            return ReceptionResult(status, receipt, reason, cause)

        try:
            opened = open_envelope(
                envelope, keyring=keyring, trust=self.trust, school=self.school, at=at, limits=self.limits
            )
            if opened.manifest.message_id != message_id:
                raise EnvelopeError(OpeningFailure.MESSAGE_ID)
        except EnvelopeError as error:
            cause = getattr(error.__cause__, "code", None)
            if cause in REVOCATION_UNKNOWN:
                raise OverstapError("DELIVERY-002", school=self.school, cause=str(cause)) from error
            refusal = Refusal.TOO_LARGE if error.reason is OpeningFailure.TOO_LARGE else Refusal.ENVELOPE
            return refuse(refusal, ReceptionStatus.REFUSED, error.reason, cause)
        if stored is None and self.store.is_withdrawn(message_id):
            return refuse(Refusal.WITHDRAWN, ReceptionStatus.REFUSED)
        receipt = make_receipt(
            identity,
            message_id=message_id,
            envelope_sha256=digest,
            manifest_sha256=opened.manifest_sha256,
            at=at,
        )
        if stored is None and self.store.add(opened, envelope, receipt, unique=random(8)):
            if self.store.forget_withdrawn(message_id):  # revoked while it was being stored
                return refuse(Refusal.WITHDRAWN, ReceptionStatus.REFUSED)
            return ReceptionResult(ReceptionStatus.STORED, receipt)
        stored = self.store.receipt_for(message_id)
        if stored is None:  # it was stored a moment ago, so another process is emptying the store
            raise OverstapError("DELIVERY-002", school=self.school, cause="store")
        if stored[0] == digest:
            return ReceptionResult(ReceptionStatus.REPEATED, stored[1])
        _log.error("alarm: message %s was received again with other content", message_id)
        self.store.raise_alarm(message_id, stored=stored[0], received=digest, at=at)
        return refuse(Refusal.CONFLICT, ReceptionStatus.CONFLICT)

    def is_for_test(self, at: datetime) -> bool:
        """Return whether this school's keys are development keys, so that refusals may state their precise reason."""
        try:
            return not self.trust.production and all(
                is_for_development(one.certificate) for one in self.trust.keyring(self.school, at=at)
            )
        except OverstapError:
            return False

    def own_keys(self, at: datetime) -> tuple[SigningIdentity, KeyRing]:
        """Return this school's signing key and decryption keys.

        Raises:
            OverstapError: DELIVERY-002 when one of them is missing or not valid.
        """
        try:
            return self.trust.signing_identity(self.school, at=at), self.trust.keyring(self.school, at=at)
        except OverstapError as error:
            _log.exception("cannot receive: the school's own keys are missing or not valid")
            raise OverstapError("DELIVERY-002", school=self.school, cause=error.code) from error
