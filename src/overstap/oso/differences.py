"""Comparison of two versions of a pupil's dossier: differences by field and category."""

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
"""Largest number of comparisons to pair changed blocks by similarity; above it they are paired by position."""


class FieldChange(StrEnum):
    """Kind of change of a field."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class DossierDifference:
    """One field that differs.

    Args:
        path: its path in the newer dossier; for a removed field, in the older one.
        field: the field in the catalogue.
        category: its category, without `cat_`.
        change: kind of change.
        before: its text in the older dossier; None when it was absent.
        after: its text in the newer dossier; None when it is absent.
    """

    path: str
    field: Field
    category: str
    change: FieldChange
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class _Side:
    """A block of one of the two dossiers, with its name, path and category."""

    node: Node
    block: str
    path: str
    category: str
    blocks: dict[str, tuple[Field, ...]]

    def found(self, field: Field, number: int) -> FieldValue:
        """Return a value of a field of this block, by its number from 0."""
        path = path_of(self.path, field, number + 1)
        return FieldValue(path, field, self.node[field.name][number], field.category or self.category)

    def inner(self, found: FieldValue) -> "_Side":
        """Return a block within this one."""
        if not isinstance(found.value, Node) or found.field.contains is None:
            raise TypeError(f"{found.field.name} is not a block")
        return _Side(found.value, found.field.contains, found.path, found.category, self.blocks)


def differences(older: Dossier, newer: Dossier) -> list[DossierDifference]:
    """Compare two dossiers field by field.

    Repeated blocks are matched by content, not by number, so that a test inserted before others is one addition and not
    a change of all. The running time is bounded for hostile dossiers too.

    Args:
        older: the older dossier.
        newer: the newer dossier.

    Returns:
        The differences, in the order of the standard.
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
    for field in gone:  # fields that only the older version of the standard has
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
    """Pair the indices of two lists that differ; None without a counterpart. Equal values are omitted."""
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
    """Return index pairs of equal values, increasing in both lists: a longest common subsequence.

    Equal values at both ends are paired first, since the lists mostly differ in a few values only.
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
    """Return the longest subsequence of pairs with increasing second numbers, in O(n log n) (patience sorting)."""
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
    """Pair removed values with added values between two matches; the rest was removed or added."""
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
    """Pair blocks by the number of values that they share, each block once."""
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
