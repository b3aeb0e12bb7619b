"""Three-way merge of texts by line: changes of two people in one draft, or of a draft and of the file beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """Lines that both sides changed in another way.

    Args:
        line: number of the first of these lines in the merged text, from 1.
        mine: these lines as one side has them; they stand in the merged text.
        theirs: as the other side has them.
    """

    line: int
    mine: tuple[str, ...]
    theirs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergedText:
    """Merge of two changed texts.

    Args:
        text: the text with the changes of both; where both changed the same lines, those of one side.
        conflicts: where both changed the same lines.
    """

    text: str
    conflicts: tuple[MergeConflict, ...]


def merge(base: str, mine: str, theirs: str) -> MergedText:
    """Merge two texts that were made from one.

    Args:
        base: the text that both were made from.
        mine: one side.
        theirs: the other side.
    """
    before, ours, others = (text.split("\n") for text in (base, mine, theirs))
    merged: list[str] = []
    conflicts: list[MergeConflict] = []
    at_before = at_ours = at_others = 0
    for place, in_ours, in_others, length in (
        *_same_in_both(before, ours, others),
        (len(before), len(ours), len(others), 0),
    ):
        old, left, right = before[at_before:place], ours[at_ours:in_ours], others[at_others:in_others]
        if left == old:
            merged += right
        else:
            if right not in (old, left):
                conflicts.append(MergeConflict(len(merged) + 1, tuple(left), tuple(right)))
            merged += left
        merged += before[place : place + length]
        at_before, at_ours, at_others = place + length, in_ours + length, in_others + length
    return MergedText("\n".join(merged), tuple(conflicts))


def _same_in_both(base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """Return the blocks of the base that both sides kept: their places in the three texts, and their length."""
    left = SequenceMatcher(None, base, mine).get_matching_blocks()
    right = SequenceMatcher(None, base, theirs).get_matching_blocks()
    found: list[tuple[int, int, int, int]] = []
    first = second = 0
    while first < len(left) and second < len(right):
        a, b = left[first], right[second]
        start, end = max(a.a, b.a), min(a.a + a.size, b.a + b.size)
        if start < end:
            found.append((start, a.b + start - a.a, b.b + start - b.a, end - start))
        if a.a + a.size < b.a + b.size:
            first += 1
        else:
            second += 1
    return found
