"""Registration of a school's pupils at its supplier of the test, and of their provisional advices.

What is sent is announced in the ledger first; what the supplier took is not sent again until it changes. Both are for
a person who holds the school's mandate to start, not for a clock (decision 83).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from overstap.agreements import Agreement
from overstap.agreements.model import SchoolMandate, SupplierOfTests
from overstap.clock import NETHERLANDS
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import test_registrations
from overstap.ledger.rounds import rounds
from overstap.ledger.session import UnitOfWork
from overstap.pki import TrustStore
from overstap.progress import Advance, unwatched
from overstap.test_chain.client import ADVICES, REGISTER, SupplierClient
from overstap.test_chain.messages import advices_message, participants_message
from overstap.test_chain.participants import participants, provisional_advices
from overstap.transport.https_client import DEADLINE_SECONDS

MOST_PUPILS = 250
"""Pupils in one message."""
_Kept = TypeVar("_Kept")


@dataclass(frozen=True, slots=True)
class SchoolSent:
    """What was sent for a school, in numbers.

    Args:
        school: BRIN and branch.
        supplier: name of the supplier.
        sent: pupils who were sent, or would be in a dry run.
        as_before: pupils of whom the supplier has the same already.
        elsewhere: pupils whom another school registered, or whom another supplier took.
        left_out: pupils who cannot be sent, by reason.
    """

    school: str
    supplier: str
    sent: int
    as_before: int
    elsewhere: int
    left_out: Mapping[str, int]


def agreement_in_force(unit: UnitOfWork, school_year: str) -> Agreement:
    """Return the agreement of the year's round of leavers that was opened last.

    Raises:
        OverstapError: TESTS-010 when no round was opened.
    """
    known = [one for one in rounds.of_year(unit, school_year) if one.kind.is_of_leavers]
    if not known:
        raise OverstapError("TESTS-010", region=unit.region, school_year=school_year)
    return known[-1].agreement


def mandate_of(agreement: Agreement, school: str, at: datetime) -> tuple[SupplierOfTests, SchoolMandate]:
    """Return the supplier and the mandate of a school.

    Raises:
        OverstapError: TESTS-001 without a mandate; TESTS-002 when it does not hold yet.
    """
    found = agreement.test_mandate(school)
    if found is None:
        raise OverstapError("TESTS-001", school=school, region=agreement.region)
    if found[1].given_on > at.astimezone(NETHERLANDS).date():
        raise OverstapError("TESTS-002", school=school, day=found[1].given_on)
    return found


@dataclass(frozen=True, slots=True)
class Registrar:
    """What it takes to send for schools of a region.

    Args:
        ledger: the ledger; a round of the year was opened in it.
        region: region id.
        school_year: such as "2026-2027".
        trust: trust store with the conductor's certificate.
        actor: account of the person, for the audit lines.
        now: the clock.
        advance: is told of each pupil who was sent.
        deadline_seconds: limit of one try of a call.
        wait: waits before another try.
    """

    ledger: Ledger
    region: str
    school_year: str
    trust: TrustStore
    actor: str
    now: Callable[[], datetime]
    advance: Advance = unwatched
    deadline_seconds: float = DEADLINE_SECONDS
    wait: Callable[[float], object] = time.sleep

    def register(self, school: str, *, dry_run: bool = False) -> SchoolSent:
        """Register a school's pupils, but for those whom the supplier has already; may be repeated when interrupted.

        Args:
            school: BRIN and branch.
            dry_run: whether to tell only what would be sent; then nothing is kept or sent.

        Raises:
            OverstapError: TESTS-001 to TESTS-011; LEDGER-nnn.
        """
        with self._alone(school):
            with self.ledger.unit(self.region, self.actor) as unit:
                supplier, mandate = self._mandate(unit, school)
                found, left = participants(unit, self.school_year, school)
                digests = {
                    pupil: unit.keys.lookup("test_registration", f"{mandate.routing_key}{one.as_json()}")
                    for pupil, one in found.items()
                }
                before = {one.pupil: one for one in test_registrations.known(unit, self.school_year)}
                theirs = {
                    pupil
                    for pupil, one in before.items()
                    if one.primary_school != school or (one.supplier != supplier.oin and one.taken_digest)
                }
                wanted = {
                    pupil: digest
                    for pupil, digest in digests.items()
                    if pupil not in theirs and not (pupil in before and before[pupil].taken_digest == digest)
                }
                group_ids = {
                    one.group: unit.keys.lookup("test_group", f"{school}\0{self.school_year}\0{one.group}").hex()[:32]
                    for one in found.values()
                }
                elsewhere = len(theirs & digests.keys())
                sent = SchoolSent(
                    *(school, supplier.name, len(wanted), len(digests) - len(wanted) - elsewhere, elsewhere, dict(left))
                )
                if dry_run or not wanted:
                    return sent
                keys = test_registrations.announce(
                    unit, self.school_year, school, supplier.oin, mandate.routing_key, wanted
                )
            pupils = {key: found[pupil] for pupil, key in keys.items()}
            self._send(
                supplier,
                mandate,
                REGISTER,
                pupils,
                lambda part: participants_message(mandate, self.school_year, part, group_ids, self.now()),
            )
        return sent

    def send_advices(self, school: str, *, dry_run: bool = False) -> SchoolSent:
        """Send the provisional advices of a school's registered pupils; those that the supplier has are not sent again.

        Args:
            school: BRIN and branch.
            dry_run: whether to tell only what would be sent.

        Raises:
            OverstapError: as of `register`.
        """
        with self._alone(school):
            with self.ledger.unit(self.region, self.actor) as unit:
                supplier, mandate = self._mandate(unit, school)
                stated = provisional_advices(unit, self.school_year, school)
                registered = {
                    one.pupil: one
                    for one in test_registrations.known(unit, self.school_year, school)
                    if one.taken_digest and (one.supplier, one.routing_key) == (supplier.oin, mandate.routing_key)
                }
                digests = {
                    registered[pupil].registration: (unit.keys.lookup("test_advice", value), value)
                    for pupil, value in stated.items()
                    if pupil in registered
                }
                had = {one.registration: one.advice_taken for one in registered.values()}
                wanted = {key: said for key, said in digests.items() if had[key] != said[0]}
                left = Counter(
                    not_registered=len(stated.keys() - registered.keys()),
                    no_advice=len(registered.keys() - stated.keys()),
                )
                sent = SchoolSent(school, supplier.name, len(wanted), len(digests) - len(wanted), 0, dict(+left))
                if dry_run or not wanted:
                    return sent
                test_registrations.announce_advices(
                    unit, self.school_year, school, {key: digest for key, (digest, _) in wanted.items()}
                )
            advices = {key: value for key, (_, value) in wanted.items()}
            self._send(
                supplier,
                mandate,
                ADVICES,
                advices,
                lambda part: advices_message(mandate, self.school_year, part, self.now()),
            )
        return sent

    def _alone(self, school: str) -> Any:
        return self.ledger.exclusive(f"tests.{self.region}.{self.school_year}.{school}")

    def _mandate(self, unit: UnitOfWork, school: str) -> tuple[SupplierOfTests, SchoolMandate]:
        return mandate_of(agreement_in_force(unit, self.school_year), school, self.now())

    def _send(
        self,
        supplier: SupplierOfTests,
        mandate: SchoolMandate,
        path: str,
        content: Mapping[UUID, _Kept],
        message: Callable[[Mapping[UUID, _Kept]], bytes],
    ) -> None:
        """Send what was announced, and keep after each message what the supplier answered."""
        with SupplierClient(
            supplier,
            mandate,
            region=self.region,
            trust=self.trust,
            now=self.now,
            deadline_seconds=self.deadline_seconds,
            wait=self.wait,
        ) as client:
            for part in _parts(content):
                answer = client.send(path, message(part))
                with self.ledger.unit(self.region, self.actor) as unit:
                    test_registrations.settle(
                        unit,
                        self.school_year,
                        mandate.school,
                        list(part),
                        answer.answer,
                        is_taken=answer.refused is None,
                        of_advices=path == ADVICES,
                    )
                client.raise_for(answer)
                self.advance(len(part))


def _parts(content: Mapping[UUID, _Kept]) -> Iterator[dict[UUID, _Kept]]:
    items = iter(content.items())
    while part := dict(islice(items, MOST_PUPILS)):
        yield part
