"""Own rules: references to schools, partnerships and profiles, as far as one dossier shows them (DOMAIN 5.1).

The rules over the region check whether a school exists and participates.
"""

from collections.abc import Iterator
from operator import attrgetter

from overstap.oso.identifiers import is_postcode
from overstap.quality.rule_context import Location, RuleContext
from overstap.school_numbers import is_partnership

KINDS_OF = {
    "BB": ("overdrachtbinnenbrin",),
    **dict.fromkeys(("POSWV", "VOSWV"), ("swv-dossier",)),
    **dict.fromkeys(("POVO", "POPO", "VOVO"), ("overstapdossier",)),
}
"""The `overdrachtsoort` of each profile."""
_NETHERLANDS = ("", "6030")
_year = attrgetter("school_year", "begun")


def last_school(context: RuleContext) -> Iterator[Location]:
    """The newest entry of the school career is the sending school."""
    school, entries = context.first("huidigeschool"), context.career
    if school is None or not entries:
        return
    last = max(entries, key=_year).block
    if last.text("brincode") != school.text("brincode"):
        yield last, "brincode", 0


def postcode_form(context: RuleContext) -> Iterator[Location]:
    """A Dutch address has a Dutch postcode."""
    for address in context.all("adres"):
        code = address.text("postcode")
        if code and not is_postcode(code.strip()) and address.text("land") in _NETHERLANDS:
            yield address, "postcode", 0


def partnership_form(context: RuleContext) -> Iterator[Location]:
    """The number of a partnership has the right form."""
    for block in context.all("tlv"):
        if not is_partnership(block.text("tlvswvnummer")):
            yield block, "tlvswvnummer", 0


def promoted_to(context: RuleContext) -> Iterator[Location]:
    """The year that a pupil was promoted to is in code list 13 (the official sheet checks other year groups only)."""
    block = context.first("bevorderd")
    if block is None or "leerjaar" not in block.node:
        return
    if block.text("leerjaar") not in context.catalogue.lists.get("13", ()):
        yield block, "leerjaar", 0


_TOGETHER = {
    "overstapdossier": frozenset(("POVO", "POPO", "VOVO")),
    "swv-dossier": frozenset(("POSWV", "VOSWV")),
}
"""Permitted kinds of transfer per kind of hand-over; within one school any kind is permitted."""


def kind_without_transfer(context: RuleContext) -> Iterator[Location]:
    """The kinds of hand-over and transfer agree; otherwise the sheets apply the rules of another profile."""
    together = _TOGETHER.get(context.kind)
    if together is not None and context.transfer not in together:
        yield context.root, "overdrachtsoort", 0


def other_profile(context: RuleContext) -> Iterator[Location]:
    """A dossier has the profile of the round."""
    if context.expected is not None and context.profile != context.expected:
        if context.kind not in KINDS_OF[context.expected]:
            yield context.root, "overdrachtsoort", 0
            return
        metadata = context.first("metadata")
        yield (context.root, "metadata", 0) if metadata is None else (metadata, "overstap", 0)
