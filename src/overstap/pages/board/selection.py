"""Filter and order of the table of schools, read from the query of the page's address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from overstap.pages.board.blockers import Urgency
from overstap.pages.board.schools import SupplierRow

_FAR = datetime.max.replace(tzinfo=UTC)
_LATE = frozenset({"nothing_supplied_late", "incomplete_late"})
_FAULTS = frozenset({"rejected", "rejected_bare", "refused_files"})
"""Kinds of blockers (include/texts/board/blockers.yaml)."""


class RowOrder(StrEnum):
    """Sort key of rows."""

    TROUBLE = "nood"
    NAME = "naam"
    MISSING = "ontbreekt"
    DEADLINE = "termijn"


class RowFilter(StrEnum):
    """Filter of rows."""

    ALL = "alle"
    PROBLEM = "probleem"
    WAITING = "wacht"
    AT_RISK = "risico"
    LATE = "te-laat"
    FAULTS = "fouten"
    DONE = "klaar"


@dataclass(frozen=True, slots=True)
class Selection:
    """Filter and order that a request asks for.

    Args:
        show: the filter.
        order: the sort key.
        is_reversed: descending order.
        text: part of a school's name or id; empty for all.
    """

    show: RowFilter = RowFilter.ALL
    order: RowOrder = RowOrder.TROUBLE
    is_reversed: bool = False
    text: str = ""

    def query(self, **other: str) -> dict[str, str]:
        """Return the query arguments of this selection with some changed; defaults are left out."""
        asked = {
            "toon": self.show.value,
            "op": self.order.value,
            "om": "1" if self.is_reversed else "",
            "zoek": self.text,
        } | other
        usual = {"toon": RowFilter.ALL.value, "op": RowOrder.TROUBLE.value, "om": "", "zoek": ""}
        return {name: value for name, value in asked.items() if value != usual.get(name)}


def selection_of(show: str, order: str, is_reversed: bool, text: str) -> Selection:
    """Return the selection of an address; an unknown value counts as the default."""
    return Selection(
        next((one for one in RowFilter if one == show), RowFilter.ALL),
        next((one for one in RowOrder if one == order), RowOrder.TROUBLE),
        is_reversed,
        text.strip()[:80],
    )


def select(rows: Sequence[SupplierRow], wanted: Selection) -> list[SupplierRow]:
    """Return the rows of a selection, in its order."""
    text = wanted.text.casefold()
    found = [row for row in rows if is_shown(row, wanted.show) and text in f"{row.name} {row.school}".casefold()]
    return sorted(found, key=lambda row: _key(row, wanted.order), reverse=wanted.is_reversed)


def tally(rows: Sequence[SupplierRow]) -> dict[RowFilter, int]:
    """Return the number of rows of each filter."""
    return {show: sum(is_shown(row, show) for row in rows) for show in RowFilter}


def is_shown(row: SupplierRow, show: RowFilter) -> bool:
    """Tell whether a filter shows a row."""
    match show:
        case RowFilter.PROBLEM:
            return row.trouble == Urgency.PROBLEM
        case RowFilter.WAITING:
            return row.trouble == Urgency.WAITING
        case RowFilter.AT_RISK:
            return row.outlook.is_bad
        case RowFilter.LATE:
            return any(one.kind in _LATE for one in row.blockers)
        case RowFilter.FAULTS:
            return any(one.kind in _FAULTS for one in row.blockers)
        case RowFilter.DONE:
            return row.is_done
        case _:
            return True


def _key(row: SupplierRow, order: RowOrder) -> tuple[object, ...]:
    name = (row.name.casefold(), row.school)
    match order:
        case RowOrder.NAME:
            return name
        case RowOrder.MISSING:
            return (-(max(row.counts.expected, row.counts.supplied) - row.counts.states["confirmed"]), *name)
        case RowOrder.DEADLINE:
            return (row.deadline or _FAR, *name)
        case _:
            weight = sum(one.count for one in row.blockers if one.weight == row.trouble)
            return (row.trouble, -weight, *name)
