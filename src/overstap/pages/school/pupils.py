"""Pupils of a school in a round, with names and the state of each inspection."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.review import pupil_inspections
from overstap.ledger.review.invitations import PersonInspection, person_inspections
from overstap.ledger.review.pupil_inspections import PupilInspection
from overstap.ledger.session import UnitOfWork
from overstap.oso.entitled_persons import EntitledReader
from overstap.oso.facts import DossierFacts
from overstap.review.people import people_of


@dataclass(frozen=True, slots=True)
class InspectingPerson:
    """A person who may inspect, with the state of their letter and inspection."""

    person: EntitledReader
    inspection: PersonInspection | None


@dataclass(frozen=True, slots=True)
class SchoolPupil:
    """One pupil of the school in a round."""

    ref: VersionRef
    name: str = field(repr=False)
    group: str
    sorting: str = field(repr=False)
    las_key: str = field(repr=False)
    reference: str
    """Reference of the dossier on the board and in the list of faults."""
    number: str = field(repr=False)
    state: str
    is_open: bool
    is_late: bool
    """The window has closed without an inspection."""
    closes_at: datetime | None
    readers: tuple[InspectingPerson, ...]
    for_family: str | None
    """Decisions that the school recorded for the family as a whole."""
    open_requests: int

    @property
    def status(self) -> str:
        """Status, a key of the texts: not_ready, early, waiting, partly, done, late, sent, withdrawn."""
        if self.state in ("supplied", "accepted", "rejected"):
            return "not_ready"
        if self.state == "withdrawn":
            return "withdrawn"
        if self.state in ("sealed", "confirmed", "refused", "undelivered"):
            return "sent"
        if self.is_late or self.state == "not_inspected":
            return "late"
        if self.state == "in_review":
            return "waiting" if self.is_open else "early"
        answered = [one.inspection for one in self.readers if one.inspection is not None and one.inspection.answer]
        return "done" if self.for_family or len(answered) == len(self.readers) or not self.is_open else "partly"


def pupils(unit: UnitOfWork, round_id: str, school: str) -> list[SchoolPupil]:
    """Return a school's pupils in a round, sorted by class and name."""
    persons: dict[UUID, dict[str, PersonInspection]] = {}
    for one in person_inspections(unit, round_id, school):
        persons.setdefault(one.ref.dossier, {})[one.person] = one
    inspections = pupil_inspections.of_school(unit, round_id, school)
    facts = records.of(unit, [one.ref for one in inspections], DossierFacts)
    found = [_pupil(unit, one, facts[one.ref], persons.get(one.ref.dossier, {})) for one in inspections]
    return sorted(found, key=lambda one: (one.group.casefold(), one.sorting))


def one_pupil(unit: UnitOfWork, round_id: str, school: str, dossier: UUID) -> SchoolPupil:
    """Return one pupil of the school.

    Raises:
        OverstapError: SCHOOL-004 when the school has no such pupil in the round.
    """
    for one in pupils(unit, round_id, school):
        if one.ref.dossier == dossier:
            return one
    raise OverstapError("SCHOOL-004")


def status_counts(found: list[SchoolPupil]) -> Counter[str]:
    """Return the number of pupils per status."""
    return Counter(one.status for one in found)


def _pupil(
    unit: UnitOfWork, inspection: PupilInspection, facts: DossierFacts, persons: dict[str, PersonInspection]
) -> SchoolPupil:
    people = people_of(unit.keys, facts, dutch_time(now()).date())
    return SchoolPupil(
        ref=inspection.ref,
        name=facts.name,
        group=facts.group,
        sorting=facts.sorting,
        las_key=facts.las_key,
        reference=reference(inspection.ref.dossier),
        number=facts.number,
        state=inspection.state,
        is_open=inspection.is_open,
        is_late=inspection.is_late,
        closes_at=inspection.closes_at,
        readers=tuple(InspectingPerson(one, persons.get(one.key)) for one in people),
        for_family=inspection.for_family,
        open_requests=inspection.open_requests,
    )
