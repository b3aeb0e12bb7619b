"""Own rules: categories that may not be sent (DOMAIN 2.1)."""

from collections.abc import Iterator
from functools import cache

from overstap.oso.catalogue import FORBIDDEN, MANDATORY, OPTED_OUT, OPTIONAL, catalogue
from overstap.quality import rulebook
from overstap.quality.rule_context import Place, RuleContext

_RIGHT = {MANDATORY: ("", MANDATORY), OPTIONAL: ("", OPTIONAL, OPTED_OUT), FORBIDDEN: ("", FORBIDDEN)}


def _wrong(context: RuleContext, rightful: str) -> Iterator[Place]:
    delivery = context.first("categorie_uitlevering")
    if delivery is None or context.profile is None:
        return
    right = _RIGHT[rightful]
    for field in _fields(context.catalogue.version, context.profile, rightful):
        if delivery.text(field) not in right:
            yield delivery, field, 0


@cache
def _fields(version: str, profile: str, rightful: str) -> tuple[str, ...]:
    """Return the categories, as fields of the dossier, that a profile demands, leaves free or forbids."""
    matrix = catalogue(version).matrix.get(profile, {})
    return tuple(f"cat_{category}" for category, word in matrix.items() if word == rightful)


def forbidden_category(context: RuleContext) -> Iterator[Place]:
    """A category that the profile forbids is marked so."""
    return _wrong(context, FORBIDDEN)


def mandatory_category(context: RuleContext) -> Iterator[Place]:
    """A category that the profile demands is marked so."""
    return _wrong(context, MANDATORY)


def optional_category(context: RuleContext) -> Iterator[Place]:
    """A category that the profile leaves free is marked as delivered or as switched off."""
    return _wrong(context, OPTIONAL)


@cache
def _blocks(version: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return per category (without `cat_`) where its blocks stand: block above (empty for the dossier) and name."""
    found = {}
    for rule in rulebook.rules(version).values():
        if rule.check[:1] in (("category",), ("switched_off",)):
            places = [place.lstrip("?").rpartition("/") for place in rule.check[2:]]
            found[rule.check[1].removeprefix("cat_")] = tuple((above, name) for above, _, name in places)
    return found


def forbidden_block(context: RuleContext) -> Iterator[Place]:
    """Nothing of a category that the profile forbids is in the dossier, whatever the dossier says of that category."""
    if context.profile is None:
        return
    delivery, version = context.node("categorie_uitlevering"), context.catalogue.version
    for field in _fields(version, context.profile, FORBIDDEN):
        # Where the dossier itself calls the category closed, the official rule says so already.
        if delivery.text(field) not in (FORBIDDEN, OPTED_OUT):
            yield from _present(context, _blocks(version).get(field.removeprefix("cat_"), ()))


def closed_block(context: RuleContext) -> Iterator[Place]:
    """Nothing of a category is in the dossier that the dossier itself calls forbidden.

    From 2019.1 on the official rules say so; those before it heed only what is switched off.
    """
    delivery = context.node("categorie_uitlevering")
    for category, places in _blocks(context.catalogue.version).items():
        if delivery.text(f"cat_{category}") == FORBIDDEN:
            yield from _present(context, places)


def _present(context: RuleContext, places: tuple[tuple[str, str], ...]) -> Iterator[Place]:
    for above, name in places:
        block = context.first(above) if above else context.root
        if block is not None and name in block.node:
            yield block, name, 0


def explanation_left_over(context: RuleContext) -> Iterator[Place]:
    """The explanation of educational needs goes when its category does (the official sheet misspells its name)."""
    if "toelichting_onderwijsbehoeften" not in context.blocks:
        return
    if context.node("categorie_uitlevering").text("cat_onderwijsondersteuning") in (FORBIDDEN, OPTED_OUT):
        yield context.all("onderwijsondersteuning")[0], "toelichting_onderwijsbehoeften", 0
