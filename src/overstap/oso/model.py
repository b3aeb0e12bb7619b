"""A dossier as it is read: the XML, its version, and the few facts that every stage needs."""

from datetime import date
from typing import Any, Self

from lxml import etree

from overstap.oso.canonical import canonical_text
from overstap.oso.catalogue import Catalogue, catalogue
from overstap.oso.parsing import parse
from overstap.oso.tree import Node, grow

_OVERSTAP_PROFILES = frozenset({"POVO", "POPO", "VOVO"})
_SWV_PROFILES = frozenset({"POSWV", "VOSWV"})


class Dossier:
    """One pupil's transfer dossier. Not to be changed: cutting and the like give a new one.

    Args:
        root: the element `dossier` (lxml); treat it as read-only.
        version: version of the data set, such as `2019.1`.
    """

    __slots__ = ("_grown", "_is_bare", "_is_simple", "_root", "_source", "_version", "_written")

    def __init__(self, root: Any, version: str) -> None:
        self._root = root
        self._version = version
        self._source = b""
        self._grown: tuple[Node, bool] | None = None
        self._is_bare = False
        self._is_simple: bool | None = False
        self._written: str | None = None

    @classmethod
    def scanned(cls, source: bytes, version: str, node: Node, *, is_bare: bool) -> Self:
        """Make a dossier whose text was walked through already: its XML is built when somebody asks for it.

        Args:
            source: the document, in UTF-8 and well-formed.
            version: version of the data set.
            node: what the walk found; the structure is then known to be good.
            is_bare: whether its outermost element states the standard's namespace and nothing more.
        """
        made = cls.of_tree(node, version)
        made._source, made._is_bare, made._is_simple = source, is_bare, None
        return made

    @classmethod
    def of_tree(cls, node: Node, version: str, *, is_simple: bool = False) -> Self:
        """Make a dossier from a tree whose structure is known to be good, such as what cutting leaves of one.

        Args:
            node: the tree, its fields in the order of the catalogue.
            version: version of the data set.
            is_simple: whether no text in it holds a character that XML writes otherwise.
        """
        made = cls(None, version)
        made._grown = (node, True)
        made._is_simple, made._is_bare = is_simple, True
        return made

    def __repr__(self) -> str:  # it ends up in logs: it must not name the pupil
        return f"Dossier(version={self._version!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a dossier cross a process boundary, as its text."""
        return _again, (etree.tostring(self.root, encoding="UTF-8", with_tail=False), self._version)

    @property
    def has_source(self) -> bool:
        """Whether it was read, rather than made: then it is written the way it came in, layout and all."""
        return self._root is not None or bool(self._source)

    @property
    def is_simple(self) -> bool:
        """Whether certainly no text in it holds a character that XML writes otherwise.

        In a text that was walked through, a tag has one `<` and one `>` and a value has no `<`: as many of both means
        that no value has a `>` either.
        """
        if self._is_simple is None:
            source = self._source
            self._is_simple = bool(source) and b"&" not in source and source.count(b">") == source.count(b"<")
        return self._is_simple

    @property
    def is_plain(self) -> bool:
        """Whether its tree is all there is to it: the structure is good, and there are no namespaces but one."""
        return self._is_bare and self.is_sound

    @property
    def version(self) -> str:
        """Version of the data set, such as `2019.1`."""
        return self._version

    @property
    def root(self) -> Any:
        """The element `dossier` (lxml); treat it as read-only."""
        if self._root is None:
            source = self._source or self.canonical_text.encode()
            self._root, self._source = parse(source), b""
        return self._root

    @property
    def canonical_text(self) -> str:
        """The dossier as Canonical XML straight from its tree, made once; only for one that `is_plain`."""
        if self._written is None:
            self._written = canonical_text(self.tree, self.catalogue, is_simple=self.is_simple)
        return self._written

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
        if self._grown is None:
            self._grown = grow(self.root, self.catalogue.compiled)
        return self._grown

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


def _again(source: bytes, version: str) -> Dossier:
    return Dossier(parse(source), version)


def as_date(text: str | None) -> date | None:
    """Return the day that an xs:date names, without its time zone; None for what is no day of our calendar."""
    if not text:
        return None
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None
