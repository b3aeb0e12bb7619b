"""On the board: the mapping that a school made of its own export, as the fields that it reads."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from overstap.ledger import school_mappings
from overstap.ledger.session import UnitOfWork
from overstap.oso.catalogue import Catalogue, catalogue, versions
from overstap.texts import texts, with_counts

_STEP = re.compile(r"([^\[\]]+)(?:\[([0-9]+)\])?")


@dataclass(frozen=True, slots=True)
class MappingLine:
    """The newest version of a school's mapping.

    Args:
        says: what it is, Dutch.
        used: when it was last used, Dutch.
        fields: labels of the fields that it reads, Dutch.
    """

    says: str
    used: str
    fields: Sequence[str]


def line(unit: UnitOfWork, school: str, when: Callable[[datetime], str]) -> MappingLine | None:
    """Return the newest version of a school's mapping; None when it made none.

    Args:
        unit: a transaction in the region.
        school: BRIN with branch.
        when: says a moment as the board does.
    """
    found = school_mappings.of_school(unit, school)
    if not found:
        return None
    newest, words = found[0], texts("board/mappings")
    counts = with_counts({"read": len(newest.fields), "unread": newest.unread})
    says = words["saved"]["nl"].format(
        version=newest.number, moment=when(newest.saved_at), by=newest.saved_by.removeprefix("school:"), **counts
    )
    known = catalogue(versions()[-1])
    return MappingLine(
        says, words["used"]["nl"].format(moment=when(newest.used_at)), [_label(known, path) for path in newest.fields]
    )


def _label(known: Catalogue, path: str) -> str:
    """Return what a field is called, behind the block that holds it; its path where the standard has it no longer."""
    block: str | None = known.root
    said: list[str] = []
    for part in path.split("/"):
        step = _STEP.fullmatch(part)
        try:
            if step is None or block is None:
                return path
            field = known.field(block, step[1])
        except KeyError:
            return path
        if field.label:
            said.append(f"{field.label} {step[2]}" if step[2] and field.max is None else field.label)
        block = field.contains
    return ": ".join(said[-2:])
