"""Differences between two dossiers of a pupil, by field and category."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from overstap.oso.catalogue import Field
from overstap.oso.model import Dossier
from overstap.oso.structure import path_of
from overstap.oso.traversal import FieldValue, within
from overstap.oso.tree import GROUPS, Node

_LIKENESSES = 2_500
"""Blocks that changed are paired by likeness up to this many comparisons in a row of them, beyond it by their place."""


class FieldChange(StrEnum):
    """What happened to a field."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class DossierDifference:
    """One field that is not the same.

    Args:
        path: where it stands in the newer dossier; in the older one when it was removed.
        field: what the catalogue says of it.
        category: the category that steers it, without `cat_`.
        change: what happened.
        before: its text in the older dossier, None when it was not there.
        after: its text in the newer dossier, None when it is gone.
    """

    path: str
    field: Field
    category: str
    change: FieldChange
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class _Side:
    """A block of one of the two dossiers: what it holds, what kind it is, and where it stands."""

    node: Node
    block: str
    path: str
    category: str
    blocks: dict[str, tuple[Field, ...]]

    def found(self, field: Field, number: int) -> FieldValue:
        """Return one of the field's values as it stands here, by its number from 0."""
        path = path_of(self.path, field, number + 1)
        return FieldValue(path, field, self.node[field.name][number], field.category or self.category)

    def inner(self, found: FieldValue) -> "_Side":
        """Return a block that stands in this one."""
        if not isinstance(found.value, Node) or found.field.contains is None:
            raise TypeError(f"{found.field.name} is no block")
        return _Side(found.value, found.field.contains, found.path, found.category, self.blocks)


def differences(older: Dossier, newer: Dossier) -> list[DossierDifference]:
    """Compare two dossiers field by field.

    Repeated blocks are matched by what they hold and not by their number, so that a test put in front of the others is
    one test more, and not a change of all. The work grows with the size of the dossiers, also of hostile ones.

    Args:
        older: the dossier as it was.
        newer: the dossier as it is.

    Returns:
        What is different, in the order of the standard; what was removed, where it stood.
    """
    one, other = (
        _Side(each.tree, each.catalogue.root, each.catalogue.root, "metadata", each.catalogue.blocks)
        for each in (older, newer)
    )
    return list(_of_block(one, other))


def _of_block(old: _Side, new: _Side) -> Iterator[DossierDifference]:
    fields = new.blocks[new.block]
    names = {field.name for field in fields}
    gone = [field for field in old.blocks[old.block] if field.name not in names]
    before = {field.name: field for field in old.blocks[old.block]}
    for field in fields:
        yield from _of_field(old, new, before.get(field.name, field), field)
    for field in gone:  # of an older version of the standard
        yield from _of_field(old, new, field, field)


def _of_field(old: _Side, new: _Side, field_old: Field, field_new: Field) -> Iterator[DossierDifference]:
    one, other = old.node.get(field_old.name, []), new.node.get(field_new.name, [])
    if one == other:
        return
    for a, b in _aligned(one, other):
        before = old.found(field_old, a) if a is not None else None
        after = new.found(field_new, b) if b is not None else None
        if before and after and isinstance(before.value, Node) and isinstance(after.value, Node):
            yield from _of_block(old.inner(before), new.inner(after))
        elif before and after:
            yield _difference(after, FieldChange.CHANGED, before=before, after=after)
        elif before:
            yield from (_difference(leaf, FieldChange.REMOVED, before=leaf) for leaf in _leaves(before, old))
        elif after:
            yield from (_difference(leaf, FieldChange.ADDED, after=leaf) for leaf in _leaves(after, new))


def _leaves(found: FieldValue, side: _Side) -> Iterator[FieldValue]:
    if not isinstance(found.value, Node):
        yield found
        return
    inner = side.inner(found)
    for each in within(inner.node, inner.block, inner.path, inner.category, inner.blocks):
        if not isinstance(each.value, Node):
            yield each


def _aligned(one: Sequence[Any], other: Sequence[Any]) -> Iterator[tuple[int | None, int | None]]:
    """Pair the places of two lists that differ: None where there is nothing to pair with. Equals are left out."""
    if len(one) == len(other) == 1:
        yield 0, 0
        return
    a, b = [_key(each) for each in one], [_key(each) for each in other]
    first_a = first_b = 0
    for same_a, same_b in [*_same_in_order(a, b), (len(a), len(b))]:
        yield from _of_gap(one, other, range(first_a, same_a), range(first_b, same_b))
        first_a, first_b = same_a + 1, same_b + 1


def _key(value: Any) -> Hashable:
    if isinstance(value, Node):
        return tuple((name, *map(_key, values)) for name, values in sorted(value.items()) if name != GROUPS)
    return str(value)


def _same_in_order(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return pairs of places of equals that rise in both: the longest such row, equals paired in their own order.

    What is the same at both ends is paired first: mostly that is all but a little.
    """
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    waiting: dict[Hashable, list[int]] = defaultdict(list)
    for place in range(len(b) - end - 1, start - 1, -1):
        waiting[b[place]].append(place)
    pairs = [(place, waiting[a[place]].pop()) for place in range(start, len(a) - end) if waiting.get(a[place])]
    return [
        *((place, place) for place in range(start)),
        *_longest_rising(pairs),
        *((len(a) - place, len(b) - place) for place in range(end, 0, -1)),
    ]


def _longest_rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest row of pairs whose second numbers rise, in n log n steps (patience sorting)."""
    tops: list[int] = []
    at: list[int] = []
    before: list[int | None] = []
    for number, (_, place) in enumerate(pairs):
        pile = bisect_left(tops, place)
        before.append(at[pile - 1] if pile else None)
        if pile == len(tops):
            tops.append(place)
            at.append(number)
        else:
            tops[pile], at[pile] = place, number
    row = []
    step = at[-1] if at else None
    while step is not None:
        row.append(pairs[step])
        step = before[step]
    return row[::-1]


def _of_gap(
    one: Sequence[Any], other: Sequence[Any], gone: range, come: range
) -> Iterator[tuple[int | None, int | None]]:
    """Pair what went with what came in its place; the rest was removed or added."""
    fewer = min(len(gone), len(come))
    if (
        len(gone) == len(come)
        or len(gone) * len(come) > _LIKENESSES
        or not isinstance(one[gone[0]] if gone else "", Node)
    ):
        paired = dict(zip(gone[:fewer], come[:fewer], strict=True))
    else:
        paired = _by_likeness(one, other, gone, come)
    yield from ((place, None) for place in gone if place not in paired)
    back = {b: a for a, b in paired.items()}
    yield from ((back.get(place), place) for place in come)


def _by_likeness(one: Sequence[Node], other: Sequence[Node], gone: range, come: range) -> dict[int, int]:
    """Pair blocks that hold most of the same, each once; only on the longer side some remain."""
    bags = {("a", place): _bag(one[place]) for place in gone} | {("b", place): _bag(other[place]) for place in come}
    likeness = sorted(((bags["a", a] & bags["b", b]).total(), -abs(a - b), -a, -b) for a in gone for b in come)
    paired: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, a, b in reversed(likeness):
        if -a not in paired and -b not in taken:
            paired[-a] = -b
            taken.add(-b)
    return paired


def _bag(node: Node) -> Counter[Hashable]:
    return Counter((name, _key(value)) for name, values in node.items() if name != GROUPS for value in values)


def _difference(
    at: FieldValue, change: FieldChange, *, before: FieldValue | None = None, after: FieldValue | None = None
) -> DossierDifference:
    return DossierDifference(
        path=at.path,
        field=at.field,
        category=at.category,
        change=change,
        before=None if before is None else str(before.value),
        after=None if after is None else str(after.value),
    )
