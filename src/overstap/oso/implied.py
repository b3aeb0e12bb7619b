"""Derivation of fields from other answers: the kind of an address, telephone number or e-mail address."""

from typing import Any

_VISITED = "bezoek"


def fill_in_kinds(values: Any) -> None:
    """Fill in the kinds that nobody stated, in nested values for `oso.building.build`.

    Args:
        values: blocks as mappings, repeated ones as lists.
    """
    if isinstance(values, list):
        for each in values:
            fill_in_kinds(each)
        return
    if not isinstance(values, dict):
        return
    for name, inner in values.items():
        for each in inner if isinstance(inner, list) else ():
            if name == "adres":
                each.setdefault("soortadres", _VISITED)
            if name == "communicatie":
                each.setdefault("soort", "e-mail" if "@" in each.get("nummer", "") else "telefoon")
        fill_in_kinds(inner)
