"""Minimisation: removal of every field that may not be sent.

A category goes when the profile allows it (the matrix of the standard), the region agreed on it, and the school did
not switch it off itself. Anything else is taken out with all that hangs on it, attachments too, and marked, so that a
receiver can tell withheld (OPT-UIT) from never allowed (VERBODEN) from nothing known. Works as a white list: an element
or attribute that the catalogue does not know belongs to no category and goes too.

Which fields go follows from profile and categories alone, so it is worked out once and kept; what may stay whole is not
even looked at, unless the dossier's structure is in doubt.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from functools import lru_cache

from overstap.errors import OverstapError
from overstap.oso.catalogue import (
    FORBIDDEN,
    MANDATORY,
    OPTED_OUT,
    OPTIONAL,
    PROFILES,
    Catalogue,
    Compiled,
    catalogue,
)
from overstap.oso.model import Dossier
from overstap.oso.tree import GROUPS, IRREGULAR, Irregularity, Node, in_order, is_out_of_order, with_block

UNNUMBERED = frozenset({"POSWV", "VOSWV"})
"""Profiles in which the pupil's number may not go along: to a partnership (rule PaO.LL12; include/schemas/oso)."""
UNLISTED_PHONE = "9999999999"
UNLISTED_MAIL = "geheim@geheim.geheim"
_TRUE = frozenset(("true", "1"))
_CONTACT = "communicatie"


def cut(dossier: Dossier, profile: str, categories: Set[str]) -> Dossier:
    """Return the dossier cut to what profile and agreement allow.

    Args:
        dossier: the dossier as the school supplied it.
        profile: transfer profile: `POVO`, `POPO`, `VOVO`, `BB`, `POSWV` or `VOSWV`.
        categories: the optional categories that the region agreed on, without `cat_`. Obligatory ones always go,
            forbidden ones
            never, whatever stands here.

    Returns:
        A new dossier; the given one is untouched.

    Raises:
        OverstapError: DOSSIER-012 profile not known, DOSSIER-013 category not known, DOSSIER-014 the dossier is of
            another profile.
    """
    marks = marks_for(dossier, profile, categories)
    known = dossier.catalogue
    gone = frozenset(category for category, mark in marks.items() if mark in (FORBIDDEN, OPTED_OUT))
    tree = _trimmed(dossier.tree, known.compiled, _plan(known.version, profile, gone), is_sound=dossier.is_sound)
    return Dossier(_marked(tree, known, marks), dossier.version, is_sound=dossier.is_sound)


def marks_for(dossier: Dossier, profile: str, categories: Set[str]) -> dict[str, str]:
    """Return per category what the cut dossier says of it in metadata/categorie_uitlevering.

    Args:
        dossier: the dossier as supplied: what the school itself switched off stays off.
        profile: transfer profile.
        categories: the optional categories agreed on.

    Raises:
        OverstapError: as `cut`.
    """
    known = dossier.catalogue
    if profile not in PROFILES:
        raise OverstapError("DOSSIER-012", profile=profile, known=", ".join(PROFILES))
    if dossier.profile is not None and dossier.profile != profile:
        raise OverstapError("DOSSIER-014", found=dossier.profile, profile=profile)
    matrix = known.matrix[profile]
    for category in sorted(categories):
        if category not in matrix:
            raise OverstapError("DOSSIER-013", category=category, version=known.version, known=", ".join(matrix))
    supplied = dossier.metadata.block("categorie_uitlevering")
    marks = {}
    for category, allowed in matrix.items():
        if allowed == OPTIONAL:
            own = supplied.text(f"cat_{category}") if supplied is not None else None
            allowed = OPTIONAL if category in categories and own not in (OPTED_OUT, FORBIDDEN) else OPTED_OUT
        marks[category] = allowed
    return marks


def keeps(marks: dict[str, str], category: str) -> bool:
    """Tell whether a category's blocks stay."""
    return marks[category] in (MANDATORY, OPTIONAL)


@dataclass(slots=True)
class _Plan:
    """What becomes of one kind of block where it stands.

    Args:
        drop: fields that go.
        hidden: fields that go when a boolean field of the same block is true, by that field.
        deeper: fields that hold something that goes; any other stays whole.
        masks: whether it is a phone number or e-mail address, which is replaced when it is secret.
    """

    drop: frozenset[str] = frozenset()
    hidden: tuple[tuple[str, frozenset[str]], ...] = ()
    deeper: "dict[str, _Plan]" = field(default_factory=dict)
    masks: bool = False

    @property
    def is_needed(self) -> bool:
        return bool(self.drop or self.hidden or self.deeper or self.masks)


_WHOLE = _Plan()


def _trimmed(node: Node, compiled: Compiled, plan: _Plan, *, is_sound: bool) -> Node:
    """Return a block without what may not go along; the given one is untouched, and shared where it stays.

    A dossier that is not sound is gone through to the last leaf: what its blocks hold beside the catalogue's fields is
    left out, and what is in no order, or there too often, stays so, for the structure check to tell.
    """
    drop = plan.drop
    for when, names in plan.hidden:
        if _is_true(node, when):
            drop = drop | names
    if is_sound:
        return _trimmed_sound(node, compiled, plan, drop)
    deeper = plan.deeper
    made = Node()
    absent: set[tuple[str, int]] = set()
    for name, values in node.items():
        if name in drop or name == IRREGULAR:
            continue
        inner = deeper.get(name)
        slot = compiled.named.get(name)
        of = slot.inner if slot is not None else None
        if of is None or (inner is None and is_sound):
            made[name] = values
            continue
        kept = []
        for number, child in enumerate(values):
            small = _trimmed(child, of, inner or _WHOLE, is_sound=is_sound)
            if small or _has_no_elements(child):  # else nothing of it may stay, so it is absent
                kept.append(small)
            else:
                absent.add((name, number))
        if kept:
            made[name] = kept
    if GROUPS in node:
        made[GROUPS] = [_trimmed(group, compiled, plan, is_sound=is_sound) for group in node[GROUPS]]
    if plan.masks:
        _mask(made)
    if IRREGULAR in node and made:
        stays = (each for each in in_order(node, compiled) if each[0].name in made)
        word = "".join(slot.code for slot, number, _ in stays if (slot.name, number) not in absent)
        if is_out_of_order(word, compiled):
            made[IRREGULAR] = [Irregularity(word)]
    return made


def _trimmed_sound(node: Node, compiled: Compiled, plan: _Plan, drop: frozenset[str]) -> Node:
    """Do the same to a block of a sound dossier: copied whole, and then only what the plan names is looked at."""
    made = Node(node)
    for name in drop & node.keys():
        del made[name]
    for name, inner in plan.deeper.items():
        if name not in made:
            continue
        of = compiled.named[name].inner
        if of is None:
            raise ValueError(f"{name} is no block")
        smaller = [(child, _trimmed(child, of, inner, is_sound=True)) for child in made[name]]
        if kept := [small for child, small in smaller if small or _has_no_elements(child)]:
            made[name] = kept
        else:
            del made[name]
    if GROUPS in node:
        made[GROUPS] = [_trimmed(group, compiled, plan, is_sound=True) for group in node[GROUPS]]
    if plan.masks:
        _mask(made)
    return made


def _has_no_elements(node: Node) -> bool:
    return node.keys() <= {IRREGULAR, GROUPS} and not any(noted.strangers for noted in node.get(IRREGULAR, ()))


def _is_true(node: Node, name: str) -> bool:
    """Tell whether a boolean field says yes; where a careless system states it twice, one yes is enough."""
    return any(text.strip() in _TRUE for text in node.texts(name))


def _mask(contact: Node) -> None:
    """Replace a secret number or address by the standard's placeholder (rule OVa.LL08): masked, not dropped."""
    if "nummer" in contact and _is_true(contact, "geheim"):
        placeholder = UNLISTED_MAIL if contact.text("soort") == "e-mail" else UNLISTED_PHONE
        contact["nummer"] = [placeholder] * len(contact["nummer"])


def _marked(tree: Node, known: Catalogue, marks: dict[str, str]) -> Node:
    """Return a dossier with what its metadata say of each category."""
    metadata = tree.block("metadata")
    if metadata is None:
        return tree
    words = Node((each.name, [marks[each.name.removeprefix("cat_")]]) for each in known.blocks["categorie_uitlevering"])
    block = known.compiled_blocks["metadata"]
    made = with_block(metadata, block, "categorie_uitlevering", words, behind="validatieversie")
    tree["metadata"] = [made, *tree["metadata"][1:]]
    return tree


@lru_cache(maxsize=256)
def _plan(version: str, profile: str, gone: frozenset[str]) -> _Plan:
    known = catalogue(version)
    withheld: dict[str, dict[str, str]] = {}
    for each in known.withheld(profile):
        withheld.setdefault(each.block, {})[each.name] = each.when
    return _of(known.compiled, "metadata", gone, withheld)


def _of(block: Compiled, category: str, gone: frozenset[str], withheld: dict[str, dict[str, str]]) -> _Plan:
    drop: set[str] = set()
    hidden: dict[str, set[str]] = {}
    deeper: dict[str, _Plan] = {}
    for name, slot in block.named.items():
        names = {name, f"{name}@{slot.attribute}"} if slot.attribute else {name}
        own = slot.field.category or category
        when = withheld.get(block.name, {}).get(name)
        if when == "" or (own in gone and not _holds_other(slot.inner, own, gone)):
            drop |= names
            continue
        if when:
            hidden.setdefault(when, set()).update(names)
        if slot.inner is not None:
            inner = _of(slot.inner, own, gone, withheld)
            if inner.is_needed:
                deeper[name] = inner
    always = tuple((when, frozenset(names)) for when, names in hidden.items())
    return _Plan(frozenset(drop), always, deeper, masks=block.name == _CONTACT)


def _holds_other(inner: Compiled | None, category: str, gone: frozenset[str]) -> bool:
    """Tell whether a block of an excluded category holds fields of one that stays (action plans within support).

    Args:
        inner: the block; None for a leaf.
        category: its category.
        gone: the categories that are excluded.
    """
    if inner is None:
        return False
    return any(slot.field.category not in (None, category, *gone) for slot in inner.named.values())
