"""A school's list of inspections: CSV as a spreadsheet writes it, one line per pupil.

Columns `leerlingid;inzagedatum;akkoord;zienswijze` (docs/sources.md). A line that cannot be trusted is refused by its
number and a code; the others count.
"""

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime

from overstap.decoding import decoded
from overstap.errors import OverstapError
from overstap.ledger.reviews import Decision

HEADER = ("leerlingid", "inzagedatum", "akkoord", "zienswijze")
ANSWERS = {"ja": "Ja", "nee": "Nee", "onbekend": "Onbekend"}
MOST_BYTES = 10_000_000
MOST_VIEW_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that does not count, by its number in the file (the header is line 1)."""

    line: int
    code: str

    @property
    def error(self) -> OverstapError:
        """The refusal with its sentences."""
        return OverstapError(self.code, line=self.line)


@dataclass(frozen=True, slots=True)
class DecisionList:
    """What a school's list says, with the line of each decision."""

    decisions: list[Decision]
    lines: list[int]
    refused: list[RefusedLine]


def read_list(data: bytes, *, today: date) -> DecisionList:
    """Read a school's list.

    Args:
        data: the file: UTF-8 with or without byte order mark, UTF-16 with one, or cp1252; semicolons or commas.
        today: the Dutch date; an inspection cannot lie in the future.

    Returns:
        The decisions, and the refused lines: REVIEW-003 wrong number of columns, REVIEW-004 no pupil, REVIEW-005 no
        date, REVIEW-006 a future date, REVIEW-007 unknown answer, REVIEW-008 pupil twice, REVIEW-009 too long a view.

    Raises:
        OverstapError: REVIEW-001 when it is too large or no text, REVIEW-002 when the header is another.
    """
    if len(data) > MOST_BYTES or "\0" in (text := decoded(data)):
        raise OverstapError("REVIEW-001")
    first = text.lstrip().splitlines()[0] if text.strip() else ""
    separator = ";" if first.count(";") >= first.count(",") else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = [cell.strip().lower() for cell in next(rows, [])]
    if sorted(header) != sorted(HEADER):
        raise OverstapError("REVIEW-002", header=";".join(HEADER))
    order = [header.index(name) for name in HEADER]
    decisions: list[Decision] = []
    lines: list[int] = []
    refused: list[RefusedLine] = []
    seen: set[str] = set()
    for row in rows:
        line = rows.line_num
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(HEADER):
            refused.append(RefusedLine(line, "REVIEW-003"))
            continue
        pupil, seen_on, answer, view = (row[place].strip() for place in order)
        parsed = _date(seen_on)
        agreed = ANSWERS.get(answer.lower())
        code = (
            "REVIEW-004" if not pupil
            else "REVIEW-005" if parsed is None
            else "REVIEW-006" if parsed > today
            else "REVIEW-007" if agreed is None
            else "REVIEW-008" if pupil in seen
            else "REVIEW-009" if len(view) > MOST_VIEW_CHARACTERS
            else None
        )  # fmt: skip
        if code is not None or parsed is None or agreed is None:
            refused.append(RefusedLine(line, code or "REVIEW-003"))
            continue
        seen.add(pupil)
        decisions.append(Decision(pupil, parsed, agreed, view or None))
        lines.append(line)
    return DecisionList(decisions, lines, refused)


def _date(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%d-%m-%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 (a calendar date has no zone)
        except ValueError:
            continue
    return None
