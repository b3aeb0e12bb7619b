"""What a line about a sent dossier says to one of its two parties: reference, pupil's facts, names of the parties."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from overstap.ledger import schools
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.session import UnitOfWork
from overstap.oso.facts import DossierFacts


class SentDossier(Protocol):
    """A dossier that a primary school sent to another party, a school or a partnership."""

    @property
    def ref(self) -> VersionRef:
        """The dossier."""

    @property
    def primary_school(self) -> str:
        """BRIN and branch of who sent it."""

    @property
    def is_confirmed(self) -> bool:
        """Whether the other party has confirmed it."""


Sent = TypeVar("Sent", bound=SentDossier)


@dataclass(frozen=True, slots=True)
class LineNames:
    """What a line says.

    Args:
        sign: reference of the dossier.
        facts: facts of the dossier; None for a receiving party that has not confirmed it, and where they are damaged.
        receiver: name of the party that received it.
        other: name of the party that does not look at the line.
    """

    sign: str
    facts: DossierFacts | None = field(repr=False)
    receiver: str
    other: str

    @property
    def name(self) -> str:
        """The pupil's name; empty without facts."""
        return self.facts.name if self.facts else ""


def line_names(
    unit: UnitOfWork, school: str, found: Sequence[Sent], receiver: Callable[[Sent], str]
) -> list[LineNames]:
    """Return what each line says: the names of all pupils to who sent them, of confirmed ones to who received them.

    Args:
        unit: the unit of work.
        school: the party that looks, as BRIN and branch or number of a partnership.
        found: the dossiers.
        receiver: returns the party that received a dossier.
    """
    names = schools.known(unit)
    shown = [one.ref for one in found if one.is_confirmed or one.primary_school == school]
    facts = records.of(unit, shown, DossierFacts, damaged=lambda _: None)

    def name_of(party: str) -> str:
        return names[party].name if party in names else party

    lines = []
    for one in found:
        to = receiver(one)
        other = one.primary_school if to == school else to
        lines.append(LineNames(reference(one.ref.dossier), facts.get(one.ref), name_of(to), name_of(other)))
    return lines
