"""A school's workbook: all of its report, by screen and field; nothing in it is a formula, whatever stands in it."""

import io
from dataclasses import replace

import pytest
from openpyxl import Workbook, load_workbook
from test_school_report import FULL, ROWS

from overstap.quality import report
from overstap.quality.spreadsheet import spreadsheet

HOSTILE = (
    "=1+1",
    "+cmd|' /C calc'!A0",
    "@SUM(1)",
    "-2+3",
    "\t=1",
    "＝1+1",
    "'=1",
    "x\x07y",
    "\u202eabc",
    "🏫",
    "a" * 40_000,
)


def opened(made: bytes) -> Workbook:
    return load_workbook(io.BytesIO(made))


def test_a_report_that_was_kept_under_other_heads_is_read_by_its_columns() -> None:
    """What the ledger holds was made before a head was given another word."""
    head, _, rows = report.csv_text(FULL).partition("\r\n")
    older = head.replace("Leerling-id", "Sleutel in uw administratie").replace("Wat u doet", "Wat te doen")
    assert older != head
    now = opened(spreadsheet(f"{head}\r\n{rows}", "Titel"))
    then = opened(spreadsheet(f"{older}\r\n{rows}", "Titel"))
    for sheet in now:
        assert [*sheet.values] == [*then[sheet.title].values]


def test_every_row_is_there_twice_by_screen_and_by_pupil() -> None:
    book = opened(spreadsheet(report.csv_text(FULL), "De Regenboog, Advies"))
    assert book.sheetnames == ["Per scherm en veld", "Per leerling"]
    for sheet in book:
        assert [cell.value for cell in sheet[3]][:3] == ["Scherm", "Veld", "Leerling (leerling-id)"]
        shown = [[cell.value for cell in line] for line in sheet.iter_rows(min_row=4)]
        assert sorted(line[-1] for line in shown) == sorted([*(row.rule for row in ROWS), "DOSSIER-001"])
        assert all(line[7] in (None, "") for line in shown), "the school ticks it off"
        assert sheet.freeze_panes == "A4"
        assert sheet.auto_filter.ref == f"A3:J{sheet.max_row}"
    by_screen = [line[0].value for line in book["Per scherm en veld"].iter_rows(min_row=4)]
    assert by_screen == sorted(by_screen)
    assert by_screen[0] == "Bestanden"
    assert "Burgerservicenummer" in {line[1].value for line in book["Per scherm en veld"].iter_rows(min_row=4)}


@pytest.mark.fault("F65")
@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_is_a_formula(said: str) -> None:
    rows = tuple(replace(row, las_key=said, sentence=said) for row in ROWS)
    told = replace(FULL, rows=rows, school_name=said)
    book = opened(spreadsheet(report.csv_text(told), said))
    cells = [cell for sheet in book for line in sheet.iter_rows() for cell in line if cell.value is not None]
    assert cells
    assert {cell.data_type for cell in cells} == {"s"}
    assert all(cell.quotePrefix for cell in cells)
    if len(said) < 100 and "\x07" not in said and said != "'=1":
        keys = {cell.value for cell in book["Per leerling"]["C"][3:]}
        assert said in keys, "what a school wrote is shown as it was written"


def test_a_report_without_faults_is_an_empty_list() -> None:
    book = opened(spreadsheet(report.csv_text(replace(FULL, rows=(), refused=())), "Alles goed"))
    assert [sheet.max_row for sheet in book] == [3, 3]
