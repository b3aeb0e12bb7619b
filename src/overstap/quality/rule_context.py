"""Input of the rules: a dossier indexed by element name, with its contacts, texts and school career.

`RuleContext` traverses the tree of a dossier once and indexes each block by its element name, with a reference to its
parent, from which the path of a finding is made.
"""

import re
from collections.abc import Mapping, Set
from datetime import date
from typing import NamedTuple

from overstap.oso.catalogue import Catalogue
from overstap.oso.model import Dossier, as_date
from overstap.oso.tree import Node

_EMPTY = Node()
_NONE = ("",)
_TRUE = frozenset(("true", "1"))
_DIGIT = re.compile(r"[0-9]")
FREE_TEXTS = {
    "overstapadvies": ("argumentatie", "aandachtspunten", "motivatie_herzienadvies"),
    "inzage": ("redennietakkoord",),
    "document": ("bestandsnaam", "omschrijving"),
    "toets": ("opmerking",),
    "diagnose": ("naam",),
    "handelingsplan": ("isgerichtop",),
    "rvc": ("centraleproblematiek", "maatregelen"),
    "eindtoetsresultaat": ("toets_advies", "toetsomschrijving"),
    "stage": ("beoordeling",),
    "competenties": ("competentiebeschrijving",),
    "overigvombo": ("keuzevervolgopleiding",),
}
"""Fields with free text and file names, per block."""


class Block:
    """One block of a dossier with its position.

    Args:
        node: its fields.
        name: its element name.
        number: its number among its namesakes, from 1; 0 where the standard allows only one.
        above: its parent block; None for the root.
    """

    __slots__ = ("above", "name", "node", "number")

    def __init__(self, node: Node, name: str, number: int, above: "Block | None") -> None:
        self.node = node
        self.name = name
        self.number = number
        self.above = above

    @property
    def path(self) -> str:
        """Its path: names and numbers, never a value."""
        step = f"{self.name}[{self.number}]" if self.number else self.name
        return step if self.above is None else f"{self.above.path}/{step}"

    def text(self, name: str) -> str:
        """Return the first text of a field, or ""."""
        return self.node.get(name, _NONE)[0]

    def is_true(self, name: str) -> bool:
        """Return whether a boolean field is true (`xs:boolean`: `true` or `1`)."""
        return is_true(self.node, name)

    def day(self, name: str) -> date | None:
        """Return the date in a field; None when it is missing or not a date, which the structure check reports."""
        found = self.node.get(name)
        return as_date(found[0]) if found else None

    def within(self, name: str) -> bool:
        """Return whether it is nested in a block of a name."""
        step = self.above
        while step is not None:
            if step.name == name:
                return True
            step = step.above
        return False


Location = tuple[Block, str, int]
"""A block, the name of a field (empty for the block itself), and its number from 1 (0 for a non-repeating field)."""


def is_true(node: Mapping[str, list[str]], name: str) -> bool:
    """Return whether a boolean field of a node is true (`xs:boolean`: `true` or `1`, surrounding spaces ignored)."""
    found = node.get(name)
    return bool(found) and found[0].strip() in _TRUE  # type: ignore[index]


def path_of(place: Location) -> str:
    """Return the path of a location: names and numbers, never a value."""
    block, name, number = place
    if not name:
        return block.path
    return f"{block.path}/{name}[{number}]" if number else f"{block.path}/{name}"


class BlockLayout:
    """Nested blocks per block of a version, for the traversal of a dossier."""

    __slots__ = ("inner", "root")

    def __init__(self, catalogue: Catalogue) -> None:
        self.root = catalogue.root
        self.inner = {
            block: tuple((each.name, each.contains, each.max is None) for each in fields if each.contains)
            for block, fields in catalogue.blocks.items()
        }


class CareerEntry(NamedTuple):
    """An entry of the school career; missing texts are empty."""

    block: Block
    school_year: str
    begun: str
    ended: str
    group: str


class Contact(NamedTuple):
    """A phone number or e-mail address; missing texts are empty."""

    block: Block
    kind: str
    number: str
    is_secret: bool


class RuleContext:
    """Input of the rules for one dossier.

    Args:
        dossier: the dossier as read.
        layout: block structure of its version.
        today: the Dutch date.
        expected: profile of the round; None without a round.
        own_codes: the region's own codes, as number of the code list and code.
    """

    __slots__ = (
        "blocks",
        "career",
        "catalogue",
        "contacts",
        "expected",
        "kind",
        "made_on",
        "numbered",
        "own_codes",
        "profile",
        "root",
        "texts",
        "today",
        "transfer",
    )

    def __init__(
        self,
        dossier: Dossier,
        layout: BlockLayout,
        today: date,
        expected: str | None = None,
        own_codes: Set[tuple[str, str]] = frozenset(),
    ) -> None:
        self.own_codes = own_codes
        self.today = today
        self.expected = expected
        self.catalogue = dossier.catalogue
        self.root = Block(dossier.tree, layout.root, 0, None)
        self.blocks: dict[str, list[Block]] = {layout.root: [self.root]}
        self._collect(self.root, layout.inner[layout.root], layout.inner)
        self.kind = self.root.text("overdrachtsoort")
        metadata = self.blocks.get("metadata")
        self.transfer = metadata[0].text("overstap") if metadata else ""
        self.made_on = metadata[0].day("datum") if metadata else None
        self.profile = dossier.profile
        self.texts: list[tuple[Location, str]] = []
        for name, fields in FREE_TEXTS.items():
            for block in self.blocks.get(name, ()):
                for field in fields:
                    if text := block.node.get(field, _NONE)[0]:
                        self.texts.append(((block, field, 0), text))
        self.contacts = []
        for block in self.blocks.get("communicatie", ()):
            get = block.node.get
            secret = get("geheim", _NONE)[0].strip() in _TRUE
            self.contacts.append(Contact(block, get("soort", _NONE)[0], get("nummer", _NONE)[0], secret))
        self.career = []
        for block in self.blocks.get("schoolloopbaan", ()):
            get = block.node.get
            texts = (get(name, _NONE)[0] for name in ("schooljaar", "begindatum", "einddatum", "jaargroep"))
            self.career.append(CareerEntry(block, *texts))
        self.numbered = [each for each in self.texts if _DIGIT.search(each[1])]

    def _collect(
        self,
        above: Block,
        inner: tuple[tuple[str, str, bool], ...],
        layout: dict[str, tuple[tuple[str, str, bool], ...]],
    ) -> None:
        node = above.node
        blocks = self.blocks
        for name, kind, repeats in inner:
            found = node.get(name)
            if found is None:
                continue
            deeper = layout[kind]
            number = 1 if repeats else 0
            for child in found:
                block = Block(child, name, number, above)
                if name in blocks:
                    blocks[name].append(block)
                else:
                    blocks[name] = [block]
                if deeper:
                    self._collect(block, deeper, layout)
                # A block that must not repeat gets numbers from the second one on, for an invalid structure
                number = number + 1 if number else 2

    def all(self, name: str) -> list[Block]:
        """Return every block of this element name in document order."""
        return self.blocks.get(name, [])

    def first(self, name: str) -> Block | None:
        """Return the first block of this element name."""
        found = self.blocks.get(name)
        return found[0] if found else None

    def node(self, name: str) -> Node:
        """Return the fields of the first block of this element name; empty without one."""
        found = self.blocks.get(name)
        return found[0].node if found else _EMPTY


def has_address(node: Node) -> bool:
    """Return whether a person or school has at least one address."""
    return any("adres" in addresses for addresses in node.get("adreslijst", ()))
