"""Answers of a region's desk to requests, receipts and results of schools.

A dossier is handed out to the registered receiver only. All others get the answer "unknown", which is the same for a
pupil who does not exist and for one who goes elsewhere; the ledger records the precise reason.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from overstap.delivery.desk.identity import is_of
from overstap.delivery.receipt_verification import judge, judge_result, judge_taking_back, judge_test, rule_of
from overstap.envelope.fictitious_pupil import TEST_VERSION, is_test_request
from overstap.envelope.pull_messages import DossierRequest, NoDossier
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery.deliveries import settle
from overstap.ledger.delivery.dossier_requests import (
    RequestStatus,
    any_content,
    hand_out,
    keep_request,
    request_status,
    sent_deliveries,
    unknown_today,
)
from overstap.ledger.delivery.results import keep
from overstap.ledger.delivery.test_messages import RequestedTestMessage, requested
from overstap.ledger.delivery.test_messages import note_handed_out as test_handed_out
from overstap.ledger.delivery.test_messages import settle as settle_test
from overstap.ledger.delivery.withdrawals import note_handed_out as statement_handed_out
from overstap.ledger.delivery.withdrawals import settle as settle_taking_back
from overstap.ledger.delivery.withdrawals import statement_of
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork
from overstap.oso.facts import DossierFacts
from overstap.pki import TrustStore

UNKNOWN_PER_DAY = 500
"""Requests for unknown pupils in a day after which a school gets no more answers, against trying of numbers."""

Explain = Callable[[str], object]
"""Is told which rule of its form a statement breaks that does not count."""

_log = logging.getLogger(__name__)


class DeskRefusal(StrEnum):
    """Reason for which the desk refuses a request, receipt or result."""

    TOO_MANY = "too_many"
    """Too many requests for unknown pupils."""
    SESSION = "session"
    """The Traffic Centre does not know the session, or it is for other schools or another pupil."""
    UNKNOWN_MESSAGE = "unknown_message"
    """No message of this id went to this school."""


@dataclass(frozen=True, slots=True)
class DeskReply:
    """Answer to a request: an envelope, or a reason without one."""

    message_id: UUID | None
    envelope: bytes | None
    answer: NoDossier | DeskRefusal | None
    statement: bytes | None = None
    """Revocation of a dossier that the school has, instead of an envelope."""


class Sessions(Protocol):
    """Check of sessions at the Traffic Centre (docs/traffic-centre.md)."""

    def holds(self, session: str | None, *, sender: str, receiver: str, pupil_number: str) -> bool:
        """Tell whether a receiver may ask a sender for a pupil in this session.

        Args:
            session: the id in the school's request.
            sender: BRIN and branch of the primary school.
            receiver: BRIN and branch of the requesting school.
            pupil_number: BSN or onderwijsnummer.
        """
        ...


class RegionDesk:
    """Desk of one region. For one thread at a time, like its ledger.

    Args:
        ledger: the ledger.
        region: region id.
        trust: trust store that checks the schools' certificates.
        sessions: check of sessions; None without a Traffic Centre.
    """

    def __init__(self, ledger: Ledger, region: str, *, trust: TrustStore, sessions: Sessions | None = None) -> None:
        self._ledger = ledger
        self._region = region
        self._trust = trust
        self._sessions = sessions
        self._decoy: tuple[VersionRef, EncryptedContent] | None = None

    def ask(self, request: DossierRequest, *, school: str) -> DeskReply:
        """Answer a request. The audit line of an envelope is committed when this returns.

        Args:
            request: the request.
            school: BRIN and branch in the client certificate.

        Raises:
            OverstapError: LEDGER-nnn when the ledger cannot be reached.
        """
        if self._sessions is not None and not self._sessions.holds(
            request.session, sender=request.sender, receiver=school, pupil_number=request.pupil_number
        ):
            return DeskReply(None, None, DeskRefusal.SESSION)
        with self._ledger.unit(self._region, f"desk {school}") as unit:
            if unknown_today(unit, school) >= UNKNOWN_PER_DAY:
                _log.error("school %s asks after too many unknown pupils", school)
                return DeskReply(None, None, DeskRefusal.TOO_MANY)
            if is_test_request(request):
                return _test_message(unit, request, school)
            found = request_status(
                unit, pupil_number=request.pupil_number, primary_school=request.sender, secondary_school=school
            )
            answer, reason = _decide(found, self._is_pupil(found, request, unit), request)
            ready = found.ready if answer is None else None
            taken_back = found.revocation if answer is NoDossier.WITHDRAWN else None
            keep_request(
                unit,
                request.request_id,
                secondary_school=school,
                primary_school=request.sender,
                pupil=None if answer is NoDossier.UNKNOWN else found.pupil,
                answer=answer or "dossier",
                reason=reason,
                message_id=ready.message_id if ready else None,
            )
            envelope = hand_out(unit, ready.message_id) if ready else None
            if taken_back is not None:
                statement_handed_out(unit, taken_back)
        if taken_back is not None:
            _log.info("request of %s: told that %s was taken back", school, taken_back.message_id)
            return DeskReply(taken_back.message_id, None, None, taken_back.statement)
        if envelope is None:
            _log.info("request of %s: %s", school, reason)
            return DeskReply(None, None, answer)
        _log.info("request of %s: handed out %s", school, envelope.message_id)
        return DeskReply(envelope.message_id, envelope.envelope, None)

    def receipt(
        self, content: bytes, message_id: UUID, *, school: str, at: datetime, explain: Explain | None = None
    ) -> str:
        """Verify and store a receipt. Idempotent.

        Args:
            content: the signed bytes.
            message_id: the message that it is about.
            school: BRIN and branch in the client certificate.
            at: the moment.
            explain: is told which rule of its form the statement breaks, if one.

        Returns:
            "accepted" or "refused"; an error code when it does not count; `Refused.UNKNOWN_MESSAGE`.

        Raises:
            OverstapError: LEDGER-nnn when the ledger cannot be reached.
        """
        with self._ledger.unit(self._region, f"desk {school}") as unit:
            sent = sent_deliveries(unit, school, [message_id]).get(message_id)
            test = requested(unit, school, message_id) if sent is None else None
        if test is not None:
            return self._test_receipt(test, content, school, at, explain)
        if sent is None:
            return DeskRefusal.UNKNOWN_MESSAGE
        answer = judge(sent, content, trust=self._trust, at=at)
        _tell(explain, answer.rule)
        if sent.state != "sealed":  # settled before: a school that did not get our answer sends its receipt again
            return answer.outcome if answer.outcome != "unverified" else str(answer.code)
        with self._ledger.unit(self._region, f"desk {school}") as unit:
            settle(unit, [answer])
        return answer.outcome if answer.outcome != "unverified" else str(answer.code)

    def _test_receipt(
        self, test: RequestedTestMessage, content: bytes, school: str, at: datetime, explain: Explain | None
    ) -> str:
        answer = judge_test(test.message, content, trust=self._trust, at=at)
        _tell(explain, answer.rule)
        if not test.has_answered and answer.outcome != "unverified":
            with self._ledger.unit(self._region, f"desk {school}") as unit:
                settle_test(unit, answer)
        return answer.outcome if answer.outcome != "unverified" else str(answer.code)

    def taken_back(
        self, content: bytes, message_id: UUID, *, school: str, at: datetime, explain: Explain | None = None
    ) -> str:
        """Verify and store a school's answer to a revocation. Idempotent.

        Args:
            content: the signed bytes.
            message_id: message id of the revoked envelope.
            school: BRIN and branch in the client certificate.
            at: the moment.
            explain: is told which rule of its form the statement breaks, if one.

        Returns:
            "confirmed" or "refused"; an error code when it does not count; `Refused.UNKNOWN_MESSAGE`.

        Raises:
            OverstapError: LEDGER-nnn when the ledger cannot be reached.
        """
        with self._ledger.unit(self._region, f"desk {school}") as unit:
            statement = statement_of(unit, school, message_id)
        if statement is None:
            return DeskRefusal.UNKNOWN_MESSAGE
        answer = judge_taking_back(statement, content, trust=self._trust, at=at)
        _tell(explain, answer.rule)
        if answer.outcome == "unverified":
            return str(answer.code)
        with self._ledger.unit(self._region, f"desk {school}") as unit:
            settle_taking_back(unit, [answer])
        return answer.outcome

    def result(
        self, content: bytes, message_id: UUID, *, school: str, at: datetime, explain: Explain | None = None
    ) -> str:
        """Verify and store a result: imported, placed, rejected. Idempotent.

        Args:
            content: the signed bytes.
            message_id: the message that it is about.
            school: BRIN and branch in the client certificate.
            at: the moment.
            explain: is told which rule of its form the statement breaks, if one.

        Returns:
            The outcome; an error code when it does not count; `Refused.UNKNOWN_MESSAGE`.

        Raises:
            OverstapError: LEDGER-nnn when the ledger cannot be reached.
        """
        with self._ledger.unit(self._region, f"desk {school}") as unit:
            sent = sent_deliveries(unit, school, [message_id]).get(message_id)
        if sent is None:
            return DeskRefusal.UNKNOWN_MESSAGE
        stated = judge_result(sent, content, trust=self._trust, at=at)
        if isinstance(stated, OverstapError):
            _tell(explain, rule_of(stated))
            return stated.code
        with self._ledger.unit(self._region, f"desk {school}") as unit:
            keep(unit, [stated])
        return stated.outcome

    def _is_pupil(self, found: RequestStatus, request: DossierRequest, unit: UnitOfWork) -> bool | None:
        """Compare the request with the pupil's dossier; None when there is none yet.

        One dossier is compared each time, another one where there is none for this school, so that the time of an
        answer does not show whether there is one.
        """
        if self._decoy is None:
            self._decoy = any_content(unit)
        is_real = found.content is not None and found.is_known_to_school
        content = found.content if is_real else self._decoy
        if content is None:
            return None
        ref, _ = content
        try:
            facts = records.of(unit, [ref], DossierFacts).get(ref)
        except OverstapError as error:
            _log.error("dossier %s cannot be compared: %s", ref.dossier, error.code)
            return False if is_real else None
        if facts is None:  # erased meanwhile
            return False if is_real else None
        is_of_pupil = is_of(facts, surname=request.surname, birth_date=request.birth_date)
        return is_of_pupil if is_real else None


def _tell(explain: Explain | None, rule: str | None) -> None:
    if explain is not None and rule is not None:
        explain(rule)


def _decide(found: RequestStatus, is_pupil: bool | None, request: DossierRequest) -> tuple[NoDossier | None, str]:
    """Return the answer for the school (None: the dossier itself), and the precise reason for the ledger."""
    if not found.is_known_to_school:
        return NoDossier.UNKNOWN, "not_receiver" if found.content else "unknown"
    if is_pupil is False:
        return NoDossier.UNKNOWN, "name_or_birth_date"
    if found.revocation is not None:
        return NoDossier.WITHDRAWN, "taken_back"
    if found.is_withdrawn and found.ready is None:
        return NoDossier.WITHDRAWN, "withdrawn"
    if found.content and not found.is_receiver:
        return NoDossier.NOT_RECEIVER, "stage"
    if found.ready is None:
        return NoDossier.NOT_READY, "not_sealed" if found.content else "not_supplied"
    if found.ready.oso_version not in request.oso_versions:
        return NoDossier.WRONG_VERSION, "version"
    if request.newer_than is not None and found.ready.sealed_at <= request.newer_than:
        return NoDossier.NOT_NEWER, "not_newer"
    return None, "dossier"


def _test_message(unit: UnitOfWork, request: DossierRequest, school: str) -> DeskReply:
    """Answer a request for the pupil of test messages, who does not exist."""
    found = requested(unit, school)
    if found is None:
        return DeskReply(None, None, NoDossier.NOT_READY)
    if TEST_VERSION not in request.oso_versions:
        return DeskReply(None, None, NoDossier.WRONG_VERSION)
    test_handed_out(unit, found.message.message_id, school)
    return DeskReply(found.message.message_id, found.envelope, None)
