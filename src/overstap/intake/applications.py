"""Which pupil goes to which secondary school, and how sure that is: from a CSV file or from the LAS database.

A row that cannot be trusted is refused by its line and a code; the others are taken. pandas is kept out of this: it
drops leading zeros, turns the surname "NA" into nothing, and pads a short row without a word.
"""

import csv
import errno
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from overstap.agreements.model import RegistrationStage
from overstap.clock import NETHERLANDS
from overstap.decoding import decoded
from overstap.errors import OverstapError
from overstap.intake.refusals import RefusedItem
from overstap.oso import identifiers

HEADER = ("leerlingnummer", "geboortedatum", "basisschool", "vo_school", "fase", "vastgelegd_op")
"""The columns, in any order; none may be missing, none may be added."""

_SCHEMA, _VIEW = "overstap_las", "oso_aanmelding"
_VIEW_COLUMNS = ("regio", *HEADER)
_LIMIT_BYTES = 50_000_000
_STAGES = {
    "aangemeld": RegistrationStage.APPLIED,
    "ingeschreven": RegistrationStage.REGISTERED,
    "geplaatst": RegistrationStage.PLACED,
    **{stage.value: stage for stage in RegistrationStage},
}
_SCHOOL = re.compile(r"[0-9]{2}[A-Z]{2}[0-9]{2}")
_DUTCH_DATE = re.compile(r"([0-9]{1,2})-([0-9]{1,2})-([0-9]{4})")
# A spreadsheet writes ="012345678" or '012345678 to keep a leading zero.
_PROTECTED = re.compile(r"=\"(?P<formula>[0-9]+)\"|'(?P<quoted>[0-9]+)")


@dataclass(frozen=True, slots=True)
class Application:
    """A pupil's application, registration or placement at a secondary school."""

    pupil_number: str = field(repr=False)
    """BSN or onderwijsnummer, 9 digits."""
    birth_date: date | None = field(repr=False)
    primary_school: str
    """BRIN and branch, "99AA00"."""
    secondary_school: str
    stage: RegistrationStage
    recorded_at: datetime
    """When it was recorded, aware."""


class _WrongRowError(Exception):
    """A row that is refused."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.code, self.facts = code, facts
        super().__init__(code)


def read_csv(path: Path) -> tuple[list[Application], list[RefusedItem]]:
    """Read a CSV file of applications as spreadsheets and school systems write it.

    UTF-8 with or without byte order mark, UTF-16 with one, or cp1252; separated by semicolon, comma or tab; LF or CRLF;
    dates as 2015-03-30 or 30-03-2015; moments as a date or an ISO moment, Dutch wall time where no zone is given.

    Returns:
        The applications in the file's order, and the refused rows (INTAKE-034 to INTAKE-040), each with its line.

    Raises:
        OverstapError: INTAKE-030 to INTAKE-033, when there is nothing to trust in the file as a whole.
    """
    try:
        size = path.stat().st_size
        if size > _LIMIT_BYTES:
            raise OverstapError("INTAKE-031", megabytes=size // 1_000_000, limit=_LIMIT_BYTES // 1_000_000)
        data = path.read_bytes()
    except OSError as problem:
        raise OverstapError("INTAKE-030", kind=errno.errorcode.get(problem.errno or 0, "?")) from None
    # Each line is read by itself: no field holds a line break, and an unclosed quote must not swallow the lines below.
    lines = re.split(r"\r\n|\n|\r", decoded(data))
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise OverstapError("INTAKE-033", header=";".join(HEADER))
    separator, order = _header(lines[first])
    applications: list[Application] = []
    refused: list[RefusedItem] = []
    for number, line in enumerate(lines[first + 1 :], start=first + 2):
        if not line.strip(" \t;,"):
            continue
        try:
            applications.append(_application(_fields(line, separator, order)))
        except _WrongRowError as wrong:
            refused.append(RefusedItem(f"regel {number}", wrong.code, wrong.facts))
    return applications, refused


def read_database(connection: psycopg.Connection[Any], region: str) -> tuple[list[Application], list[RefusedItem]]:
    """Read a region's applications from the view `overstap_las.oso_aanmelding`.

    Args:
        connection: psycopg 3, idle, such as `PostgresHook.get_conn()`.
        region: id of the region.

    Returns:
        The applications, and the refused rows (INTAKE-036 to INTAKE-039), each with its position in the answer.

    Raises:
        OverstapError: INTAKE-041 when the view cannot be read, INTAKE-042 when its columns are not the documented ones.
    """
    view = sql.Identifier(_SCHEMA, _VIEW)
    columns = sql.SQL(", ").join(map(sql.Identifier, HEADER))
    query = sql.SQL("SELECT {} FROM {} WHERE regio = %s ORDER BY basisschool, leerlingnummer, vo_school")
    applications: list[Application] = []
    refused: list[RefusedItem] = []
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION READ ONLY")
            _check_columns(connection, view, region)
            with connection.cursor(name="overstap_applications", row_factory=tuple_row) as cursor:
                cursor.itersize = 2_000
                cursor.execute(query.format(columns, view), (region,))
                for position, row in enumerate(cursor, start=1):
                    try:
                        applications.append(_application(row))
                    except _WrongRowError as wrong:
                        refused.append(RefusedItem(f"rij {position}", wrong.code, wrong.facts))
    except psycopg.Error as problem:
        raise OverstapError(
            "INTAKE-041", region=region, kind=type(problem).__name__, sqlstate=problem.sqlstate or "-"
        ) from None
    return applications, refused


def _check_columns(connection: psycopg.Connection[Any], view: sql.Identifier, region: str) -> None:
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(view))
        found = [column.name for column in cursor.description or ()]
    missing = [name for name in _VIEW_COLUMNS if name not in found]
    extra = [name for name in found if name not in _VIEW_COLUMNS]
    if missing or extra:
        raise OverstapError(
            "INTAKE-042", region=region, missing=", ".join(missing) or "-", extra=", ".join(extra) or "-"
        )


def _header(line: str) -> tuple[str, list[int]]:
    """Return the separator, and for each column of `HEADER` its place in a row.

    Raises:
        OverstapError: INTAKE-032. The line itself is not told: without a header it is a pupil's row.
    """
    separator = max(";,\t", key=line.count)
    names = [part.strip().strip('"').strip().lower().replace(" ", "_") for part in line.split(separator)]
    while names and not names[-1]:
        names.pop()
    missing = [name for name in HEADER if name not in names]
    double = [name for name in HEADER if names.count(name) > 1]
    unknown = [str(place) for place, name in enumerate(names, start=1) if name not in HEADER]
    if missing or double or unknown:
        raise OverstapError(
            "INTAKE-032",
            missing=", ".join(missing) or "-",
            double=", ".join(double) or "-",
            unknown=", ".join(unknown) or "-",
            header=";".join(HEADER),
        )
    return separator, [names.index(name) for name in HEADER]


def _fields(line: str, separator: str, order: Sequence[int]) -> list[str]:
    if "\0" in line or "\ufffd" in line:
        raise _WrongRowError("INTAKE-035")
    try:
        row = next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        raise _WrongRowError("INTAKE-035") from None
    while len(row) > len(order) and not row[-1].strip():
        row.pop()  # a spreadsheet ends rows with empty cells
    if len(row) != len(order):
        raise _WrongRowError("INTAKE-034", found=len(row), expected=len(order))
    if [row[place].strip().lower() for place in order] == list(HEADER):
        raise _WrongRowError("INTAKE-040")
    return [row[place].strip() for place in order]


def _application(row: Iterable[Any]) -> Application:
    """Make an application of the fields in the order of `HEADER`: texts, or dates and moments from a database."""
    number, birth_date, primary, secondary, stage, recorded_at = row
    return Application(
        pupil_number=_pupil_number(number),
        birth_date=_date("geboortedatum", birth_date),
        primary_school=_school("basisschool", primary),
        secondary_school=_school("vo_school", secondary),
        stage=_stage(stage),
        recorded_at=_moment("vastgelegd_op", recorded_at),
    )


def _pupil_number(value: Any) -> str:
    text = str(value or "").replace(" ", "").replace(".", "")
    if protected := _PROTECTED.fullmatch(text):
        text = protected["formula"] or protected["quoted"]
    if len(text) == 8:
        text = f"0{text}"  # a spreadsheet took the leading zero away; the check digit tells whether that is so
    if not (identifiers.is_bsn(text) or identifiers.is_onderwijsnummer(text)):
        raise _WrongRowError("INTAKE-036")
    return text


def _date(column: str, value: Any) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(_iso(str(value)))
    except ValueError:
        raise _WrongRowError("INTAKE-037", column=column) from None


def _iso(text: str) -> str:
    """Return a text that begins with a Dutch date (30-03-2015) with the ISO form of it; any other text as it is."""
    found = _DUTCH_DATE.match(text)
    return f"{found[3]}-{int(found[2]):02d}-{int(found[1]):02d}{text[found.end() :]}" if found else text


def _moment(column: str, value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(_iso(value))
        except ValueError:
            raise _WrongRowError("INTAKE-037", column=column) from None
    if not isinstance(value, datetime):
        raise _WrongRowError("INTAKE-037", column=column)
    return value if value.tzinfo else value.replace(tzinfo=NETHERLANDS)


def _school(column: str, value: Any) -> str:
    text = str(value or "").replace(" ", "").replace("-", "").upper()
    if not _SCHOOL.fullmatch(text):
        raise _WrongRowError("INTAKE-038", column=column)
    return text


def _stage(value: Any) -> RegistrationStage:
    try:
        return _STAGES[str(value or "").strip().lower()]
    except KeyError:
        raise _WrongRowError("INTAKE-039") from None
