"""Reading of a region's list of places per secondary school, location and kind of offer."""

from datetime import datetime

from overstap.errors import OverstapError
from overstap.intake.refusals import RefusedItem
from overstap.ledger.rounds.offers import StatedOffer
from overstap.oso.advice_order import level_of_text, levels
from overstap.school_numbers import school_id_in
from overstap.tabular import Header, HeaderError, RefusedRow, read_table

HEADER = ("vo_school", "locatie", "soort", "plaatsen")
"""The required columns, in any order."""
OPTIONAL = ("geplaatst",)
_LIMIT_BYTES, _LIMIT_ROWS, _MOST, _LOCATION = 5_000_000, 20_000, 9_999, 80


def read_places(data: bytes, stated_at: datetime) -> tuple[list[StatedOffer], list[RefusedItem]]:
    """Read a list of places: CSV in any common dialect, or a workbook.

    Args:
        data: content of the file.
        stated_at: moment of the file, aware.

    Returns:
        The rows in the order of the file, and the refused ones: TABLE-nnn, or INTAKE-130.

    Raises:
        OverstapError: INTAKE-131 for another header; TABLE-nnn when it is no table.
    """
    try:
        table = read_table(data, Header(HEADER, OPTIONAL), max_bytes=_LIMIT_BYTES, max_rows=_LIMIT_ROWS)
    except HeaderError:
        raise OverstapError("INTAKE-131", header=";".join(HEADER), optional=";".join(OPTIONAL)) from None
    found: list[StatedOffer] = []
    refused: list[RefusedItem] = []
    for row in table.rows:
        if isinstance(row, RefusedRow):
            refused.append(RefusedItem(row.label, row.code, {**row.facts, "line": row.line}))
            continue
        cells = {name: row.cells.get(name, "").strip() for name in (*HEADER, *OPTIONAL)}
        school, kind = school_id_in(cells["vo_school"]), cells["soort"]
        level = levels().get(kind) or level_of_text(kind)
        places, placed = _number(cells["plaatsen"]), _number(cells["geplaatst"] or "0")
        location = " ".join(cells["locatie"].split())
        faults = {
            "vo_school": school is None,
            "locatie": not 0 < len(location) <= _LOCATION,
            "soort": level is None,
            "plaatsen": places is None,
            "geplaatst": placed is None,
        }
        wrong = next((name for name, is_wrong in faults.items() if is_wrong), None)
        if wrong is not None or school is None or level is None or places is None or placed is None:
            refused.append(RefusedItem(f"regel {row.line}", "INTAKE-130", {"line": row.line, "column": wrong or ""}))
            continue
        found.append(StatedOffer(school, location, level.key, places, placed, stated_at))
    return found, refused


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= _MOST else None
