"""From dossier to bytes, and the digest that says whether two dossiers hold the same."""

import hashlib
from copy import deepcopy
from typing import Any

from lxml import etree

from overstap.oso.canonical import canonical_text
from overstap.oso.model import Dossier
from overstap.oso.tree import Node

_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_BLANK = " \t\r\n"


def to_bytes(dossier: Dossier) -> bytes:
    """Write a dossier in UTF-8; the same dossier always gives the same bytes."""
    if not dossier.has_source:
        return _HEAD + canonical(dossier) + b"\n"
    return _HEAD + etree.tostring(dossier.root, encoding="UTF-8", xml_declaration=False, with_tail=False) + b"\n"


def copy_of(root: Any) -> Any:
    """Return a copy of a dossier's element that can be changed."""
    return deepcopy(root)


def canonical(dossier: Dossier, *, inspection: bool = True) -> bytes:
    """Return the dossier in Canonical XML 1.0 (W3C, without comments), without the white space between elements.

    Args:
        dossier: the dossier.
        inspection: whether the block inzage is part of it.
    """
    if dossier.is_plain:
        return _from_tree(dossier, inspection=inspection).encode()
    root = deepcopy(dossier.root)
    root.tail = None
    if not inspection:
        for block in root.findall(dossier.catalogue.tag("inzage")):
            _drop(block)
    _tighten(root)
    return bytes(etree.tostring(root, method="c14n", with_comments=False))


def content_digest(dossier: Dossier) -> bytes:
    """Return SHA-256 over all but the inspection block: what parents saw and what is delivered must agree in this.

    Layout between elements does not count, so a system that only indents otherwise has not changed the dossier.
    """
    return hashlib.sha256(canonical(dossier, inspection=False)).digest()


def _from_tree(dossier: Dossier, *, inspection: bool) -> str:
    whole = dossier.canonical_text
    if inspection or "inzage" not in dossier.tree:
        return whole
    # The block comes before all that could look like it, and no text can: a text has no "<".
    alone = canonical_text(Node(inzage=dossier.tree["inzage"]), dossier.catalogue)
    start, end = alone.index("<inzage>"), alone.rindex("</inzage>") + len("</inzage>")
    return whole.replace(alone[start:end], "", 1)


def _drop(element: Any) -> None:
    element.getparent().remove(element)


def _tighten(root: Any) -> None:
    for element in root.iter():
        if len(element):
            if element.text and not element.text.strip(_BLANK):
                element.text = None
            for child in element:
                if child.tail and not child.tail.strip(_BLANK):
                    child.tail = None
