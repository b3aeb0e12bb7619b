"""Checks of a region's own codes: which code lists it can extend, and with what."""

from overstap.agreements.checks.context import CheckContext
from overstap.oso.catalogue import catalogue, versions

_DECIDING = frozenset({"2", "14", "16", "29", "33", "37", "48"})
"""Code lists by which Overstap decides: advice and its order, sex, kind of transfer and hand-over, source, consent,
and what becomes of a category."""


def check(context: CheckContext) -> None:
    """Add findings about own codes of a list that cannot be extended, or that the list has already."""
    stated = context.source.at("own_codes")
    known = {version: catalogue(version).lists for version in versions()}
    lists = sorted({number for each in known.values() for number in each} - _DECIDING, key=int)
    for serial, own in enumerate(stated if isinstance(stated, list) else ()):
        number, code = (own.get("list"), own.get("code")) if isinstance(own, dict) else (None, None)
        if not isinstance(number, str) or not isinstance(code, str):
            continue
        if number not in lists:
            facts = {"code_list": number, "known": ", ".join(lists)}
            context.add_finding("AGREEMENT-180", "own_codes", serial, "list", **facts)
            continue
        for version in reversed(known):
            if code in known[version].get(number, ()):
                label = known[version][number][code] or code
                facts = {"number": number, "value": code, "version": version, "label": label}
                context.add_finding("AGREEMENT-181", "own_codes", serial, "code", **facts)
                break
