"""A dossier as it is read: the XML, its version, and the few facts that every stage needs."""

from dataclasses import InitVar, dataclass, field
from datetime import date
from typing import Any

from overstap.dossier.catalogue import Catalogue, catalogue
from overstap.dossier.tree import Node, grow

_OVERSTAP_PROFILES = frozenset({"POVO", "POPO", "VOVO"})
_SWV_PROFILES = frozenset({"POSWV", "VOSWV"})


@dataclass(frozen=True, slots=True, eq=False)
class Dossier:
    """One pupil's transfer dossier. Not to be changed: cutting and the like give a new one.

    Args:
        root: the element `dossier` (lxml); treat it as read-only.
        version: version of the data set, such as `2019.1`.
        scanned: the dossier's node where the reader has it already; its structure is then known to be good.
    """

    root: Any = field(repr=False)  # a repr ends up in logs: it must not name the pupil
    version: str
    scanned: InitVar[Node | None] = None
    _grown: list[tuple[Node, bool]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self, scanned: Node | None) -> None:
        """Keep what the reader found."""
        if scanned is not None:
            self._grown.append((scanned, True))

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue of the dossier's version."""
        return catalogue(self.version)

    @property
    def tree(self) -> Node:
        """The dossier as nested dictionaries, made once."""
        return self._walked()[0]

    @property
    def is_sound(self) -> bool:
        """Whether the structure is certainly good; False only means that `structure.check` must look closer."""
        return self._walked()[1]

    def _walked(self) -> tuple[Node, bool]:
        if not self._grown:
            self._grown.append(grow(self.root, self.catalogue.compiled))
        return self._grown[0]

    @property
    def metadata(self) -> Node:
        """The block metadata; empty when it is missing."""
        return self.tree.block("metadata") or Node()

    @property
    def school(self) -> Node | None:
        """The block huidigeschool."""
        return self.tree.block("huidigeschool")

    @property
    def pupil(self) -> Node | None:
        """The block leerling."""
        school = self.school
        return school.block("leerling") if school is not None else None

    @property
    def profile(self) -> str | None:
        """The transfer profile, told by overdrachtsoort and metadata/overstap together; None when they name none."""
        kind, transfer = self.tree.text("overdrachtsoort"), self.metadata.text("overstap")
        if kind == "overdrachtbinnenbrin":
            return "BB"
        if kind == "swv-dossier":
            return transfer if transfer in _SWV_PROFILES else None
        return transfer if transfer in _OVERSTAP_PROFILES else None

    @property
    def bsn(self) -> str | None:
        """The citizen service number."""
        return self._of_pupil("bsn")

    @property
    def pupil_number(self) -> str | None:
        """The BSN, or the onderwijsnummer of a pupil who has none."""
        return self.bsn or self._of_pupil("onderwijsnummer")

    @property
    def surname(self) -> str | None:
        """The pupil's surname, without its prefix."""
        return self._of_pupil("achternaam")

    @property
    def first_name(self) -> str | None:
        """What the pupil is called: the call name, otherwise the first of the first names."""
        return self._of_pupil("roepnaam") or self._of_pupil("voornaam")

    @property
    def birth_date(self) -> date | None:
        """The pupil's date of birth; None when it is absent or no date."""
        return as_date(self._of_pupil("geboortedatum"))

    @property
    def created_on(self) -> date | None:
        """The day on which the school's system made the dossier."""
        return as_date(self.metadata.text("datum"))

    @property
    def sender(self) -> str | None:
        """BRIN and branch of the sending school, such as `99AB00`; None when either is missing."""
        school = self.school
        if school is None:
            return None
        brin, branch = school.text("brincode"), school.text("vestigingscode")
        return f"{brin}{branch}" if brin and branch else None

    def _of_pupil(self, name: str) -> str | None:
        pupil = self.pupil
        return pupil.text(name) if pupil is not None else None


def as_date(text: str | None) -> date | None:
    """Return the day that an xs:date names, without its time zone; None for what is no day of our calendar."""
    if not text:
        return None
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None
