"""Reading of a list with the progress of pupils who left a primary school."""

from collections.abc import Mapping

from overstap.errors import OverstapError
from overstap.intake.refusals import RefusedItem
from overstap.ledger.rounds.pupil_progress import Progress, StatedProgress
from overstap.oso.advice_order import level_of_text, levels
from overstap.oso.identifiers import with_zeros
from overstap.oso.progress_fields import permitted_fields, profiles
from overstap.tabular import Header, HeaderError, RefusedRow, read_table
from overstap.tabular.values import NumberFormatError, digits

HEADER = ("leerlingnummer", "leerjaar", "niveau")
"""The required columns, in any order."""
OPTIONAL = ("profiel", "nog_op_school")
_LIMIT_BYTES, _LIMIT_ROWS, _LAST_YEAR = 5_000_000, 5_000, 6
_YES, _NO = frozenset({"", "ja", "j", "true", "1"}), frozenset({"nee", "n", "false", "0"})


def read_progress(data: bytes) -> tuple[list[StatedProgress], list[RefusedItem], list[int]]:
    """Read a list: CSV in any common dialect, or a workbook.

    Args:
        data: content of the file.

    Returns:
        The rows in the order of the file; the refused ones: TABLE-nnn, or INTAKE-140 with column and line; and the
        lines of rows whose number got its leading zeros back, because the check digit agrees.

    Raises:
        OverstapError: INTAKE-141 for another header; TABLE-nnn when it is no table.
    """
    try:
        table = read_table(data, Header(HEADER, OPTIONAL), max_bytes=_LIMIT_BYTES, max_rows=_LIMIT_ROWS)
    except HeaderError:
        raise OverstapError("INTAKE-141", header=";".join(HEADER), optional=";".join(OPTIONAL)) from None
    found: list[StatedProgress] = []
    refused: list[RefusedItem] = []
    restored: list[int] = []
    for row in table.rows:
        if isinstance(row, RefusedRow):
            refused.append(RefusedItem(row.label, row.code, {**row.facts, "line": row.line}))
            continue
        one = progress_of({name: row.cells.get(name, "").strip() for name in (*HEADER, *OPTIONAL)})
        if isinstance(one, str):
            refused.append(RefusedItem(f"regel {row.line}", "INTAKE-140", {"line": row.line, "column": one}))
        else:
            found.append(one)
            if one.pupil_number != digits(row.cells["leerlingnummer"]):
                restored.append(row.line)
    return found, refused, restored


def progress_of(cells: Mapping[str, str]) -> StatedProgress | str:
    """Return the record in typed values, or the name of the first value that is not right.

    Args:
        cells: values by the names of `HEADER` and `OPTIONAL`.
    """
    try:
        number = with_zeros(digits(cells["leerlingnummer"]))
    except NumberFormatError:
        return "leerlingnummer"
    if number is None:
        return "leerlingnummer"
    there = cells["nog_op_school"].casefold()
    if there not in _YES | _NO:
        return "nog_op_school"
    if there in _NO:
        return StatedProgress(number, Progress(None, "", "", is_there=False))
    year = cells["leerjaar"]
    if not (year.isascii() and year.isdigit() and len(year) == 1 and 1 <= int(year) <= _LAST_YEAR):
        return "leerjaar"
    level = levels().get(cells["niveau"]) or level_of_text(cells["niveau"])
    if level is None or level.key == "none":
        return "niveau"
    profile = cells["profiel"].casefold()
    if profile and ("profile" not in permitted_fields() or profile not in profiles()):
        return "profiel"
    return StatedProgress(number, Progress(int(year), level.key, profile, is_there=True))
