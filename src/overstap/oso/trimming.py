"""Cutting a sound dossier's tree: what may stay whole is not even looked at.

Which fields go follows from profile and marks alone, so it is worked out once and kept. `cutting.cut` does the same
to a dossier whose structure is in doubt, element by element; a test holds the two beside each other.
"""

from dataclasses import dataclass, field
from functools import lru_cache

from overstap.oso.catalogue import Catalogue, Compiled, catalogue
from overstap.oso.tree import GROUPS, Node

UNLISTED_PHONE = "9999999999"
UNLISTED_MAIL = "geheim@geheim.geheim"
TRUE = frozenset(("true", "1"))
_CONTACT = "communicatie"


@dataclass(slots=True)
class _Plan:
    """What becomes of one kind of block where it stands.

    Args:
        drop: fields that go, with their attributes.
        hidden: fields that go when a boolean field of the same block is true, by that field.
        deeper: fields that hold something that goes; any other stays whole.
        masks: whether it is a phone number or e-mail address, which is replaced when it is secret.
    """

    drop: frozenset[str]
    hidden: tuple[tuple[str, frozenset[str]], ...]
    deeper: dict[str, "_Plan"] = field(default_factory=dict)
    masks: bool = False

    @property
    def is_needed(self) -> bool:
        return bool(self.drop or self.hidden or self.deeper or self.masks)


def trim(node: Node, known: Catalogue, profile: str, gone: frozenset[str], marks: dict[str, str]) -> Node:
    """Return a dossier's tree without what may not go along; the given one is untouched, and shared where it stays.

    Args:
        node: the tree of a dossier whose structure is good.
        known: the catalogue of its version.
        profile: transfer profile.
        gone: categories whose fields go.
        marks: per category what metadata/categorie_uitlevering says of it.
    """
    made = _trimmed(node, _plan(known.version, profile, gone))
    metadata = made.block("metadata")
    if metadata is not None:
        made["metadata"] = [_marked(metadata, known, marks)]
    return made


def _trimmed(node: Node, plan: _Plan) -> Node:
    drop = plan.drop
    for when, names in plan.hidden:
        if (node.text(when) or "").strip() in TRUE:
            drop = drop | names
    deeper = plan.deeper
    made = Node()
    for name, values in node.items():
        if name in drop:
            continue
        inner = deeper.get(name)
        if inner is None:
            made[name] = values
            continue
        kept = []
        for child in values:
            small = _trimmed(child, inner)
            if small or not child:  # nothing of it may stay, so it is absent
                kept.append(small)
        if kept:
            made[name] = kept
    if GROUPS in node:
        made[GROUPS] = [_trimmed(group, plan) for group in node[GROUPS]]
    if plan.masks:
        _mask(made)
    return made


def _mask(contact: Node) -> None:
    """Replace a secret number or address by the standard's placeholder (rule OVa.LL08): masked, not dropped."""
    if "nummer" in contact and (contact.text("geheim") or "").strip() in TRUE:
        contact["nummer"] = [UNLISTED_MAIL if contact.text("soort") == "e-mail" else UNLISTED_PHONE]


def _marked(metadata: Node, known: Catalogue, marks: dict[str, str]) -> Node:
    fields = known.blocks["categorie_uitlevering"]
    words = Node({each.name: [marks[each.name.removeprefix("cat_")]] for each in fields})
    made = Node()
    for each in known.blocks["metadata"]:
        if each.name == "categorie_uitlevering":
            made[each.name] = [words]
        elif each.name in metadata:
            made[each.name] = metadata[each.name]
    return made


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
        if when == "" or (own in gone and not holds_other(slot.inner, own, gone)):
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


def holds_other(inner: Compiled | None, category: str, gone: frozenset[str]) -> bool:
    """Tell whether a block of an excluded category holds fields of one that stays (action plans within support).

    Args:
        inner: the block; None for a leaf.
        category: its category.
        gone: the categories that are excluded.
    """
    if inner is None:
        return False
    return any(slot.field.category not in (None, category, *gone) for slot in inner.named.values())
