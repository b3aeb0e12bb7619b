"""A dossier as plain Python: one walk over the XML, after which rules and pages look things up in dictionaries.

The same walk finds out whether the structure is beyond doubt, so that checking a good dossier costs nothing more.
"""

from collections.abc import Iterable
from typing import Any

from lxml import etree

from overstap.oso.catalogue import Compiled

GROUPS = "#"
_BLANK = " \t\r\n"
_ATTRIBUTES = etree.XPath("count(//@*)")


class Node(dict[str, list[Any]]):
    """A block: per field name the values in document order, each a text or a further `Node`.

    Only what the catalogue knows is in it. A field's attribute stands beside it as `land@omschrijving`, empty where
    absent. A block whose fields repeat as a whole (the lines of a grade list) has its lines under `GROUPS` as well.
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


class _Walk:
    """`sound` turns False at the first thing that needs a closer look; `attributes` counts those that belong."""

    __slots__ = ("attributes", "sound")

    def __init__(self) -> None:
        self.sound = True
        self.attributes = 0

    def block(self, element: Any, compiled: Compiled) -> Node:
        node = Node()
        word = []
        slots = compiled.slots
        text = element.text
        if text is not None and text.strip(_BLANK):
            self.sound = False
        for child in element:
            slot = slots.get(child.tag)
            if slot is None:
                self.sound = False
                continue
            word.append(slot.code)
            inner = slot.inner
            if inner is None:
                value = child.text or ""
                kind: Any = slot.type
                if (not value if kind.is_plain else value not in kind.accepted and not kind.accepts(value)) or len(
                    child
                ):
                    self.sound = False
            else:
                value = self.block(child, inner)
            name = slot.name
            if name in node:
                node[name].append(value)
            else:
                node[name] = [value]
            if slot.attribute is not None:
                self._attribute(node, child, slot)
            tail = child.tail
            if tail is not None and tail.strip(_BLANK):
                self.sound = False
        if not compiled.accepts("".join(word)):
            self.sound = False
        if compiled.repeats:
            node[GROUPS] = groups(node, word, compiled)
        return node

    def _attribute(self, node: Node, child: Any, slot: Any) -> None:
        value = child.get(slot.attribute)
        if value is not None:
            self.attributes += 1
            if not value:
                self.sound = False
        node.setdefault(f"{slot.name}@{slot.attribute}", []).append(value or "")


def groups(node: Node, word: Iterable[str], compiled: Compiled) -> list[Node]:
    """Split the values of a repeating block into its rounds: one ends where the order starts over.

    Args:
        node: the block.
        word: the codes of its elements, in document order.
        compiled: the block in the catalogue.
    """
    slots = {slot.code: slot for slot in compiled.slots.values()}
    waiting = {name: iter(values) for name, values in node.items()}
    rounds: list[Node] = []
    last = ""
    for code in word:
        slot = slots[code]
        if not rounds or code < last or (code == last and slot.field.max == 1):
            rounds.append(Node())
        rounds[-1].setdefault(slot.name, []).append(next(waiting[slot.name]))
        last = code
    return rounds


def grow(root: Any, compiled: Compiled) -> tuple[Node, bool]:
    """Walk a dossier.

    Args:
        root: the element `dossier`.
        compiled: the catalogue's outermost block.

    Returns:
        The dossier's node, and whether its structure is certainly good; if not, `structure.check` says what is wrong,
        if anything.
    """
    walk = _Walk()
    node = walk.block(root, compiled)
    return node, walk.sound and _ATTRIBUTES(root) == walk.attributes
