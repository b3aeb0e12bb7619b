"""Operations of the schools' pages on the ledger, limited to the account's region and school."""

import queue
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from overstap.agreements import Agreement, Round
from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.ledger import Ledger, downloads, guests
from overstap.ledger.accounts import CorrectPassword, SchoolAccount, SchoolSessions, SignInAttempt, SignInStep
from overstap.ledger.dossiers import school_reports
from overstap.ledger.guests import OpenInvitation
from overstap.ledger.review import (
    access_log,
    decisions,
    invitations,
    parent_requests,
    proof_requests,
    pupil_inspections,
)
from overstap.ledger.rounds import round_overview
from overstap.ledger.rounds.rounds import RoundRow, get_round
from overstap.pages.school.advice import AdviceOperations
from overstap.pages.school.applications import ApplicationOperations
from overstap.pages.school.collecting import CollectingOperations
from overstap.pages.school.factor_operations import FactorOperations
from overstap.pages.school.federation import FederatedPerson
from overstap.pages.school.handovers import HandoverOperations
from overstap.pages.school.inviting import InvitingOperations
from overstap.pages.school.mapping_operations import MappingOperations
from overstap.pages.school.places import PlacesOperations
from overstap.pages.school.progress import ProgressOperations
from overstap.pages.school.pupils import SchoolPupil, one_pupil, pupils, status_counts
from overstap.pages.school.roster_operations import RosterOperations
from overstap.pages.school.support import SupportOperations
from overstap.pages.school.typed_operations import TypedOperations
from overstap.pages.school.uploaded import UploadOperations
from overstap.review.decisions import read_list
from overstap.review.proof import ProofSigning, give_proof, proof_pack
from overstap.review.recording import RecordingOutcome, check_ground, record_list
from overstap.texts import texts

AT_ONCE = 4
"""Number of connections to the ledger; a fifth request waits."""


@dataclass(frozen=True, slots=True)
class SchoolRound:
    """A round in which the school takes part."""

    round_id: str
    kind: str
    school_year: str
    dossiers: int
    inspects: bool
    """Whether parents inspect in it; without inspection a school only types dossiers in."""


@dataclass(frozen=True, slots=True)
class PupilOverview:
    """The school's pupils in a round, with the round's facts."""

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
    """Number of persons with a letter who did not sign in: their letters can be made again when the file was lost."""
    has_faults: bool
    grounds: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class PupilDetails:
    """One pupil with everything that the page shows."""

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
class NamedProofRequest:
    """A request for the proof of inspection, with names."""

    request: proof_requests.ProofRequest
    pupil: str
    person: str


class SchoolOperations:
    """Operations of the schools' pages on the ledger.

    Args:
        open_ledger: opens the ledger; called for each connection.
        signing: what signs proof packs; None when this service makes none.
        address: public URL of the parents' pages.
        workbook: returns a list of faults as a workbook (XLSX), from its CSV and a title.
        needs_factor: whether this deployment requires a second factor.
        origin: URL of these pages, to which passkeys are bound; None: passkeys are not offered.
    """

    def __init__(
        self,
        open_ledger: Callable[[], Ledger],
        *,
        signing: ProofSigning | None,
        address: str,
        workbook: Callable[[str, str], bytes],
        needs_factor: bool,
        origin: str | None,
    ) -> None:
        self._ledgers: queue.LifoQueue[Ledger] = queue.LifoQueue()
        for _ in range(AT_ONCE):
            self._ledgers.put(open_ledger())
        self._signing = signing
        self._address = address
        self._workbook = workbook
        self.factors = FactorOperations(self._ledger, needs_factor=needs_factor, origin=origin)
        """Operations on second factors."""
        self.rosters = RosterOperations(self._ledger)
        """Operations on the school's roster."""
        self.collecting = CollectingOperations(self._ledger)
        """Operations on dossiers that a receiving school collects here."""
        self.inviting = InvitingOperations(self._ledger)
        """Operations for asking primary schools outside the region."""
        self.advices = AdviceOperations(self._ledger)
        """Operations on advice and test of the school's pupils."""
        self.applications = ApplicationOperations(self._ledger)
        """Operations on the applications at a secondary school."""
        self.places = PlacesOperations(self._ledger)
        """Operations on the places of a secondary school."""
        self.handovers = HandoverOperations(self._ledger)
        """Operations on warm handover."""
        self.progress = ProgressOperations(self._ledger)
        """Operations on how pupils fare who left a primary school."""
        self.support = SupportOperations(self._ledger, self._proof_signing)
        """Operations on decisions of a partnership."""
        self.typed = TypedOperations(self._ledger)
        """Operations on dossiers that the school types in."""
        self.mappings = MappingOperations(self._ledger)
        """Operations on exports that the school maps itself."""
        self.uploads = UploadOperations(self._ledger)
        """Operations on OSO files that the school uploads."""

    @contextmanager
    def _ledger(self) -> Iterator[Ledger]:
        ledger = self._ledgers.get()
        try:
            yield ledger
        finally:
            self._ledgers.put(ledger)

    def attempt(self, account: str, networks: Sequence[bytes], device: bytes) -> SignInAttempt:
        """Begin an attempt to sign in, before the password is verified; arguments as of `SchoolSessions.attempt`."""
        with self._ledger() as ledger:
            return SchoolSessions(ledger).attempt(account, networks, device)

    def enter(self, correct: CorrectPassword) -> SignInStep | None:
        """Begin a session; result as of `SchoolSessions.enter`."""
        with self._ledger() as ledger:
            return SchoolSessions(ledger).enter(correct)

    def enter_federated(self, person: FederatedPerson, session: bytes) -> SignInStep | None:
        """Begin a session for somebody whom the identity provider of schools knows.

        Args:
            person: who it is.
            session: identifier of the new session (SHA-256, 32 bytes).

        Returns:
            As of `SchoolSessions.enter_federated`.
        """
        with self._ledger() as ledger:
            return SchoolSessions(ledger).enter_federated(
                person.account,
                person.organisation,
                session,
                needs_factor=self.factors.needs_factor,
                has_factor=person.has_second_factor,
            )

    def invitation(self, secret: str, networks: Sequence[bytes]) -> tuple[OpenInvitation | None, int]:
        """Return what an address of an invitation opens; as of `guests.look`."""
        with self._ledger() as ledger:
            return guests.look(ledger, secret, networks)

    def accept(self, secret: str, name: str, password: str, school: str) -> str | None:
        """Use an invitation; as of `guests.accept`."""
        with self._ledger() as ledger:
            return guests.accept(ledger, secret, name, password, school)

    def account_of(self, token_hash: bytes) -> SchoolAccount | None:
        """Return the account of a session; None when the session has ended."""
        with self._ledger() as ledger:
            return SchoolSessions(ledger).account_of(token_hash)

    def sign_out(self, token_hash: bytes) -> None:
        """End a session."""
        with self._ledger() as ledger:
            SchoolSessions(ledger).end(token_hash)

    def rounds(self, account: SchoolAccount) -> list[SchoolRound]:
        """Return the region's rounds with the number of the school's dossiers, the newest first."""
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            return [
                SchoolRound(one.round_id, one.round_id.kind.dutch, one.round_id.school_year, one.dossiers, one.inspects)
                for one in round_overview.of_school(unit, account.school)
                if account.only_round in (None, one.round_id)
            ]

    def overview(self, account: SchoolAccount, round_id: str) -> PupilOverview:
        """Return the school's pupils in a round."""
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            found, agreed = _round(get_round(unit, round_id))
            mine = pupils(unit, round_id, account.school)
            return PupilOverview(
                round_id=round_id,
                kind=found.kind.dutch,
                school_year=found.school_year,
                opens_at=agreed.milestones.review_opens,
                closes_at=max([agreed.milestones.review_closes, *(one.closes_at for one in mine if one.closes_at)]),
                rule=agreed.not_inspected,
                pupils=mine,
                counts=status_counts(mine),
                without_letter=len(invitations.awaiting_letter(unit, round_id, account.school)),
                unseen_letters=len(invitations.unseen(unit, round_id, account.school)),
                has_faults=school_reports.is_there(unit, round_id, account.school),
                grounds=_grounds(pupil_inspections.grounds(unit), agreed),
            )

    def pupil(self, account: SchoolAccount, round_id: str, dossier: UUID) -> PupilDetails:
        """Return one pupil of the school."""
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            _, agreed = _round(get_round(unit, round_id))
            found = one_pupil(unit, round_id, account.school, dossier)
            grounds = _grounds(pupil_inspections.grounds(unit), agreed)
            may_attest = agreed.not_inspected == "attest" and found.status == "late"
            return PupilDetails(
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
        account: SchoolAccount,
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
        """Record an inspection; return the key of the message to show."""
        check_ground(ground)
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            found = one_pupil(unit, round_id, account.school, dossier)
            known = {one.person.key for one in found.readers}
            decision = decisions.ReviewDecision(
                found.number, seen_on, agreed, view, person=person if person in known else None, note=note
            )
            outcome = decisions.record(unit, round_id, account.school, [decision], ground=ground)
        if outcome.repeated:
            return "record_repeated"
        if outcome.answered:
            return "record_answered"
        if not outcome.recorded:
            return "record_late"
        return "record_attest_done" if ground == "attested" else "record_done"

    def record_list(self, account: SchoolAccount, round_id: str, content: bytes, ground: str) -> RecordingOutcome:
        """Record a list of decisions."""
        check_ground(ground)
        listed = read_list(content, today=dutch_time(now()).date(), needs_note=ground == "attested")
        with self._ledger() as ledger:
            with ledger.unit(account.region, account.actor) as unit:
                get_round(unit, round_id)
            return record_list(
                ledger,
                region=account.region,
                round_id=round_id,
                school=account.school,
                actor=account.actor,
                listed=listed,
                ground=ground,
            )

    def letters(
        self, account: SchoolAccount, round_id: str, again: Sequence[UUID], *, is_lost: bool = False
    ) -> bytes | None:
        """Return letters with codes as PDF; None when there are none to make."""
        from overstap.review.printing_letters import print_letters  # what makes PDFs is loaded once one is made: 50 MB

        made: list[bytes] = []
        with self._ledger() as ledger:
            print_letters(
                ledger,
                region=account.region,
                round_id=round_id,
                school=account.school,
                actor=account.actor,
                address=self._address,
                keep=made.append,
                again=again,
                is_lost=is_lost,
            )
        return made[0] if made else None

    def print(self, account: SchoolAccount, round_id: str, dossier: UUID, person: str) -> bytes:
        """Return a dossier as PDF for one person."""
        from overstap.review.meeting import print_dossier

        with self._ledger() as ledger:
            return print_dossier(
                ledger,
                region=account.region,
                round_id=round_id,
                school=account.school,
                pupil=dossier,
                actor=account.actor,
                person=person or None,
            )

    def proof(self, account: SchoolAccount, round_id: str, dossier: UUID) -> bytes:
        """Return the proof pack as ZIP.

        Raises:
            OverstapError: SETTING-001 when this service has no keys to sign with.
        """
        with self._ledger() as ledger:
            return proof_pack(
                ledger,
                self._proof_signing(),
                region=account.region,
                round_id=round_id,
                school=account.school,
                pupil=dossier,
                actor=account.actor,
            ).zipped()

    def give_proof(self, account: SchoolAccount, round_id: str, access: UUID) -> bool:
        """Make the proof that a person requested and publish it on the parents' pages; raises as `proof`."""
        with self._ledger() as ledger:
            return give_proof(
                ledger,
                self._proof_signing(),
                region=account.region,
                round_id=round_id,
                school=account.school,
                actor=account.actor,
                access=access,
            )

    def _proof_signing(self) -> ProofSigning:
        if self._signing is None:
            raise OverstapError("SETTING-001", setting="OVERSTAP_TRUST")
        return self._signing

    def requests(
        self, account: SchoolAccount, round_id: str
    ) -> tuple[str, list[PupilRequest], list[NamedProofRequest]]:
        """Return a round's name, parents' questions and corrections in it, and requests for the proof of inspection."""
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            get_round(unit, round_id)
            known = {one.ref.dossier: one for one in pupils(unit, round_id, account.school)}
            asked = [
                PupilRequest(one, known[one.ref.dossier].name)
                for one in parent_requests.of_school(unit, round_id, account.school)
            ]
            wished = [
                NamedProofRequest(one, known[one.dossier].name, reader.person.name)
                for one in proof_requests.open_requests(unit, round_id, account.school)
                for reader in known[one.dossier].readers
                if reader.person.key == one.person
            ]
            return round_id, asked, wished

    def settle(self, account: SchoolAccount, request: UUID, state: str, words: str) -> None:
        """Answer a request of a parent."""
        if state not in ("answered", "mended", "refused"):
            raise OverstapError("REVIEW-024")
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            parent_requests.settle(unit, request, cast(Any, state), primary_school=account.school, answer=words)

    def report(self, account: SchoolAccount, round_id: str) -> school_reports.SchoolReport:
        """Return the school's list of faults, for its page."""
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            return school_reports.get(unit, round_id, account.school)

    def report_file(self, account: SchoolAccount, round_id: str) -> school_reports.SchoolReport:
        """Return the school's list of faults to be taken along as a file, which is recorded."""
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            found = school_reports.get(unit, round_id, account.school)
            signs = downloads.signs_of_school(unit, round_id, account.school)
            downloads.note(unit, "fault_list", round_id, signs, to=account.school)
            return found

    def workbook(self, account: SchoolAccount, round_id: str) -> bytes:
        """Return the school's list of faults as a workbook (XLSX)."""
        return self._workbook(self.report_file(account, round_id).csv, f"{account.school}, {round_id}")


def _round(found: RoundRow) -> tuple[RoundRow, Round]:
    agreement: Agreement = found.agreement
    return found, agreement.round(found.kind)


def _grounds(dutch: Mapping[str, str], agreed: Round) -> list[tuple[str, str]]:
    """Return the grounds that a school may state, the most usual first."""
    usual = ["paper_list", "meeting", "paper_view", "school_single", "school_list"]
    return [(name, dutch[name]) for name in (*usual, *(["attested"] if agreed.not_inspected == "attest" else []))]
