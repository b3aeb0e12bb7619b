"""Own rules: what is there in name only, where the official sheets ask no more than whether an element is there.

The schema asks a text of one character (`nonEmptyStringType`), which a blank is.
"""

from collections.abc import Iterator

from overstap.quality.official import PLACEHOLDERS
from overstap.quality.rule_context import Block, Place, RuleContext

_FIELDS = {
    "leerling": ("voornaam", "achternaam", "leerlingid", "adresbuitenland"),
    "verzorger": ("achternaam",),
    "huidigeschool": ("naam",),
    "aansprakelijkeinstelling": ("naam",),
    "adres": ("straat", "plaats"),
}
"""Per block the texts that an official rule, or the schema for its sake, demands."""
_INVISIBLE = "\u200b\u2060\ufeff"
"""What `str.strip` leaves though nobody sees it: zero-width space, word joiner, byte-order mark."""
_OUTCOMES = ("aantalgoed", "aantalfout", "aantalgelezen", "tijd", "vaardigheidsscore")
_SECRET = frozenset(PLACEHOLDERS.values())


def _is_blank(block: Block, name: str) -> bool:
    """Say whether a field is there and every text of it shows nothing."""
    found = block.node.get(name)
    return bool(found) and not any(text.strip().strip(_INVISIBLE).strip() for text in found)  # type: ignore[union-attr]


def blank_text(context: RuleContext) -> Iterator[Place]:
    """What must be filled in holds more than blanks."""
    for name, fields in _FIELDS.items():
        for block in context.blocks.get(name, ()):
            for field in fields:
                if _is_blank(block, field):
                    yield block, field, 0
    advice = context.first("overstapadvies")
    if advice is not None and advice.is_true("contactnodig") and _is_blank(advice, "contactpersoon"):
        yield advice, "contactpersoon", 0
    test, result = context.first("eindtoets_basisonderwijs"), context.first("eindtoetsresultaat")
    if test is not None and result is not None and test.is_true("deelgenomen") and _is_blank(result, "toets_advies"):
        yield result, "toets_advies", 0
    for score in context.blocks.get("score", ()):
        filled = [name for name in ("waarde", "kwalificatie") if name in score.node]
        if filled and all(_is_blank(score, name) for name in filled):
            yield score, filled[0], 0


def score_without_outcome(context: RuleContext) -> Iterator[Place]:
    """A test score says how the test was made, not only how many questions it had (the official rule takes that)."""
    for score in context.blocks.get("toetsscore", ()):
        if "aantalopgaven" not in score.node or any(name in score.node for name in _OUTCOMES):
            continue
        result = score.above
        if result is None or not ("referentiescore" in result.node or "document" in result.node):
            yield score, "aantalopgaven", 0


def school_unreachable(context: RuleContext) -> Iterator[Place]:
    """The school can be reached: a placeholder for a secret number is no contact detail of a school."""
    school = context.first("huidigeschool")
    if school is None:
        return
    numbers = [each.number for each in context.contacts if _is_of(each.block, school)]
    if numbers and all(number in _SECRET for number in numbers):
        yield school, "communicatielijst", 0


def _is_of(contact: Block, school: Block) -> bool:
    """Say whether a contact detail stands in the school's own list."""
    return contact.above is not None and contact.above.above is school
