"""Writing of a dossier as Canonical XML, and its content digest.

A dossier is always written as Canonical XML 1.0 (W3C) without white space between elements. For elements in one default
namespace this needs no declarations on nested elements, `<a></a>` for empty elements, and a few character references
(section 2.3). The tests compare it with libxml2's own canonical form.
"""

import hashlib

from overstap.oso.catalogue import Catalogue, CompiledBlock
from overstap.oso.model import Dossier
from overstap.oso.tree import GROUPS, IRREGULAR, Node, in_order

_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"},
)
INSPECTION = "inzage"
"""The block that is filled in after the release, and is in no content digest."""


def to_bytes(dossier: Dossier) -> bytes:
    """Write a dossier as an XML file in UTF-8; equal dossiers give equal bytes."""
    return _HEAD + canonical(dossier) + b"\n"


def canonical(dossier: Dossier, *, inspection: bool = True) -> bytes:
    """Return a dossier as Canonical XML 1.0 (W3C, without comments), without white space between elements.

    Args:
        dossier: the dossier.
        inspection: whether to include the block inzage.
    """
    known = dossier.catalogue
    parts = [text for name, text in _parts(dossier) if inspection or name != INSPECTION]
    return f"{_opening(known)}{''.join(parts)}</{known.root}>".encode()


def file_start(known: Catalogue) -> bytes:
    """Return what a written dossier of a version begins with: the XML declaration and the root's opening tag."""
    return _HEAD + _opening(known).encode()


def _opening(known: Catalogue) -> str:
    return f'<{known.root} xmlns="{known.namespace}">'


def content_digest(dossier: Dossier) -> bytes:
    """Return the SHA-256 digest over a dossier without its inspection block, 32 bytes.

    It is equal for the version that parents saw and the one that is delivered. White space between elements does not
    affect it.
    """
    return hashlib.sha256(canonical(dossier, inspection=False)).digest()


def _parts(dossier: Dossier) -> list[tuple[str, str]]:
    """Return the outermost fields as canonical XML; cached, since a dossier is immutable."""
    if dossier.written is None:
        compiled = dossier.catalogue.compiled
        written = []
        for slot, number, _ in in_order(dossier.tree, compiled):
            out: list[str] = []
            _value(out, dossier.tree, compiled, slot.name, number)
            written.append((slot.name, "".join(out)))
        dossier.written = written
    return dossier.written


def _block(out: list[str], node: Node, compiled: CompiledBlock) -> None:
    if IRREGULAR in node:
        for each, number, _ in in_order(node, compiled):
            _value(out, node, compiled, each.name, number)
        return
    if GROUPS in node:
        for group in node[GROUPS]:
            _block(out, group, compiled)
        return
    written, put = compiled.written, out.append
    for name, values in node.items():
        found = written.get(name)
        if found is None:  # an attribute, written with its element
            continue
        opening, closing, inner, has_attribute = found
        if has_attribute:
            for number in range(len(values)):
                _value(out, node, compiled, name, number)
        elif inner is None:
            for value in values:
                put(f"{opening}{_escaped(value) if _is_special(value) else value}{closing}")
        else:
            for value in values:
                put(opening)
                _block(out, value, inner)
                put(closing)


def _is_special(text: str) -> bool:
    """Return whether a text has a character to escape; four searches are faster than a regular expression."""
    return "&" in text or "<" in text or ">" in text or "\r" in text


def _escaped(text: str) -> str:
    return text.translate(_TEXT)


def _value(out: list[str], node: Node, compiled: CompiledBlock, name: str, number: int) -> None:
    """Write one value of a field, by its number from 0."""
    slot, value, own = compiled.named[name], node[name][number], ""
    if slot.attribute is not None and (attribute := node[f"{name}@{slot.attribute}"][number]):
        own = f' {slot.attribute}="{attribute.translate(_ATTRIBUTE)}"'
    out.append(f"<{name}{own}>")
    if slot.inner is None:
        out.append(_escaped(value))
    else:
        _block(out, value, slot.inner)
    out.append(f"</{name}>")
