"""A roster from a school administration system: the view `overstap_las.oso_leerlingenlijst`, or its HTTP API."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from overstap.errors import OverstapError
from overstap.intake.http_api import ApiFault, HttpApi
from overstap.intake.other_database import DatabaseFault, OtherDatabase, as_text
from overstap.intake.rosters.edexml import LIMIT_BYTES
from overstap.intake.rosters.roster import Roster, RosterPupil, without_doubles, year_group_of
from overstap.oso.identifiers import is_bsn, is_onderwijsnummer

if TYPE_CHECKING:
    import psycopg

COLUMNS = (
    *("brincode", "vestigingscode", "leerlingid", "leerlingnummer", "achternaam", "voorvoegsel", "roepnaam"),
    *("geboortedatum", "geslacht", "jaargroep", "groep", "datumuitschrijving"),
)
"""The columns of the view, in any order; no others are permitted."""
_SCHEMA, _VIEW = "overstap_las", "oso_leerlingenlijst"
_NO_VIEW = frozenset({"42P01", "3F000"})
_SEX = {"1": "girl", "2": "boy"}
_MOST_PUPILS = 20_000


@dataclass(frozen=True, slots=True)
class DatabaseRoster:
    """A roster from a database.

    Args:
        roster: the roster.
        content: what stood in the view, to tell whether it changed.
    """

    roster: Roster
    content: bytes = field(repr=False)


def read_view(connection: "psycopg.Connection[Any] | OtherDatabase | HttpApi", school_id: str) -> DatabaseRoster | None:
    """Read a school's roster; None where the supplier offers none: no such view, or HTTP 404.

    Args:
        connection: psycopg 3 connection, idle, another database, or an HTTP API.
        school_id: BRIN and branch, "99AA00".

    Raises:
        OverstapError: INTAKE-099 when it cannot be read or has other columns; INTAKE-113 when an API does not answer as
            described; INTAKE-080 too many pupils.
    """
    if isinstance(connection, HttpApi):
        rows = _rows_of_api(connection, school_id)
    elif isinstance(connection, OtherDatabase):
        rows = _rows_of_other(connection, school_id)
    else:
        rows = _rows(connection, school_id)
    if rows is None:
        return None
    if len(rows) > _MOST_PUPILS:
        raise OverstapError("INTAKE-080", megabytes=LIMIT_BYTES // 1_000_000)
    found = [_pupil(position, dict(zip(COLUMNS, row, strict=True))) for position, row in enumerate(rows, start=1)]
    kept, doubles = without_doubles(found)
    roster = Roster("database", school_id[:4], school_id[4:], "", tuple(kept), tuple(doubles))
    return DatabaseRoster(roster, hashlib.sha256(json.dumps(rows).encode()).digest())


def _rows_of_api(api: HttpApi, school_id: str) -> list[tuple[str | None, ...]] | None:
    found: list[tuple[str | None, ...]] = []
    school = {"brincode": school_id[:4], "vestigingscode": school_id[4:]}
    try:
        for page in api.items("/leerlingenlijst", school, most=_MOST_PUPILS):
            for item in page:
                if set(item) != set(COLUMNS):
                    raise OverstapError("INTAKE-099", school=school_id, kind="columns", sqlstate="-")
                found.append(tuple(None if item[name] is None else str(item[name]) for name in COLUMNS))
    except ApiFault as fault:
        if fault.kind == "HTTP 404":
            return None
        raise OverstapError("INTAKE-113", school=school_id, kind=fault.kind) from None
    return found


def _rows_of_other(database: OtherDatabase, school_id: str) -> list[tuple[str | None, ...]] | None:
    view = f"{_SCHEMA}.{_VIEW}"
    where = {"brincode": school_id[:4], "vestigingscode": school_id[4:]}
    found: list[tuple[str | None, ...]] = []
    try:
        if set(database.columns(view)) != set(COLUMNS):
            raise OverstapError("INTAKE-099", school=school_id, kind="columns", sqlstate="-")
        for batch in database.rows(view, COLUMNS, where, ("leerlingid",)):
            found += [tuple(map(as_text, row)) for row in batch]
            if len(found) > _MOST_PUPILS:
                break
    except DatabaseFault as fault:
        if fault.is_no_view:
            return None
        raise OverstapError("INTAKE-099", school=school_id, kind=fault.kind, sqlstate=fault.state) from None
    except UnicodeDecodeError:
        raise OverstapError("INTAKE-099", school=school_id, kind="UnicodeDecodeError", sqlstate="-") from None
    return found


def _rows(connection: "psycopg.Connection[Any]", school_id: str) -> list[tuple[str | None, ...]] | None:
    import psycopg
    from psycopg import sql
    from psycopg.rows import tuple_row

    view = sql.Identifier(_SCHEMA, _VIEW)
    columns = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in COLUMNS)
    query = sql.SQL('SELECT {} FROM {} WHERE brincode = %s AND vestigingscode = %s ORDER BY leerlingid COLLATE "C"')
    try:
        with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute("SET LOCAL datestyle TO 'ISO, YMD'")
            cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(view))
            if {column.name for column in cursor.description or ()} != set(COLUMNS):
                raise OverstapError("INTAKE-099", school=school_id, kind="columns", sqlstate="-")
            cursor.execute(query.format(columns, view), (school_id[:4], school_id[4:]))
            rows: list[tuple[str | None, ...]] = cursor.fetchmany(_MOST_PUPILS + 1)
    except psycopg.Error as problem:
        if problem.sqlstate in _NO_VIEW:
            return None
        # The server's message can quote a value
        raise OverstapError(
            "INTAKE-099", school=school_id, kind=type(problem).__name__, sqlstate=problem.sqlstate or "-"
        ) from None
    return rows


def _pupil(position: int, row: dict[str, str | None]) -> RosterPupil:
    cells = {name: " ".join((text or "").split()) for name, text in row.items()}
    problems = []
    number = cells["leerlingnummer"]
    if not (is_bsn(number) or is_onderwijsnummer(number)):
        problems.append("INTAKE-085" if number else "INTAKE-084")
        number = ""
    birth_date = _day(cells["geboortedatum"])
    if birth_date is None:
        problems.append("INTAKE-088")
    year_group = year_group_of(cells["jaargroep"])
    if year_group is None:
        problems.append("INTAKE-097")
    return RosterPupil(
        label=f"rij {position}",
        number=number,
        las_key=cells["leerlingid"],
        surname=cells["achternaam"],
        prefix=cells["voorvoegsel"],
        first_name=cells["roepnaam"],
        birth_date=birth_date,
        sex=_SEX.get(cells["geslacht"], ""),
        year_group=year_group or "",
        group=cells["groep"],
        leaves_on=_day(cells["datumuitschrijving"]),
        problems=tuple(problems),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
