"""The class `Dossier`: one pupil's transfer dossier as a tree, with its version and the most used values."""

from datetime import date

from overstap.oso.catalogue import Catalogue, catalogue
from overstap.oso.tree import Node

_OVERSTAP_PROFILES = frozenset({"POVO", "POPO", "VOVO"})
_SWV_PROFILES = frozenset({"POSWV", "VOSWV"})


class Dossier:
    """One pupil's transfer dossier. Treat it as immutable: functions that change a dossier return a new one.

    Args:
        tree: content as nested dictionaries.
        version: version of the data set, such as `2019.1`.
        is_sound: whether its structure is known to be valid; if False, `structure.check` has to determine that.
    """

    __slots__ = ("is_sound", "tree", "version", "written")

    def __init__(self, tree: Node, version: str, *, is_sound: bool = False) -> None:
        self.tree = tree
        self.version = version
        self.is_sound = is_sound
        self.written: list[tuple[str, str]] | None = None
        """Cache of `writing`: the outermost fields as canonical XML."""

    def __repr__(self) -> str:  # it can appear in logs, so it must not contain personal data
        return f"Dossier(version={self.version!r})"

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue of the dossier's version."""
        return catalogue(self.version)

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
        """The transfer profile, from overdrachtsoort and metadata/overstap; None when they state none."""
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
        """The pupil's call name, or else the first of the first names."""
        return self._of_pupil("roepnaam") or self._of_pupil("voornaam")

    @property
    def birth_date(self) -> date | None:
        """The pupil's date of birth; None when it is absent or not a date."""
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
    """Parse an xs:date, ignoring its time zone; return None for other texts and for dates outside Python's range."""
    if not text:
        return None
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None
