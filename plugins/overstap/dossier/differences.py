"""What changed between two dossiers of a pupil, by field and category: what parents have to be shown again."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from overstap.dossier.catalogue import Field
from overstap.dossier.model import Dossier
from overstap.dossier.tree import Node
from overstap.dossier.visit import Found, fields


class Change(StrEnum):
    """What happened to a field."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
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
    change: Change
    before: str | None
    after: str | None


def differences(older: Dossier, newer: Dossier) -> list[Difference]:
    """Compare two dossiers field by field.

    Repeated blocks are matched by what they hold and not by their number, so that a test put in front of the others is
    one test more, and not a change of all.

    Args:
        older: the dossier as it was.
        newer: the dossier as it is.

    Returns:
        What is different, in the order of the newer dossier, per block removals first.
    """
    before, after = _keyed(older), _keyed(newer)
    matcher = SequenceMatcher(a=[key for key, _ in before], b=[key for key, _ in after], autojunk=False)
    found: list[Difference] = []
    for kind, a1, a2, b1, b2 in matcher.get_opcodes():
        if kind != "equal":
            found.extend(_of_run([each for _, each in before[a1:a2]], [each for _, each in after[b1:b2]]))
    return found


def _keyed(dossier: Dossier) -> list[tuple[tuple[str, str], Found]]:
    """Return a dossier's leaves, each with a key that is the same wherever in a list its block stands."""
    keyed = []
    for found in fields(dossier):
        if not isinstance(found.value, Node):
            keyed.append(((_bare(found.path), found.value), found))
    return keyed


def _bare(path: str) -> str:
    return "/".join(step.partition("[")[0] for step in path.split("/"))


def _of_run(gone: list[Found], come: list[Found]) -> list[Difference]:
    """Pair what went with what came in its place, by its field; the rest was removed or added."""
    changes: list[Difference] = []
    waiting = list(come)
    paired: dict[int, Found] = {}
    for old in gone:
        new = next((each for each in waiting if _bare(each.path) == _bare(old.path)), None)
        if new is None:
            changes.append(_difference(old, Change.REMOVED, before=old))
        else:
            waiting.remove(new)
            paired[id(new)] = old
    for new in come:
        if id(new) in paired:
            changes.append(_difference(new, Change.CHANGED, before=paired[id(new)], after=new))
        else:
            changes.append(_difference(new, Change.ADDED, after=new))
    return changes


def _difference(at: Found, change: Change, *, before: Found | None = None, after: Found | None = None) -> Difference:
    return Difference(
        path=at.path,
        field=at.field,
        category=at.category,
        change=change,
        before=None if before is None else str(before.value),
        after=None if after is None else str(after.value),
    )
