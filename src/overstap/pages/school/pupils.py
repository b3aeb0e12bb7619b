"""A school's own pupils with names, and the state of each inspection."""

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
from overstap.ledger.review.invitations import Reached, reached
from overstap.ledger.review.pupil_inspections import PupilInspection
from overstap.ledger.session import UnitOfWork
from overstap.oso.facts import DossierFacts
from overstap.oso.people import Entitled
from overstap.review.people import people_of


@dataclass(frozen=True, slots=True)
class Reader:
    """One person who may inspect, and what reached them."""

    person: Entitled
    reached: Reached | None


@dataclass(frozen=True, slots=True)
class SchoolPupil:
    """One pupil of the school in a round."""

    ref: VersionRef
    name: str = field(repr=False)
    group: str
    sorting: str = field(repr=False)
    las_key: str = field(repr=False)
    reference: str
    """What the dossier is called on the board and in the list of faults."""
    number: str = field(repr=False)
    state: str
    is_open: bool
    is_late: bool
    """Nobody looked and the window has closed."""
    closes_at: datetime | None
    readers: tuple[Reader, ...]
    for_family: str | None
    """What the school recorded for the family as a whole."""
    open_requests: int

    @property
    def standing(self) -> str:
        """Where it stands, as a key of the words: not_ready, early, waiting, partly, done, late, sent, withdrawn."""
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
        answered = [one.reached for one in self.readers if one.reached is not None and one.reached.answer]
        return "done" if self.for_family or len(answered) == len(self.readers) or not self.is_open else "partly"


def pupils(unit: UnitOfWork, round_id: str, school: str) -> list[SchoolPupil]:
    """Return a school's pupils in a round, sorted by class and name."""
    told: dict[UUID, dict[str, Reached]] = {}
    for one in reached(unit, round_id, school):
        told.setdefault(one.ref.dossier, {})[one.person] = one
    inspections = pupil_inspections.of_school(unit, round_id, school)
    facts = records.of(unit, [one.ref for one in inspections], DossierFacts)
    found = [_pupil(unit, one, facts[one.ref], told.get(one.ref.dossier, {})) for one in inspections]
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


def counted(found: list[SchoolPupil]) -> Counter[str]:
    """Return how many pupils stand where."""
    return Counter(one.standing for one in found)


def _pupil(unit: UnitOfWork, inspection: PupilInspection, facts: DossierFacts, told: dict[str, Reached]) -> SchoolPupil:
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
        readers=tuple(Reader(one, told.get(one.key)) for one in people),
        for_family=inspection.for_family,
        open_requests=inspection.open_requests,
    )
