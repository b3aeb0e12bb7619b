"""Reception of revocations at a school: verifies the sender, erases the envelope's content, and signs a receipt."""

import logging
import os
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from overstap.envelope import manifest as manifests
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.envelope.revocation import Revocation, make_revocation_receipt, read_revocation
from overstap.errors import OverstapError
from overstap.pki import REVOCATION_UNKNOWN
from overstap.receiver.reception import Reception, ReceptionResult, ReceptionStatus

_log = logging.getLogger(__name__)


def receive_revocation(
    reception: Reception,
    statement: bytes,
    *,
    message_id: UUID,
    at: datetime,
    random: Callable[[int], bytes] = os.urandom,
) -> ReceptionResult:
    """Receive a revocation. What the receipt states has been done durably when this returns.

    Only the school that sealed an envelope can revoke it. An envelope that arrives after its revocation is refused. The
    same revocation again gets the same receipt.

    Args:
        reception: the reception of the school.
        statement: the signed revocation as received.
        message_id: the id in the transport's header or file name.
        at: the moment.
        random: returns random bytes.

    Raises:
        OverstapError: DELIVERY-002 when the revocation cannot be verified now; the sender tries again later.
        OSError: the store cannot be written now.
    """
    identity, _ = reception.own_keys(at)
    store = reception.store

    def answer(*, had: bool, is_refused: bool = False) -> bytes:
        return make_revocation_receipt(
            identity, message_id=message_id, revocation=statement, had=had, at=at, is_refused=is_refused
        )

    try:
        revocation = read_revocation(statement, trust=reception.trust, school=reception.school, at=at)
        if revocation.message_id != message_id:
            raise EnvelopeError(OpeningFailure.MESSAGE_ID)
        _check_stored(revocation, store.receipt_for(message_id), store.manifest_of(message_id))
    except EnvelopeError as error:
        cause = getattr(error.__cause__, "code", None)
        if cause in REVOCATION_UNKNOWN:
            raise OverstapError("DELIVERY-002", school=reception.school, cause=str(cause)) from error
        _log.warning("revocation of %s refused: reason=%s cause=%s", message_id, error.reason, cause)
        return ReceptionResult(ReceptionStatus.REFUSED, answer(had=False, is_refused=True))
    was_there = store.is_withdrawn(message_id)
    kept = store.withdraw(message_id, statement, lambda had: answer(had=had), unique=random(8))
    return ReceptionResult(ReceptionStatus.REPEATED if was_there else ReceptionStatus.STORED, kept)


def _check_stored(revocation: Revocation, stored: tuple[bytes, bytes] | None, manifest: bytes | None) -> None:
    """Check that a revocation names the stored envelope and is signed by the school that sealed it.

    Raises:
        EnvelopeError: SENDER or MESSAGE_ID.
    """
    if stored is None or manifest is None:
        return
    if manifests.parse(manifest).sender != revocation.sender:
        raise EnvelopeError(OpeningFailure.SENDER)
    if stored[0] != revocation.envelope_sha256:
        raise EnvelopeError(OpeningFailure.MESSAGE_ID)
