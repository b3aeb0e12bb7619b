"""The dossier as nested dictionaries, made in one walk over the parsed XML; what is out of order is noted beside it."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from overstap.oso.catalogue import Compiled, OwnAttribute, Slot

GROUPS = "#"
IRREGULAR = "?"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
HINTS = frozenset({f"{XSI}schemaLocation", f"{XSI}noNamespaceSchemaLocation"})
"""Attributes that say where a schema is; the standard's schema lets them stand anywhere."""
_BLANK = " \t\r\n"
_ELEMENTS, _ATTRIBUTES = etree.XPath("count(//*)"), etree.XPath("count(//*/@*)")
_ALL = etree.XPath("count(//node()) + count(//*/@*)")
_FILLED_TEXTS = etree.XPath("count(//text()[normalize-space()])")


class Node(dict[str, list[Any]]):
    """A block: per field name the values in document order, each a text or a further `Node`.

    Only what the catalogue knows is in it. A field's attribute stands beside it as `land@omschrijving`, empty where
    absent. A block whose fields repeat as a whole (the lines of a grade list) has its lines under `GROUPS` as well; one
    that is not as the standard wants it has an `Irregularity` under `IRREGULAR`.
    """

    __slots__ = ()

    def text(self, name: str) -> str | None:
        """Return the first text of a leaf, None when it is absent."""
        found = self.get(name)
        return found[0] if found else None

    def texts(self, name: str) -> list[str]:
        """Return all texts of a leaf."""
        return self.get(name, [])

    def block(self, name: str) -> "Node | None":
        """Return the first block of this name, None when it is absent."""
        found = self.get(name)
        return found[0] if found else None

    def blocks(self, name: str) -> list["Node"]:
        """Return all blocks of this name."""
        return self.get(name, [])


@dataclass(slots=True)
class Irregularity:
    """What a block's dictionary cannot tell: for the structure check, and for writing it in the order it came in.

    Args:
        word: the codes of the fields in document order (`Compiled.by_code`).
        strangers: elements that the catalogue does not know: how many known ones came before, and the local name, None
            for an entity.
        has_text: whether text stands between its elements.
        attributes: names of attributes that do not belong, or are empty, per known element by its number in `word`; -1
            is the block itself.
        nested: which of the known elements are leaves with elements in them.
    """

    word: str
    strangers: list[tuple[int, str | None]] = field(default_factory=list, repr=False)
    has_text: bool = False
    attributes: dict[int, list[str]] = field(default_factory=dict, repr=False)
    nested: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.strangers or self.has_text or self.attributes or self.nested)


def word_of(node: Node, compiled: Compiled) -> str:
    """Return the codes of a block's fields in document order."""
    if IRREGULAR in node:
        return node[IRREGULAR][0].word
    if GROUPS in node:
        return "".join(word_of(group, compiled) for group in node[GROUPS])
    return "".join(slot.code * len(node[name]) for name, slot in compiled.named.items() if name in node)


def is_out_of_order(word: str, compiled: Compiled) -> bool:
    """Tell whether a block's dictionary does not tell the order of its fields; of a repeating block its lines do."""
    return not compiled.repeats and any(before > code for before, code in itertools.pairwise(word))


def in_order(node: Node, compiled: Compiled) -> Iterator[tuple[Slot, int, Any]]:
    """Yield a block's fields in document order: what the catalogue says of it, its number from 0, and its value."""
    count: Counter[str] = Counter()
    for code in word_of(node, compiled):
        slot = compiled.by_code[code]
        number = count[code]
        count[code] = number + 1
        yield slot, number, node[slot.name][number]


def with_block(node: Node, compiled: Compiled, name: str, block: Node, *, behind: str) -> Node:
    """Return a copy of a block in which a field holds one other block.

    Args:
        node: the block.
        compiled: what the catalogue says of it.
        name: the field; where there are several, the first is replaced.
        block: what it is to hold.
        behind: the field that it comes after, in a block that is not in the catalogue's order and has none yet.
    """
    values = [block, *node.get(name, ())[1:]]
    made = Node()
    for each in compiled.named:
        if each == name:
            made[each] = values
            continue
        for key in (each, f"{each}@{compiled.named[each].attribute}"):
            if key in node:
                made[key] = node[key]
    if IRREGULAR in node:
        word, code = word_of(node, compiled), compiled.named[name].code
        if code not in word:
            at = word.find(compiled.named[behind].code) + 1
            word = word[:at] + code + word[at:]
        made[IRREGULAR] = [Irregularity(word)]
    return made


class _QuickWalk:
    """One walk over a parsed dossier that has nothing but what the catalogue knows, which nearly all are.

    Attributes, texts between elements and leaves with elements in them are seldom met, and costly to look for: this
    walk counts what it met, and `grow` compares that with what libxml2 counts. Where there is more, the dossier goes to
    the `_CarefulWalk`. `is_sound` turns False at the first thing that `structure.check` would tell.
    """

    __slots__ = ("attributes", "elements", "has_strangers", "is_sound", "longest", "texts")

    def __init__(self) -> None:
        self.is_sound = True
        self.has_strangers = False
        self.elements = 1
        self.attributes = 0
        self.texts = 0
        self.longest = 0

    def block(self, element: Any, compiled: Compiled) -> Node:
        """Return a block with all below it."""
        node = Node()
        word: list[str] = []
        put, by_tag, is_sound = word.append, compiled.by_tag, True
        without_text = 0
        value: Any
        for child in element:
            try:
                code, name, inner, shortest, longest, accepted, accepts = by_tag[child.tag]
            except KeyError:
                self.has_strangers = True
                return node
            put(code)
            if inner is None:
                value = child.text
                if value is None:
                    value = ""
                    without_text += 1
                if accepted is None:
                    if not shortest <= len(value) <= longest:
                        is_sound = False
                elif value not in accepted and not accepts(value):
                    is_sound = False
            elif isinstance(inner, Compiled):
                without_text += 1
                value = self.block(child, inner)
            else:
                value = child.text or ""
                without_text += not value
                is_sound = self._attribute(node, inner, child) and accepts(value) and is_sound
            if name in node:
                node[name].append(value)
            else:
                node[name] = [value]
        self.elements += len(word)
        self.texts += len(word) - without_text
        if compiled.repeats:
            node[GROUPS] = groups(node, word, compiled)
        joined = "".join(word)
        if not compiled.accepts(joined):
            is_sound = False
            if is_out_of_order(joined, compiled):
                node[IRREGULAR] = [Irregularity(joined)]
        if not is_sound:
            self.is_sound = False
        return node

    def _attribute(self, node: Node, own: OwnAttribute, element: Any) -> bool:
        """Put beside a field what its attribute says, nothing where it is absent; return whether that is all right."""
        value = element.get(own.name)
        node.setdefault(own.key, []).append(value or "")
        if value is None:
            return True
        self.attributes += 1
        self.longest = max(self.longest, len(value))
        return bool(value)


class _CarefulWalk:
    """One walk over a parsed dossier that notes beside each block what its dictionary cannot tell."""

    __slots__ = ("elements", "is_sound", "longest")

    def __init__(self) -> None:
        self.is_sound = True
        self.elements = 1
        self.longest = 0

    def block(self, element: Any, compiled: Compiled) -> Node:
        """Return a block with all below it."""
        node = Node()
        noted = Irregularity("", has_text=_is_text(element.text))
        word: list[str] = []
        for child in element:
            slot = compiled.slots.get(child.tag)
            if slot is None:
                tag = child.tag
                noted.strangers.append((len(word), etree.QName(tag).localname if isinstance(tag, str) else None))
            else:
                value: Any = child.text or "" if slot.inner is None else self.block(child, slot.inner)
                if slot.type is not None and not slot.type.accepts(value):
                    self.is_sound = False
                word.append(slot.code)
                node.setdefault(slot.name, []).append(value)
                if slot.attribute is not None:
                    own = child.get(slot.attribute, "")
                    self.longest = max(self.longest, len(own))
                    node.setdefault(f"{slot.name}@{slot.attribute}", []).append(own)
            noted.has_text = noted.has_text or _is_text(child.tail)
        self.elements += len(word)
        if compiled.repeats:
            node[GROUPS] = groups(node, word, compiled)
        noted.word = "".join(word)
        _look(element, compiled, noted)
        if noted or is_out_of_order(noted.word, compiled):
            node[IRREGULAR] = [noted]
        if noted or not compiled.accepts(noted.word):
            self.is_sound = False
        return node


def _is_text(found: str | None) -> bool:
    return found is not None and bool(found.strip(_BLANK))


def _look(element: Any, compiled: Compiled, noted: Irregularity) -> None:
    """Note the attributes that do not belong or are empty, and the leaves with elements in them."""
    known = (child for child in element if child.tag in compiled.slots)
    for place, child in enumerate(known):
        slot = compiled.slots[child.tag]
        if names := [
            name for name, value in child.items() if name not in HINTS and (name != slot.attribute or not value)
        ]:
            noted.attributes[place] = names
        if slot.inner is None and len(child):
            noted.nested.add(place)


def groups(node: Node, word: Iterable[str], compiled: Compiled) -> list[Node]:
    """Split the values of a repeating block into its rounds: one ends where the order starts over.

    Args:
        node: the block.
        word: the codes of its elements, in document order.
        compiled: the block in the catalogue.
    """
    waiting = {name: iter(values) for name, values in node.items()}
    rounds: list[Node] = []
    last = ""
    for code in word:
        slot = compiled.by_code[code]
        if not rounds or code < last or (code == last and slot.field.max == 1):
            rounds.append(Node())
        for name in (slot.name, f"{slot.name}@{slot.attribute}"):
            if name in waiting:
                rounds[-1].setdefault(name, []).append(next(waiting[name]))
        last = code
    return rounds


@dataclass(frozen=True, slots=True)
class Grown:
    """What a walk found.

    Args:
        tree: the dossier.
        is_sound: whether its structure is certainly good.
        is_bounded: whether it has no other element or attribute than the catalogue's, so nothing deeper or longer
            than these can be, `longest_attribute` apart.
        elements: how many elements the catalogue knows where they stand.
        longest_attribute: characters of the longest attribute that belongs.
    """

    tree: Node
    is_sound: bool
    is_bounded: bool
    elements: int
    longest_attribute: int


def grow(root: Any, compiled: Compiled) -> Grown:
    """Walk a dossier.

    Args:
        root: the element `dossier`.
        compiled: the catalogue's outermost block.
    """
    quick = _QuickWalk()
    tree = quick.block(root, compiled)
    hints = [value for name, value in root.items() if name in HINTS]
    longest = max(map(len, hints), default=0)
    attributes = quick.attributes + len(hints)
    # Each kind was met at most as often as it is there, so the sums are equal only where all of them are.
    if not quick.has_strangers and quick.elements + attributes + quick.texts == _ALL(root):
        return Grown(tree, quick.is_sound, True, quick.elements, max(quick.longest, longest))
    is_bounded = not quick.has_strangers and quick.elements == _ELEMENTS(root) and attributes == _ATTRIBUTES(root)
    if is_bounded and quick.texts == _FILLED_TEXTS(root):  # a file whose layout was left in
        return Grown(tree, quick.is_sound, True, quick.elements, max(quick.longest, longest))
    walk = _CarefulWalk()
    tree = walk.block(root, compiled)
    if own := [name for name, _ in root.items() if name not in HINTS]:
        walk.is_sound = False
        tree.setdefault(IRREGULAR, [Irregularity(word_of(tree, compiled))])[0].attributes[-1] = own
    return Grown(tree, walk.is_sound, is_bounded, walk.elements, max(walk.longest, longest))
