"""Filling in of the inspection block (inzage): date of inspection, agreement and view of the parents.

It is the only part of a dossier that Overstap writes.
"""

import re
from datetime import date

from overstap.errors import OverstapError
from overstap.oso.building import as_text
from overstap.oso.model import Dossier
from overstap.oso.tree import Node, with_block

ANSWERS = ("Ja", "Nee", "Onbekend")
UNINSPECTED = frozenset({"BB", "POSWV", "VOSWV"})
"""Profiles without inspection: within one school, and to a partnership (DOMAIN 2.2)."""
CONSENTED = frozenset({"VOVO"})
"""Profiles whose dossiers must state whether consent was given (rule OVa.IZ05)."""
# Characters that XML 1.0 does not allow (production 2); a web form can submit them
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
    """Return a dossier with the inspection block filled in; the rest, and so the content digest, is unchanged.

    The fields follow the rules of the dossier's profile (OVa.IZ01 to OVa.IZ05). Between secondary schools `toestemming`
    is included, as `Onbekend` when nobody was asked. A dossier of a profile without inspection is returned unchanged.

    Args:
        dossier: the dossier that the parents saw.
        provisional: whether it is sent as provisional (inzage/voorlopigdossier).
        seen_on: the Dutch date on which they saw it.
        agreed: `Ja`, `Nee` or `Onbekend` (code list 37).
        view: the parents' view, in which characters that XML does not allow are removed; None or blank without one.
        consent: `Ja`, `Nee` or `Onbekend`; for transfers between secondary schools only (rule OVa.IZ05).

    Raises:
        OverstapError: DOSSIER-017 when a value is not in code list 37.
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
