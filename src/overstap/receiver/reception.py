"""Reception of envelopes at a school: opens, verifies and stores each envelope once, and signs its receipt."""

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from uuid import UUID

from overstap.envelope.envelope import open_envelope
from overstap.envelope.package import DEFAULT_LIMITS, PackageLimits
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.envelope.receipt import Refusal, make_receipt
from overstap.errors import OverstapError
from overstap.pki import REVOCATION_UNKNOWN, KeyRing, SigningIdentity, TrustStore
from overstap.pki.certificates import is_for_development
from overstap.receiver.arrived import Arrived
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
        [received] = self.receive_all([(message_id, envelope)], at=at, random=random)
        if isinstance(received, Exception):
            raise received
        return received

    def receive_all(
        self,
        envelopes: Sequence[tuple[UUID, bytes]],
        *,
        at: datetime,
        random: Callable[[int], bytes] = os.urandom,
    ) -> list[ReceptionResult | OverstapError | OSError]:
        """Receive several envelopes, each with its own outcome; they are stored and synced together.

        What the receipts state has been done durably when this returns.

        Args:
            envelopes: message ids, each once, and envelopes as received.
            at: the moment.
            random: returns random bytes.

        Returns:
            For each envelope its result, or the error that `receive` would raise for it.
        """
        batch = _Batch(self, at, random)
        for message_id, envelope in envelopes:
            batch.add(message_id, envelope)
        return batch.results()

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


@dataclass(frozen=True, slots=True)
class _Checked:
    """An envelope that passed every check and waits to be stored, at its place among the results."""

    place: int
    message_id: UUID
    digest: bytes
    arrived: Arrived
    is_known: bool
    """Its message id is stored with other content."""


class _Batch:
    """Envelopes that are received together, with the result of each.

    Checked envelopes wait for one another, so that they are stored together, while their content fits in memory as that
    of one envelope does.

    Args:
        reception: of the school.
        at: the moment.
        random: returns random bytes.
    """

    def __init__(self, reception: Reception, at: datetime, random: Callable[[int], bytes]) -> None:
        self._reception = reception
        self._store = reception.store
        self._at = at
        self._random = random
        self._results: list[ReceptionResult | OverstapError | OSError | None] = []
        self._waiting: list[_Checked] = []
        self._waiting_bytes = 0
        self._repeated: list[int] = []
        """Places of results that repeat an earlier receipt."""

    @cached_property
    def _own_keys(self) -> tuple[SigningIdentity, KeyRing]:
        """This school's keys, looked up once for all: a request takes a moment, and each lookup reads folders."""
        return self._reception.own_keys(self._at)

    def add(self, message_id: UUID, envelope: bytes) -> None:
        """Check an envelope; it is stored with others, at the latest by `results`."""
        place = len(self._results)
        self._results.append(None)
        try:
            found = self._checked(place, message_id, envelope)
        except (OverstapError, OSError) as error:
            self._results[place] = error
            return
        if isinstance(found, ReceptionResult):
            self._answer(place, found)
            return
        size = sum(map(len, found.arrived.opened.files.values())) + len(envelope)
        if self._waiting and self._waiting_bytes + size > self._reception.limits.content_bytes:
            self._flush()
        self._waiting.append(found)
        self._waiting_bytes += size

    def results(self) -> list[ReceptionResult | OverstapError | OSError]:
        """Store what waits, and return the results in the order of `add`."""
        self._flush()
        if self._repeated:
            try:
                self._store.sync()
            except (OverstapError, OSError) as error:
                for place in self._repeated:
                    self._results[place] = error
        return [found for found in self._results if found is not None]

    def _answer(self, place: int, result: ReceptionResult) -> None:
        self._results[place] = result
        if result.status is ReceptionStatus.REPEATED:
            self._repeated.append(place)

    def _checked(self, place: int, message_id: UUID, envelope: bytes) -> ReceptionResult | _Checked:
        """Open an envelope; return it, or the result where there is nothing to store."""
        reception, at = self._reception, self._at
        digest = hashlib.sha256(envelope).digest()
        stored = self._store.receipt_for(message_id)
        if stored is not None and stored[0] == digest:
            return ReceptionResult(ReceptionStatus.REPEATED, stored[1])
        identity, keyring = self._own_keys
        try:
            opened = open_envelope(
                envelope,
                keyring=keyring,
                trust=reception.trust,
                school=reception.school,
                at=at,
                limits=reception.limits,
            )
            if opened.manifest.message_id != message_id:
                raise EnvelopeError(OpeningFailure.MESSAGE_ID)
        except EnvelopeError as error:
            cause = getattr(error.__cause__, "code", None)
            if cause in REVOCATION_UNKNOWN:
                raise OverstapError("DELIVERY-002", school=reception.school, cause=str(cause)) from error
            refusal = Refusal.TOO_LARGE if error.reason is OpeningFailure.TOO_LARGE else Refusal.ENVELOPE
            return self._refused(message_id, digest, refusal, ReceptionStatus.REFUSED, error.reason, cause)
        if stored is None and self._store.is_withdrawn(message_id):
            return self._refused(message_id, digest, Refusal.WITHDRAWN, ReceptionStatus.REFUSED)
        receipt = make_receipt(
            identity,
            message_id=message_id,
            envelope_sha256=digest,
            manifest_sha256=opened.manifest_sha256,
            at=at,
        )
        arrived = Arrived(opened, envelope, receipt, self._random(8))
        return _Checked(place, message_id, digest, arrived, stored is not None)

    def _refused(
        self,
        message_id: UUID,
        digest: bytes,
        refusal: Refusal,
        status: ReceptionStatus,
        reason: OpeningFailure | None = None,
        cause: str | None = None,
    ) -> ReceptionResult:
        identity, _ = self._own_keys
        receipt = make_receipt(
            identity,
            message_id=message_id,
            envelope_sha256=digest,
            manifest_sha256=None,
            at=self._at,
            refusal=refusal,
        )
        self._store.add_refusal(digest, receipt)
        return ReceptionResult(status, receipt, reason, cause)

    def _flush(self) -> None:
        """Store the envelopes that wait, all synced together."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        new = [one for one in waiting if not one.is_known]
        added: dict[int, bool | OverstapError | OSError] = {one.place: False for one in waiting}
        if new:
            try:
                found = self._store.add_all([one.arrived for one in new])
                added |= {one.place: is_added for one, is_added in zip(new, found, strict=True)}
            except (OverstapError, OSError) as error:
                added |= {one.place: error for one in new}
        for one in waiting:
            is_added = added[one.place]
            try:
                if isinstance(is_added, Exception):
                    raise is_added
                self._answer(one.place, self._settled(one, is_added=is_added))
            except (OverstapError, OSError) as error:
                self._results[one.place] = error

    def _settled(self, one: _Checked, *, is_added: bool) -> ReceptionResult:
        """Return the result of an envelope that was stored, or was not because its message id is known."""
        if is_added:
            if self._store.forget_withdrawn(one.message_id):  # revoked while it was being stored
                return self._refused(one.message_id, one.digest, Refusal.WITHDRAWN, ReceptionStatus.REFUSED)
            return ReceptionResult(ReceptionStatus.STORED, one.arrived.receipt)
        stored = self._store.receipt_for(one.message_id)
        if stored is None:  # it was stored a moment ago, so another process is emptying the store
            raise OverstapError("DELIVERY-002", school=self._reception.school, cause="store")
        if stored[0] == one.digest:
            return ReceptionResult(ReceptionStatus.REPEATED, stored[1])
        _log.error("alarm: message %s was received again with other content", one.message_id)
        self._store.raise_alarm(one.message_id, stored=stored[0], received=one.digest, at=self._at)
        return self._refused(one.message_id, one.digest, Refusal.CONFLICT, ReceptionStatus.CONFLICT)
