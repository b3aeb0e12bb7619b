"""A school's list of inspections: CSV or workbook as a spreadsheet program writes it, one line per pupil.

Columns `leerlingid;inzagedatum;akkoord;zienswijze`, and where wanted `toestemming` and `opmerking` (docs/sources.md). A
line that cannot be trusted is refused by its number and a code; the others count.
"""

from dataclasses import dataclass
from datetime import date, datetime

from overstap.errors import OverstapError
from overstap.ledger.review.decisions import ReviewDecision
from overstap.review.tables import MOST_BYTES, rows

__all__ = ["HEADER", "MOST_BYTES", "OPTIONAL", "DecisionList", "RefusedLine", "read_list"]

HEADER = ("leerlingid", "inzagedatum", "akkoord", "zienswijze")
OPTIONAL = ("toestemming", "opmerking")
ANSWERS = {"ja": "Ja", "nee": "Nee", "onbekend": "Onbekend"}
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

    decisions: list[ReviewDecision]
    lines: list[int]
    refused: list[RefusedLine]


def read_list(data: bytes, *, today: date, needs_note: bool = False) -> DecisionList:
    """Read a school's list.

    Args:
        data: the file: a workbook (.xlsx), or text in any coding of spreadsheets with semicolons or commas.
        today: the Dutch date; an inspection cannot lie in the future.
        needs_note: whether each line must say why (column `opmerking`): what a school attests.

    Returns:
        The decisions, and the refused lines: REVIEW-003 wrong number of columns, REVIEW-004 no pupil, REVIEW-005 no
        date, REVIEW-006 a future date, REVIEW-007 unknown answer, REVIEW-008 pupil twice, REVIEW-009 too long a view,
        REVIEW-013 no reason.

    Raises:
        OverstapError: REVIEW-001 when it is too large or no list, REVIEW-002 when the header is another.
    """
    table = rows(data)
    header = [cell.strip().lower() for cell in next(table, (1, []))[1]]
    while header and not header[-1]:
        header.pop()  # a workbook remembers columns that were emptied
    if not set(HEADER) <= set(header) <= {*HEADER, *OPTIONAL} or len(set(header)) < len(header):
        raise OverstapError("REVIEW-002", header=";".join(HEADER))
    decisions: list[ReviewDecision] = []
    lines: list[int] = []
    refused: list[RefusedLine] = []
    seen: set[str] = set()
    for line, row in table:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) < len(header) or any(cell.strip() for cell in row[len(header) :]):
            refused.append(RefusedLine(line, "REVIEW-003"))
            continue
        said = {name: cell.strip() for name, cell in zip(header, row, strict=False)}
        pupil, view, note, consent = (said.get(name, "") for name in ("leerlingid", "zienswijze", *OPTIONAL[::-1]))
        parsed = _date(said["inzagedatum"])
        agreed = ANSWERS.get(said["akkoord"].lower())
        code = (
            "REVIEW-004" if not pupil
            else "REVIEW-005" if parsed is None
            else "REVIEW-006" if parsed > today
            else "REVIEW-007" if agreed is None or (consent and consent.lower() not in ANSWERS)
            else "REVIEW-008" if pupil in seen
            else "REVIEW-009" if max(len(view), len(note)) > MOST_VIEW_CHARACTERS
            else "REVIEW-013" if needs_note and not note
            else None
        )  # fmt: skip
        if code is not None or parsed is None or agreed is None:
            refused.append(RefusedLine(line, code or "REVIEW-003"))
            continue
        seen.add(pupil)
        consented = ANSWERS.get(consent.lower())
        decisions.append(ReviewDecision(pupil, parsed, agreed, view or None, consent=consented, note=note or None))
        lines.append(line)
    return DecisionList(decisions, lines, refused)


def _date(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%d-%m-%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 (a calendar date has no zone)
        except ValueError:
            continue
    return None
