"""Own rules: categories that may not be sent (DOMAIN 2.1)."""

from collections.abc import Iterator
from functools import cache

from overstap.oso.catalogue import FORBIDDEN, MANDATORY, OPTED_OUT, OPTIONAL, catalogue
from overstap.quality import rulebook
from overstap.quality.rule_context import Place, Walk

_RIGHT = {MANDATORY: ("", MANDATORY), OPTIONAL: ("", OPTIONAL, OPTED_OUT), FORBIDDEN: ("", FORBIDDEN)}


def _wrong(walk: Walk, rightful: str) -> Iterator[Place]:
    delivery = walk.first("categorie_uitlevering")
    if delivery is None or walk.profile is None:
        return
    right = _RIGHT[rightful]
    for field in _fields(walk.catalogue.version, walk.profile, rightful):
        if delivery.text(field) not in right:
            yield delivery, field, 0


@cache
def _fields(version: str, profile: str, rightful: str) -> tuple[str, ...]:
    """Return the categories, as fields of the dossier, that a profile demands, leaves free or forbids."""
    matrix = catalogue(version).matrix.get(profile, {})
    return tuple(f"cat_{category}" for category, word in matrix.items() if word == rightful)


def forbidden_category(walk: Walk) -> Iterator[Place]:
    """A category that the profile forbids is marked so."""
    return _wrong(walk, FORBIDDEN)


def mandatory_category(walk: Walk) -> Iterator[Place]:
    """A category that the profile demands is marked so."""
    return _wrong(walk, MANDATORY)


def optional_category(walk: Walk) -> Iterator[Place]:
    """A category that the profile leaves free is marked as delivered or as switched off."""
    return _wrong(walk, OPTIONAL)


@cache
def _blocks(version: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return per category (without `cat_`) where its blocks stand: block above (empty for the dossier) and name."""
    found = {}
    for rule in rulebook.rules(version).values():
        if rule.check[:1] in (("category",), ("switched_off",)):
            places = [place.lstrip("?").rpartition("/") for place in rule.check[2:]]
            found[rule.check[1].removeprefix("cat_")] = tuple((above, name) for above, _, name in places)
    return found


def forbidden_block(walk: Walk) -> Iterator[Place]:
    """Nothing of a category that the profile forbids is in the dossier, whatever the dossier says of that category."""
    if walk.profile is None:
        return
    delivery, version = walk.node("categorie_uitlevering"), walk.catalogue.version
    for field in _fields(version, walk.profile, FORBIDDEN):
        # Where the dossier itself calls the category closed, the official rule says so already.
        if delivery.text(field) not in (FORBIDDEN, OPTED_OUT):
            yield from _present(walk, _blocks(version).get(field.removeprefix("cat_"), ()))


def closed_block(walk: Walk) -> Iterator[Place]:
    """Nothing of a category is in the dossier that the dossier itself calls forbidden.

    From 2019.1 on the official rules say so; those before it heed only what is switched off.
    """
    delivery = walk.node("categorie_uitlevering")
    for category, places in _blocks(walk.catalogue.version).items():
        if delivery.text(f"cat_{category}") == FORBIDDEN:
            yield from _present(walk, places)


def _present(walk: Walk, places: tuple[tuple[str, str], ...]) -> Iterator[Place]:
    for above, name in places:
        block = walk.first(above) if above else walk.root
        if block is not None and name in block.node:
            yield block, name, 0


def explanation_left_over(walk: Walk) -> Iterator[Place]:
    """The explanation of educational needs goes when its category does (the official sheet misspells its name)."""
    if "toelichting_onderwijsbehoeften" not in walk.blocks:
        return
    if walk.node("categorie_uitlevering").text("cat_onderwijsondersteuning") in (FORBIDDEN, OPTED_OUT):
        yield walk.all("onderwijsondersteuning")[0], "toelichting_onderwijsbehoeften", 0
