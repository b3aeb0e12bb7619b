"""The inspection block: what parents saw, when, and whether they agree.

The one part of a dossier that Overstap fills in.
"""

from datetime import date
from typing import Any

from lxml import etree

from overstap.dossier.building import as_text
from overstap.dossier.model import Dossier
from overstap.dossier.writing import copy_of
from overstap.errors import OverstapError

ANSWERS = ("Ja", "Nee", "Onbekend")


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

    Args:
        dossier: the dossier that the parents saw.
        provisional: whether it is sent as provisional (inzage/voorlopigdossier).
        seen_on: the day on which they saw it, Dutch calendar.
        agreed: `Ja`, `Nee` or `Onbekend` (code list 37).
        view: the parents' view on the content, which goes along; None or blank when there is none.
        consent: `Ja`, `Nee` or `Onbekend`; only a transfer between secondary schools asks for it (rule OVa.IZ05).

    Raises:
        OverstapError: DOSSIER-017 when an answer is not one of code list 37.
    """
    for name, value in (("akkoord", agreed), ("toestemming", consent)):
        if value is not None and value not in ANSWERS:
            raise OverstapError("DOSSIER-017", name=name, value=value, known=", ".join(ANSWERS))
    known = dossier.catalogue
    root = copy_of(dossier.root)
    block = _empty_block(root, known)
    values: dict[str, object] = {
        "voorlopigdossier": provisional,
        "inzage": True,
        "inzagedatum": seen_on,
        "akkoord": agreed,
        "redennietakkoord": view.strip() if view and view.strip() else None,
        "toestemming": consent,
    }
    for field in known.blocks["inzage"]:
        if (given := values.get(field.name)) is not None:
            etree.SubElement(block, known.tag(field.name)).text = as_text(given)
    return Dossier(root=root, version=dossier.version)


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
