"""Reader of a school's list of decisions, a CSV file or workbook with one row per pupil.

Columns `leerlingid;inzagedatum;akkoord;zienswijze`, optionally `toestemming` and `opmerking` (docs/sources.md). An
invalid row is refused with its line number and an error code; the others count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from overstap.errors import OverstapError
from overstap.ledger.review.decisions import ReviewDecision
from overstap.tabular import MAX_BYTES, Header, HeaderError, RefusedRow, read_table
from overstap.tabular.values import day

__all__ = ["HEADER", "MAX_BYTES", "OPTIONAL", "DecisionList", "RefusedLine", "read_list"]

HEADER = ("leerlingid", "inzagedatum", "akkoord", "zienswijze")
OPTIONAL = ("toestemming", "opmerking")
ANSWERS = {"ja": "Ja", "nee": "Nee", "onbekend": "Onbekend"}
MAX_VIEW_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A refused row, by its line number in the file (the header is line 1)."""

    line: int
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> OverstapError:
        """The refusal with its sentences."""
        return OverstapError(self.code, line=self.line, **self.facts)


@dataclass(frozen=True, slots=True)
class DecisionList:
    """The content of a school's list, with the line of each decision."""

    decisions: list[ReviewDecision]
    lines: list[int]
    refused: list[RefusedLine]


def read_list(data: bytes, *, today: date, needs_note: bool = False) -> DecisionList:
    """Read a school's list.

    Args:
        data: the file: a workbook (.xlsx), or text with semicolons or commas in an encoding of spreadsheet programs.
        today: the Dutch date; an inspection cannot be in the future.
        needs_note: whether each row needs a reason (column `opmerking`), as for inspections that a school attests.

    Returns:
        The decisions, and the refused lines: TABLE-010 to TABLE-024, REVIEW-004 no pupil, REVIEW-005 no
        date, REVIEW-006 a future date, REVIEW-007 unknown answer, REVIEW-008 pupil twice, REVIEW-009 too long a view,
        REVIEW-013 no reason.

    Raises:
        OverstapError: TABLE-001 to TABLE-009 when it is too large or no list, REVIEW-002 when the header is another.
    """
    try:
        table = read_table(data, Header(HEADER, OPTIONAL), multiline=True, is_row=_is_line)
    except HeaderError:
        raise OverstapError("REVIEW-002", header=";".join(HEADER)) from None
    decisions: list[ReviewDecision] = []
    lines: list[int] = []
    refused: list[RefusedLine] = []
    seen: set[str] = set()
    for row in table.rows:
        if isinstance(row, RefusedRow):
            refused.append(RefusedLine(row.line, row.code, row.facts))
            continue
        cells = row.cells
        pupil, view, note, consent = (cells.get(name, "") for name in ("leerlingid", "zienswijze", *OPTIONAL[::-1]))
        parsed = _date(cells["inzagedatum"])
        agreed = ANSWERS.get(cells["akkoord"].lower())
        code = (
            "REVIEW-004" if not pupil
            else "REVIEW-005" if parsed is None
            else "REVIEW-006" if parsed > today
            else "REVIEW-007" if agreed is None or (consent and consent.lower() not in ANSWERS)
            else "REVIEW-008" if pupil in seen
            else "REVIEW-009" if max(len(view), len(note)) > MAX_VIEW_CHARACTERS
            else "REVIEW-013" if needs_note and not note
            else None
        )  # fmt: skip
        if code is not None or parsed is None or agreed is None:
            refused.append(RefusedLine(row.line, code or "REVIEW-007"))
            continue
        seen.add(pupil)
        consented = ANSWERS.get(consent.lower())
        decisions.append(ReviewDecision(pupil, parsed, agreed, view or None, consent=consented, note=note or None))
        lines.append(row.line)
    return DecisionList(decisions, lines, refused)


def _is_line(cells: Mapping[str, str]) -> bool:
    """Tell whether cells are a row of the list, and not a line of a view that contains semicolons."""
    return cells.get("akkoord", "").lower() in ANSWERS or _date(cells.get("inzagedatum", "")) is not None


def _date(text: str) -> date | None:
    try:
        return day(text)
    except ValueError:
        return None
