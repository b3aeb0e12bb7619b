"""Minimisation: removes every field from a dossier that law, profile and agreement do not all allow.

A category is sent when the profile allows it (the matrix of the standard), the region agreed on it, and the school did
not switch it off. All other categories are removed with their blocks and attachments, and marked in the metadata, so
that a receiver can distinguish withheld (OPT-UIT), forbidden (VERBODEN) and absent. It is a white list: elements and
attributes that the catalogue does not know are removed too, and so are fields and categories of an added version that
nobody has classified yet.

The fields to remove depend on profile and categories only, so a plan is computed once and cached; blocks without fields
to remove are copied by reference, unless the dossier's structure is not known to be valid.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from functools import lru_cache

from overstap.errors import OverstapError
from overstap.oso.catalogue import (
    FORBIDDEN,
    MANDATORY,
    NOT_STATED,
    OPTED_OUT,
    OPTIONAL,
    PROFILES,
    Catalogue,
    CompiledBlock,
    Field,
    catalogue,
)
from overstap.oso.model import Dossier
from overstap.oso.tree import GROUPS, IRREGULAR, Irregularity, Node, in_order, is_out_of_order, with_block
from overstap.oso.version_cache import forgettable
from overstap.oso.version_folders import UNCLASSIFIED

UNNUMBERED = frozenset({"POSWV", "VOSWV"})
"""Profiles in which the pupil's number must not be sent: to a partnership (rule PaO.LL12; include/schemas/oso)."""
UNLISTED_PHONE = "9999999999"
UNLISTED_MAIL = "geheim@geheim.geheim"
_TRUE = frozenset(("true", "1"))
_CONTACT = "communicatie"


def minimise(dossier: Dossier, profile: str, categories: Set[str]) -> Dossier:
    """Return a dossier with only the fields that profile and agreement allow.

    Args:
        dossier: the dossier as the school supplied it.
        profile: transfer profile: `POVO`, `POPO`, `VOVO`, `BB`, `POSWV` or `VOSWV`.
        categories: the optional categories that the region agreed on, without `cat_`. Mandatory categories are always
            kept and forbidden ones always removed.

    Returns:
        A new dossier; the argument is unchanged.

    Raises:
        OverstapError: DOSSIER-012 unknown profile; DOSSIER-013 unknown category; DOSSIER-014 the dossier has another
            profile.
    """
    marks = category_marks(dossier, profile, categories)
    known = dossier.catalogue
    gone = frozenset(category for category, mark in marks.items() if mark in (FORBIDDEN, OPTED_OUT)) | {UNCLASSIFIED}
    tree = _minimised(dossier.tree, known.compiled, _plan(known.version, profile, gone), is_sound=dossier.is_sound)
    # Without an unclassified field a required choice can be empty, which the structure check then reports
    is_sound = dossier.is_sound and not known.unclassified
    return Dossier(_marked(tree, known, marks), dossier.version, is_sound=is_sound)


def category_marks(dossier: Dossier, profile: str, categories: Set[str]) -> dict[str, str]:
    """Return the mark per category that the minimised dossier states in metadata/categorie_uitlevering.

    Args:
        dossier: the dossier as supplied; categories that the school switched off stay off.
        profile: transfer profile.
        categories: the optional categories that the region agreed on.

    Raises:
        OverstapError: as `minimise`.
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
        elif allowed == NOT_STATED:
            allowed = OPTED_OUT
        marks[category] = allowed
    return marks


def is_kept(marks: dict[str, str], category: str) -> bool:
    """Return whether the blocks of a category are kept."""
    return marks[category] in (MANDATORY, OPTIONAL)


@dataclass(slots=True)
class _Plan:
    """Plan for one block of the catalogue.

    Args:
        drop: names of fields to remove.
        hidden: names of fields to remove when a boolean field of the block is true, by that field.
        deeper: plans for blocks that contain fields to remove; other blocks are kept whole.
        masks: whether the block is a phone number or e-mail address, which is replaced when it is secret.
        is_void: whether the block must have a field that is unclassified, so that the block as a whole is removed.
    """

    drop: frozenset[str] = frozenset()
    hidden: tuple[tuple[str, frozenset[str]], ...] = ()
    deeper: "dict[str, _Plan]" = field(default_factory=dict)
    masks: bool = False
    is_void: bool = False

    @property
    def is_needed(self) -> bool:
        return bool(self.drop or self.hidden or self.deeper or self.masks)


_WHOLE = _Plan()


def _minimised(node: Node, compiled: CompiledBlock, plan: _Plan, *, is_sound: bool) -> Node:
    """Return a block without the fields to remove; unchanged parts are shared with the argument.

    A dossier whose structure is not known to be valid is traversed completely: elements outside the catalogue are
    removed, and faults of order and number are kept, for the structure check to report.
    """
    drop = plan.drop
    for when, names in plan.hidden:
        if _is_true(node, when):
            drop = drop | names
    if is_sound:
        return _minimised_sound(node, compiled, plan, drop)
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
            small = _minimised(child, of, inner or _WHOLE, is_sound=is_sound)
            if small or _has_no_elements(child):  # a block that lost all its elements is removed
                kept.append(small)
            else:
                absent.add((name, number))
        if kept:
            made[name] = kept
    if GROUPS in node:
        made[GROUPS] = [_minimised(group, compiled, plan, is_sound=is_sound) for group in node[GROUPS]]
    if plan.masks:
        _mask(made)
    if IRREGULAR in node and made:
        stays = (each for each in in_order(node, compiled) if each[0].name in made)
        word = "".join(slot.code for slot, number, _ in stays if (slot.name, number) not in absent)
        if is_out_of_order(word, compiled):
            made[IRREGULAR] = [Irregularity(word)]
    return made


def _minimised_sound(node: Node, compiled: CompiledBlock, plan: _Plan, drop: frozenset[str]) -> Node:
    """Minimise a block of valid structure: copy it, then visit only the fields in the plan."""
    made = Node(node)
    for name in drop & node.keys():
        del made[name]
    for name, inner in plan.deeper.items():
        if name not in made:
            continue
        of = compiled.named[name].inner
        if of is None:
            raise ValueError(f"{name} is not a block")
        smaller = [(child, _minimised(child, of, inner, is_sound=True)) for child in made[name]]
        if kept := [small for child, small in smaller if small or _has_no_elements(child)]:
            made[name] = kept
        else:
            del made[name]
    if GROUPS in node:
        made[GROUPS] = [_minimised(group, compiled, plan, is_sound=True) for group in node[GROUPS]]
    if plan.masks:
        _mask(made)
    return made


def _has_no_elements(node: Node) -> bool:
    return node.keys() <= {IRREGULAR, GROUPS} and not any(noted.unknown_elements for noted in node.get(IRREGULAR, ()))


def _is_true(node: Node, name: str) -> bool:
    """Return whether a boolean field is true; of a repeated field, one true value suffices."""
    return any(text.strip() in _TRUE for text in node.texts(name))


def _mask(contact: Node) -> None:
    """Replace a secret phone number or e-mail address by the standard's placeholder (rule OVa.LL08)."""
    if "nummer" in contact and _is_true(contact, "geheim"):
        placeholder = UNLISTED_MAIL if contact.text("soort") == "e-mail" else UNLISTED_PHONE
        contact["nummer"] = [placeholder] * len(contact["nummer"])


def _marked(tree: Node, known: Catalogue, marks: dict[str, str]) -> Node:
    """Set the mark of each category in the metadata of a tree, and return the tree."""
    metadata = tree.block("metadata")
    if metadata is None:
        return tree
    words = Node((each.name, [marks[each.name.removeprefix("cat_")]]) for each in known.blocks["categorie_uitlevering"])
    block = known.compiled_blocks["metadata"]
    made = with_block(metadata, block, "categorie_uitlevering", words, behind="validatieversie")
    tree["metadata"] = [made, *tree["metadata"][1:]]
    return tree


@forgettable
@lru_cache(maxsize=256)
def _plan(version: str, profile: str, gone: frozenset[str]) -> _Plan:
    known = catalogue(version)
    withheld: dict[str, dict[str, str]] = {}
    for each in known.withheld(profile):
        withheld.setdefault(each.block, {})[each.name] = each.when
    return _of(known.compiled, "metadata", gone, withheld)


def _of(block: CompiledBlock, category: str, gone: frozenset[str], withheld: dict[str, dict[str, str]]) -> _Plan:
    drop: set[str] = set()
    hidden: dict[str, set[str]] = {}
    deeper: dict[str, _Plan] = {}
    is_void = False
    for name, slot in block.named.items():
        names = {name, f"{name}@{slot.attribute}"} if slot.attribute else {name}
        own = slot.field.category or category
        when = withheld.get(block.name, {}).get(name)
        if when == "" or (own in gone and not _holds_other(slot.inner, own, gone)):
            drop |= names
            is_void = is_void or (own == UNCLASSIFIED and _is_required(slot.field))
            continue
        if when:
            hidden.setdefault(when, set()).update(names)
        if slot.inner is not None:
            inner = _of(slot.inner, own, gone, withheld)
            if inner.is_void:
                drop |= names
                is_void = is_void or _is_required(slot.field)
            elif inner.is_needed:
                deeper[name] = inner
    always = tuple((when, frozenset(names)) for when, names in hidden.items())
    return _Plan(frozenset(drop), always, deeper, masks=block.name == _CONTACT, is_void=is_void)


def _is_required(field: Field) -> bool:
    return field.min > 0 and not field.choice


def _holds_other(inner: CompiledBlock | None, category: str, gone: frozenset[str]) -> bool:
    """Return whether a block of a removed category contains fields of a kept one (action plans within support).

    Args:
        inner: the block; None for a leaf.
        category: its category.
        gone: the removed categories.
    """
    if inner is None:
        return False
    return any(slot.field.category not in (None, category, *gone) for slot in inner.named.values())
