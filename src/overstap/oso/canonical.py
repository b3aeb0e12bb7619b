"""A sound dossier straight from its tree to Canonical XML, without an XML library in between.

Canonical XML 1.0 (W3C) of elements in one default namespace, without white space between them, is short to write: no
declaration, `<a></a>` for an empty element, and five characters to be replaced (section 2.3). A test holds
both ways beside each other.
"""

import re

from overstap.oso.catalogue import Catalogue, Compiled, Slot
from overstap.oso.tree import GROUPS, Node

_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"},
)
_SPECIAL = re.compile("[&<>\r]")


SPECIAL = frozenset("&<>\r")
"""Characters that a text cannot hold as they are."""


def canonical_text(node: Node, known: Catalogue, *, is_simple: bool = False) -> str:
    """Return a dossier as Canonical XML.

    Args:
        node: the dossier's tree; its fields in the order of the catalogue, as both walks and cutting leave them.
        known: the catalogue of its version.
        is_simple: whether no text in it holds a character that has to be replaced.
    """
    out: list[str] = []
    _block(out, node, known.compiled, is_simple)
    return f'<{known.root} xmlns="{known.namespace}">{"".join(out)}</{known.root}>'


def _block(out: list[str], node: Node, compiled: Compiled, is_simple: bool) -> None:
    named = compiled.named
    for name, values in node.items():
        slot = named.get(name)
        if slot is None:  # an attribute, written with its element, or the lines of a repeating block
            continue
        inner = slot.inner
        if inner is None:
            if slot.attribute is not None:
                _with_attributes(out, slot, values, node[f"{name}@{slot.attribute}"])
            elif is_simple:
                if len(values) == 1:
                    out.append(f"<{name}>{values[0]}</{name}>")
                else:
                    out.extend([f"<{name}>{value}</{name}>" for value in values])
            else:
                for value in values:
                    text = value.translate(_TEXT) if _SPECIAL.search(value) else value
                    out.append(f"<{name}>{text}</{name}>")
            continue
        for value in values:
            out.append(f"<{name}>")
            if inner.repeats:
                for group in value[GROUPS]:
                    _block(out, group, inner, is_simple)
            else:
                _block(out, value, inner, is_simple)
            out.append(f"</{name}>")


def _with_attributes(out: list[str], slot: Slot, values: list[str], attributes: list[str]) -> None:
    for value, attribute in zip(values, attributes, strict=True):
        own = f' {slot.attribute}="{attribute.translate(_ATTRIBUTE)}"' if attribute else ""
        out.append(f"<{slot.name}{own}>{value.translate(_TEXT)}</{slot.name}>")
