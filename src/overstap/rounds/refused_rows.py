"""Refused rows of one of the region's lists while it is read: logged by cause, counted, and kept for the board."""

import logging
from collections import Counter
from collections.abc import Iterable

from overstap.errors import OverstapError
from overstap.intake.refusals import RefusedItem
from overstap.ledger.rounds.refused_lists import MOST_LINES, RefusedRows, RegionList

log = logging.getLogger(__name__)

_LOGGED = 20
"""Most lines of a cause in a log."""


class Refusals:
    """What was refused of one list of a region.

    Args:
        of_list: the list.
    """

    def __init__(self, of_list: RegionList) -> None:
        self._list = of_list
        self._causes: dict[tuple[str, int, str, str], tuple[RefusedItem, list[int]]] = {}
        self._notes: list[RefusedRows] = []

    def add(self, items: Iterable[RefusedItem], *, school: str = "", file: int = 0) -> None:
        """Add refused rows, messages or files.

        Args:
            items: with the fact `line` for a row or message; without it for a file as a whole.
            school: BRIN and branch for a school's messages; empty for a file of the region.
            file: which of the region's files, by name, from 1.
        """
        for one in items:
            key = (school, file, one.code, str(one.facts.get("column", "")))
            self._causes.setdefault(key, (one, []))[1].append(int(one.facts.get("line", 0)))

    def add_note(self, code: str, lines: list[int], *, file: int) -> None:
        """Add what is said of rows that were used; nothing is added without such rows.

        Args:
            code: one of `refused_lists.NOTES`.
            lines: their lines.
            file: which of the region's files, by name, from 1.
        """
        if lines:
            facts = {"count": len(lines)}
            self._notes.append(RefusedRows(self._list, "", file, code, len(lines), tuple(lines[:MOST_LINES]), facts))

    @property
    def rows(self) -> list[RefusedRows]:
        """All of it as the ledger keeps it."""
        found = [
            RefusedRows(
                *(self._list, school, file, code, len(lines)),
                tuple(sorted(line for line in lines if line))[:MOST_LINES],
                {"label": item.label, **item.facts},
            )
            for (school, file, code, _), (item, lines) in self._causes.items()
        ]
        return [*found, *self._notes]

    @property
    def counts(self) -> Counter[str]:
        """Number of refused rows per code."""
        counts: Counter[str] = Counter()
        for one in self.rows:
            if not one.is_note:
                counts[one.code] += one.count
        return counts

    def tell(self) -> None:
        """Log each cause with its first lines: nothing of a row."""
        for one in self.rows:
            error: OverstapError = one.error
            where = ", ".join(map(str, one.lines[:_LOGGED])) + (" …" if one.count > _LOGGED else "")
            also = f" (Regel {where}.)" if one.count > 1 or one.is_note else ""
            log.warning("%s: %s %s%s", one.code, error.message_nl, error.do_nl, also)
