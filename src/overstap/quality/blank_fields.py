"""Own rules: blank fields, which the official sheets accept because they only check that an element is present.

The schema requires at least one character (`nonEmptyStringType`), which can be a space.
"""

from collections.abc import Iterator

from overstap.quality.official import PLACEHOLDERS
from overstap.quality.rule_context import Block, Location, RuleContext

_FIELDS = {
    "leerling": ("voornaam", "achternaam", "leerlingid", "adresbuitenland"),
    "verzorger": ("achternaam",),
    "huidigeschool": ("naam",),
    "aansprakelijkeinstelling": ("naam",),
    "adres": ("straat", "plaats"),
}
"""Texts per block that an official rule or the schema requires."""
_INVISIBLE = "\u200b\u2060\ufeff"
"""Invisible characters that `str.strip` keeps: zero-width space, word joiner, byte order mark."""
_OUTCOMES = ("aantalgoed", "aantalfout", "aantalgelezen", "tijd", "vaardigheidsscore")
_SECRET = frozenset(PLACEHOLDERS.values())


def _is_blank(block: Block, name: str) -> bool:
    """Return whether a field is present and all its texts are blank."""
    found = block.node.get(name)
    return bool(found) and not any(text.strip().strip(_INVISIBLE).strip() for text in found)  # type: ignore[union-attr]


def blank_text(context: RuleContext) -> Iterator[Location]:
    """Required texts are not blank."""
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


def score_without_outcome(context: RuleContext) -> Iterator[Location]:
    """A test score states an outcome, not only the number of questions (which the official rule accepts)."""
    for score in context.blocks.get("toetsscore", ()):
        if "aantalopgaven" not in score.node or any(name in score.node for name in _OUTCOMES):
            continue
        result = score.above
        if result is None or not ("referentiescore" in result.node or "document" in result.node):
            yield score, "aantalopgaven", 0


def school_unreachable(context: RuleContext) -> Iterator[Location]:
    """The school has a contact detail other than the placeholder for a secret one."""
    school = context.first("huidigeschool")
    if school is None:
        return
    numbers = [each.number for each in context.contacts if _is_of(each.block, school)]
    if numbers and all(number in _SECRET for number in numbers):
        yield school, "communicatielijst", 0


def _is_of(contact: Block, school: Block) -> bool:
    """Return whether a contact detail is in the school's own list."""
    return contact.above is not None and contact.above.above is school
