"""Reading of a roster from a CSV file or a workbook, and of a roster in whatever form it has."""

from overstap.errors import OverstapError
from overstap.intake.rosters.edexml import LIMIT_BYTES, is_xml, read_edexml
from overstap.intake.rosters.roster import Roster, RosterPupil, without_doubles, year_group_of
from overstap.oso.identifiers import with_zeros
from overstap.oso.initials import initials_of
from overstap.tabular import Header, HeaderError, RefusedRow, Row, read_table
from overstap.tabular.values import NumberFormatError, day, digits

HEADER = Header(
    ("leerlingnummer", "achternaam", "geboortedatum"),
    ("leerlingid", "roepnaam", "voornamen", "tussenvoegsel", "geslacht", "jaargroep", "groep", "uitstroomdatum"),
    is_open=True,
)
"""The columns of a roster, in any order; other columns are not read."""
_SEX = {"jongen": "boy", "j": "boy", "man": "boy", "m": "boy", "meisje": "girl", "vrouw": "girl", "v": "girl"}
_MOST_ROWS = 20_000


def read_roster(data: bytes) -> Roster:
    """Read a roster: EDEXML, a CSV file or a workbook, by its content.

    Args:
        data: content of the file.

    Raises:
        OverstapError: INTAKE-080 to -083 for EDEXML; INTAKE-089 a table with other columns; TABLE-nnn a table that
            cannot be read as a whole.
    """
    if is_xml(data):
        return read_edexml(data)
    try:
        table = read_table(data, HEADER, max_bytes=LIMIT_BYTES, max_rows=_MOST_ROWS)
    except HeaderError as other:
        needed, missing = ", ".join(HEADER.needed), other.facts["missing"]
        raise OverstapError("INTAKE-089", needed=needed, missing=missing) from None
    found: list[RosterPupil] = []
    skipped: list[tuple[str, str]] = []
    for row in table.rows:
        if isinstance(row, RefusedRow):
            skipped.append((row.label, row.code))
        elif not row.cells["achternaam"] and not row.cells["leerlingnummer"]:
            skipped.append((f"regel {row.line}", "INTAKE-086"))
        else:
            found.append(_pupil(row))
    kept, doubles = without_doubles(found)
    return Roster("tabel", "", "", "", tuple(kept), (*skipped, *doubles))


def _pupil(row: Row) -> RosterPupil:
    cells, problems = row.cells, []
    number, stated = "", cells["leerlingnummer"]
    try:
        number = digits(stated) if stated else ""
    except NumberFormatError:
        problems.append("INTAKE-085")
    full = with_zeros(number)
    if number and full is None:
        problems.append("INTAKE-116" if len(number) < len("012345672") else "INTAKE-085")
    if not stated:
        problems.append("INTAKE-084")
    birth_date = leaves_on = None
    try:
        birth_date = day(cells["geboortedatum"])
    except ValueError:
        problems.append("INTAKE-088")
    if leaves := cells.get("uitstroomdatum", ""):
        try:
            leaves_on = day(leaves)
        except ValueError:
            problems.append("INTAKE-090")
    year_group = year_group_of(cells.get("jaargroep", "") or "8")
    if year_group is None:
        problems.append("INTAKE-097")
    return RosterPupil(
        label=f"regel {row.line}",
        number=full or "",
        las_key=cells.get("leerlingid", ""),
        surname=cells["achternaam"],
        prefix=cells.get("tussenvoegsel", ""),
        first_name=cells.get("roepnaam", "") or cells.get("voornamen", ""),
        birth_date=birth_date,
        sex=_SEX.get(cells.get("geslacht", "").casefold(), ""),
        year_group=year_group or "",
        group=cells.get("groep", ""),
        leaves_on=leaves_on,
        problems=tuple(problems),
        initials=initials_of("", cells.get("voornamen", "")),
        restored=full not in (None, number),
    )
