"""Filter and order of a table, from the page's address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from overstap.pages.board.blockers import Weight
from overstap.pages.board.schools import SupplierRow

_FAR = datetime.max.replace(tzinfo=UTC)


class Order(StrEnum):
    """What rows are sorted by."""

    TROUBLE = "nood"
    NAME = "naam"
    MISSING = "ontbreekt"
    DEADLINE = "termijn"


class Show(StrEnum):
    """Which rows are shown."""

    ALL = "alle"
    PROBLEM = "probleem"
    WAITING = "wacht"
    AT_RISK = "risico"
    DONE = "klaar"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a reader asked for.

    Args:
        show: which rows.
        order: in which order.
        is_reversed: the other way round.
        text: part of a school's name or id; empty for all.
    """

    show: Show = Show.ALL
    order: Order = Order.TROUBLE
    is_reversed: bool = False
    text: str = ""

    def query(self, **other: str) -> dict[str, str]:
        """Return the address's arguments for this selection with some changed; what says nothing new is left out."""
        asked = {
            "toon": self.show.value,
            "op": self.order.value,
            "om": "1" if self.is_reversed else "",
            "zoek": self.text,
        } | other
        usual = {"toon": Show.ALL.value, "op": Order.TROUBLE.value, "om": "", "zoek": ""}
        return {name: value for name, value in asked.items() if value != usual.get(name)}


def selection_of(show: str, order: str, is_reversed: bool, text: str) -> Selection:
    """Return the selection that an address asks for; what it does not know is as if it had not been asked."""
    return Selection(
        next((one for one in Show if one == show), Show.ALL),
        next((one for one in Order if one == order), Order.TROUBLE),
        is_reversed,
        text.strip()[:80],
    )


def select(rows: Sequence[SupplierRow], wanted: Selection) -> list[SupplierRow]:
    """Return the rows that were asked for, in the order that was asked for."""
    text = wanted.text.casefold()
    found = [row for row in rows if is_shown(row, wanted.show) and text in f"{row.name} {row.school}".casefold()]
    return sorted(found, key=lambda row: _key(row, wanted.order), reverse=wanted.is_reversed)


def tally(rows: Sequence[SupplierRow]) -> dict[Show, int]:
    """Return how many rows each filter shows."""
    return {show: sum(is_shown(row, show) for row in rows) for show in Show}


def is_shown(row: SupplierRow, show: Show) -> bool:
    """Tell whether a filter shows a row."""
    match show:
        case Show.PROBLEM:
            return row.trouble == Weight.PROBLEM
        case Show.WAITING:
            return row.trouble == Weight.WAITING
        case Show.AT_RISK:
            return row.outlook.is_bad
        case Show.DONE:
            return row.is_done
        case _:
            return True


def _key(row: SupplierRow, order: Order) -> tuple[object, ...]:
    name = (row.name.casefold(), row.school)
    match order:
        case Order.NAME:
            return name
        case Order.MISSING:
            return (-(max(row.counts.expected, row.counts.supplied) - row.counts.states["confirmed"]), *name)
        case Order.DEADLINE:
            return (row.deadline or _FAR, *name)
        case _:
            weight = sum(one.count for one in row.blockers if one.weight == row.trouble)
            return (row.trouble, -weight, *name)
