"""Export of the table of schools as CSV and Excel workbook, protected against formula injection."""

import io
from collections.abc import Sequence
from datetime import datetime

from openpyxl import Workbook
from openpyxl.cell import Cell as SheetCell
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from overstap.clock import format_digits, format_moment
from overstap.pages.board.funnel import FunnelLayer, count
from overstap.pages.board.rounds import RoundView
from overstap.pages.board.schools import SupplierRow
from overstap.tabular.writing import UNPRINTABLE, Cell, csv_of
from overstap.texts import texts
from overstap.workbook_style import BRAND, FONT, row_height

COLUMNS = (
    *("school", "id", "status", "expected", "supplied", "accepted", "rejected", "refused", "inspected", "delivered"),
    *("confirmed", "deadline", "blocks", "do", "calls", "outlook", "why"),
)
_WIDTHS = {"school": 28, "status": 11, "blocks": 52, "do": 48, "calls": 36, "why": 36, "deadline": 22, "outlook": 14}
_USUAL_WIDTH = 13


def cells(row: SupplierRow) -> list[Cell]:
    """Return a school's cells, in the order of `COLUMNS`."""
    states = row.counts.states
    words = texts("board/words")
    return [
        row.name,
        row.school,
        words["weights"][row.trouble]["nl"],
        row.counts.expected,
        row.counts.supplied,
        count(states, FunnelLayer.ACCEPTED),
        states["rejected"],
        row.counts.refused_files.total(),
        count(states, FunnelLayer.INSPECTED),
        count(states, FunnelLayer.DELIVERED),
        states["confirmed"],
        format_moment(row.deadline) if row.deadline else "",
        " ".join(one.says for one in row.blockers),
        " ".join(dict.fromkeys(one.do for one in row.blockers)),
        "; ".join(f"{one.name} <{one.address}>" if one.address else one.name for one in row.calls),
        texts("board/forecast")["outlooks"][row.outlook.outlook]["nl"],
        row.outlook.why,
    ]


def to_csv(rows: Sequence[SupplierRow]) -> bytes:
    """Return rows as CSV that a Dutch spreadsheet program opens directly: semicolons, UTF-8 with a byte order mark."""
    return csv_of(_titles(), [cells(row) for row in rows])


def to_spreadsheet(rows: Sequence[SupplierRow], view: RoundView, at: datetime) -> bytes:
    """Return rows as an Excel workbook with a frozen header row and filters; no cell of it is a formula.

    Args:
        rows: the schools.
        view: the round, for the sheet's name.
        at: the moment of the figures, aware.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(f"{view.kind.dutch} {view.school_year}")
    sheet.freeze_panes = "C2"
    for place, name in enumerate(COLUMNS, 1):
        sheet.column_dimensions[get_column_letter(place)].width = _WIDTHS.get(name, _USUAL_WIDTH)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{len(rows) + 1}"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", Worksheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    widths = [_WIDTHS.get(name, _USUAL_WIDTH) for name in COLUMNS]
    head, text = _style(sheet, is_head=True), _style(sheet)
    sheet.row_dimensions[1].height = row_height(
        (title, width * 0.8) for title, width in zip(_titles(), widths, strict=True)
    )
    sheet.append([_cell(sheet, title, head) for title in _titles()])
    for number, row in enumerate(rows, start=2):
        found = cells(row)
        sheet.row_dimensions[number].height = row_height(zip(found, widths, strict=True))
        sheet.append([_cell(sheet, cell, text) for cell in found])
    book.properties.creator = "Overstap"
    book.properties.title = f"{view.region_name}: {view.kind.dutch} {view.school_year}, {format_digits(at)}"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _style(sheet: object, *, is_head: bool = False) -> SheetCell:
    """Return a cell whose style others copy: computing a style for each takes longer than all the rest."""
    made = WriteOnlyCell(sheet)
    made.alignment = Alignment(vertical="top", wrap_text=True)
    made.border = Border(bottom=Side(style="thin", color="CDD4DC"))
    made.font = Font(name=FONT, bold=is_head, color="FFFFFF" if is_head else None)
    if is_head:
        made.fill = PatternFill("solid", fgColor=BRAND)
    return made


def _cell(sheet: object, value: Cell, style: SheetCell) -> SheetCell:
    made = WriteOnlyCell(sheet, value if isinstance(value, int) else value.translate(UNPRINTABLE))
    if isinstance(value, str):
        made.data_type = "s"  # set explicitly: openpyxl reads text that begins with "=" as a formula
    made._style = style._style
    return made


def _titles() -> list[str]:
    words = texts("board/words")["columns"]
    return [words[name]["nl"] for name in COLUMNS]
