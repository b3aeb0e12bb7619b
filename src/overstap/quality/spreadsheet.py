"""Conversion of a school's list of faults from CSV to a workbook (.xlsx), by screen and field and by dossier.

The ledger stores the report as CSV. Every cell of the workbook is text, so that none is interpreted as a formula.
"""

import csv
import io
import itertools
import re

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from overstap.quality.report import page_words
from overstap.tabular.writing import safe_text
from overstap.workbook_style import BRAND, FONT, row_height, without_direction_marks

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML 1.0 does not allow (production 2)."""
_LONGEST_CELL = 32_767  # Excel's own limit, in characters
_WIDTHS = {"screen": 34, "field": 26, "las_key": 20, "label": 12, "severity": 14, "sentence": 52, "what_to_do": 52}
_WIDTHS |= {"who": 22, "rule": 14, "done": 10}
_ORDER = ("screen", "field", "las_key", "severity", "sentence", "what_to_do", "who", "done", "label", "rule")
_TONES = {"error": "FDECEA", "warning": "FDF1E1", "note": "E8EFF7"}
_LINE = Side(style="thin", color="CDD4DC")


def spreadsheet(report_csv: str, title: str) -> bytes:
    """Return the workbook of a school's report.

    Args:
        report_csv: rows of the report, as written by `report.csv_text`.
        title: title with round, school and moment.
    """
    rows = _rows(report_csv)
    words = page_words()["workbook"]
    book = Workbook()
    by_screen, by_dossier = book.active, book.create_sheet()
    if not isinstance(by_screen, Worksheet):
        raise TypeError("a new workbook has a worksheet")
    for sheet, name, key in (
        (by_screen, words["by_screen"], lambda row: (row["screen"], row["field"], row["rule"], row["las_key"])),
        (by_dossier, words["by_dossier"], lambda row: (row["las_key"], row["label"], row["screen"], row["field"])),
    ):
        sheet.title = name
        _fill(sheet, title, sorted(rows, key=key))
    book.properties.title = without_direction_marks(_clean(title))
    book.properties.creator = "Overstap"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _rows(report_csv: str) -> list[dict[str, str]]:
    """Return the report's rows with the path split into screen and field, and without the CSV's apostrophes.

    Columns are known by their place: a report that is kept in the ledger has the heads of the day it was made.
    """
    columns, words = page_words()["columns"], page_words()["workbook"]
    found = []
    lines = csv.reader(io.StringIO(report_csv.removeprefix("\ufeff"), newline=""), delimiter=";")
    for line in itertools.islice(lines, 1, None):
        row = {name: _unguarded(cell) for name, cell in zip(columns, line, strict=True)}
        place = row.pop("place")
        screen, _, field = place.rpartition(", ") if place != page_words()["file"] else (words["files"], "", "")
        # The label of a block names its screen; a field without block is on the pupil's first screen
        row |= {"screen": screen or words["first_screen"], "field": field, "done": ""}
        found.append(row)
    return found


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and safe_text(cell[1:]) == cell else cell


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)[:_LONGEST_CELL]


def _fill(sheet: Worksheet, title: str, rows: list[dict[str, str]]) -> None:
    words = page_words()
    heads = {**words["columns"], **words["workbook"]["columns"]}
    severities = {shown: name for name, shown in words["severity"].items()}
    sheet.append([without_direction_marks(_clean(title))])
    sheet.append([words["workbook"]["how"]])
    sheet.append([heads[name] for name in _ORDER])
    for row in rows:
        sheet.append([_clean(row[name]) for name in _ORDER])
    for number, line in enumerate(sheet.iter_rows(), start=1):
        for cell in line:
            if cell.value is None:
                continue
            cell.data_type = "s"  # openpyxl would interpret a text that starts with "=" as a formula
            cell.quotePrefix = True  # a spreadsheet program would do so once the cell is edited
            cell.alignment = Alignment(wrap_text=number > 2, vertical="top")
            cell.font = Font(name=FONT)
            if number > 3:
                cell.border = Border(bottom=_LINE)
    for cell in sheet[3]:
        cell.font = Font(name=FONT, bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", fgColor=BRAND)
    place = _ORDER.index("severity") + 1
    for number, row in enumerate(rows, start=4):
        tone = _TONES.get(severities.get(row["severity"], ""), "FFFFFF")
        sheet.cell(number, place).fill = PatternFill("solid", fgColor=tone)
    sheet["A1"].font = Font(name=FONT, bold=True, size=14)
    sheet["A2"].font = Font(name=FONT, color="4B5560")
    sheet.row_dimensions[1].height = 22
    sheet.row_dimensions[3].height = row_height(
        (heads[name], _WIDTHS[name] * 0.8) for name in _ORDER
    )  # bold, with a button
    for number, row in enumerate(rows, start=4):
        sheet.row_dimensions[number].height = row_height((row[name], _WIDTHS[name]) for name in _ORDER)
    for number, name in enumerate(_ORDER, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = _WIDTHS[name]
    sheet.freeze_panes = "A4"
    sheet.auto_filter.ref = f"A3:{get_column_letter(len(_ORDER))}{max(3, sheet.max_row)}"
    sheet.print_title_rows = "3:3"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
