"""Construction of a dossier's tree of nested dictionaries from parsed XML, with its structural irregularities."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from overstap.oso.catalogue import CompiledBlock, CompiledField, LeafAttribute

GROUPS = "#"
IRREGULAR = "?"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
HINTS = frozenset({f"{XSI}schemaLocation", f"{XSI}noNamespaceSchemaLocation"})
"""Schema location attributes, which the official schema allows on any element."""
_BLANK = " \t\r\n"
_ELEMENTS, _ATTRIBUTES = etree.XPath("count(//*)"), etree.XPath("count(//*/@*)")
_ALL = etree.XPath("count(//node()) + count(//*/@*)")
_FILLED_TEXTS = etree.XPath("count(//text()[normalize-space()])")


class Node(dict[str, list[Any]]):
    """A block: the values of each field in document order, each a text or a nested `Node`.

    It contains fields of the catalogue only. The attribute of a field is a field `land@omschrijving`, with empty texts
    where absent. A block whose sequence of fields repeats (the lines of a grade list) also has its repetitions under
    `GROUPS`; a block with a structural fault has an `Irregularity` under `IRREGULAR`.
    """

    __slots__ = ()

    def text(self, name: str) -> str | None:
        """Return the first text of a leaf; None when it is absent."""
        found = self.get(name)
        return found[0] if found else None

    def texts(self, name: str) -> list[str]:
        """Return all texts of a leaf."""
        return self.get(name, [])

    def block(self, name: str) -> "Node | None":
        """Return the first block of this name; None when it is absent."""
        found = self.get(name)
        return found[0] if found else None

    def blocks(self, name: str) -> list["Node"]:
        """Return all blocks of this name."""
        return self.get(name, [])


@dataclass(slots=True)
class Irregularity:
    """Structural properties of a block that its dictionary does not represent, for the structure check and for writing.

    Args:
        word: codes of the fields in document order (`CompiledBlock.by_code`).
        unknown_elements: elements outside the catalogue: number of known elements before each, and its local name, or
            None for an entity.
        has_text: whether there is text between the elements.
        attributes: names of attributes that are not permitted or are empty, by index of the element in `word`; -1 for
            the block itself.
        nested: indices in `word` of leaves that contain elements.
    """

    word: str
    unknown_elements: list[tuple[int, str | None]] = field(default_factory=list, repr=False)
    has_text: bool = False
    attributes: dict[int, list[str]] = field(default_factory=dict, repr=False)
    nested: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.unknown_elements or self.has_text or self.attributes or self.nested)


def word_of(node: Node, compiled: CompiledBlock) -> str:
    """Return the codes of a block's fields in document order."""
    if IRREGULAR in node:
        return node[IRREGULAR][0].word
    if GROUPS in node:
        return "".join(word_of(group, compiled) for group in node[GROUPS])
    return "".join(slot.code * len(node[name]) for name, slot in compiled.named.items() if name in node)


def is_out_of_order(word: str, compiled: CompiledBlock) -> bool:
    """Return whether the fields are out of the catalogue's order; False for blocks whose sequence repeats."""
    return not compiled.repeats and any(before > code for before, code in itertools.pairwise(word))


def in_order(node: Node, compiled: CompiledBlock) -> Iterator[tuple[CompiledField, int, Any]]:
    """Yield the fields of a block in document order: compiled field, number among its namesakes from 0, and value."""
    count: Counter[str] = Counter()
    for code in word_of(node, compiled):
        slot = compiled.by_code[code]
        number = count[code]
        count[code] = number + 1
        yield slot, number, node[slot.name][number]


def with_block(node: Node, compiled: CompiledBlock, name: str, block: Node, *, behind: str) -> Node:
    """Return a copy of a block in which one nested block is replaced or added.

    Args:
        node: the block.
        compiled: its properties in the catalogue.
        name: name of the nested block; the first is replaced where there are several.
        block: the new nested block.
        behind: name of the field after which it is added, in a block that is out of order.
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


class _FastWalk:
    """Fast traversal of a parsed dossier that has elements and attributes of the catalogue only, as nearly all have.

    Checking each element for unexpected attributes, texts and nested elements is slow. This traversal counts what it
    visited, and `build_tree` compares the counts with libxml2's own; if they differ, `_CarefulWalk` is used instead.
    `is_sound` becomes False at the first fault that `structure.check` would report.
    """

    __slots__ = ("attributes", "elements", "has_unknown_elements", "is_sound", "longest", "texts")

    def __init__(self) -> None:
        self.is_sound = True
        self.has_unknown_elements = False
        self.elements = 1
        self.attributes = 0
        self.texts = 0
        self.longest = 0

    def block(self, element: Any, compiled: CompiledBlock) -> Node:
        """Return the node of a block, with all nested blocks."""
        node = Node()
        word: list[str] = []
        put, by_tag, is_sound = word.append, compiled.by_tag, True
        without_text = 0
        value: Any
        for child in element:
            try:
                code, name, inner, shortest, longest, accepted, accepts = by_tag[child.tag]
            except KeyError:
                self.has_unknown_elements = True
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
            elif isinstance(inner, CompiledBlock):
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

    def _attribute(self, node: Node, own: LeafAttribute, element: Any) -> bool:
        """Add the attribute of a field to the node, "" where absent; return whether the attribute is valid."""
        value = element.get(own.name)
        node.setdefault(own.key, []).append(value or "")
        if value is None:
            return True
        self.attributes += 1
        self.longest = max(self.longest, len(value))
        return bool(value)


class _CarefulWalk:
    """Complete traversal of a parsed dossier, which records the irregularities of each block."""

    __slots__ = ("elements", "is_sound", "longest")

    def __init__(self) -> None:
        self.is_sound = True
        self.elements = 1
        self.longest = 0

    def block(self, element: Any, compiled: CompiledBlock) -> Node:
        """Return the node of a block, with all nested blocks."""
        node = Node()
        noted = Irregularity("", has_text=_is_text(element.text))
        word: list[str] = []
        for child in element:
            slot = compiled.slots.get(child.tag)
            if slot is None:
                tag = child.tag
                noted.unknown_elements.append((len(word), etree.QName(tag).localname if isinstance(tag, str) else None))
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
        _record_irregularities(element, compiled, noted)
        if noted or is_out_of_order(noted.word, compiled):
            node[IRREGULAR] = [noted]
        if noted or not compiled.accepts(noted.word):
            self.is_sound = False
        return node


def _is_text(found: str | None) -> bool:
    return found is not None and bool(found.strip(_BLANK))


def _record_irregularities(element: Any, compiled: CompiledBlock, noted: Irregularity) -> None:
    """Record attributes that are not permitted or are empty, and leaves that contain elements."""
    known = (child for child in element if child.tag in compiled.slots)
    for place, child in enumerate(known):
        slot = compiled.slots[child.tag]
        if names := [
            name for name, value in child.items() if name not in HINTS and (name != slot.attribute or not value)
        ]:
            noted.attributes[place] = names
        if slot.inner is None and len(child):
            noted.nested.add(place)


def groups(node: Node, word: Iterable[str], compiled: CompiledBlock) -> list[Node]:
    """Split the values of a repeating block into its repetitions; one ends where the order of fields restarts.

    Args:
        node: the block.
        word: codes of its elements, in document order.
        compiled: its properties in the catalogue.
    """
    waiting = {name: iter(values) for name, values in node.items()}
    repetitions: list[Node] = []
    last = ""
    for code in word:
        slot = compiled.by_code[code]
        if not repetitions or code < last or (code == last and slot.field.max == 1):
            repetitions.append(Node())
        for name in (slot.name, f"{slot.name}@{slot.attribute}"):
            if name in waiting:
                repetitions[-1].setdefault(name, []).append(next(waiting[name]))
        last = code
    return repetitions


@dataclass(frozen=True, slots=True)
class ParsedTree:
    """Result of the traversal of a parsed dossier.

    Args:
        tree: the tree.
        is_sound: whether its structure is known to be valid.
        is_bounded: whether it has elements and attributes of the catalogue only, which bounds depth and lengths, except
            for `longest_attribute`.
        elements: number of elements of the catalogue.
        longest_attribute: length of the longest permitted attribute, in characters.
    """

    tree: Node
    is_sound: bool
    is_bounded: bool
    elements: int
    longest_attribute: int


def build_tree(root: Any, compiled: CompiledBlock) -> ParsedTree:
    """Build the tree of a dossier.

    Args:
        root: the element `dossier` (lxml).
        compiled: properties of the outermost block in the catalogue.
    """
    quick = _FastWalk()
    tree = quick.block(root, compiled)
    hints = [value for name, value in root.items() if name in HINTS]
    longest = max(map(len, hints), default=0)
    attributes = quick.attributes + len(hints)
    # Each count is at most libxml2's, so the sums are equal only when all counts are
    if not quick.has_unknown_elements and quick.elements + attributes + quick.texts == _ALL(root):
        return ParsedTree(tree, quick.is_sound, True, quick.elements, max(quick.longest, longest))
    is_bounded = (
        not quick.has_unknown_elements and quick.elements == _ELEMENTS(root) and attributes == _ATTRIBUTES(root)
    )
    if is_bounded and quick.texts == _FILLED_TEXTS(root):  # a file with white space between elements
        return ParsedTree(tree, quick.is_sound, True, quick.elements, max(quick.longest, longest))
    walk = _CarefulWalk()
    tree = walk.block(root, compiled)
    if own := [name for name, _ in root.items() if name not in HINTS]:
        walk.is_sound = False
        tree.setdefault(IRREGULAR, [Irregularity(word_of(tree, compiled))])[0].attributes[-1] = own
    return ParsedTree(tree, walk.is_sound, is_bounded, walk.elements, max(walk.longest, longest))
