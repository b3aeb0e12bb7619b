"""List of applications for who goes on in a system of their own: columns, rows, and its two forms.

A pupil stands in it by pseudonym, without name or number. docs/applications.md documents the columns.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from overstap.agreements.national import national_year
from overstap.ledger.rounds.school_applications import SchoolApplication
from overstap.tabular.writing import Cell, csv_of, workbook_of
from overstap.texts import texts

COLUMNS = (
    *("schooljaar", "leerling", "basisschool", "basisschool_brin", "school", "school_brin", "voorkeur"),
    *("status", "status_code", "reden", "reden_code", "geldt_sinds", "vastgelegd_op", "bron", "bron_code"),
    *("eerste_dag", "besluit_uiterlijk", "termijn_voorbij", "elders_geplaatst", "dossier_verstuurd"),
)
"""Columns, stable: their names and order stay, and new ones come at the end."""


def due(application: SchoolApplication, school_year: str) -> date | None:
    """Return the last day on which the school decides; None when it has not to decide any more."""
    if not application.is_undecided:
        return None
    return national_year(school_year).admission_due(application.first_day, is_support_examined=application.is_examined)


def rows(applications: Sequence[SchoolApplication], school_year: str, today: date) -> list[list[Cell]]:
    """Return a row for each application, by `COLUMNS`.

    Args:
        applications: the applications.
        school_year: their school year.
        today: the present day in the Netherlands.
    """
    words = texts("school/applications")
    return [_row(one, school_year, today, words) for one in applications]


def content(applications: Sequence[SchoolApplication], school_year: str, today: date, *, is_workbook: bool) -> bytes:
    """Return the list as CSV or as a workbook; arguments as of `rows`."""
    made = rows(applications, school_year, today)
    return workbook_of(COLUMNS, made, f"aanmeldingen {school_year}") if is_workbook else csv_of(COLUMNS, made)


def _row(one: SchoolApplication, school_year: str, today: date, words: Mapping[str, Any]) -> list[Cell]:
    last = due(one, school_year)
    return [
        *(school_year, one.sign, one.primary_school, one.primary_school_id, one.school, one.school_id),
        one.preference or "",
        *(words["states"][one.state]["nl"], one.state),
        *(words["reasons"][one.reason]["nl"] if one.reason else "", one.reason or ""),
        *(_moment(one.stated_at), _moment(one.noted_at)),
        *(words["file_sources"][one.source]["nl"] if one.source else "", one.source or ""),
        *(one.first_day.isoformat(), last.isoformat() if last else ""),
        *(_yes(last is not None and last < today), _yes(one.is_placed_elsewhere), _yes(one.is_sent)),
    ]


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""


def _yes(is_so: bool) -> str:
    return "ja" if is_so else "nee"
