"""The inspection block: what parents saw, when, and whether they agree.

The one part of a dossier that Overstap fills in.
"""

import re
from datetime import date
from typing import Any

from lxml import etree

from overstap.errors import OverstapError
from overstap.oso.building import as_text
from overstap.oso.canonical import SPECIAL
from overstap.oso.model import Dossier
from overstap.oso.tree import Node
from overstap.oso.writing import copy_of

ANSWERS = ("Ja", "Nee", "Onbekend")
UNINSPECTED = frozenset({"BB", "POSWV", "VOSWV"})
"""Profiles that have no inspection: within one school, and to a partnership (DOMAIN 2.2)."""
CONSENTED = frozenset({"VOVO"})
"""Profiles whose dossiers must say something about consent, whatever it is (rule OVa.IZ05)."""
# What no XML document can hold, not even by number (XML 1.0, production 2); a form on a screen may well send it
_NEVER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def with_inspection(
    dossier: Dossier,
    *,
    provisional: bool,
    seen_on: date,
    agreed: str,
    view: str | None,
    consent: str | None = None,
) -> Dossier:
    """Return the dossier with the parents' inspection filled in; all else, so its content digest too, stays the same.

    What is filled in follows the rules of the dossier's profile (OVa.IZ01 to OVa.IZ05): between secondary schools also
    `toestemming`, which says `Onbekend` where nobody was asked; elsewhere it does not go along. A profile without
    inspection is left as it is.

    Args:
        dossier: the dossier that the parents saw.
        provisional: whether it is sent as provisional (inzage/voorlopigdossier).
        seen_on: the day on which they saw it, Dutch calendar.
        agreed: `Ja`, `Nee` or `Onbekend` (code list 37).
        view: the parents' view on the content, which goes along without characters that XML has no place for; None or
            blank when there is none.
        consent: `Ja`, `Nee` or `Onbekend`; only a transfer between secondary schools asks for it (rule OVa.IZ05).

    Raises:
        OverstapError: DOSSIER-017 when an answer is not one of code list 37.
    """
    for name, value in (("akkoord", agreed), ("toestemming", consent)):
        if value is not None and value not in ANSWERS:
            raise OverstapError("DOSSIER-017", name=name, value=value, known=", ".join(ANSWERS))
    if dossier.profile in UNINSPECTED:
        return dossier
    known = dossier.catalogue
    values: dict[str, object] = {
        "voorlopigdossier": provisional,
        "inzage": True,
        "inzagedatum": seen_on,
        "akkoord": agreed,
        "redennietakkoord": _NEVER.sub("", view or "").strip() or None,
        "toestemming": (consent or "Onbekend") if dossier.profile in CONSENTED else None,
    }
    written = {
        field.name: as_text(given) for field in known.blocks["inzage"] if (given := values.get(field.name)) is not None
    }
    if dossier.is_plain:
        return _into_tree(dossier, written)
    root = copy_of(dossier.root)
    block = _empty_block(root, known)
    for name, text in written.items():
        etree.SubElement(block, known.tag(name)).text = text
    return Dossier(root=root, version=dossier.version)


def _into_tree(dossier: Dossier, written: dict[str, str]) -> Dossier:
    block = Node({name: [text] for name, text in written.items()})
    made = Node()
    for field in dossier.catalogue.blocks[dossier.catalogue.root]:
        if field.name == "inzage":
            made[field.name] = [block]
        elif field.name in dossier.tree:
            made[field.name] = dossier.tree[field.name]
    is_simple = dossier.is_simple and not any(SPECIAL.intersection(text) for text in written.values())
    return Dossier.of_tree(made, dossier.version, is_simple=is_simple)


def _empty_block(root: Any, known: Any) -> Any:
    block = root.find(known.tag("inzage"))
    if block is not None:
        del block[:]
        block.text = None
        return block
    block = etree.Element(known.tag("inzage"))
    after = root.find(known.tag("overdrachtsoort"))
    root.insert(0 if after is None else root.index(after) + 1, block)
    return block
