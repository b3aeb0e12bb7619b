"""Writer of lists for people and other systems: CSV and workbook (.xlsx) with the same columns, no cell a formula."""

import csv
import io
from collections.abc import Sequence

Cell = str | int
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
"""First characters of a cell that a spreadsheet reads as a formula (OWASP, CSV injection), full-width ones included."""
UNPRINTABLE = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])
"""Control characters, which no spreadsheet file may hold (XML 1.0, clause 2.2)."""


def csv_of(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    """Return a list as CSV: semicolons, UTF-8 with a byte order mark."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([[safe_text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows])
    return ("\ufeff" + out.getvalue()).encode()


def workbook_of(columns: Sequence[str], rows: Sequence[Sequence[Cell]], title: str) -> bytes:
    """Return a list as a workbook with a frozen header.

    Args:
        columns: the header.
        rows: the rows.
        title: name of the sheet; its first 31 characters count.
    """
    from openpyxl import Workbook  # 45 MB: once somebody asks for a workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet(
        "".join(" " if sign in "[]:*?/\\" else sign for sign in title)[:31].strip("' ") or "Lijst"
    )
    sheet.freeze_panes = "A2"
    for row in (columns, *rows):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value.translate(UNPRINTABLE) if isinstance(value, str) else value)
            if isinstance(value, str):
                cell.data_type = "s"  # openpyxl reads text that begins with "=" as a formula
            cells.append(cell)
        sheet.append(cells)
    book.properties.creator = "Overstap"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def safe_text(text: str) -> str:
    """Return a text that no spreadsheet program reads as a formula from a text file: such a one gets an apostrophe."""
    text = text.translate(UNPRINTABLE)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA) else text
