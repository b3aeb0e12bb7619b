"""The inspection block: what parents saw, when, and whether they agree.

The one part of a dossier that Overstap fills in.
"""

import re
from datetime import date

from overstap.errors import OverstapError
from overstap.oso.building import as_text
from overstap.oso.model import Dossier
from overstap.oso.tree import Node, with_block

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
    block = Node(
        (field.name, [as_text(given)])
        for field in known.blocks["inzage"]
        if (given := values.get(field.name)) is not None
    )
    tree = with_block(dossier.tree, known.compiled, "inzage", block, behind="overdrachtsoort")
    return Dossier(tree, dossier.version, is_sound=dossier.is_sound)
