"""Ledger operations of the schools' pages, limited to the account's region and school."""

import queue
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from overstap.agreements import Agreement, Round
from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.accounts import SchoolAccount, SignInAttempt, Stays
from overstap.ledger.dossiers import school_reports
from overstap.ledger.review import (
    access_log,
    decisions,
    invitations,
    parent_requests,
    proof_wishes,
    pupil_inspections,
)
from overstap.ledger.rounds import round_overview
from overstap.ledger.rounds.rounds import RoundRow, get_round
from overstap.pages.school.pupils import SchoolPupil, counted, one_pupil, pupils
from overstap.pki import TrustStore
from overstap.review.decisions import read_list
from overstap.review.proof import give_proof, proof_pack
from overstap.review.recording import RecordingOutcome, check_ground, record_list
from overstap.texts import texts

AT_ONCE = 4
"""Connections to the ledger: who comes fifth waits."""


@dataclass(frozen=True, slots=True)
class RoundOfSchool:
    """A round in which the school has dossiers, or may have."""

    round_id: str
    kind: str
    school_year: str
    dossiers: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The school's pupils in a round, with what frames them."""

    round_id: str
    kind: str
    school_year: str
    opens_at: datetime
    closes_at: datetime
    rule: str
    pupils: list[SchoolPupil]
    counts: Counter[str]
    without_letter: int
    unseen_letters: int
    """Persons who had a letter and have not looked: whose letters can be made anew when the file was lost."""
    has_faults: bool
    grounds: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class OnePupil:
    """One pupil with all that the page shows."""

    round_id: str
    pupil: SchoolPupil
    may_record: bool
    may_attest: bool
    grounds: list[tuple[str, str]]
    opened: list[access_log.DossierAccess]
    where: dict[str, str]


@dataclass(frozen=True, slots=True)
class PupilRequest:
    """A request of a parent with the pupil's name."""

    request: parent_requests.ParentRequest
    pupil: str


@dataclass(frozen=True, slots=True)
class Wished:
    """A proof of inspection that a person asked for, with names."""

    wish: proof_wishes.Wish
    pupil: str
    person: str


class SchoolDesk:
    """The school's desk.

    Args:
        open_ledger: opens the ledger; called for each connection.
        trust: folder with certificates and keys, for proof packs; None: none are made here.
        production: refuses development certificates.
        address: of the parents' pages.
        workbook: makes the workbook of a list of faults, of its CSV and a title.
    """

    def __init__(
        self,
        open_ledger: Callable[[], Ledger],
        *,
        trust: Path | None,
        production: bool,
        address: str,
        workbook: Callable[[str, str], bytes],
    ) -> None:
        self._ledgers: queue.LifoQueue[Ledger] = queue.LifoQueue()
        for _ in range(AT_ONCE):
            self._ledgers.put(open_ledger())
        self._trust = trust
        self._production = production
        self._address = address
        self._workbook = workbook

    @contextmanager
    def _ledger(self) -> Iterator[Ledger]:
        ledger = self._ledgers.get()
        try:
            yield ledger
        finally:
            self._ledgers.put(ledger)

    def attempt(self, account: str, networks: Sequence[bytes], device: bytes) -> SignInAttempt:
        """Begin an attempt to sign in; arguments as of `Stays.attempt`. It proves nothing yet."""
        with self._ledger() as ledger:
            return Stays(ledger).attempt(account, networks, device)

    def enter(
        self, account: str, proven: str, networks: Sequence[bytes], device: bytes, new_device: bytes, stay: bytes
    ) -> bool:
        """Begin a stay; arguments and result as of `Stays.enter`."""
        with self._ledger() as ledger:
            return Stays(ledger).enter(account, proven, networks, device, new_device, stay)

    def look(self, finds: bytes) -> SchoolAccount | None:
        """Return who is signed in."""
        with self._ledger() as ledger:
            return Stays(ledger).look(finds)

    def sign_out(self, finds: bytes) -> None:
        """End a stay."""
        with self._ledger() as ledger:
            Stays(ledger).end(finds)

    def rounds(self, who: SchoolAccount) -> list[RoundOfSchool]:
        """Return the school's rounds in which parents inspect, the newest first."""
        with self._ledger() as ledger, ledger.unit(who.region, who.actor) as unit:
            return [
                RoundOfSchool(one.round_id, one.round_id.kind.dutch, one.round_id.school_year, one.dossiers)
                for one in round_overview.inspected(unit, who.school)
            ]

    def overview(self, who: SchoolAccount, round_id: str) -> Overview:
        """Return the school's pupils in a round."""
        with self._ledger() as ledger, ledger.unit(who.region, who.actor) as unit:
            found, agreed = _round(get_round(unit, round_id))
            mine = pupils(unit, round_id, who.school)
            return Overview(
                round_id=round_id,
                kind=found.kind.dutch,
                school_year=found.school_year,
                opens_at=agreed.milestones.review_opens,
                closes_at=max([agreed.milestones.review_closes, *(one.closes_at for one in mine if one.closes_at)]),
                rule=agreed.not_inspected,
                pupils=mine,
                counts=counted(mine),
                without_letter=len(invitations.awaiting_letter(unit, round_id, who.school)),
                unseen_letters=len(invitations.unseen(unit, round_id, who.school)),
                has_faults=school_reports.is_there(unit, round_id, who.school),
                grounds=_grounds(pupil_inspections.grounds(unit), agreed),
            )

    def pupil(self, who: SchoolAccount, round_id: str, dossier: UUID) -> OnePupil:
        """Return one pupil of the school."""
        with self._ledger() as ledger, ledger.unit(who.region, who.actor) as unit:
            _, agreed = _round(get_round(unit, round_id))
            found = one_pupil(unit, round_id, who.school, dossier)
            grounds = _grounds(pupil_inspections.grounds(unit), agreed)
            may_attest = agreed.not_inspected == "attest" and found.standing == "late"
            return OnePupil(
                round_id=round_id,
                pupil=found,
                may_record=found.is_open and found.state in ("in_review", "inspected", "no_receiver"),
                may_attest=may_attest,
                grounds=[one for one in grounds if (one[0] == "attested") == may_attest],
                opened=access_log.opened(unit, dossier),
                where={name: text["nl"] for name, text in texts("invitations/paper")["where"].items()},
            )

    def record(
        self,
        who: SchoolAccount,
        round_id: str,
        dossier: UUID,
        *,
        ground: str,
        person: str,
        seen_on: date,
        agreed: str,
        view: str | None,
        note: str | None,
    ) -> str:
        """Record an inspection; return the key of what to say."""
        check_ground(ground)
        with self._ledger() as ledger, ledger.unit(who.region, who.actor) as unit:
            found = one_pupil(unit, round_id, who.school, dossier)
            known = {one.person.key for one in found.readers}
            decision = decisions.ReviewDecision(
                found.number, seen_on, agreed, view, person=person if person in known else None, note=note
            )
            outcome = decisions.record(unit, round_id, who.school, [decision], ground=ground)
        if outcome.repeated:
            return "record_repeated"
        if outcome.answered:
            return "record_answered"
        if not outcome.recorded:
            return "record_late"
        return "record_attest_done" if ground == "attested" else "record_done"

    def record_list(self, who: SchoolAccount, round_id: str, content: bytes, ground: str) -> RecordingOutcome:
        """Record a list."""
        check_ground(ground)
        listed = read_list(content, today=dutch_time(now()).date(), needs_note=ground == "attested")
        with self._ledger() as ledger:
            with ledger.unit(who.region, who.actor) as unit:
                get_round(unit, round_id)
            return record_list(
                ledger,
                region=who.region,
                round_id=round_id,
                school=who.school,
                actor=who.actor,
                listed=listed,
                ground=ground,
            )

    def letters(
        self, who: SchoolAccount, round_id: str, again: Sequence[UUID], *, is_lost: bool = False
    ) -> bytes | None:
        """Return letters as PDF; None when there are none to make."""
        from overstap.review.printing_letters import print_letters  # what makes PDFs is loaded once one is made: 50 MB

        made: list[bytes] = []
        with self._ledger() as ledger:
            print_letters(
                ledger,
                region=who.region,
                round_id=round_id,
                school=who.school,
                actor=who.actor,
                address=self._address,
                keep=made.append,
                again=again,
                is_lost=is_lost,
            )
        return made[0] if made else None

    def print(self, who: SchoolAccount, round_id: str, dossier: UUID, person: str) -> bytes:
        """Return a dossier on paper for one person."""
        from overstap.review.meeting import print_dossier

        with self._ledger() as ledger:
            return print_dossier(
                ledger,
                region=who.region,
                round_id=round_id,
                school=who.school,
                pupil=dossier,
                actor=who.actor,
                person=person or None,
            )

    def proof(self, who: SchoolAccount, round_id: str, dossier: UUID) -> bytes:
        """Return the proof pack as ZIP.

        Raises:
            OverstapError: SETTING-001 when this service has no keys to sign with.
        """
        trust = self._keys()
        with self._ledger() as ledger:
            return proof_pack(
                ledger,
                trust,
                region=who.region,
                round_id=round_id,
                school=who.school,
                pupil=dossier,
                actor=who.actor,
            ).zipped()

    def give_proof(self, who: SchoolAccount, round_id: str, wished: UUID) -> bool:
        """Make the proof that a person asked for and lay it ready on the parents' pages; raises as `proof`."""
        trust = self._keys()
        with self._ledger() as ledger:
            return give_proof(
                ledger,
                trust,
                region=who.region,
                round_id=round_id,
                school=who.school,
                actor=who.actor,
                wished=wished,
            )

    def _keys(self) -> TrustStore:
        if self._trust is None:
            raise OverstapError("SETTING-001", setting="OVERSTAP_TRUST")
        return TrustStore(self._trust, production=self._production)

    def requests(self, who: SchoolAccount, round_id: str) -> tuple[str, list[PupilRequest], list[Wished]]:
        """Return what parents asked of the school: the round, questions and corrections, and proofs of inspection."""
        with self._ledger() as ledger, ledger.unit(who.region, who.actor) as unit:
            get_round(unit, round_id)
            known = {one.ref.dossier: one for one in pupils(unit, round_id, who.school)}
            asked = [
                PupilRequest(one, known[one.ref.dossier].name)
                for one in parent_requests.of_school(unit, round_id, who.school)
            ]
            wished = [
                Wished(one, known[one.dossier].name, reader.person.name)
                for one in proof_wishes.standing(unit, round_id, who.school)
                for reader in known[one.dossier].readers
                if reader.person.key == one.person
            ]
            return round_id, asked, wished

    def settle(self, who: SchoolAccount, request: UUID, state: str, words: str) -> None:
        """Answer what a parent asked."""
        if state not in ("answered", "mended", "refused"):
            raise OverstapError("REVIEW-024")
        with self._ledger() as ledger, ledger.unit(who.region, who.actor) as unit:
            parent_requests.settle(unit, request, cast(Any, state), primary_school=who.school, answer=words)

    def report(self, who: SchoolAccount, round_id: str) -> school_reports.SchoolReport:
        """Return the school's list of faults."""
        with self._ledger() as ledger, ledger.unit(who.region, who.actor) as unit:
            return school_reports.get(unit, round_id, who.school)

    def workbook(self, who: SchoolAccount, round_id: str) -> bytes:
        """Return the school's list of faults as a workbook (XLSX)."""
        return self._workbook(self.report(who, round_id).csv, f"{who.school}, {round_id}")


def _round(found: RoundRow) -> tuple[RoundRow, Round]:
    agreement: Agreement = found.agreement
    return found, agreement.round(found.kind)


def _grounds(dutch: Mapping[str, str], agreed: Round) -> list[tuple[str, str]]:
    """Return the grounds that a school may state, in the order in which they are usual."""
    usual = ["paper_list", "meeting", "paper_view", "school_single", "school_list"]
    return [(name, dutch[name]) for name in (*usual, *(["attested"] if agreed.not_inspected == "attest" else []))]
