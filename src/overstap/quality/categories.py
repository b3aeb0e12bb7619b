"""Own rules: marks and blocks of categories that a profile demands, allows or forbids (DOMAIN 2.1)."""

from collections.abc import Iterator
from functools import cache

from overstap.oso.catalogue import FORBIDDEN, MANDATORY, OPTED_OUT, OPTIONAL, catalogue
from overstap.oso.version_cache import forgettable
from overstap.quality import rulebook
from overstap.quality.rule_context import Location, RuleContext

_RIGHT = {MANDATORY: ("", MANDATORY), OPTIONAL: ("", OPTIONAL, OPTED_OUT), FORBIDDEN: ("", FORBIDDEN)}


def _wrong(context: RuleContext, rightful: str) -> Iterator[Location]:
    delivery = context.first("categorie_uitlevering")
    if delivery is None or context.profile is None:
        return
    right = _RIGHT[rightful]
    for field in _fields(context.catalogue.version, context.profile, rightful):
        if delivery.text(field) not in right:
            yield delivery, field, 0


@forgettable
@cache
def _fields(version: str, profile: str, rightful: str) -> tuple[str, ...]:
    """Return the categories of a profile with one value in the matrix, as field names."""
    matrix = catalogue(version).matrix.get(profile, {})
    return tuple(f"cat_{category}" for category, word in matrix.items() if word == rightful)


def forbidden_category(context: RuleContext) -> Iterator[Location]:
    """A category that the profile forbids has that mark."""
    return _wrong(context, FORBIDDEN)


def mandatory_category(context: RuleContext) -> Iterator[Location]:
    """A category that the profile demands has that mark."""
    return _wrong(context, MANDATORY)


def optional_category(context: RuleContext) -> Iterator[Location]:
    """An optional category is marked as delivered or as switched off."""
    return _wrong(context, OPTIONAL)


@forgettable
@cache
def _blocks(version: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return, per category (without `cat_`), parent (empty for the dossier) and name of its blocks."""
    found = {}
    for rule in rulebook.rules(version).values():
        if rule.check[:1] in (("category",), ("switched_off",)):
            places = [place.lstrip("?").rpartition("/") for place in rule.check[2:]]
            found[rule.check[1].removeprefix("cat_")] = tuple((above, name) for above, _, name in places)
    return found


def forbidden_block(context: RuleContext) -> Iterator[Location]:
    """The dossier has no block of a category that the profile forbids, whatever its mark is."""
    if context.profile is None:
        return
    delivery, version = context.node("categorie_uitlevering"), context.catalogue.version
    for field in _fields(version, context.profile, FORBIDDEN):
        # When the dossier marks the category as closed, the official rule reports its blocks already
        if delivery.text(field) not in (FORBIDDEN, OPTED_OUT):
            yield from _present(context, _blocks(version).get(field.removeprefix("cat_"), ()))


def closed_block(context: RuleContext) -> Iterator[Location]:
    """The dossier has no block of a category that it marks as forbidden.

    From 2019.1 on the official rules check this; earlier ones check only categories that are switched off.
    """
    delivery = context.node("categorie_uitlevering")
    for category, places in _blocks(context.catalogue.version).items():
        if delivery.text(f"cat_{category}") == FORBIDDEN:
            yield from _present(context, places)


def _present(context: RuleContext, places: tuple[tuple[str, str], ...]) -> Iterator[Location]:
    for above, name in places:
        block = context.first(above) if above else context.root
        if block is not None and name in block.node:
            yield block, name, 0


def explanation_left_over(context: RuleContext) -> Iterator[Location]:
    """The explanation of educational needs is removed with its category (the official sheet misspells its name)."""
    if "toelichting_onderwijsbehoeften" not in context.blocks:
        return
    if context.node("categorie_uitlevering").text("cat_onderwijsondersteuning") in (FORBIDDEN, OPTED_OUT):
        yield context.all("onderwijsondersteuning")[0], "toelichting_onderwijsbehoeften", 0
