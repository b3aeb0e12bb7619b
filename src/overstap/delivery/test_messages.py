"""Test messages (proefberichten): one goes the whole way to each school before a round, is receipted, and not imported.

A test comes from a school that will send, so that its signature and certificate are tried as well; the senders take
turns, so that every school of both kinds takes part in at least one.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle

from overstap.agreements import Agreement, RoundId, School
from overstap.delivery.channels.channel import Channel, ChannelError
from overstap.delivery.channels.registry import way_of
from overstap.delivery.receipt_verification import judge_test
from overstap.envelope.envelope import DOSSIER_FILE, SealedEnvelope, seal
from overstap.envelope.fictitious_pupil import TEST_VERSION
from overstap.envelope.file_names import AnswerKind
from overstap.envelope.manifest import EnvelopeKind
from overstap.envelope.message_ids import message_id
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery.test_messages import (
    SchoolResult,
    TestMessage,
    TestMessageResult,
    begin,
    note_obstacles,
    offer,
    offered,
    results,
    settle,
)
from overstap.pki import TrustStore
from overstap.progress import Advance, unwatched
from overstap.storage import Place

STANDS_READY, TO_BE_ASKED = "DELIVERY-109", "DELIVERY-110"
"""Codes of a test that lies where its school takes it, and of one that waits at the desk until its school asks."""
WAITS = frozenset({STANDS_READY, TO_BE_ASKED})
_CONTENT = b"""<?xml version="1.0" encoding="UTF-8"?>
<proefbericht>Dit is een proefbericht van Overstap. Er is geen leerling bij; u hoeft niets te importeren.</proefbericht>
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tester:
    """What it takes to test the schools of a round.

    Args:
        ledger: the ledger; the round is open in it.
        trust: who signs and calls, and whose receipts count.
        agreement: the agreement that holds for the round.
        round_id: the round.
        actor: step or account that sends, for the audit line.
        clock: the present moment.
        outbox: the folder of schools that collect by hand.
    """

    __test__ = False  # not one of pytest's

    ledger: Ledger
    trust: TrustStore
    agreement: Agreement
    round_id: str
    actor: str
    clock: Callable[[], datetime]
    outbox: Place | None = None

    def extent(self, *, only: str | None = None, again: bool = False) -> int:
        """Return how many test messages `send` sends at the most."""
        kind = RoundId(self.round_id).kind
        standing = {one.school: one for one in self.standing()}
        receivers = [one for one in self.agreement.receivers(kind) if not one.collects_on_page]
        groups = (self.agreement.suppliers(kind), receivers)
        return max(sum(_is_to_be_tested(one, standing, only, again=again) for one in group) for group in groups)

    def send(self, *, only: str | None = None, again: bool = False, advance: Advance = unwatched) -> list[SchoolResult]:
        """Send a test message to whoever has not passed yet, after taking in what schools left for us.

        A school's fault is its own: the others are tried all the same. What stands ready for a school is not sent
        again by itself.

        Args:
            only: for one school only, receiving or sending, passed or not.
            again: also for those that have passed, or for which one stands ready.
            advance: is told of each message.

        Returns:
            How every school of the round stands now.

        Raises:
            OverstapError: AGREEMENT-004 when `only` is not a school of the round.
        """
        kind = RoundId(self.round_id).kind
        suppliers, receivers = self.agreement.suppliers(kind), self.agreement.receivers(kind)
        if only is not None and self.agreement.school(only) not in (*suppliers, *receivers):
            raise OverstapError("AGREEMENT-004", school=only, region=self.agreement.region)
        # Who collects on the page has neither certificate nor system to try
        receivers = tuple(one for one in receivers if not one.collects_on_page)
        self.take_in()
        standing = {one.school: one for one in self.standing()}

        def is_to_be_tested(school: School) -> bool:
            return _is_to_be_tested(school, standing, only, again=again)

        obstacles: dict[str, str] = {}
        able = self._able(suppliers, obstacles)
        senders = [one for one in able if is_to_be_tested(one)]
        pairs = _pairs(
            senders,
            [one for one in receivers if is_to_be_tested(one)],
            any_sender=senders or able,
            sure_receivers=[one for one in receivers if standing[one.id].has_passed] or (receivers[:1] if only else ()),
        )
        for sender, receiver in pairs:
            if code := self._send(sender, receiver):
                obstacles[receiver.id] = code
            advance(1)
        looked_at = [one.id for one in suppliers] + [receiver.id for _, receiver in pairs]
        with self.ledger.unit(self.agreement.region, self.actor) as unit:
            note_obstacles(unit, self.round_id, obstacles, examined=looked_at)
            return results(unit, self.round_id)

    def take_in(self) -> int:
        """Take in the receipts of tests that schools left for us; return how many came. Nothing is sent."""
        with self.ledger.unit(self.agreement.region, self.actor) as unit:
            ready = offered(unit, self.round_id)
        came = 0
        for school in sorted({one.secondary_school for one in ready}):
            waiting = {one.message_id: one for one in ready if one.secondary_school == school}
            try:
                with self._way(self.agreement.school(school)) as way:
                    found = [
                        judge_test(waiting[one.message_id], one.content, trust=self.trust, at=self.clock())
                        for one in way.answers(waiting.keys(), at=self.clock())
                        if one.kind is AnswerKind.RECEIPT and one.message_id in waiting
                    ]
            except (OverstapError, ChannelError) as problem:
                _log.warning("%s: %s", school, problem)
                continue
            with self.ledger.unit(self.agreement.region, self.actor) as unit:
                for answer in found:
                    settle(unit, answer)
            came += len(found)
        return came

    def standing(self) -> list[SchoolResult]:
        """Return how every school of the round stands."""
        with self.ledger.unit(self.agreement.region, self.actor) as unit:
            return results(unit, self.round_id)

    def _way(self, school: School) -> AbstractContextManager[Channel]:
        return way_of(school, region=self.agreement.region, trust=self.trust, at=self.clock(), outbox=self.outbox)

    def _able(self, senders: Sequence[School], obstacles: dict[str, str]) -> list[School]:
        """Return the schools that can sign; note what keeps the others."""
        able = []
        for school in senders:
            try:
                self.trust.signing_identity(school.id, at=self.clock())
            except OverstapError as error:
                _log.warning("%s: %s", school.label, error)
                obstacles[school.id] = error.code
            else:
                able.append(school)
        return able

    def _send(self, sender: School, receiver: School) -> str | None:
        """Send one test message and keep what came back; return a code when the receiver could not even be tried."""
        region = self.agreement.region
        is_asked_for = receiver.receives_at_desk
        try:
            message, sealed = self._sealed(sender, receiver)
            with self._way(receiver) as way:
                kept = sealed.envelope if is_asked_for else None
                with self.ledger.unit(region, self.actor) as unit:
                    begin(unit, self.round_id, message, sent_by=self.actor, envelope=kept)
                handed = way.hand_over(sealed.envelope, message_id=message.message_id, at=self.clock())
        except OverstapError as error:
            _log.warning("%s: %s", receiver.label, error)
            return error.code
        if handed.is_offered or is_asked_for:  # it is where the school takes it; whether it does is for it to say
            code = STANDS_READY
            if handed.problem is not None:  # it was not told so; it may ask for it all the same
                code = handed.error(school=receiver.id, message_id=message.message_id).code
            elif is_asked_for:
                code = TO_BE_ASKED
            with self.ledger.unit(region, self.actor) as unit:
                offer(unit, message.message_id, code)
            return None
        if handed.receipt_unverified is not None:
            answer = judge_test(message, handed.receipt_unverified, trust=self.trust, at=self.clock())
        else:
            problem = handed.error(school=receiver.id, message_id=message.message_id)
            _log.warning("%s", problem)
            answer = TestMessageResult(message.message_id, "failed", problem.code)
        with self.ledger.unit(region, self.actor) as unit:
            settle(unit, answer)
        return None

    def _sealed(self, sender: School, receiver: School) -> tuple[TestMessage, SealedEnvelope]:
        at = self.clock()
        identity = message_id(at, os.urandom(10))
        sealed = seal(
            {DOSSIER_FILE: _CONTENT},
            message_id=identity,
            round_id=self.round_id,
            sender=self.trust.signing_identity(sender.id, at=at),
            recipient=self.trust.recipient(receiver.id, at=at),
            oso_version=TEST_VERSION,
            created_at=at,
            kind=EnvelopeKind.TEST,
        )
        return TestMessage(identity, sender.id, receiver.id, sealed.envelope_sha256, sealed.manifest_sha256), sealed


def _is_to_be_tested(school: School, standing: Mapping[str, SchoolResult], only: str | None, *, again: bool) -> bool:
    if only is not None:
        return school.id == only
    one = standing[school.id]
    return again or not (one.has_passed or one.code in WAITS)


def _pairs(
    senders: Sequence[School],
    receivers: Sequence[School],
    *,
    any_sender: Sequence[School],
    sure_receivers: Sequence[School],
) -> list[tuple[School, School]]:
    """Pair schools so that each that is to be tested takes part, with few messages.

    Args:
        senders: to be tested.
        receivers: to be tested.
        any_sender: who may send to them.
        sure_receivers: who passed: a sender is tried with one of them, where there are any, so that it does not wait
            for a receiver that is down.
    """
    if sure_receivers:
        alone = list(zip(senders, cycle(sure_receivers), strict=False))
        return alone + list(zip(cycle(any_sender), receivers, strict=False))
    if len(senders) > len(receivers) > 0:
        return list(zip(senders, cycle(receivers), strict=False))
    return list(zip(cycle(any_sender), receivers, strict=False))
