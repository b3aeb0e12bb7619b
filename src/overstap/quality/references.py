"""Own rules: what a dossier refers to outside itself, as far as one dossier can show it (DOMAIN 5.1).

Whether a school exists and takes part is for the region's expectations, which know the agreement.
"""

from collections.abc import Iterator
from operator import attrgetter

from overstap.oso.identifiers import is_postcode
from overstap.quality.rule_context import Place, RuleContext
from overstap.school_numbers import is_partnership

KINDS_OF = {
    "BB": ("overdrachtbinnenbrin",),
    **dict.fromkeys(("POSWV", "VOSWV"), ("swv-dossier",)),
    **dict.fromkeys(("POVO", "POPO", "VOVO"), ("overstapdossier",)),
}
"""The `overdrachtsoort` of each profile."""
_NETHERLANDS = ("", "6030")
_year = attrgetter("school_year", "begun")


def last_school(context: RuleContext) -> Iterator[Place]:
    """The last entry of the school career is the school that sends the dossier."""
    school, entries = context.first("huidigeschool"), context.career
    if school is None or not entries:
        return
    last = max(entries, key=_year).block
    if last.text("brincode") != school.text("brincode"):
        yield last, "brincode", 0


def postcode_form(context: RuleContext) -> Iterator[Place]:
    """A Dutch address has a Dutch postal code."""
    for address in context.all("adres"):
        code = address.text("postcode")
        if code and not is_postcode(code.strip()) and address.text("land") in _NETHERLANDS:
            yield address, "postcode", 0


def partnership_form(context: RuleContext) -> Iterator[Place]:
    """The number of a partnership has the form of one."""
    for block in context.all("tlv"):
        if not is_partnership(block.text("tlvswvnummer")):
            yield block, "tlvswvnummer", 0


def promoted_to(context: RuleContext) -> Iterator[Place]:
    """The year a pupil was promoted to is in code list 13 (the official sheet tests other year groups alone)."""
    block = context.first("bevorderd")
    if block is None or "leerjaar" not in block.node:
        return
    if block.text("leerjaar") not in context.catalogue.lists.get("13", ()):
        yield block, "leerjaar", 0


_TOGETHER = {
    "overstapdossier": frozenset(("POVO", "POPO", "VOVO")),
    "swv-dossier": frozenset(("POSWV", "VOSWV")),
}
"""Per kind of hand-over the kinds of transfer that it can be; within one school it may be any."""


def kind_without_transfer(context: RuleContext) -> Iterator[Place]:
    """A dossier says twice of what kind it is, and both agree: else the sheets judge it by another profile's rules."""
    together = _TOGETHER.get(context.kind)
    if together is not None and context.transfer not in together:
        yield context.root, "overdrachtsoort", 0


def other_profile(context: RuleContext) -> Iterator[Place]:
    """A dossier is of the profile that the round is for."""
    if context.expected is not None and context.profile != context.expected:
        if context.kind not in KINDS_OF[context.expected]:
            yield context.root, "overdrachtsoort", 0
            return
        metadata = context.first("metadata")
        yield (context.root, "metadata", 0) if metadata is None else (metadata, "overstap", 0)
