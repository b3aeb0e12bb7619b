"""Canonical bytes of a dossier, and their digest.

The one way out of a dossier is Canonical XML 1.0 (W3C) of its tree, without white space between elements. Of elements
in one default namespace that is short to write: no declaration within, `<a></a>` for an empty element, and a few
characters to be replaced (section 2.3). The tests hold it beside libxml2's own canonical form.
"""

import hashlib

from overstap.oso.catalogue import Compiled
from overstap.oso.model import Dossier
from overstap.oso.tree import GROUPS, IRREGULAR, Node, in_order

_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"},
)
_INSPECTION = "inzage"


def to_bytes(dossier: Dossier) -> bytes:
    """Write a dossier in UTF-8; the same dossier always gives the same bytes."""
    return _HEAD + canonical(dossier) + b"\n"


def canonical(dossier: Dossier, *, inspection: bool = True) -> bytes:
    """Return the dossier in Canonical XML 1.0 (W3C, without comments), without the white space between elements.

    Args:
        dossier: the dossier.
        inspection: whether the block inzage is part of it.
    """
    known = dossier.catalogue
    parts = [text for name, text in _parts(dossier) if inspection or name != _INSPECTION]
    return f'<{known.root} xmlns="{known.namespace}">{"".join(parts)}</{known.root}>'.encode()


def content_digest(dossier: Dossier) -> bytes:
    """Return SHA-256 over all but the inspection block: what parents saw and what is delivered must agree in this.

    Layout between elements does not count, so a system that only indents otherwise has not changed the dossier.
    """
    return hashlib.sha256(canonical(dossier, inspection=False)).digest()


def _parts(dossier: Dossier) -> list[tuple[str, str]]:
    """Return the outermost fields with what is written of them; made once, for a dossier does not change."""
    if dossier.written is None:
        compiled = dossier.catalogue.compiled
        written = []
        for slot, number, _ in in_order(dossier.tree, compiled):
            out: list[str] = []
            _value(out, dossier.tree, compiled, slot.name, number)
            written.append((slot.name, "".join(out)))
        dossier.written = written
    return dossier.written


def _block(out: list[str], node: Node, compiled: Compiled) -> None:
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
    """Tell whether a text has a character to replace; four looks for one take less than one look for any."""
    return "&" in text or "<" in text or ">" in text or "\r" in text


def _escaped(text: str) -> str:
    return text.translate(_TEXT)


def _value(out: list[str], node: Node, compiled: Compiled, name: str, number: int) -> None:
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
